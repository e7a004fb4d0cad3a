#!/usr/bin/env bash
# Installs helm/toolgate in a real one-node Kubernetes and uses it: decisions over the Service, a
# policy changed by its ConfigMap, a rolling restart under load, the logs afterwards. Takes the node
# down at the end, also after a failure; then STATE_DIR.log keeps the components' logs.
# usage: test.sh BIN_DIR STATE_DIR TOOLGATE
#        BIN_DIR from build.sh; TOOLGATE a static program; helm, grpcurl and a python3 with grpcio-tools
#        on the PATH; root. Writes what it measured to BIN_DIR/../result.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=$(cd "$1" && pwd)
state=$(mkdir -p "$2" && cd "$2" && pwd)
toolgate=$(cd "$(dirname "$3")" && pwd)/$(basename "$3")
result=$bin/../result.txt
export KUBECONFIG=$state/admin.conf

ROLLOUT_SECONDS_MAX=180
POLICY_SECONDS_MAX=180
RESTARTS=3
ns=pdp
name=tg-toolgate
service=$name.$ns.svc.cluster.local

fail() { echo "FAIL $*" >&2; exit 1; }
note() { printf '%-48s %s\n' "$1" "$2" | tee -a "$result"; }
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f s", b - a}'; }

in_ns() { nsenter --net=/run/netns/toolgate-node "$@"; }
# As a pod would: with the cluster's DNS too.
in_cluster() {
  in_ns unshare --mount bash -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$state/resolv.conf" "$@"
}
kube() { in_ns "$bin/kubectl" --namespace $ns "$@"; }
helm_() { in_ns helm --namespace $ns "$@"; }

cleanup() {
  local status=$?
  trap - EXIT
  if [ $status != 0 ] && [ -s "$state/pids" ]; then
    kube get pods,events 2>&1 | tail -40 || true
    kube logs --selector app.kubernetes.io/instance=tg --tail=20 --prefix 2>&1 || true
    rm -rf "$state.log" && cp -r "$state/log" "$state.log" && echo "logs: $state.log" >&2
  fi
  rm -f "$state/loading"
  "$here/down.sh" "$state" || status=1
  exit $status
}

# --- keys: an authority, the PDP, a caller, and one whom nobody knows
issue() { # name, subject alternative names
  mkdir -p "$state/tls/$1"
  cp "$state/tls/ca.crt" "$state/tls/$1/ca.crt"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
    -keyout "$state/tls/$1/tls.key" -out "$state/tls/$1/csr" 2> /dev/null
  openssl x509 -req -in "$state/tls/$1/csr" -CA "$state/tls/ca.crt" -CAkey "$state/tls/ca.key" -CAcreateserial \
    -days 2 -out "$state/tls/$1/tls.crt" -extfile <(echo "subjectAltName=$2") 2> /dev/null
  rm "$state/tls/$1/csr"
}

keys() {
  mkdir -p "$state/tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca \
    -keyout "$state/tls/ca.key" -out "$state/tls/ca.crt" 2> /dev/null
  issue pdp "DNS:$name,DNS:$name.$ns.svc,DNS:$service,DNS:*.$name-replicas.$ns.svc.cluster.local"
  issue load URI:spiffe://test.example/shim/load
  issue stranger URI:spiffe://test.example/nobody
}

# A class of claims, and two volumes.
volumes() {
  mkdir -p "$state/claims/0" "$state/claims/1"
  cat << YAML
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
YAML
  local i
  for i in 0 1; do
    cat << YAML
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: log-$i}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: local
  local: {path: $state/claims/$i}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]
YAML
  done
}

secret() { # name, folder
  kube create secret generic "$1" --from-file="$state/tls/$2/tls.crt" --from-file="$state/tls/$2/tls.key" --from-file="$state/tls/$2/ca.crt"
}

install() {
  in_ns "$bin/kubectl" create namespace $ns
  in_ns "$bin/kubectl" label namespace $ns pod-security.kubernetes.io/enforce=restricted
  volumes | in_ns "$bin/kubectl" apply -f -
  secret pdp-tls pdp
  secret test-client load
  helm_ install tg "$root/helm/toolgate" --values "$here/install.yaml" \
    --set-file "bundle.files.notes\.rego=$root/examples/notes/notes.rego" --wait --timeout ${ROLLOUT_SECONDS_MAX}s
}

# --- decisions
ask() { # identity, host, tool, text: the answer as JSON
  local params
  params=$(printf '{"name":"%s","arguments":{"text":"%s"}}' "$3" "$4" | base64 -w 0)
  in_cluster grpcurl -max-time 5 -cacert "$state/tls/ca.crt" -cert "$state/tls/$1/tls.crt" -key "$state/tls/$1/tls.key" \
    -d '{"phase":"PHASE_CALL","asserted":{"id":"agent_7"},"mcp":{"server":"notes","method":"tools/call","name":"'"$3"'"},"paramsJson":"'"$params"'"}' \
    "$2:7411" toolgate.v1.DecisionService/Decide
}

field() { python3 -c 'import json,sys; a=json.load(sys.stdin); print(a["effect"], *(r["code"] for r in a.get("reasons", [])))'; }

