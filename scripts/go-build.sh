# Sourced by what builds for tests from Go modules: prints the directory that it was built in before and ends; goes on
# only with --install where there is none yet. The caller sets `name` and `program`, what it makes last, and has `texts`
# print all that decides what is built. It builds in $work, writes to $work/log what is of no interest unless it fails,
# and ends with `keep`. What was made from other texts is another directory.
if [ "$(id -u)" = 0 ]; then place=/var/cache/same-tests; else place=${XDG_CACHE_HOME:-$HOME/.cache}/same-tests; fi
built=$place/${name}_$(texts | cksum | cut -d ' ' -f 1)
if [ -x "$built/$program" ]; then echo "$built"; exit 0; fi
[ "${1-}" = --install ] || exit 1

PATH="$PATH:/usr/local/go/bin"
command -v go >/dev/null || { echo 'the command go is not on this machine (Debian: golang-go)' >&2; exit 1; }
mkdir -p "$place"
work=$(mktemp -d "$place/.install-XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# The module cache is left writable, so that a home made for one run can be removed.
export GOWORK=off GOFLAGS='-buildvcs=false -modcacherw'

keep() {
  rm "$work/log"
  # Whoever was here first has the same.
  mv -T "$work" "$built" 2>/dev/null || true
  echo "$built"
}
