# What a board is before anything is done to it: lines of a key and tab-separated values between `onboard 1` and `end`.
# POSIX sh (dash, busybox), as root. Nothing is changed; one file of 256 kB is written to time the disk, and removed.
# Set before: R, a prefix for every path (empty on a board); URL, the server to be reached (may be empty); SPEED=1 to
# time the disk. Read by `rack::onboard::facts`.
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

has() { command -v "$1" >/dev/null 2>&1; }

# The first line of a file as a value; nothing when it cannot be read.
one() {
  line=''
  [ -r "$2" ] && IFS= read -r line 2>/dev/null <"$2"
  [ -n "$line" ] && printf '%s\t%s\n' "$1" "$line"
}

hash_of() {
  hash=$(sha256sum "$1" 2>/dev/null) && hash=${hash%% *}
}

printf 'onboard 1\n'
printf 'clock\t%s\n' "$(date +%s 2>/dev/null)"

# The canonical place; /proc/device-tree is a link to it.
tree=$R/sys/firmware/devicetree/base
for pair in model:model serial:serial-number; do
  file=$tree/${pair#*:}
  [ -r "$file" ] && printf '%s\t%s\n' "${pair%%:*}" "$(tr -d '\000-\037' <"$file")"
done
printf 'arch\t%s\n' "$(uname -m)"
has getconf && printf 'bits\t%s\npagesize\t%s\n' "$(getconf LONG_BIT 2>/dev/null)" "$(getconf PAGESIZE 2>/dev/null)"
one kernel "$R/proc/sys/kernel/osrelease"
one hostname "$R/proc/sys/kernel/hostname"
one boot "$R/proc/sys/kernel/random/boot_id"
one machine "$R/etc/machine-id"
one mac "$R/sys/class/net/eth0/address"
one cmdline "$R/proc/cmdline"
if [ -r "$R/etc/os-release" ]; then
  id='' version=''
  while IFS='=' read -r key value; do
    value=${value#\"}
    value=${value%\"}
    case $key in
    ID) id=$value ;;
    VERSION_ID) version=$value ;;
    esac
  done <"$R/etc/os-release"
  printf 'os\t%s\t%s\n' "$id" "$version"
fi
if [ -r "$R/proc/meminfo" ]; then
  IFS=' ' read -r _ total _ <"$R/proc/meminfo"
  printf 'memory\t%s\n' "$total"
fi
has nproc && printf 'cores\t%s\n' "$(nproc 2>/dev/null)"

# Controllers. /proc/cgroups counts on version 1 only.
if [ -r "$R/sys/fs/cgroup/cgroup.controllers" ]; then
  controllers=''
  IFS= read -r controllers <"$R/sys/fs/cgroup/cgroup.controllers"
  printf 'cgroup2\t%s\n' "$controllers"
elif [ -r "$R/proc/cgroups" ]; then
  while read -r name _ _ enabled; do
    [ "$name" = memory ] && printf 'cgroup1\t%s\n' "$enabled"
  done <"$R/proc/cgroups"
fi
for path in /boot/firmware/current/cmdline.txt /boot/firmware/cmdline.txt /boot/cmdline.txt; do
  file=$R$path
  [ -r "$file" ] || continue
  hash_of "$file"
  printf 'boot-file\t%s\t%s\n' "$path" "$hash"
  while IFS= read -r line || [ -n "$line" ]; do printf 'boot-line\t%s\t%s\n' "$path" "$line"; done <"$file"
  if has findmnt; then
    findmnt -n -o TARGET,FSTYPE,OPTIONS -T "$file" 2>/dev/null | {
      read -r point kind options && printf 'boot-mount\t%s\t%s\t%s\t%s\n' "$path" "$point" "$kind" "$options"
    }
  fi
done
if has dmesg; then
  dmesg 2>/dev/null | {
    errors=0
    while IFS= read -r line; do
      case $line in
      *'Unknown kernel command line parameters'*) printf 'unknown-parameters\t%s\n' "$line" ;;
      *mmc*error* | *mmc*timeout*) errors=$((errors + 1)) ;;
      esac
    done
    printf 'card-errors\t%s\n' "$errors"
  }
fi

# Room and health.
place=$R/var/lib/rancher
[ -d "$place" ] || place=$R/var/lib
[ -d "$place" ] || place=$R/
df -Pk "$place" 2>/dev/null | {
  read -r _
  read -r _ _ _ free _ && printf 'disk\t%s\n' "$free"
}
if [ -r "$R/proc/mounts" ]; then
  while read -r _ point _ options _; do
    [ "$point" = / ] && root=$options
  done <"$R/proc/mounts"
  [ -n "${root-}" ] && printf 'root\t%s\n' "$root"
fi
throttled=''
for file in "$R"/sys/devices/platform/soc*/soc*firmware/get_throttled; do
  [ -r "$file" ] && IFS= read -r throttled <"$file"
done
[ -z "$throttled" ] && has vcgencmd && throttled=$(vcgencmd get_throttled 2>/dev/null)
[ -n "$throttled" ] && printf 'throttled\t%s\n' "$throttled"
if has timedatectl; then
  case $(timedatectl show -p NTPSynchronized 2>/dev/null) in
  *=yes) printf 'ntp\tyes\n' ;;
  *=no) printf 'ntp\tno\n' ;;
  esac
