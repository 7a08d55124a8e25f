# What a contributor does, by name. Each target is one command that also works by itself.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# All members at once, so that every target here shares what the others built.
BINARIES := cargo build --locked --workspace --bins
BUILT := $${CARGO_TARGET_DIR:-target}/debug

# Arguments for cargo test: make test ARGS=leader
ARGS ?=

# Which fault plan: make faults PLAN=101020300; without it, all.
PLAN ?= all
# How many objects make abuse creates at once.
CROWD ?= 5000
QUICK_SIMULATOR := --config profile.dev.package.cloud-policy-simulator.opt-level=2

.PHONY: help build image lint test faults abuse demo demo-stop crds chart docs manifests clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the release binary, target/release/cloud-policy
	@hack/need.sh cargo cc
	cargo build --locked --release --bin cloud-policy

image: ## Build the release image as an OCI layout in target/image/release, and run it
	@hack/image.sh release
	@CLOUD_POLICY_IMAGE=$${CARGO_TARGET_DIR:-target}/image/release exec hack/bound.sh hack/test.sh --test it packaging::image::

lint: ## Check format, lints, dependencies, architecture, workflows, and that generated files are in step
	@exec hack/bound.sh hack/lint.sh

test: ## Run all tests against a real kube-apiserver, real SpaceONE servers and the simulators
	@exec hack/bound.sh hack/test.sh $(ARGS)

faults: ## Strike every step of every story with every fault (PLAN=number: one plan, or all that begin so)
	@CLOUD_POLICY_FAULTS=$(PLAN) exec hack/bound.sh hack/test.sh --test it faults::operator_converges -- --nocapture

abuse: ## Fuzz for a minute each, and serve 5000 objects created at once (CROWD=number)
	@CLOUD_POLICY_FUZZ_SECONDS=60 exec hack/bound.sh hack/test.sh fuzz::
	@CLOUD_POLICY_FUZZ_SECONDS=60 exec hack/bound.sh hack/test.sh --test it properties::
	@# The simulator looks through thousands of objects at every list, and would be what a crowd waits for.
	@CLOUD_POLICY_CROWD=$(CROWD) exec hack/bound.sh hack/test.sh $(QUICK_SIMULATOR) --test it security::abuse::many_objects -- --nocapture

demo: ## Watch kubectl drive all three upstream APIs (REAL_SPACEONE=1: real servers; KEEP=1: leave it running)
	@hack/need.sh cargo cc go flock python3 venv
	@echo "building the operator, the simulators and the demo; the first time takes minutes"
	@exec hack/bound.sh bash -c '$(BINARIES) && exec "$(BUILT)/cloud-policy-demo"'

demo-stop: ## End what make demo KEEP=1 left running
	@$(BINARIES) --quiet
	@"$(BUILT)/cloud-policy-demo" stop

crds: ## Write crds/, those of the chart and docs/reference/ as the types generate them
	@hack/need.sh cargo cc
	@$(BINARIES) --quiet
	"$(BUILT)/cloud-policy" crds --dir crds
	"$(BUILT)/cloud-policy" crds --dir charts/cloud-policy-operator/files/crds
	"$(BUILT)/cloud-policy" crds --reference docs/reference

chart: ## Write the schema and the table of values of the chart as values.yaml says
	CLOUD_POLICY_WRITE_CHART=1 cargo test --quiet --locked --workspace --test it packaging::chart::generated::schema_and_readme

docs: ## Build the documentation as a site, in target/site
	@exec hack/docs.sh

manifests: ## Write deploy/install.yaml and deploy/argocd/argocd-cm.yaml as kustomize makes them
	@hack/need.sh go flock
	hack/manifests.sh

clean: ## Remove what was built; caches of the real parts stay
	cargo clean