expect() { # what is expected, and the arguments of ask
  local found
  found=$(ask "${@:2}" | field)
  [ "$found" = "$1" ] || fail "${*:2}: $found instead of $1"
}

policy() { # the text of notes.rego: edits the ConfigMap
  kube create configmap $name-bundle --dry-run=client --output json --from-literal=notes.rego="$1" |
    python3 -c 'import json,sys; print(json.dumps({"data": json.load(sys.stdin)["data"]}))' > "$state/patch.json"
  kube patch configmap $name-bundle --patch-file "$state/patch.json" > /dev/null
}

until_decided() { # effect and reason, text of the note: on both replicas, with the time it took
  local started=$EPOCHREALTIME replica
  for replica in 0 1; do
    until [ "$(ask load $name-$replica.$name-replicas.$ns.svc.cluster.local add_note "$2" | field)" = "$1" ]; do
      [ $((${EPOCHREALTIME%.*} - ${started%.*})) -lt $POLICY_SECONDS_MAX ] || fail "replica $replica does not decide $1"
      sleep 0.2
    done
  done
  seconds_since "$started"
}

metric() { # replica, name: the sum of its samples
  local address
  address=$(kube get pod "$name-$1" --output 'jsonpath={.status.podIP}')
  in_ns curl -sS --max-time 5 "http://$address:7412/metrics" | awk -v name="$2" 'index($1, name) == 1 {sum += $2} END {print sum + 0}'
}

