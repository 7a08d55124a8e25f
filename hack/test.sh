#!/usr/bin/env bash
# Makes the real parts that the tests run against, then runs every test.
#
#   hack/test.sh [ARGUMENT OF CARGO TEST...]
#
# On a new machine the control plane is compiled, the SpaceONE servers are installed and the image is
# built, all beside the Rust build; with warm caches that takes a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

hack/need.sh cargo cc go flock python3 venv pip

# Most of a test is waiting.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 2))}

logs=$(mktemp -d)
trap 'rm -rf -- "$logs"' EXIT
preparations=()

# prepare NAME COMMAND...: in the background, its words kept for the case that it fails.
prepare() {
    local name=$1
    shift
    "$@" >"$logs/$name" 2>&1 &
    preparations+=("$name:$!")
}

spaceone() {
    python3 tests/spaceone/run.py install --era rest
    python3 tests/spaceone/run.py install --era verb
}

# For one module of the tests, which may have another image tried.
image() {
    hack/debian.sh buildah runc umoci
    if [[ -z ${CLOUD_POLICY_IMAGE:-} ]]; then hack/image.sh trial; fi
}

prepare control-plane tests/controlplane/build.sh
prepare spaceone spaceone
prepare prometheus hack/debian.sh prometheus
prepare gitops tests/gitops/build.sh
prepare helm hack/helm.sh
if [[ "$*" != *"--skip publishing"* ]]; then prepare registry hack/debian.sh buildah skopeo umoci docker-registry; fi
if (($# == 0)) || [[ "$*" == *image* && "$*" != *"--skip image"* ]]; then prepare image image; fi
echo "test: building; what the tests run against is made at the same time"
cargo test --locked --workspace --no-run "$@"
for preparation in "${preparations[@]}"; do
    wait "${preparation#*:}" || {
        cat -- "$logs/${preparation%%:*}" >&2
        printf 'test: %s failed; it said why above\n' "${preparation%%:*}" >&2
        exit 1
    }
done
cargo test --locked --workspace "$@"
