# CI's vocabulary: `make ci` is what CI runs, and each part can be run by itself.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
CARGO ?= cargo
TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/bin:$(TOOLS)/node_modules/.bin:$(PATH)

OPA_VERSION := v1.22.0
GRPCURL_VERSION := v1.9.4
VERSITYGW_VERSION := v1.8.0
BUF_VERSION := 1.75.0
CARGO_DENY_VERSION := 0.20.2
HELM_VERSION := v4.3.1
# What the chart is checked against, and what tests/kube/build.sh builds.
KUBERNETES_VERSION := v1.36.3
MCP_EVERYTHING_VERSION := 2026.8.31
PYTHON_GRPC_VERSION := 1.85.1
PYTHON_MCP_VERSION := 2.3.0
PYTHON_JSONSCHEMA_VERSION := 4.26.0
PYTHON_ARROW_VERSION := 26.0.1
PYTHON_CRYPTOGRAPHY_VERSION := 50.0.2
TESSERA_VERSION := v1.0.4
CARGO_MUTANTS_VERSION := 27.1.0
NODE_GRPC_VERSION := 1.14.7
NODE_PROTO_LOADER_VERSION := 0.8.1
NODE_TYPES_VERSION := 20.19.43
TYPESCRIPT_VERSION := 7.0.2
PROTOC_GEN_GO_VERSION := v1.36.12
PROTOC_GEN_GO_GRPC_VERSION := v1.6.2
FUZZ_SECONDS ?= 20
SOAK_DAY_SECONDS ?= 60
SOAK_FLOOD_SECONDS ?= 30
CRASH_POWER_FAILURES ?= 1000
CRASH_KILLS ?= 200
TAMPER_RECORDS ?= 10000
TAMPER_MUTATIONS ?= 50000
MUTANTS ?= src/audit/verify.rs src/audit/verify/** src/tlog.rs src/tlog/**

.PHONY: help build test lint fmt-check deny proto-lint rego-check demo bench bench-audit soak fuzz golden clients helm-check kube-test tools test-tools ci secret-rules tamper mutants crash

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## Builds the release program.
	$(CARGO) build --release --locked

test: test-tools ## Every test; installs the programs that tests run beside toolgate.
	$(CARGO) test --locked

lint: ## clippy, warnings denied.
	$(CARGO) clippy --all-targets --locked -- -D warnings

fmt-check: ## Whether the code is formatted.
	$(CARGO) fmt --check

deny: ## Dependencies: bans, licences, sources.
	cargo-deny --locked check bans licenses sources

proto-lint: ## Style, comments and format of the proto.
	buf lint
	buf format --diff --exit-code

rego-check: ## Policy library and demo bundle: format, checks, tests.
	opa fmt --list --fail rego bundles benches/bundles
	opa check --strict --bundle rego bundles/demo
	opa test --bundle rego bundles/demo --threshold 100 > /dev/null
	opa test --bundle rego bundles/demo
	$(CARGO) run --locked --quiet -- check bundles/demo
	$(CARGO) run --locked --quiet -- test bundles/demo

demo: ## Shows the whole, in seconds.
	$(CARGO) run --release --locked -- demo

bench: ## Measures, and prints ratios; see docs/performance.md.
	benches/run

bench-audit: ## Measures the audit log, and prints ratios.
	benches/audit

soak: ## A day of changes in SOAK_DAY_SECONDS, a flood of SOAK_FLOOD_SECONDS; writes target/soak.json.
	rm -f target/soak.json
	TOOLGATE_SOAK_JSON=$(CURDIR)/target/soak.json TOOLGATE_DAY_SECONDS=$(SOAK_DAY_SECONDS) \
		TOOLGATE_DAY_SEED=$${TOOLGATE_DAY_SEED:-$$(date +%s)} TOOLGATE_OVERLOAD_SECONDS=$(SOAK_FLOOD_SECONDS) \
		$(CARGO) test --locked --test main -- --test-threads=1 --nocapture --exact \
		day::a_day_of_life overload_proof::ten_times_too_much_is_refused_in_so_many_words_and_leaves_no_trace
	cat target/soak.json

crash: ## Power failures of the log's disk CRASH_POWER_FAILURES times, kill -9 of PDPs and of shims CRASH_KILLS times each: nothing acknowledged may be lost.
	mkdir -p target
	{ TOOLGATE_DISK_CRASHES=$(CRASH_POWER_FAILURES) \
		TOOLGATE_DISK_CRASH_SEED=$${TOOLGATE_DISK_CRASH_SEED:-$$(date +%s)} \
		$(CARGO) test --locked --lib -- --nocapture --exact \
		audit::crashes::power_failures_lose_nothing_acknowledged; \
	TOOLGATE_PDP_CRASHES=$(CRASH_KILLS) TOOLGATE_SHIM_CRASHES=$(CRASH_KILLS) \
		$(CARGO) test --locked --test main -- --test-threads=1 --nocapture --exact \
		streaming::killed::killed_pdps_lose_nothing_that_they_acknowledged \
		streaming::crash::killed_shims_lose_nothing_that_they_acknowledged; } | tee target/crash.log
	awk '/[0-9]+ crashes, [0-9]+ lost$$/ { crashes += $$(NF - 3); lost += $$(NF - 1) } \
		END { print crashes " crashes, " lost " lost"; exit lost > 0 }' target/crash.log

tamper: ## A signed log of TAMPER_RECORDS records is changed in TAMPER_MUTATIONS ways, half of them by an able adversary: none may go unseen.
	TOOLGATE_TAMPER_RECORDS=$(TAMPER_RECORDS) TOOLGATE_TAMPER_MUTATIONS=$(TAMPER_MUTATIONS) \
		TOOLGATE_TAMPER_SEED=$${TOOLGATE_TAMPER_SEED:-$$(date +%s)} \
		$(CARGO) test --locked --profile profiling --test main -- --nocapture --exact \
		tamper::no_change_of_a_signed_log_goes_unseen

# Not part of ci: an hour or two. Every flip of a bit and every truncation of a log are left out,
# as they take longer than all other tests: what is changed has to be seen without them.
mutants: $(TOOLS)/bin/cargo-mutants ## Changes the verifier's code (MUTANTS), one place at a time: a test has to fail each time.
	tests/mutants/crate target/mutants/crate
	cd target/mutants/crate && CARGO_TARGET_DIR=$(CURDIR)/target cargo-mutants mutants --in-place --no-shuffle \
		--output .. --cargo-arg=--lib $(foreach file,$(MUTANTS),--file '$(file)') \
		-- -- --skip every_flip --skip every_truncation

fuzz: ## Each fuzz target for FUZZ_SECONDS; needs a nightly toolchain.
	fuzz/run $(FUZZ_SECONDS)

secret-rules: ## Fetches the newest rules of gitleaks into src/model/secret; needs go. Then run its tests.
	src/model/secret/fetch

golden: ## Rewrites what golden cases expect: read the diff.
	TOOLGATE_BLESS=1 $(CARGO) test --locked --test main identity::
	TOOLGATE_BLESS=1 $(CARGO) test --locked --test main decide
	TOOLGATE_BLESS=1 $(CARGO) test --locked --lib -- cli::tests::the_reference config::tests::reference

# Not part of ci: what Go and Java need takes minutes to install the first time.
clients: $(TOOLS)/bin/protoc-gen-go $(TOOLS)/bin/protoc-gen-go-grpc $(TOOLS)/node_modules/.bin/buf test-tools ## The programs of docs/calling-decide.md in Go and Java. Needs also a JDK and mvn.
	TOOLGATE_CLIENTS=Go,Java MAVEN_OPTS=-Dmaven.repo.local=$(TOOLS)/m2 $(CARGO) test --locked --test main calling

helm-check: $(TOOLS)/bin/helm $(TOOLS)/bin/kube-validate $(TOOLS)/kubernetes-openapi.json ## The chart: lint, renders, the Kubernetes API's description, refused values.
	$(CARGO) build --locked --quiet --bin toolgate
	tests/kube/check.sh $(TOOLS)/kubernetes-openapi.json $(TOOLS)/bin/kube-validate target/debug/toolgate

STATIC := $(shell uname -m)-unknown-linux-musl

kube-test: $(TOOLS)/bin/helm $(TOOLS)/bin/grpcurl $(TOOLS)/venv/bin/python ## The chart in a real one-node Kubernetes, built once. As root; see docs/kubernetes.md.
	tests/kube/build.sh target/kube/bin
	$(CARGO) build --release --locked --bin toolgate --target $(STATIC)
	PATH="$(TOOLS)/venv/bin:$$PATH" tests/kube/test.sh target/kube/bin target/kube/node target/$(STATIC)/release/toolgate

# Nothing outside target/tools is touched.
tools: test-tools $(TOOLS)/bin/cargo-deny $(TOOLS)/node_modules/.bin/buf $(TOOLS)/bin/helm $(TOOLS)/bin/kube-validate $(TOOLS)/kubernetes-openapi.json ## Installs the programs that tests and checks use. Needs go, npm and python3.

test-tools: $(TOOLS)/bin/opa $(TOOLS)/bin/grpcurl $(TOOLS)/bin/versitygw $(TOOLS)/node_modules/.bin/mcp-server-everything $(TOOLS)/node_modules/.bin/tsc $(TOOLS)/venv/bin/python $(TOOLS)/bin/fsck $(TOOLS)/bin/tlog-check ## Installs those that tests use.

$(TOOLS)/bin/opa:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install github.com/open-policy-agent/opa@$(OPA_VERSION)

$(TOOLS)/bin/grpcurl:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install github.com/fullstorydev/grpcurl/cmd/grpcurl@$(GRPCURL_VERSION)

# An S3 server with object lock.
$(TOOLS)/bin/versitygw:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)
$(TOOLS)/bin/fsck:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install github.com/transparency-dev/tessera/cmd/fsck@$(TESSERA_VERSION)

$(TOOLS)/bin/tlog-check: $(wildcard tests/tlog/*)
	cd tests/tlog && go build -trimpath -buildvcs=false -o $@ .

$(TOOLS)/bin/cargo-mutants:
	$(CARGO) install --quiet --locked --root $(TOOLS) --target-dir target/tools/build cargo-mutants@$(CARGO_MUTANTS_VERSION)

$(TOOLS)/bin/protoc-gen-go:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install google.golang.org/protobuf/cmd/protoc-gen-go@$(PROTOC_GEN_GO_VERSION)

$(TOOLS)/bin/protoc-gen-go-grpc:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@$(PROTOC_GEN_GO_GRPC_VERSION)

$(TOOLS)/bin/helm:
	GOBIN=$(TOOLS)/bin GOFLAGS=-mod=mod go install helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)

$(TOOLS)/bin/kube-validate: $(wildcard tests/kube/validate/*)
	cd tests/kube/validate && go build -trimpath -buildvcs=false -o $@ .

$(TOOLS)/kubernetes-openapi.json:
	mkdir -p $(TOOLS)
	install -m 644 "$$(go mod download -json k8s.io/kubernetes@$(KUBERNETES_VERSION) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/api/openapi-spec/swagger.json" $@

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --quiet --locked --root $(TOOLS) --target-dir target/tools/build cargo-deny@$(CARGO_DENY_VERSION)

NPM_INSTALL := npm install --silent --no-fund --no-audit --prefix $(TOOLS)

$(TOOLS)/node_modules/.bin/mcp-server-everything:
	$(NPM_INSTALL) @modelcontextprotocol/server-everything@$(MCP_EVERYTHING_VERSION)

# One after the other: all write the same package.json.
$(TOOLS)/node_modules/.bin/tsc: | $(TOOLS)/node_modules/.bin/mcp-server-everything
	$(NPM_INSTALL) @grpc/grpc-js@$(NODE_GRPC_VERSION) @grpc/proto-loader@$(NODE_PROTO_LOADER_VERSION) \
		typescript@$(TYPESCRIPT_VERSION) @types/node@$(NODE_TYPES_VERSION)

$(TOOLS)/node_modules/.bin/buf: | $(TOOLS)/node_modules/.bin/tsc
	$(NPM_INSTALL) @bufbuild/buf@$(BUF_VERSION)

$(TOOLS)/venv/bin/python:
	python3 -m venv $(TOOLS)/venv
	$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check \
		grpcio==$(PYTHON_GRPC_VERSION) grpcio-tools==$(PYTHON_GRPC_VERSION) mcp==$(PYTHON_MCP_VERSION) jsonschema==$(PYTHON_JSONSCHEMA_VERSION) \
		pyarrow==$(PYTHON_ARROW_VERSION) cryptography==$(PYTHON_CRYPTOGRAPHY_VERSION)

ci: ## What CI runs; `make tools` first.
ci: fmt-check lint deny proto-lint rego-check helm-check test
