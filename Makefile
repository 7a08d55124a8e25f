# Commands for contributors. Each target is independent: it needs no other target to run first, except that `make tools`
# installs the programs that `make lint`, `make test` and `make image` need.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Builds all workspace members at once, so that the targets share their build output.
BINARIES := cargo build --locked --workspace --bins
BUILT := $${CARGO_TARGET_DIR:-target}/debug

# Arguments for cargo test, such as: make test ARGS=leader
ARGS ?=

# Number of the fault plan to run, such as: make faults PLAN=101020300
PLAN ?= all
# Number of objects that make abuse creates at once.
CROWD ?= 5000
# Number of objects of each collection, delay of each upstream response and requests per second of make bench. ONLY is one
# collection (spaceone, network or ncloud). With WRITE=1 it writes its tables to docs/scale.md.
N ?= 2000
LATENCY ?= 0ms
RATE ?= 10000
ONLY ?=
WRITE ?=
QUICK_SIMULATOR := --config profile.dev.package.cloud-policy-simulator.opt-level=2

.PHONY: help tools build image lint architecture test faults abuse bench bench-access bench-lint bench-plan demo demo-stop recording crds chart docs browse pictures manifests clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## Install what make lint, make test and make image need: Debian packages (as root) and the pinned lint tools
	@hack/install-packages.sh
	@hack/require.sh cargo go
	@folder=$$(hack/tools.sh); echo "tools: the lint tools are in $$folder"

build: ## Build the release binary, target/release/cloud-policy
	@hack/require.sh cargo cc
	cargo build --locked --release --bin cloud-policy

image: ## Build the release image as an OCI layout in target/image/release, and test it
	@hack/require.sh buildah cargo cc flock git go pip ps python3 runc umoci venv
	@hack/image.sh release
	@CLOUD_POLICY_IMAGE=$${CARGO_TARGET_DIR:-target}/image/release exec hack/with-cleanup.sh hack/test.sh --test it packaging::image::

lint: ## Check format, lints, commit messages, dependencies, architecture, workflows and generated files
	@exec hack/with-cleanup.sh hack/lint.sh

architecture: ## Check the import graph of src, and print its layers, circles and largest parts
	@hack/require.sh cargo cc
	@cargo test --quiet --locked --workspace --test it architecture:: -- --nocapture

test: ## Run all tests against a real kube-apiserver, real SpaceONE servers and the simulators (ARGS=arguments of cargo test)
	@exec hack/with-cleanup.sh hack/test.sh $(ARGS)

faults: ## Inject every fault at every step of each scenario (PLAN=number: only plans that begin with this number)
	@CLOUD_POLICY_FAULTS=$(PLAN) exec hack/with-cleanup.sh hack/test.sh --test it faults::operator_converges -- --nocapture

abuse: ## Run each fuzz test for a minute, and create 5000 objects at once (CROWD=number)
	@CLOUD_POLICY_FUZZ_SECONDS=60 exec hack/with-cleanup.sh hack/test.sh fuzz::
	@CLOUD_POLICY_FUZZ_SECONDS=60 exec hack/with-cleanup.sh hack/test.sh --test it properties::
	@CLOUD_POLICY_PLAN_CASES=10000 exec hack/with-cleanup.sh hack/test.sh --test it plan::agrees -- --nocapture
	@# Each list takes the simulator through thousands of objects, so an unoptimised simulator would be the bottleneck.
	@CLOUD_POLICY_CROWD=$(CROWD) exec hack/with-cleanup.sh hack/test.sh $(QUICK_SIMULATOR) --test it security::abuse::many_objects -- --nocapture

bench: ## Measure the operator beside a bare loop (N=objects LATENCY=20ms RATE=requests per second; WRITE=1: docs/scale.md)
	@hack/require.sh cargo cc flock go
	@echo "building an optimised operator and the control plane; the first time takes minutes"
	@exec hack/with-cleanup.sh bash -c 'cargo build --locked --profile bench-release --bins -p cloud-policy-operator -p cloud-policy-bench \
		&& exec "$${CARGO_TARGET_DIR:-target}/bench-release/cloud-policy-bench" \
			--objects "$(N)" --latency "$(LATENCY)" --rate "$(RATE)" $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write docs/scale.md)'

bench-access: ## Measure how long comparisons of access take, also of the largest and worst policies
	@hack/require.sh cargo cc
	@exec cargo run --quiet --locked --profile bench-release -p cloud-policy-bench --bin cloud-policy-bench-access

bench-lint: ## Measure how long the lint of 1,000 files takes
	@hack/require.sh cargo cc
	@exec cargo run --quiet --locked --profile bench-release -p cloud-policy-bench --bin cloud-policy-bench-lint

bench-plan: ## Measure how long a plan of 500 policies takes against the simulators, and its requests
	@hack/require.sh cargo cc
	@exec cargo run --quiet --locked --profile bench-release -p cloud-policy-bench --bin cloud-policy-bench-plan

demo: ## Run a demo with kubectl and all three upstream APIs (REAL_SPACEONE=1: real servers; KEEP=1: keep it running)
	@hack/require.sh cargo cc go flock python3 venv
	@echo "building the operator, the simulators and the demo; the first time takes minutes"
	@exec hack/with-cleanup.sh bash -c '$(BINARIES) && exec "$(BUILT)/cloud-policy-demo"'

demo-stop: ## Stop the processes of make demo KEEP=1
	@$(BINARIES) --quiet
	@"$(BUILT)/cloud-policy-demo" stop

recording: ## Record make demo as docs/pictures/demo.svg, which the README shows
	@$(BINARIES) --quiet
	@hack/recording.py "$(BUILT)/cloud-policy-demo" docs/pictures/demo.svg

crds: ## Generate crds/, the CRDs of the chart, docs/reference/ and the lists of kinds in manifests from the Rust types
	@hack/require.sh cargo cc
	@$(BINARIES) --quiet
	"$(BUILT)/cloud-policy" crds --dir crds
	"$(BUILT)/cloud-policy" crds --dir charts/cloud-policy-operator/files/crds
	"$(BUILT)/cloud-policy" crds --reference docs/reference
	"$(BUILT)/cloud-policy" crds --json-schema docs/reference/schemas
	CLOUD_POLICY_WRITE_LISTS=1 cargo test --quiet --locked --workspace --test it packaging::kind_lists::

chart: ## Generate the schema and the table of the chart's values from values.yaml
	CLOUD_POLICY_WRITE_CHART=1 cargo test --quiet --locked --workspace --test it packaging::chart::generated::schema_and_readme

docs: ## Build the documentation as a site in target/site
	@exec hack/docs.sh

browse: docs ## Open every page of the site in a headless browser (CHROMIUM=program)
	@hack/browse.py

pictures: ## Draw docs/pictures/architecture.svg
	@hack/pictures.py

manifests: ## Generate deploy/install.yaml and deploy/argocd/argocd-cm.yaml with kustomize
	@hack/require.sh go flock
	hack/manifests.sh

clean: ## Remove build output; the cache of the control plane and the other servers stays
	cargo clean
