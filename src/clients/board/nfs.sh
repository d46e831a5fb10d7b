# Whether an NFS server answers this board: its port, and what it exports. POSIX sh (dash, busybox), nothing is written.
# Set before: SERVER, its name or address. Answers lines of a key and a value between `nfs 1` and `end`.
LC_ALL=C
export LC_ALL

# Nothing may hang: a server that drops packets answers for minutes with nothing.
limited() {
  if command -v timeout >/dev/null 2>&1; then timeout 4 "$@"; else "$@"; fi
}

printf 'nfs 1\n'
if command -v bash >/dev/null 2>&1; then
  # shellcheck disable=SC2016 # it is bash that expands it
  if limited bash -c 'exec 3<>"/dev/tcp/$1/2049"' nfs "$SERVER" 2>/dev/null; then
    printf 'port\topen\n'
  else
    printf 'port\tclosed\n'
  fi
elif command -v nc >/dev/null 2>&1; then
  if limited nc -z -w 3 "$SERVER" 2049 >/dev/null 2>&1; then printf 'port\topen\n'; else printf 'port\tclosed\n'; fi
fi
# It lies where only root looks for programs.
PATH=$PATH:/usr/sbin:/sbin
if command -v showmount >/dev/null 2>&1; then
  if told=$(limited showmount -e "$SERVER" 2>&1); then
    printf 'exports\n'
    # The first line is a heading.
    printf '%s\n' "$told" | {
      read -r _
      while IFS= read -r line; do printf 'export\t%s\n' "$line"; done
    }
  else
    printf 'untold\t%s\n' "$(printf '%s\n' "$told" | head -n 1)"
  fi
fi
printf 'end\n'
