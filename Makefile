# CI's vocabulary: `make ci` is what CI runs, and each part can be run by itself.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
CARGO ?= cargo
TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/bin:$(TOOLS)/node_modules/.bin:$(PATH)

OPA_VERSION := v1.22.0
GRPCURL_VERSION := v1.9.4
BUF_VERSION := 1.75.0
CARGO_DENY_VERSION := 0.20.2
MCP_EVERYTHING_VERSION := 2026.7.4
FUZZ_SECONDS ?= 20

.PHONY: build test lint fmt-check deny proto-lint rego-check demo bench fuzz tools ci golden

build:
	$(CARGO) build --release --locked

# The README's test command.
test:
	$(CARGO) test --locked

lint:
	$(CARGO) clippy --all-targets --locked -- -D warnings

fmt-check:
	$(CARGO) fmt --check

deny:
	cargo-deny --locked check bans licenses sources

proto-lint:
	buf lint
	buf format --diff --exit-code proto/toolgate

rego-check:
	opa fmt --list --fail rego bundles
	opa check --strict --bundle rego bundles/demo
	opa test --bundle rego bundles/demo --threshold 100 > /dev/null
	opa test --bundle rego bundles/demo
	$(CARGO) run --locked --quiet -- check bundles/demo
	$(CARGO) run --locked --quiet -- test bundles/demo

demo:
	$(CARGO) run --release --locked -- demo

bench:
	benches/run

# Each fuzz target for FUZZ_SECONDS; needs a nightly toolchain and cargo-fuzz.
fuzz:
	fuzz/run $(FUZZ_SECONDS)

# Rewrites the expectations of the golden cases; read the diff.
golden:
	TOOLGATE_BLESS=1 $(CARGO) test --locked --test main decide

# Test programs, into target/tools: nothing outside this directory is touched.
tools: $(TOOLS)/bin/opa $(TOOLS)/bin/grpcurl $(TOOLS)/bin/cargo-deny $(TOOLS)/node_modules/.bin/buf $(TOOLS)/venv/bin/python

$(TOOLS)/bin/opa:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install github.com/open-policy-agent/opa@$(OPA_VERSION)

$(TOOLS)/bin/grpcurl:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install github.com/fullstorydev/grpcurl/cmd/grpcurl@$(GRPCURL_VERSION)

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --quiet --locked --root $(TOOLS) --target-dir target/tools/build cargo-deny@$(CARGO_DENY_VERSION)

$(TOOLS)/node_modules/.bin/buf:
	npm install --silent --no-fund --no-audit --prefix $(TOOLS) @bufbuild/buf@$(BUF_VERSION) @modelcontextprotocol/server-everything

$(TOOLS)/venv/bin/python:
	python3 -m venv $(TOOLS)/venv
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check grpcio grpcio-tools mcp

ci: fmt-check lint deny proto-lint rego-check test
