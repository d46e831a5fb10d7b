# One step of onboarding a board. POSIX sh (dash, busybox), as root. Each brings about a state, and does nothing where it
# is there already; so it may be run again after it was cut off anywhere.
# Set before: R, a prefix for every path (empty on a board); STEP, its name; and what the step needs, each said there.
# Answers lines for people on stdout and stderr, and at the end one of `=done`, `=already`, or `=failed WORDS`.
# shellcheck disable=SC2153 # names in capitals are set by who sends this
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
umask 077

finish() {
  printf '=%s\n' "$*"
  exit 0
}
fail() { finish "failed $*"; }
has() { command -v "$1" >/dev/null 2>&1; }
hash_of() {
  hash=$(sha256sum "$1" 2>/dev/null) || hash=''
  hash=${hash%% *}
}
# The text $3 as a file with mode $2 in its place in one step: old or new, never half.
place() {
  if ! { printf '%s\n' "$3" >"$1.bramble-new" && chmod "$2" "$1.bramble-new"; }; then fail "cannot write $1"; fi
  sync "$1.bramble-new" 2>/dev/null || sync
  mv -f "$1.bramble-new" "$1" || fail "cannot put $1 in place"
}
stamp() { date -u +%Y%m%dT%H%M%SZ; }

# A step that a killed cockpit has left running ends before the next begins. Nothing that stays behind may inherit it.
mkdir -p "$R/run" 2>/dev/null
exec 9>"$R/run/bramble-onboard.lock" || fail "cannot write to /run"
flock 9 || fail "cannot lock /run/bramble-onboard.lock"

# FILE, BEFORE and AFTER (SHA-256 of the file as it was read, and of LINE with its end), LINE.
edit_cmdline() {
  file=$R$FILE
  hash_of "$file"
  [ "$hash" = "$AFTER" ] && finish already
  [ "$hash" = "$BEFORE" ] || fail "$FILE was changed since the plan was made; run the checks again"
  case " $LINE " in
  *' root='*) ;;
  *) fail "the new line has no root=" ;;
  esac
  cp "$file" "$file.bak-$(stamp)" || fail "cannot copy $FILE"
  # FAT has no journal: what is not on the card when it reboots is lost.
  if ! { printf '%s\n' "$LINE" >"$file.new" && sync; }; then fail "cannot write beside $FILE"; fi
  if ! { mv -f "$file.new" "$file" && sync; }; then fail "cannot replace $FILE"; fi
  hash_of "$file"
  [ "$hash" = "$AFTER" ] || fail "$FILE reads back otherwise than it was written"
  finish 'done'
}

# BOOT, the boot id that must change.
reboot_board() {
  boot=''
  IFS= read -r boot <"$R/proc/sys/kernel/random/boot_id"
  [ "$boot" = "$BOOT" ] || finish already
  sync
  echo "rebooting"
  systemctl reboot 9>&- || fail "systemctl reboot did not work"
  finish 'done'
}

set_clock() {
  has timedatectl || fail "there is no timedatectl"
  timedatectl set-ntp true 9>&- || fail "network time cannot be switched on"
  count=0
  while [ "$count" -lt 60 ]; do
    case $(timedatectl show -p NTPSynchronized 2>/dev/null) in *=yes) finish 'done' ;; esac
    count=$((count + 1))
    sleep 1
  done
  fail "the clock was not set within a minute; is there a way to a time server?"
}

# FILE, and CONTENT with the token in it.
configure() {
  file=$R$FILE
  mkdir -p "${file%/*}" && chmod 0755 "$R/etc/rancher" "$R/etc/rancher/k3s" 2>/dev/null
  if [ -f "$file" ]; then
    old=$(cat "$file")
    if [ "$old" = "$CONTENT" ]; then
      chmod 0600 "$file"
      finish already
    fi
    # Ours from a run before, with an older token, needs no copy.
    case $old in
    "$MARK"*) ;;
    *) cp -p "$file" "$file.bak-$(stamp)" && chmod 0600 "$file".bak-* ;;
    esac
  fi
  place "$file" 0600 "$CONTENT"
  finish 'done'
}

