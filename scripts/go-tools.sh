#!/bin/sh
# Prints the directory of the tools that the tests have built from Go modules: crane, regctl and registries, a server
# (test/components/go-tools); with --install builds them where they are not. Versions and hashes of all that goes into
# them stand in that module, and what was built from another text of it is another directory.
set -eu
module=$(cd "$(dirname "$0")/../test/components/go-tools" && pwd)

if [ "$(id -u)" = 0 ]; then place=/var/cache/same-tests; else place=${XDG_CACHE_HOME:-$HOME/.cache}/same-tests; fi
built=$place/go-tools_$(cat "$module/go.mod" "$module/go.sum" "$module/main.go" | cksum | cut -d ' ' -f 1)
if [ -x "$built/registries" ]; then echo "$built"; exit 0; fi
[ "${1-}" = --install ] || exit 1

PATH="$PATH:/usr/local/go/bin"
command -v go >/dev/null || { echo 'the command go is not on this machine (Debian: golang-go)' >&2; exit 1; }
mkdir -p "$place"
work=$(mktemp -d "$place/.install-XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# The module cache is left writable, so that a home made for one run can be removed. Building needs no C compiler.
(cd "$module" && CGO_ENABLED=0 GOWORK=off GOFLAGS='-buildvcs=false -modcacherw -mod=readonly' \
  go build -o "$work/" . tool) >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for name in crane regctl registries; do
  [ -x "$work/$name" ] || { echo "building made no $name" >&2; exit 1; }
done
rm "$work/log"
# Whoever was here first has the same.
mv -T "$work" "$built" 2>/dev/null || true
echo "$built"
