#!/bin/sh
# Stands in for systemd on a board: units that are kept running, and a reboot that gives the board a new boot id, the
# kernel's line its cmdline.txt says, and ends every session.
share=/usr/local/share/board
mkdir -p "$share/units" "$share/journal"
verb=$1
for last; do :; done
unit=${last%.service}
[ "$verb" = show ] && unit=${2%.service}
pid_file=$share/units/$unit.pid

# The board has process ids of its own, so nothing outside can be hit; what is not ours is left alone all the same.
stop() {
  pid=0
  [ -f "$pid_file" ] && read -r pid <"$pid_file"
  case $pid in
  '' | *[!0-9]* | 0 | 1) ;;
  *) kill -9 "-$pid" 2>/dev/null ;;
  esac
  rm -f "$pid_file" "$share/units/ready"
}

start() {
  stop
  role=$(sed -n 's/^ExecStart=.*k3s \([a-z]*\).*/\1/p' "/etc/systemd/system/$unit.service")
  setsid sh -c "n=0; while :; do /usr/local/bin/k3s $role; rm -f $share/units/ready; n=\$((n + 1)); echo \$n >$share/units/restarts; sleep 1; done" \
    </dev/null >>"$share/journal/$unit" 2>&1 9>&- &
  echo $! >"$pid_file"
}

case $verb in
show)
  load=not-found active=inactive sub=dead
  [ -f "/etc/systemd/system/$unit.service" ] && load=loaded
  [ -f "$share/units/$unit.always" ] && active=active sub=running
  if [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; then
    active=activating sub=start
    [ -f "$share/units/ready" ] && active=active sub=running
  fi
  printf 'LoadState=%s\nActiveState=%s\nSubState=%s\nNRestarts=%s\n' "$load" "$active" "$sub" "$(cat "$share/units/restarts" 2>/dev/null)"
  ;;
enable) : >"$share/units/$unit.enabled" ;;
disable)
  rm -f "$share/units/$unit.enabled"
  stop
  ;;
stop) stop ;;
start | restart)
  echo "start $unit" >>"$share/log"
  start
  ;;
reboot)
  echo boot >>"$share/log"
  cat /proc/sys/kernel/random/uuid >"$share/boot_id"
  if [ ! -e "$share/wrong-file" ]; then
    echo "coherent_pool=1M cgroup_disable=memory $(cat /boot/firmware/cmdline.txt)" >"$share/cmdline"
  fi
  if grep -qw cgroup_enable=memory "$share/cmdline" && [ ! -e "$share/ignores" ]; then
    echo 'cpuset cpu io memory pids' >/sys/fs/cgroup/cgroup.controllers
  fi
  rm -f /run/bramble-*
  for unit in k3s k3s-agent; do
    pid_file=$share/units/$unit.pid
    stop
    [ -e "$share/units/$unit.enabled" ] && start
  done
  # The sessions of sshd, which is process 1 here; what else hangs below it are units.
  # shellcheck disable=SC2016 # expanded when it runs
  setsid sh -c 'sleep 0.2; ps -o pid=,comm= --ppid 1 | while read -r pid comm; do case $comm in sshd*) kill -9 "$pid" ;; esac; done' \
    </dev/null >/dev/null 2>&1 9>&- &
  ;;
esac
exit 0