change_policy() {
  local good="$1" shorter started took
  shorter=${good//500/12}
  expect "EFFECT_ALLOW notes.add" load $service add_note "sixteen letters."
  policy "$shorter"
  took=$(until_decided "EFFECT_DENY notes.length" "sixteen letters.")
  note "edit of the ConfigMap until both decide by it" "$took"

  policy "$shorter allow contains"
  started=$EPOCHREALTIME
  until [ "$(metric 0 toolgate_policy_refusals_total)" -gt 0 ] && [ "$(metric 1 toolgate_policy_refusals_total)" -gt 0 ]; do
    [ $((${EPOCHREALTIME%.*} - ${started%.*})) -lt $POLICY_SECONDS_MAX ] || fail "a broken policy is not refused"
    sleep 0.2
  done
  expect "EFFECT_DENY notes.length" load $service add_note "sixteen letters."
  note "broken policy refused by both, old one decides" "$(seconds_since "$started")"

  policy "$good"
  took=$(until_decided "EFFECT_ALLOW notes.add" "sixteen letters.")
  note "mended policy in force on both" "$took"
}

# --- load: grpcio over many connections, and toolgate's own client over one
start_load() {
  : > "$state/loading"
  (while [ -e "$state/loading" ]; do sleep 0.1; done) |
    in_cluster env PYTHONPATH="$state/stubs" python3 "$here/load.py" $service:7411 "$state/tls/load" > "$state/load.json" &
  load=$!
}

start_lines() {
  (while [ -e "$state/loading" ]; do cat "$state/input.json"; sleep 0.02; done) |
    in_cluster "$toolgate" decide --lines --output json --pdp https://$service:7411 --ca "$state/tls/ca.crt" \
      --cert "$state/tls/load/tls.crt" --key "$state/tls/load/tls.key" - > "$state/lines.json" 2> "$state/lines.err" &
  lines=$!
}

# Keys of load.py's report; of counts by kind the sum.
of_load() {
  python3 - "$state/load.json" "$@" << 'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
values = (report[key] for key in sys.argv[2:])
print(*(sum(value.values()) if isinstance(value, dict) else value for value in values))
PYTHON
}

restart_under_load() { # label
  local started=$EPOCHREALTIME verdicts answered i
  start_load
  start_lines
  for ((i = 0; i < RESTARTS; i++)); do
    kube rollout restart statefulset/$name > /dev/null
    kube rollout status statefulset/$name --timeout ${ROLLOUT_SECONDS_MAX}s > /dev/null
  done
  rm "$state/loading"
  wait $load || fail "load.py"
  wait $lines || { cat "$state/lines.err"; fail "decide --lines ended early"; }
  cat "$state/load.json"
  verdicts=$(of_load verdicts)
  answered=$(grep -c '"effect":"allow"' "$state/lines.json")
  [ "$answered" = "$(wc -l < "$state/lines.json")" ] || fail "$1: verdicts of decide --lines that are no allow"
  [ "$(of_load failed wrong)" = "0 0" ] || fail "$1: failed or wrong decisions"
  [ "$(grep -o "$ns/$name-." "$state/load.json" | sort -u | wc -l)" = 2 ] || fail "$1: only one replica was asked"
  decided=$((decided + verdicts + answered))
  note "$1: $RESTARTS rolling restarts" "$(seconds_since "$started")"
  note "$1: verdicts, failed" "$((verdicts + answered)), 0"
  note "$1: p50, p99, slowest in ms" "$(of_load p50_ms p99_ms slowest_ms)"
}

# The highest resident size of all programs in pods that are toolgate.
memory() {
  find /sys/fs/cgroup -path '*/kubepods/*' -name cgroup.procs -exec cat {} + 2> /dev/null | sort -u |
    while read -r pid; do
      [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = toolgate ] && awk '/^VmHWM/ {print $2 / 1024}' "/proc/$pid/status"
    done | sort -n | tail -1
}

# That failures are counted where there are some, and that the logs survive it.
kill_under_load() {
  start_load
  kube delete pod $name-0 $name-1 --grace-period=0 --force 2> /dev/null
  kube rollout status statefulset/$name --timeout ${ROLLOUT_SECONDS_MAX}s > /dev/null
  rm "$state/loading"
  wait $load || fail "load.py"
  cat "$state/load.json"
  [ "$(of_load failed)" -gt 0 ] || fail "both replicas were killed, and no call has failed"
  note "both replicas killed: verdicts, failed" "$(of_load verdicts failed)"
}

# --- the logs, when nobody writes any more
verify_logs() {
  local i records=0 decisions
  helm_ uninstall tg --wait
  kube wait --for=delete pod --selector app.kubernetes.io/component=pdp --timeout 60s
  [ "$(kube get persistentvolumeclaims --output name | wc -l)" = 2 ] || fail "claims did not stay"
  for i in 0 1; do
    "$toolgate" --output json audit verify "$state/claims/$i/audit" > "$state/verified.json" || fail "log $i does not verify"
    decisions=$(python3 -c 'import json,sys; a=json.load(sys.stdin); print(a["by_type"]["decision"])' < "$state/verified.json")
    note "log $i verified, decisions in it" "$decisions"
    records=$((records + decisions))
  done
  [ "$records" -ge "$decided" ] || fail "$decided verdicts in rolling restarts, but $records decisions recorded"
  note "decisions recorded, of them in restarts" "$records, $decided"
}

for program in helm grpcurl curl openssl nsenter unshare; do
  command -v $program > /dev/null || fail "needs $program"
done
python3 -c 'import grpc_tools.protoc' || fail "needs a python3 with grpcio-tools"
[ ! -e "$state/pids" ] || fail "a node is up: run $here/down.sh $state first"
: > "$result"
decided=0
note "date" "$(date -u +%F)"
trap cleanup EXIT
started=$EPOCHREALTIME
"$here/up.sh" "$bin" "$state"
note "node up in" "$(seconds_since "$started")"
note "Kubernetes" "$(kube version --output json | python3 -c 'import json,sys; print(json.load(sys.stdin)["serverVersion"]["gitVersion"])')"
note "containerd, runc" "$("$bin/containerd" --version | awk '{print $3}' | cut -d + -f 1), $(runc --version | awk 'NR == 1 {print $3}')"
note "helm, kernel" "$(helm version --short), $(uname -r)"
note "toolgate" "$("$toolgate" --version)"
note "program, in MiB" "$(stat --format %s "$toolgate" | awk '{printf "%.1f", $1 / 1048576}')"

keys
mkdir -p "$state/stubs"
python3 -m grpc_tools.protoc -I "$root/proto" --python_out="$state/stubs" --grpc_python_out="$state/stubs" "$root"/proto/toolgate/v1/*.proto
"$here/image.py" "$state/toolgate.tar" localhost/toolgate:test "$toolgate"
in_ns "$bin/ctr" --address "$state/containerd/containerd.sock" --namespace k8s.io images import "$state/toolgate.tar"

started=$EPOCHREALTIME
install
note "installed and ready in" "$(seconds_since "$started")"
helm_ test tg --timeout 120s
note "helm test" "passed"
kube get configmap $name-bundle --output json > "$state/bundle.json"
good=$(python3 -c 'import json,sys; print(json.load(sys.stdin)["data"]["notes.rego"])' < "$state/bundle.json")

expect "EFFECT_ALLOW notes.add" load $service add_note short
expect "EFFECT_ALLOW zone" load $service zone short
expect "EFFECT_DENY no_matching_allow" load $service drop_notes short
expect "EFFECT_DENY unauthenticated" stranger $service add_note short
note "decided over the Service by grpcurl" "granted, denied, unauthenticated"
kube exec $name-0 -- /toolgate audit verify /var/lib/toolgate/audit > /dev/null
[ "$(kube get --raw "/api/v1/namespaces/$ns/pods/$name-0:7412/proxy/livez")" = ok ] || fail livez

change_policy "$good"

helm_ get values tg --output json | python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)["test"]["input"]))' > "$state/input.json"
restart_under_load "one replica a client"
# Helm does not undo an edit of the policies unless it is told to.
helm_ upgrade tg "$root/helm/toolgate" --reuse-values > /dev/null 2>&1 && fail "helm upgrade undid an edit"
helm_ upgrade tg "$root/helm/toolgate" --reuse-values --set service.sessionAffinity=None \
  --force-conflicts --wait --timeout ${ROLLOUT_SECONDS_MAX}s
restart_under_load "any replica"
note "most memory of a replica so far, in MiB" "$(memory)"
kill_under_load
verify_logs
echo "all of it held:"
cat "$result"
