# What a board says about itself, in one go: lines of a key and tab-separated values between `board 1` and `end`.
# POSIX sh (dash, busybox), nothing is written. Files are read by the shell itself: a process costs a Pi milliseconds.
# Set before: R, a prefix for every path (empty on a board), and DEEP=1 to look for the cause of an outage as well.
LC_ALL=C
export LC_ALL

# The first line of a file as a value; nothing when it cannot be read.
one() {
  [ -r "$2" ] && IFS= read -r line 2>/dev/null <"$2" && [ -n "$line" ] && printf '%s\t%s\n' "$1" "$line"
}

printf 'board 1\n'
printf 'clock\t%s\n' "$(date +%s 2>/dev/null)"
for key in model serial-number; do
  file=$R/proc/device-tree/$key
  [ -r "$file" ] && printf '%s\t%s\n' "$key" "$(tr -d '\000-\037' <"$file")"
done
printf 'arch\t%s\n' "$(uname -m)"
one kernel "$R/proc/sys/kernel/osrelease"
one host "$R/proc/sys/kernel/hostname"
one boot "$R/proc/sys/kernel/random/boot_id"
one machine "$R/etc/machine-id"
one mac "$R/sys/class/net/eth0/address"
one uptime "$R/proc/uptime"
one load "$R/proc/loadavg"

if [ -r "$R/proc/meminfo" ]; then
  # Total, free and available are the first three lines.
  { read -r a && read -r b && read -r c; printf 'memory\t%s\t%s\t%s\n' "$a" "$b" "$c"; } <"$R/proc/meminfo"
fi
for place in / /var/lib/rancher; do
  [ -d "$R$place" ] || continue
  df -Pk "$R$place" 2>/dev/null | {
    read -r _
    IFS=' ' read -r _ size used free _ mount && printf 'disk\t%s\t%s\t%s\t%s\t%s\n' "$place" "$size" "$used" "$free" "$mount"
  }
done
if [ -r "$R/proc/mounts" ]; then
  line=$(grep ' / ' "$R/proc/mounts" 2>/dev/null) && printf 'root\t%s\n' "${line##*"
"}"
fi

temperature=''
for zone in "$R"/sys/class/thermal/thermal_zone*; do
  [ -r "$zone/temp" ] || continue
  kind=''
  IFS= read -r kind 2>/dev/null <"$zone/type"
  IFS= read -r temperature 2>/dev/null <"$zone/temp" || continue
  printf 'temperature\t%s\t%s\n' "$temperature" "$kind"
  break
done
throttled=''
for file in "$R"/sys/devices/platform/soc*/soc*firmware/get_throttled; do
  [ -r "$file" ] && IFS= read -r throttled 2>/dev/null <"$file"
done
if [ -z "$throttled" ] || [ -z "$temperature" ]; then
  if command -v vcgencmd >/dev/null 2>&1; then
    [ -n "$throttled" ] || throttled=$(vcgencmd get_throttled 2>/dev/null)
    [ -n "$temperature" ] || printf 'temperature\t%s\t%s\n' "$(vcgencmd measure_temp 2>/dev/null)" vcgencmd
  fi
fi
[ -n "$throttled" ] && printf 'throttled\t%s\n' "$throttled"
for sensor in "$R"/sys/class/hwmon/hwmon*; do
  name=''
  [ -r "$sensor/name" ] && IFS= read -r name 2>/dev/null <"$sensor/name"
  case $name in
  rpi_volt) one undervoltage "$sensor/in0_lcrit_alarm" ;;
  pwmfan)
    one fan "$sensor/fan1_input"
    one pwm "$sensor/pwm1"
    ;;
  esac
done

for led in ACT led0 PWR led1; do
  folder=$R/sys/class/leds/$led
  [ -d "$folder" ] || continue
  brightness='' trigger='' on='' off=''
  IFS= read -r brightness 2>/dev/null <"$folder/brightness"
  IFS= read -r trigger 2>/dev/null <"$folder/trigger"
  [ -r "$folder/delay_on" ] && IFS= read -r on <"$folder/delay_on"
  [ -r "$folder/delay_off" ] && IFS= read -r off <"$folder/delay_off"
  printf 'led\t%s\t%s\t%s\t%s\t%s\n' "$led" "$brightness" "$on" "$off" "$trigger"
done

if [ -r "$R/sys/fs/cgroup/cgroup.controllers" ]; then
  one cgroup2 "$R/sys/fs/cgroup/cgroup.controllers"
elif [ -r "$R/proc/cgroups" ]; then
  printf 'cgroup1\t%s\n' "$(grep '^memory' "$R/proc/cgroups")"
fi

# What the kubelet mounts NFS with; what is mounted; and, only where something is, who waits so that no signal ends it.
client=no
for file in /sbin/mount.nfs /usr/sbin/mount.nfs; do [ -e "$R$file" ] && client=yes; done
printf 'nfs-client\t%s\n' "$client"
mounted=''
if [ -r "$R/proc/mounts" ]; then
  while read -r source place kind _; do
    case $kind in
    nfs | nfs4)
      mounted=1
      printf 'nfs\t%s\t%s\n' "$source" "$place"
      ;;
    esac
  done <"$R/proc/mounts"
fi
if [ -n "$mounted" ]; then
  # A process may end while it is looked at. The name in brackets may hold anything; the state comes after the last one.
  for file in "$R"/proc/[0-9]*/stat; do
    line=''
    { IFS= read -r line <"$file"; } 2>/dev/null
    rest=${line##*') '}
    case $rest in 'D '*) ;; *) continue ;; esac
    name=${line#*'('}
    name=${name%')'*}
    group=''
    { IFS= read -r group <"${file%stat}cgroup"; } 2>/dev/null
    # shellcheck disable=SC2086 # numbers, wanted apart: the second is the parent, the twentieth the start
    set -- $rest
    # Threads of the kernel are children of number 2.
    [ "${2-}" = 2 ] || printf 'waits\t%s\t%s\t%s\t%s\n' "${line%% *}" "${20-}" "$name" "$group"
  done
fi

units='k3s.service k3s-agent.service'
if command -v systemctl >/dev/null 2>&1; then
  # shellcheck disable=SC2086 # two words are wanted
  systemctl show $units -p Id -p LoadState -p ActiveState -p SubState -p NRestarts 2>/dev/null |
    while IFS= read -r line; do printf 'unit\t%s\n' "$line"; done
else
  printf 'no-systemd\n'
fi

if [ "${DEEP-}" = 1 ]; then
  printf 'deep\n'
  # 6443 in hexadecimal, listening.
  for file in "$R/proc/net/tcp" "$R/proc/net/tcp6"; do
    [ -r "$file" ] && grep -q ':192B 0*:0000 0A' "$file" && printf 'listens\t6443\n'
  done
  if command -v journalctl >/dev/null 2>&1; then
    for unit in $units; do
      journalctl -u "$unit" -n 60 -o cat --no-pager -q 2>/dev/null |
        while IFS= read -r line; do printf 'journal\t%s\t%s\n' "${unit%.service}" "$line"; done
    done
  fi
fi
printf 'end\n'
