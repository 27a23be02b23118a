#!/bin/sh
# Prints the python of a virtual environment that has MLflow's own client, with what it logs by itself and into SQLite; with
# --server that of one that has its tracking server too (850 MB). With --install makes it where it is not. The packages
# come from where pip of this machine has them.
set -eu
packages='mlflow-skinny==3.17.2 scikit-learn pandas skops sqlalchemy alembic' name=mlflow
if [ "${1-}" = --server ]; then packages='mlflow==3.17.2' name=mlflow-server; shift; fi

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
