# Sourced by what brings a virtual environment for tests: prints its python; with --install makes it where it is not. The
# caller sets `packages`, as pip takes them, and `name`. They come from where pip of this machine has them.
if [ "$(id -u)" = 0 ]; then place=/var/cache/same-tests; else place=${XDG_CACHE_HOME:-$HOME/.cache}/same-tests; fi
made=$place/${name}_$(echo "$packages" | cksum | cut -d ' ' -f 1)
if [ -e "$made/complete" ]; then echo "$made/bin/python"; exit 0; fi
[ "${1-}" = --install ] || exit 1

command -v python3 >/dev/null || { echo 'the command python3 is not on this machine' >&2; exit 1; }
mkdir -p "$place"
# An environment cannot be moved: whoever makes it makes it where it stays.
exec 9>"$made.lock"
flock 9
if [ ! -e "$made/complete" ]; then
  rm -rf "$made"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  {
    python3 -m venv "$made" &&
      # shellcheck disable=SC2086 -- words are meant to be split
      "$made/bin/pip" install --quiet --no-input --disable-pip-version-check $packages
  } >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  touch "$made/complete"
fi
echo "$made/bin/python"
