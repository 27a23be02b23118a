#!/bin/sh
# Prints where oras is; with --install brings it where it is not. Debian 12 has none, so it is taken from Debian 13, by
# the mirror this machine uses, with lists of its own: the system's packages and sources stay as they are.
set -eu
suite=trixie

if command -v oras; then exit 0; fi
if [ "$(id -u)" = 0 ]; then place=/var/cache/same-tests; else place=${XDG_CACHE_HOME:-$HOME/.cache}/same-tests; fi
for found in "$place"/oras_*/usr/bin/oras; do
  if [ -x "$found" ]; then echo "$found"; exit 0; fi
done
[ "${1-}" = --install ] || exit 1

mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Component: main' | grep '/debian/*$' | sed 1q)
[ -n "$mirror" ] || { echo 'apt knows no mirror of Debian here' >&2; exit 1; }
mkdir -p "$place"
work=$(mktemp -d "$place/.install-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts"
cat >"$work/debian.sources" <<END
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Targets: Packages
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
# Everything apt writes goes below $work; as root it would otherwise drop to a user who may not write there.
apart() {
  apt-get -o "Dir::Etc::sourcelist=$work/debian.sources" -o "Dir::Etc::sourceparts=$work/parts" \
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root \
    -o Acquire::Languages=none "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}
apart update
cd "$work"
apart download oras
package=$(basename "$work"/oras_*.deb .deb)
dpkg-deb -x "$work/$package.deb" "$work/unpacked"
# Whoever was here first has the same version.
mv -T "$work/unpacked" "$place/$package" 2>/dev/null || true
echo "$place/$package/usr/bin/oras"
