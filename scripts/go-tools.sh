#!/bin/sh
# Prints the directory of the tools that the tests have built from Go modules: crane, regctl and registries, a server
# (test/components/go-tools); with --install builds them where they are not. Versions and hashes of all that goes into
# them stand in that module, and what was built from another text of it is another directory.
set -eu
module=$(cd "$(dirname "$0")/../test/components/go-tools" && pwd)

name=go-tools program=registries
texts() { cat "$module/go.mod" "$module/go.sum" "$module/main.go"; }
. "$(dirname "$0")/go-build.sh"
# Building needs no C compiler.
(cd "$module" && CGO_ENABLED=0 go build -mod=readonly -o "$work/" . tool) >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for tool in crane regctl registries; do
  [ -x "$work/$tool" ] || { echo "building made no $tool" >&2; exit 1; }
done
keep
