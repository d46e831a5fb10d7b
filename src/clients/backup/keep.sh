# Keeps what comes on stdin as @NAME@ in the folder @FOLDER@, with @RECORD@ beside it, when its SHA-256 is @SUM@. Until then
# it has a hidden name; what is cut off or altered on the way goes. POSIX sh (dash, busybox).
set -eu
umask 077
folder=@FOLDER@
name=@NAME@
case $folder in -*) folder=./$folder ;; esac
mkdir -p "$folder"
find "$folder" -maxdepth 1 -name '.*.part' -mmin +1440 -exec rm -f {} + 2>/dev/null || :
if [ -e "$folder/$name" ]; then
  [ "$(sha256sum <"$folder/$name" | cut -c 1-64)" = @SUM@ ] || { echo "there is another one by this name already" >&2; exit 1; }
  cat >/dev/null
  printf 'bramble-kept %s\n' @SUM@
  exit 0
fi
part=$folder/.$name.$$.part
trap 'rm -f "$part" "$part.json"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part" || { echo "it cannot be written there; is the disk full?" >&2; exit 1; }
[ "$(sha256sum <"$part" | cut -c 1-64)" = @SUM@ ] || { echo "what arrived is not what was sent" >&2; exit 1; }
printf '%s\n' @RECORD@ >"$part.json"
sync
# The record first: a file without one is never taken for good.
mv -f "$part.json" "$folder/$name.json"
mv -f "$part" "$folder/$name"
sync
printf 'bramble-kept %s\n' "$(sha256sum <"$folder/$name" | cut -c 1-64)"
