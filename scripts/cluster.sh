#!/bin/sh
# Prints the directory of what the tests' cluster is made of: kube, all of Kubernetes as one program, and the resource
# definitions of other engines below definitions/; with --install builds and brings them where they are not, from Go
# modules. Versions and hashes stand in test/components/cluster, and what was made from another text is another directory.
set -eu
parts=$(cd "$(dirname "$0")/../test/components/cluster" && pwd)
version=v$(sed -n 's/^\tk8s.io\/kubernetes v//p' "$parts/kube/go.mod")

name=cluster program=kube
texts() { cat "$parts/kube/go.mod" "$parts/kube/go.sum" "$parts/kube/main.go" "$parts/definitions.txt"; }
. "$(dirname "$0")/go-build.sh"

while read -r engine module sum from; do
  go mod download -json "$module" >"$work/module" 2>"$work/log" || { cat "$work/module" "$work/log" >&2; exit 1; }
  field() { sed -n "s/^\t\"$1\": \"\(.*\)\",*\$/\1/p" "$work/module"; }
  [ "$(field Sum)" = "$sum" ] || { echo "$module is not what it was: $(field Sum) instead of $sum" >&2; exit 1; }
  mkdir -p "$work/definitions/$engine"
  grep -l '^kind: CustomResourceDefinition' "$(field Dir)/$from"/*.yaml | while read -r file; do
    cp "$file" "$work/definitions/$engine/"
  done
  chmod -R u+w "$work/definitions"
done <"$parts/definitions.txt"

stamp=k8s.io/component-base/version
(cd "$parts/kube" && go build -trimpath -tags providerless -o "$work/kube" -ldflags "-s -w -X $stamp.gitVersion=$version \
-X $stamp.gitMajor=1 -X $stamp.gitMinor=$(echo "$version" | cut -d . -f 2) -X $stamp.gitTreeState=clean" .) \
  >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
rm "$work/module"
keep
