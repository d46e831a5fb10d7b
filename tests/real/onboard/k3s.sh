#!/bin/sh
# Stands in for k3s @VERSION@: a server that others join, an agent that registers a Node at the real kube-apiserver, says
# it is Ready and renews its Lease. It refuses what k3s refuses, in k3s's words.
share=/usr/local/share/board
config=/etc/rancher/k3s/config.yaml
data=/var/lib/rancher/k3s/server
nl='
'

value() { sed -n "s/^$1: \"\\(.*\\)\"\$/\\1/p" "$config" 2>/dev/null | tail -n 1; }
say() { echo "time=\"2026-11-24T10:00:00Z\" level=$1 msg=\"$2\""; }
random() { tr -dc a-z0-9 </dev/urandom | head -c "$1"; }
hash() { sum=$(sha256sum) && echo "${sum%% *}"; }

case $1 in
--version)
  echo "k3s version @VERSION@ (stand-in)"
  exit
  ;;
token)
  [ -e "$share/no-tokens" ] && exit 1
  token=$(random 6).$(random 16)
  echo "$token" >>"$data/tokens"
  echo "K10$(hash <"$data/tls/server-ca.crt")::$token"
  exit
  ;;
esac

say info "Starting k3s $1 @VERSION@"
grep -qw memory /sys/fs/cgroup/cgroup.controllers || {
  say fatal 'failed to find memory cgroup (v2)'
  exit 1
}
name=$(value node-name)
url=$(value server)
token=$(value token)
if [ "$1" = server ]; then
  mkdir -p "$data/tls" "$data/db" && cp "$share/server-ca.crt" "$data/tls/server-ca.crt"
  [ -f "$data/token" ] || echo "K10$(hash <"$data/tls/server-ca.crt")::server:$(random 20)" >"$data/token"
  cp "$data/token" "$data/node-token"
  if grep -qs 'cluster-init: true' "$config" /etc/rancher/k3s/config.yaml.d/*.yaml; then
    mkdir -p "$data/db/etcd"
  else
    : >"$data/db/state.db"
  fi
  (umask 077 && cp "$share/k3s.yaml" /etc/rancher/k3s/k3s.yaml)
  : >"$data/up"
  url=$(cat "$share/url")
  token=$(cat "$data/token")
fi
if [ ! -f /etc/rancher/node/password ]; then
  mkdir -p /etc/rancher/node
  (umask 077 && random 32 >/etc/rancher/node/password)
fi
case $token in
K10*::*)
  given=${token#K10}
  given=${given%%::*}
  served=$(curl -sk -m 5 "$url/cacerts" | hash)
  if [ "$given" != "$served" ]; then
    say fatal "token CA hash does not match the Cluster CA certificate hash: $given != $served"
    sleep 1
    exit 1
  fi
  ;;
esac
while :; do
  answer=$(printf 'header = "Authorization: Bearer %s"\nheader = "node: %s"\nheader = "password: %s"\n' \
    "$token" "$name" "$(cat /etc/rancher/node/password)" | curl -skS -m 5 -K - -w '\n%{http_code}' "$url/v1-k3s/access" 2>&1)
  status=${answer##*"$nl"}
  answer=${answer%"$nl"*}
  [ "$status" = 200 ] && break
  say info "Waiting to retrieve agent configuration; server is not ready: $url/v1-k3s/access: $answer"
  sleep 1
done
api=${answer%%"$nl"*}
answer=${answer#*"$nl"}
bearer=${answer%%"$nl"*}
ca=/run/k3s-$1-ca.pem
printf '%s\n' "${answer#*"$nl"}" >"$ca"

# METHOD PATH KIND BODY
ask() {
  printf 'header = "Authorization: Bearer %s"\nheader = "Content-Type: %s"\n' "$bearer" "$3" |
    curl -s -m 5 --cacert "$ca" -K - -X "$1" -d "$4" "$api$2" >>"$share/answers" 2>&1
}
json=application/json
merge=application/merge-patch+json
machine=$(cat /etc/machine-id)
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
lease=/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases
while :; do
  ask POST /api/v1/nodes "$json" "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"$name\",\"labels\":{\"kubernetes.io/hostname\":\"$name\"}}}"
  ask POST "$lease" "$json" "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":\"$name\",\"namespace\":\"kube-node-lease\"},\"spec\":{\"holderIdentity\":\"$name\",\"leaseDurationSeconds\":40}}"
  ask PATCH "/api/v1/nodes/$name/status" "$merge" "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"KubeletReady\",\"message\":\"ready\",\"lastHeartbeatTime\":\"$(now)\",\"lastTransitionTime\":\"$(now)\"}],\"nodeInfo\":{\"machineID\":\"$machine\",\"systemUUID\":\"$machine\",\"bootID\":\"b\",\"kernelVersion\":\"6.12\",\"osImage\":\"Debian\",\"containerRuntimeVersion\":\"containerd://2\",\"kubeletVersion\":\"@VERSION@\",\"kubeProxyVersion\":\"\",\"operatingSystem\":\"linux\",\"architecture\":\"arm64\"}}}"
  ask PATCH "$lease/$name" "$merge" "{\"spec\":{\"renewTime\":\"$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)\"}}"
  : >"$share/units/ready"
  sleep 1
done