# ROLE, the first word of k3s's command; UNIT; the installer is at INSTALLER.
install() {
  binary=$R/usr/local/bin/k3s
  [ -x "$binary" ] || fail "k3s is not at $binary"
  hash_of "$binary"
  installed=$R/var/lib/rancher/.bramble-installed
  mkdir -p "${installed%/*}"
  now="$hash $ROLE $VERSION"
  before=''
  [ -r "$installed" ] && IFS= read -r before <"$installed"
  if [ "$before" = "$now" ] && [ -f "$R/etc/systemd/system/$UNIT.service" ]; then
    rm -f "$R$INSTALLER"
    finish already
  fi
  head=''
  [ -r "$R$INSTALLER" ] && IFS= read -r head <"$R$INSTALLER"
  case $head in
  '#!/bin/sh'*) ;;
  *) fail "the installer on the board is no shell script" ;;
  esac
  # The installer keeps every K3S_ variable of its shell in a file, so it gets an environment with none.
  env -i PATH="$PATH" HOME=/root LC_ALL=C INSTALL_K3S_SKIP_DOWNLOAD=true INSTALL_K3S_SKIP_START=true \
    sh "$R$INSTALLER" "$ROLE" 9>&- </dev/null || fail "k3s's installer ended with code $?"
  [ -f "$R/etc/systemd/system/$UNIT.service" ] || fail "k3s's installer has made no unit $UNIT"
  place "$installed" 0600 "$now"
  rm -f "$R$INSTALLER"
  finish 'done'
}

state_of() {
  state=$(systemctl show "$UNIT.service" -p ActiveState 2>/dev/null)
  state=${state#*ActiveState=}
  state=${state%%"
"*}
}

# UNIT; what it runs with (binary and configuration) is compared with what it was started with.
start() {
  now=''
  for file in "$R/usr/local/bin/k3s" "$R/etc/rancher/k3s/config.yaml" "$R"/etc/rancher/k3s/config.yaml.d/*.yaml; do
    [ -f "$file" ] || continue
    hash_of "$file"
    now="$now$hash "
  done
  started=$R/run/bramble-started-$UNIT
  before=''
  [ -r "$started" ] && IFS= read -r before <"$started"
  state_of
  case $state in
  active | activating) [ "$before" = "$now" ] && finish already ;;
  esac
  systemctl enable "$UNIT.service" 9>&- 2>/dev/null || true
  systemctl reset-failed "$UNIT.service" 9>&- 2>/dev/null || true
  # Without waiting: a unit of type notify may never be ready, and then this would never return.
  systemctl restart --no-block "$UNIT.service" 9>&- || fail "systemctl cannot start $UNIT"
  place "$started" 0600 "$now"
  finish 'done'
}

clean() {
  for script in k3s-killall.sh k3s-uninstall.sh k3s-agent-uninstall.sh; do
    file=$R/usr/local/bin/$script
    [ -x "$file" ] || continue
    echo "running $script"
    # Both talk a lot on stderr; what counts is what is left.
    "$file" 9>&- </dev/null || true
  done
  for unit in k3s k3s-agent; do
    [ -f "$R/etc/systemd/system/$unit.service" ] || continue
    systemctl disable --now "$unit.service" 9>&- 2>/dev/null || true
    rm -f "$R/etc/systemd/system/$unit.service" "$R/etc/systemd/system/$unit.service.env"
  done
  has systemctl && systemctl daemon-reload 9>&- 2>/dev/null
  rm -rf "$R/etc/rancher/k3s" "$R/etc/rancher/node" "$R/var/lib/rancher/k3s" "$R/var/lib/kubelet" \
    "$R/var/lib/rancher/.bramble-installed" "$R/run/bramble-started-k3s" "$R/run/bramble-started-k3s-agent"
  rm -f "$R/usr/local/bin/k3s"
  [ -e "$R/var/lib/rancher/k3s" ] && fail "/var/lib/rancher/k3s is still there: something in it is mounted"
  finish 'done'
}

case $STEP in
edit-cmdline) edit_cmdline ;;
reboot) reboot_board ;;
set-clock) set_clock ;;
configure) configure ;;
install) install ;;
start) start ;;
clean) clean ;;
*) fail "no step is called $STEP" ;;
esac
