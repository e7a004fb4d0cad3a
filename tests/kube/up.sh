#!/usr/bin/env bash
# Starts a one-node Kubernetes in a network namespace of its own, out of what build.sh built.
# usage: up.sh BIN_DIR STATE_DIR      as root; needs runc iptables conntrack iproute2 openssl python3
#
# Afterwards KUBECONFIG is STATE_DIR/admin.conf, and whatever talks to the cluster runs as
# `nsenter --net=/run/netns/toolgate-node …` (not `ip netns exec`: that remounts /sys and hides the
# cgroups). Logs are in STATE_DIR/log. Pods are 10.244.0.0/24, services 10.96.0.0/16, DNS 10.96.0.10.
# There is no storage class, and NetworkPolicies are accepted but not enforced.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$1" && pwd)
state=$(mkdir -p "$2" && cd "$2" && pwd)
netns=toolgate-node
node_ip=192.168.77.1
dns_ip=10.96.0.10

refuse() { echo "$*" >&2; exit 1; }
[ ! -e "$state/pids" ] || refuse "already up: run down.sh $state first"
[ "$(id -u)" = 0 ] || refuse "needs root"
for program in runc iptables conntrack ip openssl python3; do
  command -v $program > /dev/null || refuse "needs $program: apt-get install runc iptables conntrack iproute2 openssl python3"
done
! compgen -G '/sys/fs/cgroup/kubepods*' > /dev/null && ! compgen -G '/sys/fs/cgroup/*/kubepods' > /dev/null ||
  refuse "another kubelet has its pods on this machine"

export PATH=$bin:$PATH
mkdir -p "$state"/{log,pki,cni,containerd,kubelet}
: > "$state/pids"
ip netns list | awk '{print $1}' > "$state/netns.before"

in_ns() { nsenter --net=/run/netns/$netns "$@"; }

spawn() { # name, command…
  local name=$1
  shift
  # No function here: $! must be the program itself.
  nsenter --net=/run/netns/$netns setsid "$@" > "$state/log/$name.log" 2>&1 < /dev/null &
  echo "$! $name" >> "$state/pids"
}

until_ok() { # seconds, what, command…
  local seconds=$1 what=$2
  shift 2
  for _ in $(seq "$seconds"); do
    "$@" > /dev/null 2>&1 && return 0
    sleep 1
  done
  refuse "no $what after $seconds s; see $state/log"
}

network() {
  ip netns add $netns
  in_ns ip link set lo up
  in_ns ip link add node0 type bridge
  in_ns ip addr add $node_ip/24 dev node0
  in_ns ip addr add $dns_ip/32 dev node0
  in_ns ip link set node0 up
  in_ns ip route add default via 192.168.77.254 dev node0
  in_ns sysctl -qw net.ipv4.ip_forward=1
  echo "nameserver $dns_ip" > "$state/resolv.conf"
}

key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

issue() { # name, subject, subject alternative names
  openssl req "${key[@]}" -subj "$2" -keyout "$1.key" -out "$1.csr" 2> /dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth' "$3") 2> /dev/null
}

kubeconfig() { # file, name of the certificate
  local k=(kubectl --kubeconfig "$state/$1" config)
  "${k[@]}" set-cluster c --server=https://$node_ip:6443 --certificate-authority=ca.crt --embed-certs
  "${k[@]}" set-credentials u --client-certificate="$2.crt" --client-key="$2.key" --embed-certs
  "${k[@]}" set-context c --cluster=c --user=u
  "${k[@]}" use-context c
}

keys() {
  cd "$state/pki"
  openssl req -x509 "${key[@]}" -days 30 -subj /CN=kube-ca -keyout ca.key -out ca.crt 2> /dev/null
  issue apiserver /CN=kube-apiserver "DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$node_ip"
  issue admin /O=system:masters/CN=admin DNS:admin
  issue node /O=system:nodes/CN=system:node:node1 "DNS:node1,IP:$node_ip"
  openssl ecparam -name prime256v1 -genkey -noout -out sa.key
  openssl ec -in sa.key -pubout -out sa.pub 2> /dev/null
  kubeconfig admin.conf admin > /dev/null
  kubeconfig node.conf node > /dev/null
  cd - > /dev/null
}

control_plane() {
  local pki=$state/pki
  spawn etcd etcd --data-dir "$state/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  spawn apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address=$node_ip --bind-address=0.0.0.0 --service-cluster-ip-range=10.96.0.0/16 \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --service-account-issuer=https://kubernetes.default.svc \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged
  until_ok 180 "API server" in_ns kubectl get --raw /readyz
  spawn controller-manager kube-controller-manager --kubeconfig="$KUBECONFIG" --leader-elect=false \
    --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" --use-service-account-credentials
  spawn scheduler kube-scheduler --kubeconfig="$KUBECONFIG" --leader-elect=false
}

container_runtime() {
  cat > "$state/cni/10-bridge.conflist" << JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$state/cni-ipam",
            "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
  # oom_score_adj cannot be lowered on every machine.
  cat > "$state/containerd.toml" << TOML
version = 3
root = "$state/containerd/root"
state = "$state/containerd/state"
[grpc]
  address = "$state/containerd/containerd.sock"
[ttrpc]
  address = "$state/containerd/containerd.sock.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["$bin/cni"]
  conf_dir = "$state/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
TOML
  spawn containerd containerd --config "$state/containerd.toml"
  ctr_node() { in_ns ctr --address "$state/containerd/containerd.sock" --namespace k8s.io "$@"; }
  until_ok 120 containerd ctr_node version
  "$here/image.py" "$state/pause.tar" localhost/pause:1 "$bin/pause"
  ctr_node images import "$state/pause.tar" > /dev/null
}

node() {
  # cgroup v1 will do. With the default period (1 min) a changed ConfigMap takes longer to arrive.
  cat > "$state/kubelet.yaml" << YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $state/pki/node.crt
tlsPrivateKeyFile: $state/pki/node.key
cgroupDriver: cgroupfs
cgroupRoot: /
failCgroupV1: false
failSwapOn: false
clusterDNS: [$dns_ip]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://$state/containerd/containerd.sock
podLogsDir: $state/log/pods
resolvConf: $state/resolv.conf
syncFrequency: 10s
evictionHard: {memory.available: 100Mi, nodefs.available: 200Mi, imagefs.available: 200Mi}
YAML
  spawn kubelet kubelet --config "$state/kubelet.yaml" --kubeconfig "$state/node.conf" \
    --hostname-override node1 --node-ip $node_ip --root-dir "$state/kubelet"
  spawn proxy kube-proxy --kubeconfig="$KUBECONFIG" --hostname-override node1 --proxy-mode=iptables \
    --cluster-cidr=10.244.0.0/24 --conntrack-max-per-core=0 \
    --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
  cat > "$state/Corefile" << COREFILE
.:53 {
  bind $dns_ip
  kubernetes cluster.local {
    kubeconfig $state/admin.conf c
  }
}
COREFILE
  spawn dns coredns -conf "$state/Corefile"
  until_ok 240 "ready node" in_ns kubectl wait --for=condition=Ready node/node1 --timeout=1s
  until_ok 120 "default service account" in_ns kubectl -n default get serviceaccount default
}

export KUBECONFIG=$state/admin.conf
network
keys
control_plane
container_runtime
node
echo "up: KUBECONFIG=$KUBECONFIG nsenter --net=/run/netns/$netns kubectl get pods -A"
