# Saves the server: copies what belongs to it into a folder of its own, then sends that as one tar on stdout and the SHA-256
# of what was sent on stderr. @DATA@: the data directory; @METHOD@: how the datastore is copied.
# A function, so that a script that was cut off on its way here does nothing.
main() {
  set -eu
  umask 077
  PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/opt/bin
  data=@DATA@
  method=@METHOD@
  server=$data/server
  stopped=
  snapshot=
  fail() { printf 'bramble-failed %s\n' "$*" >&2; exit 1; }
  service() {
    if command -v systemctl >/dev/null 2>&1; then systemctl "$1" k3s.service; else rc-service k3s "$1"; fi
  }
  # Those that lost their power, or were killed.
  find "$data" -maxdepth 1 -name '.bramble-backup.*' -mmin +1440 -exec rm -rf {} + 2>/dev/null || :
  tmp=$(mktemp -d "$data/.bramble-backup.XXXXXX") || fail "no folder can be made in $data"
  clean() {
    trap - EXIT
    if [ -n "$stopped" ]; then service start >&2 || :; fi
    if [ -n "$snapshot" ]; then
      k3s etcd-snapshot delete "$snapshot" >/dev/null 2>&1 || :
      rm -f -- "$server/db/snapshots/$snapshot"
    fi
    rm -rf -- "$tmp"
  }
  trap clean EXIT
  trap 'exit 1' HUP INT TERM PIPE
  files=$tmp/out/files
  mkdir -p "$files"
  # Copies a path to the same place below the folder, with owner and mode.
  keep() {
    if [ -e "$1" ] || [ -L "$1" ]; then
      mkdir -p "$files$(dirname "$1")"
      cp -a -- "$1" "$files$1" || fail "$1 cannot be copied"
    fi
  }
  # Folders that are not copied whole get the owner and mode of the real ones.
  like() {
    if [ -d "$1" ]; then
      mkdir -p "$files$1"
      chown "$(stat -c %u:%g "$1")" "$files$1"
      chmod "$(stat -c %a "$1")" "$files$1"
    fi
  }
  for name in token agent-token node-token tls cred manifests; do keep "$server/$name"; done
  [ -s "$files$server/token" ] || fail "$server/token is missing or empty"
  for path in /etc/rancher/k3s /etc/rancher/node /etc/systemd/system/k3s.service /etc/systemd/system/k3s.service.env \
    /etc/systemd/system/k3s.service.d /etc/init.d/k3s /etc/conf.d/k3s /boot/firmware/cmdline.txt \
    /boot/firmware/config.txt /boot/cmdline.txt /boot/config.txt; do
    keep "$path"
  done

  like "$server"
  mkdir -p "$files$server/db"
  like "$server/db"
  gap=
  integrity="not checked: the board has no sqlite3 and no python3"
  case $method in
    snapshot)
      name=bramble-$(date -u +%Y%m%dT%H%M%SZ)-$$
      k3s etcd-snapshot save --name "$name" >"$tmp/said" 2>&1 || fail "k3s etcd-snapshot save: $(tail -n 1 "$tmp/said")"
      for found in "$server/db/snapshots/$name"*; do snapshot=${found##*/}; done
      [ -s "$server/db/snapshots/$snapshot" ] || fail "k3s made no snapshot in $server/db/snapshots"
      like "$server/db/snapshots"
      cp -a -- "$server/db/snapshots/$snapshot" "$files$server/db/snapshots/$snapshot" || fail "the snapshot cannot be copied"
      integrity=ok
      ;;
    sqlite3)
      # The read transaction keeps one moment of the database, however much is written meanwhile.
      (cd "$files$server/db" && sqlite3 -bail "$server/db/state.db" >/dev/null 2>"$tmp/said" <<'SQL'
.timeout 20000
BEGIN;
SELECT count(*) FROM sqlite_master;
.backup main state.db
COMMIT;
SQL
      ) || fail "sqlite3: $(tail -n 1 "$tmp/said")"
      ;;
    python3)
      python3 - "$server/db/state.db" "$files$server/db/state.db" 2>"$tmp/said" <<'PYTHON' || fail "python3: $(tail -n 1 "$tmp/said")"
import sqlite3, sys
source, copy = sqlite3.connect(sys.argv[1], timeout=20), sqlite3.connect(sys.argv[2])
source.backup(copy)
copy.close()
PYTHON
      ;;
    stopped | cold)
      if [ "$method" = stopped ]; then
        begun=$(date +%s)
        stopped=yes
        service stop >&2 || fail "k3s does not stop"
      fi
      for found in "$server"/db/state.db*; do
        cp -a -- "$found" "$files$server/db/" || fail "$found cannot be copied"
      done
      if [ "$method" = stopped ]; then
        service start >&2 || fail "k3s does not start again; see: journalctl -u k3s"
        stopped=
        gap=$(($(date +%s) - begun))
      fi
      ;;
    *) fail "there is no way $method" ;;
  esac
  copy=$files$server/db/state.db
  if [ "$method" != snapshot ]; then
    [ -s "$copy" ] || fail "the copy of the datastore is empty"
    if command -v sqlite3 >/dev/null 2>&1; then
      integrity=$(sqlite3 "$copy" 'PRAGMA integrity_check' 2>&1 | head -n 1)
    elif command -v python3 >/dev/null 2>&1; then
      integrity=$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$copy" 2>&1 | tail -n 1)
    fi
    case $integrity in
      ok | "not checked"*) ;;
      *) fail "the copy of the datastore is not whole: $integrity" ;;
    esac
  fi

  {
    echo format=1
    echo "data=$data"
    echo "hostname=$(cat /proc/sys/kernel/hostname)"
    echo "arch=$(uname -m)"
    echo "version=$(k3s --version 2>/dev/null | head -n 1)"
    echo "method=$method"
    echo "integrity=$integrity"
    echo "gap=$gap"
    echo "addresses=$(hostname -I 2>/dev/null || :)"
  } >"$tmp/out/about"

  mkfifo "$tmp/pipe"
  sha256sum <"$tmp/pipe" >"$tmp/sum" &
  { tar -C "$tmp/out" -cf - about files 2>"$tmp/said" || cp "$tmp/said" "$tmp/broken"; } | tee "$tmp/pipe"
  wait
  [ ! -e "$tmp/broken" ] || fail "tar: $(tail -n 1 "$tmp/broken")"
  printf 'bramble-sum %s\n' "$(cut -c 1-64 "$tmp/sum")" >&2
}
main
