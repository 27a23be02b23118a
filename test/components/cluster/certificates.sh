#!/bin/sh
# Makes what the parts of a cluster know one another by, in a directory: authorities, certificates, the key of service
# accounts, and for each client a kubeconfig that leads to SERVER.
# usage: certificates.sh DIRECTORY NODE ADDRESS
set -eu
directory=$1 node=$2 address=$3
mkdir -p "$directory"
cd "$directory"
curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'

authority() {
  # shellcheck disable=SC2086 -- options are meant to be split
  openssl req -x509 $curve -days 30 -subj "/CN=$2" -keyout "$1.key" -out "$1.crt" \
    -addext keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign 2>log
}

# certificate NAME AUTHORITY SUBJECT USE [NAMES]
certificate() {
  # shellcheck disable=SC2086
  openssl req $curve -subj "$3" -keyout "$1.key" -out "$1.csr" 2>log
  printf 'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=%s\n%s\n' "$4" "${5:+subjectAltName=$5}" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 30 -out "$1.crt" -extfile "$1.ext" 2>log
  rm "$1.csr" "$1.ext"
}

trap 'cat log >&2 2>/dev/null' EXIT
authority ca 'same test cluster'
authority front-proxy-ca 'same test front proxy'
openssl genrsa -out service-accounts.key 2048 2>log
openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>log
hosts=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
certificate apiserver ca /CN=kube-apiserver serverAuth "$hosts,IP:127.0.0.1,IP:10.96.0.1,IP:$address"
certificate apiserver-kubelet-client ca /O=system:masters/CN=apiserver-kubelet-client clientAuth
certificate kubelet-server ca "/O=system:nodes/CN=system:node:$node" serverAuth "DNS:$node,IP:$address,IP:127.0.0.1"
certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
certificate admin ca /O=system:masters/CN=admin clientAuth
certificate kubelet ca "/O=system:nodes/CN=system:node:$node" clientAuth
for part in kube-controller-manager kube-scheduler kube-proxy; do certificate $part ca /CN=system:$part clientAuth; done
trap - EXIT
rm log
