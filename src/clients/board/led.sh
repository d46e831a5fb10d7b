# Makes the lights of a board blink, or puts them back. POSIX sh (dash, busybox), as root.
# Set before: R, a prefix for every path (empty on a board); ACTION, one of `locate`, `restore`, `heartbeat`, `usual`;
# LIMIT, seconds until the board itself puts everything back. That is arranged before anything blinks, so that it ends
# even if nobody is there any more to end it. Answers lines of a key and tab-separated values, then `end`.
LC_ALL=C
export LC_ALL
unit=bramble-locate
saved=$R/run/$unit

# Puts back what the file says, and forgets it. A text of its own, for it runs later and elsewhere too.
# shellcheck disable=SC2016 # the text is to be expanded when it runs
restore='while read -r led trigger brightness on off; do
  folder=$R/sys/class/leds/$led
  [ -d "$folder" ] || continue
  echo "$trigger" >"$folder/trigger"
  case $trigger in
  timer) echo "$on" >"$folder/delay_on"; echo "$off" >"$folder/delay_off" ;;
  none) echo "$brightness" >"$folder/brightness" ;;
  esac
done <"$saved"
rm -f "$saved"'

# The name in brackets is the trigger that holds; a file without brackets has only one.
active() {
  case $1 in
  *'['*']'*)
    name=${1#*'['}
    name=${name%%']'*}
    ;;
  *) name=${1%% *} ;;
  esac
  case $name in
  '' | *[!A-Za-z0-9:_.-]*) name=none ;;
  esac
}

unschedule() {
  command -v systemctl >/dev/null 2>&1 && systemctl stop "$unit.timer" >/dev/null 2>&1
  [ -r "$saved.pid" ] && read -r pid <"$saved.pid" && kill "$pid" 2>/dev/null
  rm -f "$saved.pid"
}

schedule() {
  if command -v systemd-run >/dev/null 2>&1; then
    systemd-run --quiet --collect --unit="$unit" --on-active="$LIMIT" --setenv=R="$R" --setenv=saved="$saved" \
      sh -c "$restore" >/dev/null 2>&1 && return 0
  fi
  command -v setsid >/dev/null 2>&1 || return 1
  R=$R saved=$saved setsid sh -c "sleep $LIMIT; $restore" </dev/null >/dev/null 2>&1 &
  echo "$!" >"$saved.pid"
}

locate() {
  mkdir -p "$R/run" && : >"$saved.new" || return 1
  for led in ACT led0 PWR led1; do
    folder=$R/sys/class/leds/$led
    [ -r "$folder/trigger" ] || continue
    IFS= read -r triggers <"$folder/trigger"
    case " $triggers " in
    *' timer '* | *'[timer]'*) ;;
    *)
      printf 'led\t%s\tcannot blink\n' "$led"
      continue
      ;;
    esac
    active "$triggers"
    brightness=0 on=500 off=500
    [ -r "$folder/brightness" ] && read -r brightness <"$folder/brightness"
    [ -r "$folder/delay_on" ] && read -r on <"$folder/delay_on"
    [ -r "$folder/delay_off" ] && read -r off <"$folder/delay_off"
    printf '%s %s %s %s %s\n' "$led" "$name" "$brightness" "$on" "$off" >>"$saved.new"
  done
  if [ ! -s "$saved.new" ]; then
    rm -f "$saved.new"
    printf 'nothing\n'
    return 0
  fi
  # Blinking already: what was there before is known, and holds.
  if [ -s "$saved" ]; then rm -f "$saved.new"; else mv -f "$saved.new" "$saved"; fi
  unschedule
  if ! schedule; then
    printf 'unscheduled\n'
    return 0
  fi
  while read -r led _; do
    folder=$R/sys/class/leds/$led
    if echo timer 2>/dev/null >"$folder/trigger"; then
      # The kernel makes these two files when the trigger is set.
      echo 100 2>/dev/null >"$folder/delay_on"
      echo 100 2>/dev/null >"$folder/delay_off"
      IFS= read -r triggers <"$folder/trigger"
      active "$triggers"
      if [ "$name" = timer ]; then printf 'led\t%s\tblinks\n' "$led"; else printf 'led\t%s\tdoes not take it\n' "$led"; fi
    else
      printf 'led\t%s\tmay not be changed\n' "$led"
    fi
  done <"$saved"
}

put_back() {
  unschedule
  if [ -s "$saved" ]; then
    export R saved
    sh -c "$restore"
  fi
  printf 'restored\n'
}

# The light of the board's own activity under the trigger $1.
drive() {
  for led in ACT led0; do
    folder=$R/sys/class/leds/$led
    [ -w "$folder/trigger" ] || continue
    if echo "$1" 2>/dev/null >"$folder/trigger"; then printf 'led\t%s\t%s\n' "$led" "$1"; else printf 'led\t%s\tdoes not take it\n' "$led"; fi
    return 0
  done
  printf 'nothing\n'
}

printf 'led 1\n'
case $ACTION in
locate) locate ;;
restore) put_back ;;
heartbeat) drive heartbeat ;;
usual) drive mmc0 ;;
esac
printf 'end\n'