fi
if [ "${SPEED-}" = 1 ]; then
  file=$place/.bramble-speed.$$
  # 64 synchronous writes; dd says how long on its last line, in seconds.
  took=$(dd if=/dev/zero of="$file" bs=4k count=64 oflag=dsync 2>&1 | sed -n 's/.*copied, \([0-9.]*\) s.*/\1/p')
  rm -f "$file"
  [ -n "$took" ] && printf 'sync-writes\t%s\n' "$(awk "BEGIN { printf \"%d\", $took * 1000 }" 2>/dev/null)"
fi

# Network and tools.
if has ip; then
  route=$(ip route show default 2>/dev/null)
  route=${route%%"
"*}
  if [ -n "$route" ]; then
    printf 'route\t%s\n' "$route"
    address=$(ip route get 192.0.2.1 2>/dev/null)
    case $address in
    *' src '*)
      address=${address#*' src '}
      printf 'address\t%s\n' "${address%% *}"
      ;;
    esac
  fi
fi
for tool in curl wget; do has "$tool" && printf 'tool\t%s\n' "$tool"; done
for tool in sha256sum flock ip mv chmod; do has "$tool" || printf 'no-tool\t%s\n' "$tool"; done
if has modprobe; then
  for module in vxlan br_netfilter overlay; do
    [ -d "$R/sys/module/$module" ] || modprobe -n -q "$module" 2>/dev/null || printf 'no-module\t%s\n' "$module"
  done
fi
has iptables && printf 'iptables\t%s\n' "$(iptables --version 2>/dev/null)"
if has ufw && case $(ufw status 2>/dev/null) in *'Status: active'*) true ;; *) false ;; esac; then printf 'firewall\tufw\n'; fi
if has firewall-cmd && [ "$(firewall-cmd --state 2>/dev/null)" = running ]; then printf 'firewall\tfirewalld\n'; fi

# Units, and what is there of k3s.
if has systemctl; then
  printf 'init\tsystemd\n'
  for unit in k3s k3s-agent; do
    state=$(systemctl show "$unit.service" -p LoadState -p ActiveState 2>/dev/null)
    case $state in
    *LoadState=loaded*)
      state=${state#*ActiveState=}
      printf 'unit\t%s\t%s\n' "$unit" "${state%%"
"*}"
      ;;
    esac
  done
elif has rc-service; then
  printf 'init\topenrc\n'
else
  printf 'init\tnone\n'
fi
data=$R/var/lib/rancher/k3s
if [ -d "$data/server" ] || [ -d "$data/agent" ]; then
  # Images that were put there in advance are no leftovers.
  for file in "$data"/server/* "$data"/agent/*; do
    case ${file##*/} in
    images | '*') ;;
    *)
      printf 'data\tyes\n'
      break
      ;;
    esac
  done
fi
if [ -d "$data/server/db/etcd" ]; then
  printf 'datastore\tetcd\n'
elif [ -f "$data/server/db/state.db" ]; then
  printf 'datastore\tsqlite\n'
fi
for folder in "$data"/storage/*; do
  [ -d "$folder" ] && printf 'volume\t%s\n' "${folder##*/}"
done
[ -f "$R/etc/rancher/node/password" ] && printf 'password\tyes\n'
for file in "$data/agent/server-ca.crt" "$data/server/tls/server-ca.crt"; do
  [ -r "$file" ] || continue
  hash_of "$file" && printf 'ca\t%s\n' "$hash"
  break
done
binary=$R/usr/local/bin/k3s
if [ -x "$binary" ]; then
  hash_of "$binary"
  version=$("$binary" --version 2>/dev/null)
  printf 'binary\t%s\t%s\n' "$hash" "${version%%"
"*}"
fi
file=$R/etc/rancher/k3s/config.yaml
if [ -r "$file" ]; then
  # The names of the keys; values may be secret.
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    [a-z]*:*) printf 'config\t%s\n' "${line%%:*}" ;;
    esac
  done <"$file"
fi

# The way to the server, as this board sees it. Certificates cannot be checked yet: what is served is compared.
ask() {
  if has curl; then
    curl -sk -m 8 -w '\n%{http_code}' "$1" 2>&1 || printf '\n0'
  elif has wget; then
    if wget -q -T 8 --no-check-certificate -O - "$1" 2>&1; then printf '\n200'; else printf '\n0'; fi
  fi
}
if [ -n "${URL-}" ] && { has curl || has wget; }; then
  answer=$(ask "$URL/ping")
  status=${answer##*"
"}
  text=${answer%"
"*}
  [ "$status" = 000 ] && status=0
  printf 'ping\t%s\t%s\n' "$status" "$(printf '%s' "$text" | tr '\n\t' '  ' | cut -c 1-200)"
  answer=$(ask "$URL/cacerts"; printf x)
  answer=${answer%x}
  status=${answer##*"
"}
  # The bytes as they were served: the line feed at their end counts.
  text=$(printf '%s' "${answer%"
"*}" | sha256sum)
  [ "$status" = 000 ] && status=0
  printf 'cacerts\t%s\t%s\n' "$status" "${text%% *}"
fi
printf 'end\n'
