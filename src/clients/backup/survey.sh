# What this board says of its k3s server: `key=value` lines, nothing secret. @DATA@ is a data directory, or empty.
main() {
  PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/opt/bin
  say() { printf '%s=%s\n' "$1" "$2"; }
  has() { command -v "$1" >/dev/null 2>&1; }
  data=@DATA@
  config=/etc/rancher/k3s/config.yaml
  if [ -z "$data" ] && [ -r "$config" ]; then
    data=$(sed -n 's/^data-dir:[[:space:]]*//p' "$config" | tr -d "\"'\r" | head -n 1)
  fi
  data=${data:-/var/lib/rancher/k3s}
  say data "$data"
  say hostname "$(cat /proc/sys/kernel/hostname 2>/dev/null)"
  say arch "$(uname -m)"
  has k3s && say version "$(k3s --version 2>/dev/null | head -n 1)"
  if has systemctl && systemctl cat k3s.service >/dev/null 2>&1; then
    say service yes
    [ "$(systemctl is-active k3s.service 2>/dev/null)" = active ] && say running yes
  elif has rc-service && [ -e /etc/init.d/k3s ]; then
    say service yes
    rc-service k3s status >/dev/null 2>&1 && say running yes
  fi
  [ -d "$data/server" ] && say server yes
  [ -s "$data/server/token" ] && say token yes
  if grep -qs -e '^datastore-endpoint' -e 'K3S_DATASTORE_ENDPOINT=.' -e '--datastore-endpoint' "$config" \
    /etc/rancher/k3s/config.yaml.d/*.yaml /etc/systemd/system/k3s.service /etc/systemd/system/k3s.service.env; then
    say datastore external
  elif [ -d "$data/server/db/etcd" ]; then
    say datastore etcd
    say size "$(($(du -sk "$data/server/db/etcd" | cut -f 1) * 1024))"
  elif [ -e "$data/server/db/state.db" ]; then
    say datastore sqlite
    say size "$(cat "$data"/server/db/state.db* | wc -c | tr -d ' ')"
  fi
  at=$data
  while [ ! -d "$at" ]; do at=$(dirname "$at"); done
  say free "$(($(df -Pk "$at" | awk 'NR == 2 { print $4 }') * 1024))"
  has sqlite3 && say sqlite3 yes
  has python3 && python3 -c 'import sqlite3' 2>/dev/null && say python3 yes
  return 0
}
main
