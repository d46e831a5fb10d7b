# What boards need to know of the server they join. POSIX sh (dash, busybox), as root on the server.
# Set before: R, a prefix for every path (empty on a board); TOKEN, `none`, `agent` (a short-lived one where k3s can make
# it) or `server`. The token is the only secret; it is the value of `token` and of nothing else.
# shellcheck disable=SC2153 # TOKEN is set by who sends this
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
data=$R/var/lib/rancher/k3s/server

printf 'server 1\n'
state=$(systemctl show k3s.service -p ActiveState 2>/dev/null)
state=${state#*ActiveState=}
printf 'unit\t%s\n' "${state%%"
"*}"
binary=$R/usr/local/bin/k3s
if [ -x "$binary" ]; then
  version=$("$binary" --version 2>/dev/null)
  printf 'version\t%s\n' "${version%%"
"*}"
fi
if [ -r "$data/tls/server-ca.crt" ]; then
  hash=$(sha256sum "$data/tls/server-ca.crt")
  printf 'ca\t%s\n' "${hash%% *}"
fi
if [ -d "$data/db/etcd" ]; then
  printf 'datastore\tetcd\n'
elif [ -f "$data/db/state.db" ]; then
  printf 'datastore\tsqlite\n'
fi
token=''
how=''
if [ "$TOKEN" = agent ] && [ -x "$binary" ]; then
  token=$("$binary" token create --ttl 1h --description 'bramble onboard' 2>/dev/null </dev/null) && how=short-lived
  case $token in
  K10*::*.*) ;;
  *) token='' ;;
  esac
fi
if [ -z "$token" ] && [ "$TOKEN" != none ]; then
  for file in "$data/agent-token" "$data/node-token" "$data/token"; do
    [ "$TOKEN" = server ] && [ "$file" = "$data/agent-token" ] && continue
    [ -r "$file" ] || continue
    token=$(cat "$file")
    how=${file##*/}
    break
  done
fi
[ -n "$token" ] && printf 'token\t%s\t%s\n' "$how" "$token"
printf 'end\n'
