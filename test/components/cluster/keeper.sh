#!/bin/sh
# Keeps a cluster for as long as its stdin is open: when those who started it close it, or end however they end, nothing of
# the cluster is left: no process, no control group, no mount, and not its directory.
# usage: keeper.sh KUBE STATE NODE ADDRESS CGROUP
set -u
here=$(cd "$(dirname "$0")" && pwd)
state=$2 cgroup=$5
trap '' INT TERM HUP

groups=/sys/fs/cgroup
if [ -f $groups/cgroup.controllers ]; then
  for controller in cpuset cpu io memory pids; do echo "+$controller" >$groups/cgroup.subtree_control 2>/dev/null; done
  own=$groups/$cgroup
else
  own=$groups/*/$cgroup
  for each in "$groups"/*/; do [ -h "${each%/}" ] || mkdir -p "$each$cgroup"; done
  for file in cpuset.cpus cpuset.mems; do cat "$groups/cpuset/$file" >"$groups/cpuset/$cgroup/$file"; done
  echo 1 >"$groups/cpuset/$cgroup/cgroup.clone_children"
fi

mkfifo "$state/control"
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
  bash "$here/init.sh" "$@" </dev/null >"$state/log/init.log" 2>&1 &
namespaces=$!
setpriv --pdeathsig KILL socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork,nodelay "UNIX-CONNECT:$state/api.sock" \
  </dev/null 2>"$state/log/port.log" &
port=$!

cat >/dev/null
kill -KILL $namespaces $port
wait
# The kernel takes its time to end a namespace, and a group is removed when nothing is left in it.
tries=0
# shellcheck disable=SC2086 -- one for each controller
while [ $tries -lt 100 ] && ls -d $own >/dev/null 2>&1; do
  find $own -depth -type d -exec rmdir {} \; 2>/dev/null
  tries=$((tries + 1))
  sleep 0.1
done
rm -rf "$state"
