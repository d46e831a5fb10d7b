# Unpacks a backup that comes on stdin into a folder of its own, which nothing looks at, and says where when its SHA-256 is
# @SUM@. @DATA@: the data directory.
set -eu
umask 077
data=@DATA@
mkdir -p "$data"
find "$data" -maxdepth 1 -name '.bramble-restore.*' -mmin +1440 -exec rm -rf {} + 2>/dev/null || :
tmp=$(mktemp -d "$data/.bramble-restore.XXXXXX")
trap 'rm -rf -- "$tmp"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir "$tmp/out"
mkfifo "$tmp/pipe"
sha256sum <"$tmp/pipe" >"$tmp/sum" &
tee "$tmp/pipe" | { tar -C "$tmp/out" -xpf - || touch "$tmp/broken"; cat >/dev/null; }
wait
[ ! -e "$tmp/broken" ] || { echo "it cannot be unpacked there; is the disk full?" >&2; exit 1; }
[ "$(cut -c 1-64 "$tmp/sum")" = @SUM@ ] || { echo "what arrived is not what was sent" >&2; exit 1; }
sync
trap - EXIT
printf 'bramble-staged %s\n' "$tmp"
