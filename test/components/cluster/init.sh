#!/bin/bash
# The first process of a cluster's own network, mount and process namespaces: with it ends everything that runs in them.
# Parts are stopped and started again by lines "stop PART" and "start PART" that are written into the pipe `control`.
# usage: init.sh KUBE STATE NODE ADDRESS CGROUP
set -u
kube=$1 state=$2 node=$3 address=$4 cgroup=$5
pki=$state/pki
cd "$state" || exit 1
declare -A running

# What the parts write at fixed places, and all that is stored, ends with the namespace.
mount --make-rshared /
for place in /run /var/lib/cni /var/lib/kubelet /var/log/containers "$state/volatile"; do
  mkdir -p "$place" && mount -t tmpfs -o mode=755 tmpfs "$place"
done
mkdir -p volatile/{etcd,containerd,kubelet,pods,volumes} /run/containerd
# Limits of the whole machine that the kubelet sets stay as they are outside.
for limit in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  own=/run/limit-${limit//[\/=]/-}
  echo "${limit##*=}" >"$own" && mount --bind "$own" "/proc/sys/${limit%%=*}"
done

ip link set lo up
ip link add node0 type bridge && ip addr add "$address/24" dev node0 && ip link set node0 up
ip route add default dev node0
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null

run() {
  name=$1
  shift
  "$@" >>"$state/log/$name.log" 2>&1 &
  running[$name]=$!
}

client() { echo "--kubeconfig=$state/$1.kubeconfig --authentication-kubeconfig=$state/$1.kubeconfig --authorization-kubeconfig=$state/$1.kubeconfig"; }

start() {
  [ -z "${running[$1]-}" ] || return 0
  # shellcheck disable=SC2046 -- words are meant to be split
  case $1 in
    etcd) run etcd "$kube" etcd --name node --data-dir volatile/etcd --unsafe-no-fsync --log-level warn \
      --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
      --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
      --initial-cluster node=http://127.0.0.1:2380 ;;
    containerd) run containerd containerd -c "$state/containerd.toml" ;;
    kube-apiserver) run kube-apiserver "$kube" kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
      --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$address" --service-cluster-ip-range=10.96.0.0/16 \
      --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
      --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" \
      --kubelet-client-key="$pki/apiserver-kubelet-client.key" --kubelet-certificate-authority="$pki/ca.crt" \
      --kubelet-preferred-address-types=InternalIP --service-account-key-file="$pki/service-accounts.pub" \
      --service-account-signing-key-file="$pki/service-accounts.key" \
      --service-account-issuer=https://kubernetes.default.svc.cluster.local --authorization-mode=Node,RBAC \
      --enable-admission-plugins=NodeRestriction --allow-privileged=true \
      --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
      --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
      --requestheader-username-headers=X-Remote-User --proxy-client-cert-file="$pki/front-proxy-client.crt" \
      --proxy-client-key-file="$pki/front-proxy-client.key" ;;
    kube-controller-manager) run kube-controller-manager "$kube" kube-controller-manager $(client kube-controller-manager) \
      --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
      --use-service-account-credentials --leader-elect=false --bind-address=127.0.0.1 --allocate-node-cidrs=false ;;
    kube-scheduler) run kube-scheduler "$kube" kube-scheduler $(client kube-scheduler) \
      --leader-elect=false --bind-address=127.0.0.1 ;;
    kubelet) run kubelet "$kube" kubelet --config="$state/kubelet.json" --kubeconfig="$state/kubelet.kubeconfig" \
      --hostname-override="$node" --node-ip="$address" --root-dir="$state/volatile/kubelet" \
      --cert-dir="$state/volatile/kubelet/pki" ;;
    kube-proxy) run kube-proxy "$kube" kube-proxy --config="$state/proxy.json" ;;
    *) echo "there is no part $1" ;;
  esac
}

stop() {
  [ -n "${running[$1]-}" ] || return 0
  kill -KILL "${running[$1]}"
  wait "${running[$1]}"
  unset "running[$1]"
}

# Processes outside reach the API by this socket, for the network of the namespace is nobody else's.
socat "UNIX-LISTEN:$state/api.sock,fork,unlink-early" TCP:127.0.0.1:6443,nodelay >log/api.sock.log 2>&1 &
start etcd
start containerd
start kube-apiserver
until "$kube" kubectl --kubeconfig inside.kubeconfig get --raw /readyz >/dev/null 2>&1; do sleep 0.2; done
for part in kube-controller-manager kube-scheduler kubelet kube-proxy; do start $part; done

# Open for writing too, so that it never ends.
exec 3<>control
while read -r verb part <&3; do
  case $verb in start | stop) "$verb" "$part" ;; esac
done
