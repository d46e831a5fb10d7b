# Puts an unpacked backup in its place. @TMP@: where it was unpacked; @DATA@: the data directory; @ASIDE@: what ends the names
# of what is moved aside; @DATASTORE@: sqlite or etcd.
# A function, so that a script that was cut off on its way here does nothing; and once begun, a lost connection ends nothing.
# SIGTERM says that its time is up (see `timeout` in ssh/command.rs): everything goes back.
main() {
  set -eu
  umask 077
  trap '' HUP INT PIPE
  # A shell that a signal ends runs no trap on EXIT; one that exits does.
  trap 'exit 1' TERM
  PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/opt/bin
  tmp=@TMP@
  data=@DATA@
  aside=@ASIDE@
  datastore=@DATASTORE@
  files=$tmp/out/files
  server=$data/server
  was_running=
  moved=
  reset=
  step() { printf 'bramble-step %s\n' "$*" || :; }
  fail() { printf 'bramble-failed %s\n' "$*" >&2 || :; exit 1; }
  service() {
    if command -v systemctl >/dev/null 2>&1; then systemctl "$1" k3s.service; else rc-service k3s "$1"; fi
  }
  runs() {
    if command -v systemctl >/dev/null 2>&1; then [ "$(systemctl is-active k3s.service 2>/dev/null)" = active ]; else
      rc-service k3s status >/dev/null 2>&1
    fi
  }
  # Everything back as it was, the last first. What was not moved aside yet is not touched.
  back() {
    trap - EXIT
    # `timeout` sends its signal to this shell and then once more to all of its processes.
    trap '' TERM
    set +e
    # What a reset wrote is thrown away: it need not end well.
    if [ -n "$reset" ]; then kill -9 "$reset" 2>/dev/null; wait "$reset" 2>/dev/null; fi
    printf '%s' "$moved" | while IFS= read -r line; do
      path=${line#* }
      case $line in
        new*) rm -rf -- "$path" ;;
        *) if [ -e "$path$aside" ] || [ -L "$path$aside" ]; then rm -rf -- "$path"; mv -- "$path$aside" "$path"; fi ;;
      esac
    done
    # A service must not inherit a signal that is ignored.
    trap : TERM
    if command -v systemctl >/dev/null 2>&1; then systemctl daemon-reload; fi
    if [ -n "$was_running" ]; then service start; fi
    rm -rf -- "$tmp"
  }
  trap back EXIT
  # Puts one path in its place; what is there moves aside.
  put() {
    if [ -e "$files$1" ] || [ -L "$files$1" ]; then
      if [ -e "$1" ] || [ -L "$1" ]; then kind=was; else kind=new; fi
      moved="$kind $1
$moved"
      if [ "$kind" = was ]; then mv -- "$1" "$1$aside" || fail "$1 cannot be moved aside"; fi
      (umask 022; mkdir -p "$(dirname "$1")")
      mv -- "$files$1" "$1" || fail "$1 cannot be put in its place"
    fi
  }
  [ -s "$files$server/token" ] || fail "the unpacked backup holds no token"
  if runs; then
    was_running=yes
    step stopping k3s
    service stop >&2 || fail "k3s does not stop"
  fi
  step putting files in their place
  put "$server"
  for path in /etc/rancher/k3s /etc/rancher/node /etc/systemd/system/k3s.service /etc/systemd/system/k3s.service.env \
    /etc/systemd/system/k3s.service.d /etc/init.d/k3s /etc/conf.d/k3s; do
    put "$path"
  done
  for path in /boot/firmware/cmdline.txt /boot/firmware/config.txt /boot/cmdline.txt /boot/config.txt; do
    if [ ! -e "$path" ] && [ -d "$(dirname "$path")" ]; then put "$path"; fi
  done
  if command -v systemctl >/dev/null 2>&1; then systemctl daemon-reload || :; fi
  sync
  if [ "$datastore" = etcd ]; then
    for found in "$server"/db/snapshots/*; do snapshot=$found; done
    step resetting the cluster to "${snapshot##*/}"
    k3s server --data-dir "$data" --cluster-reset "--cluster-reset-restore-path=$snapshot" --token-file "$server/token" \
      --etcd-s3=false >"$tmp/said" 2>&1 &
    # Beside the shell, which hears a signal only between commands that it waits for itself; `wait` is ended by one.
    reset=$!
    wait "$reset" || fail "k3s server --cluster-reset: $(tail -n 1 "$tmp/said")"
    reset=
  fi
  # From here on it is the restored server, whether it starts or not.
  trap - EXIT
  rm -rf -- "$tmp"
  step starting k3s
  service start >&2 || fail "everything is in its place, but k3s does not start; see: journalctl -u k3s"
  tries=0
  until k3s kubectl get --raw /readyz >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 90 ] || fail "everything is in its place and k3s runs, but its API is not ready yet; see: journalctl -u k3s"
    sleep 2
  done
  step ready
}
main
