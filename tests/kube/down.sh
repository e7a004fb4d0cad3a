#!/usr/bin/env bash
# Stops what up.sh started, and removes its namespaces, cgroups, mounts and files.
# usage: down.sh STATE_DIR
set -uo pipefail
state=$(cd "$1" 2> /dev/null && pwd) || exit 0
[ -e "$state/pids" ] || { echo "$state is no state of up.sh" >&2; exit 1; }
netns=toolgate-node

# The programs of up.sh by name, or all of them, with their process ids.
stop() { # signal, names as a pattern
  grep -E " ($2)$" "$state/pids" | while read -r pid _; do kill "-$1" "$pid" 2> /dev/null; done
}

cgroups() { find /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods -depth -type d 2> /dev/null; }

# Processes of pods. up.sh made sure that no other kubelet has pods here.
pods() { cgroups | while read -r group; do cat "$group/cgroup.procs"; done 2> /dev/null | sort -u; }

# containerd's shims outlive it; they are the ones in the node's network namespace.
shims() {
  ip netns pids $netns 2> /dev/null | while read -r pid; do
    [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = containerd-shim ] && echo "$pid"
  done
}

kill_all() { while read -r pid; do kill -KILL "$pid" 2> /dev/null; done; }

stop TERM 'kubelet|controller-manager|scheduler|proxy|dns'
sleep 1
pods | kill_all
shims | kill_all
stop TERM '.*'
sleep 2
stop KILL '.*'

for _ in 1 2 3; do # mounts upon mounts
  awk -v under="$state/" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -ru |
    while read -r mount; do umount --lazy "$mount" 2> /dev/null; done
done
ip netns list | awk '{print $1}' | grep -vxFf "$state/netns.before" | grep -E "^(cni-.*|$netns)$" |
  while read -r name; do ip netns del "$name"; done
cgroups | while read -r group; do rmdir "$group" 2> /dev/null; done
# What CNI remembers of each pod, by the ids beside the addresses it gave out.
head -qn 1 "$state"/cni-ipam/pods/10.* 2> /dev/null | tr -d '\r' |
  while read -r id; do rm -f /var/lib/cni/results/*-"$id"-*; done
find /var/log/containers -lname "$state/*" -delete 2> /dev/null
rm -rf "$state" && echo down
