#!/bin/sh
# The main job, in a home of its own: create, run with an override, export, import elsewhere, run again.
set -eu
cd "$(dirname "$0")/.."
same() { echo; echo "\$ same $*"; node bin/same "$@"; }
digest() { node -p 'JSON.parse(require("fs").readFileSync(0)).program.digest'; }
metrics() { node -p 'JSON.stringify(JSON.parse(require("fs").readFileSync(0)).metrics.map(({name, value}) => [name, value]))'; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
study=$PWD/examples/challenger-o-rings
same=$PWD/bin/same

export SAME_HOME="$scratch/author"
same create program -f "$study"
same run program challenger-o-rings:1.0 --epochs=1000
(cd "$scratch" && echo && echo '$ same export program -n challenger-o-rings:1.1' && node "$same" export program -n challenger-o-rings:1.1)
node "$same" run challenger-o-rings:1.1 --json --quiet > "$scratch/author.json"

export SAME_HOME="$scratch/reviewer"
same import "$scratch/challenger-o-rings:1.1.tgz"
same run program challenger-o-rings:1.1
node "$same" run challenger-o-rings:1.1 --json --quiet > "$scratch/reviewer.json"

echo
for what in digest metrics; do
  author=$($what < "$scratch/author.json") reviewer=$($what < "$scratch/reviewer.json")
  if [ "$author" != "$reviewer" ]; then
    echo "the $what differ: author $author, reviewer $reviewer" >&2
    exit 1
  fi
done
echo "author and reviewer ran the same program $(digest < "$scratch/reviewer.json") and got the same metrics"
