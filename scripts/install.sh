#!/bin/sh
# Installs what the npm scripts need: the packages of package-lock.json, with --test the Debian packages and the tools
# that the test suites use, and with --cluster those of the real cluster. Does nothing where all is there.
set -eu
cd "$(dirname "$0")/.."

if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed-lock
fi

# command (or file) : package : suites that need it
of_tests='
nginx:nginx-light:git over https
fcgiwrap:fcgiwrap:git over https
git:git:git sources
openssl:openssl:git over https
Rscript:r-base-core:the Longley study
python3:python3:python environments
patch:patch:upstream sources
jq:jq:bundles read by hand
busybox:busybox:the shim of remote engines
dash:dash:the shim of remote engines
unshare:util-linux:homes on full and read-only disks
docker-registry:docker-registry:bundles in a registry
skopeo:skopeo:bundles in a registry
zstd:zstd:bundles packed by others
pigz:pigz:bundles packed by others
strace:strace:files that steps read
podman:podman:steps in containers
runc:runc:steps in containers
catatonit:catatonit:steps in containers
/usr/lib/postgresql/*/bin/initdb:postgresql:runs told to PostgreSQL
'
of_cluster='
containerd:containerd:containers of the cluster
runc:runc:containers of the cluster
/usr/lib/cni/bridge:containernetworking-plugins:the network of the cluster
nft:nftables:services of the cluster
ip:iproute2:the network of the cluster
socat:socat:the way into the cluster
openssl:openssl:certificates of the cluster
sysctl:procps:the network of the cluster
setpriv:util-linux:namespaces of the cluster
busybox:busybox:images of the cluster
python3:python3:images of the cluster
'
# script : what it brings : suites that need it
tools_of_tests="oras.sh:oras:bundles~copied~by~oras
  mlflow.sh:a~client~of~MLflow:what~programs~log~by~it
  mlflow.sh~--server:MLflow's~tracking~server:runs~told~to~it
  kubeflow.sh:the~SDK~of~Kubeflow:pipelines~that~it~runs
  go-tools.sh:crane,~regctl~and~registries:bundles~in~other~registries"
tools_of_cluster=cluster.sh:Kubernetes:the~cluster

case "${1-}" in
  --test) needs=$of_tests tools=$tools_of_tests ;;
  --cluster) needs=$of_cluster tools=$tools_of_cluster ;;
  *) exit 0 ;;
esac

missing='' suites=''
for line in $(printf %s "$needs" | tr ' ' '~'); do
  command=${line%%:*} rest=${line#*:}
  # shellcheck disable=SC2086 -- the directory of a file may be of any version
  PATH="$PATH:/usr/sbin:/sbin" command -v $command >/dev/null 2>&1 && continue
  missing="$missing ${rest%%:*}" suites="$suites
  $(printf %s "${rest#*:}" | tr '~' ' ') (needs $command)"
done
if [ -z "$missing" ]; then
  :
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  for command in 'update' "install -y --no-install-recommends $missing"; do
    # shellcheck disable=SC2086 -- words are meant to be split
    apt-get -o DPkg::Lock::Timeout=600 $command >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  done
elif [ -n "${CI-}" ]; then
  echo "these packages are missing and cannot be installed here:$missing" >&2
  exit 1
else
  echo "left out, because this user cannot install Debian packages:$suites" >&2
fi

if [ "$1" = --cluster ] && ! sh scripts/cluster.sh >/dev/null; then
  echo 'building Kubernetes from its Go modules: some ten minutes of two cores, once' >&2
fi
for line in $tools; do
  script=$(printf %s "${line%%:*}" | tr '~' ' ') rest=$(printf %s "${line#*:}" | tr '~' ' ')
  # shellcheck disable=SC2086 -- a script and its words
  if why=$(sh scripts/$script --install 2>&1); then
    :
  elif [ -n "${CI-}" ]; then
    echo "missing, and cannot be brought here: ${rest%%:*}: $why" >&2
    exit 1
  else
    echo "left out, because ${rest%%:*} cannot be brought here: ${rest#*:} ($why)" >&2
  fi
done
