#!/bin/sh
# Fills DIRECTORY with the root of a small Linux for containers, taken from this one: a shell, bash, what the tests call,
# and python where /usr/bin has it; further words are further commands.
set -eu
root=$1
shift
commands='bash cat chmod cp cut date dd df dirname env false find grep head id ln ls mkdir mkfifo mount mv od printf ps pwd
  readlink rm rmdir sed seq sh sleep sort stat tail test touch tr true truncate tty uname wc'

mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/proc" "$root/sys" \
  "$root/dev" "$root/tmp" "$root/run" "$root/var/tmp" "$root/root"
for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$root/$name"; done

# Libraries lie where the loader of the same system looks for them.
bring() {
  mkdir -p "$root/$(dirname "$1")"
  cp -L "$1" "$root$1"
  { ldd "$1" 2>/dev/null || true; } | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p' >>"$root/.libraries"
}
for name in $commands "$@"; do
  if [ -x "/usr/bin/$name" ]; then bring "/usr/bin/$name"; fi
done
python=$(readlink -f /usr/bin/python3 || true)
if [ -x "$python" ]; then
  bring "$python"
  name=$(basename "$python")
  ln -s "$name" "$root/usr/bin/python3"
  cp -r "/usr/lib/$name" "$root/usr/lib/"
  rm -rf "$root/usr/lib/$name/test"
  find "$root/usr/lib/$name" -name __pycache__ -prune -exec rm -rf {} +
  for module in "$root/usr/lib/$name"/lib-dynload/*.so; do
    { ldd "$module" 2>/dev/null || true; } | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p' >>"$root/.libraries"
  done
fi
sort -u "$root/.libraries" | while read -r library; do
  mkdir -p "$root/$(dirname "$library")"
  [ -e "$root$library" ] || cp -L "$library" "$root$library"
done
rm "$root/.libraries"
if [ -d /usr/lib/locale/C.utf8 ]; then mkdir -p "$root/usr/lib/locale" && cp -r /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"; fi
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
chmod 1777 "$root/tmp" "$root/var/tmp"
