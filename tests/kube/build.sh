#!/usr/bin/env bash
# Builds the programs of a one-node Kubernetes (control plane, kubelet, kube-proxy, containerd, CNI,
# CoreDNS) from Go modules. What is there already is kept.
# usage: build.sh BIN_DIR        needs go; some 12 minutes on 2 cores the first time
set -euo pipefail

KUBERNETES=1.36.3 # k8s.io/kubernetes; its staging modules have the same number after `0.`
ETCD=v3.6.5
CONTAINERD=v2.4.2
CNI=v1.9.1
COREDNS=v1.15.0

bin=$(mkdir -p "$1/cni" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOFLAGS=-mod=mod

missing() { for p in "$@"; do [ -x "$bin/$p" ] || echo "$p"; done; }

# A module of its own around programs that cannot be installed by `go install`.
wrap() { # name, import path…: leaves a module with these imports as the working directory
  mkdir "$work/$1" && cd "$work/$1"
  printf 'module wrap\ngo 1.26.0\n' > go.mod
  { printf '//go:build tools\npackage wrap\n'; printf 'import _ "%s"\n' "${@:2}"; } > tools.go
}

kubernetes() {
  local programs=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl)
  [ -n "$(missing "${programs[@]}")" ] || return 0
  wrap kubernetes "${programs[@]/#/k8s.io/kubernetes/cmd/}"
  # k8s.io/kubernetes replaces its staging modules by folders that its archive lacks: each is
  # replaced by the version published with it.
  local staging=v0.${KUBERNETES#1.} mod
  mod=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
  {
    echo "require k8s.io/kubernetes v$KUBERNETES"
    sed -n "s|^[[:space:]]*\(k8s.io/[a-z0-9.-]*\) => ./staging.*|replace \1 => \1 $staging|p" "$mod"
  } >> go.mod
  go mod tidy -e > tidy.log 2>&1 || { cat tidy.log >&2; return 1; }
  local v=k8s.io/component-base/version
  local flags="-X $v.gitVersion=v$KUBERNETES -X $v.gitMajor=1 -X $v.gitMinor=${KUBERNETES#1.}"
  for p in $(missing "${programs[@]}"); do
    echo "building $p"
    go build -ldflags "$flags" -o "$bin/$p" "k8s.io/kubernetes/cmd/$p"
  done
}

etcd() {
  [ -n "$(missing etcd)" ] || return 0
  echo "building etcd"
  wrap etcd go.etcd.io/etcd/server/v3
  echo "require go.etcd.io/etcd/server/v3 $ETCD" >> go.mod
  go mod tidy > tidy.log 2>&1 || { cat tidy.log >&2; return 1; }
  go build -o "$bin/etcd" go.etcd.io/etcd/server/v3
}

# The program that holds a pod's namespaces.
pause() {
  [ -n "$(missing pause)" ] || return 0
  mkdir "$work/pause" && cd "$work/pause"
  printf 'module pause\ngo 1.26.0\n' > go.mod
  cat > main.go <<'GO'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
}
GO
  CGO_ENABLED=0 go build -ldflags '-s -w' -o "$bin/pause" .
}

others() {
  cd "$work"
  local p
  for p in $(missing containerd containerd-shim-runc-v2 ctr); do
    echo "building $p"
    GOBIN=$bin go install "github.com/containerd/containerd/v2/cmd/$p@$CONTAINERD"
  done
  for p in main/bridge main/loopback ipam/host-local meta/portmap; do
    [ -z "$(missing "cni/${p#*/}")" ] && continue
    echo "building cni/${p#*/}"
    GOBIN=$bin/cni go install "github.com/containernetworking/plugins/plugins/$p@$CNI"
  done
  if [ -n "$(missing coredns)" ]; then
    echo "building coredns"
    GOBIN=$bin go install "github.com/coredns/coredns@$COREDNS"
  fi
}

pause
kubernetes
etcd
others
