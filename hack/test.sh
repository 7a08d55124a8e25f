#!/usr/bin/env bash
# Prepares the programs and servers that the tests use, then runs the tests.
#
#   hack/test.sh [ARGUMENT OF CARGO TEST...]
#
# Installs no system packages: `make tools` does. On the first run it compiles the control plane, installs the
# SpaceONE servers and Helm into the cache, and builds the image, all while cargo compiles. With a warm cache this
# takes a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=() skipped=() targets=()

# Sorts the arguments into the filters of tests that run, the filters of --skip, and the test targets.
parse() {
    while (($#)); do
        case $1 in
        --skip) skipped+=("$2") && shift ;;
        --test) targets+=("$2") && shift ;;
        --lib | --bins | --doc) targets+=("$1") ;;
        --config | --exclude | --features | --jobs | --package | --profile | --target | --test-threads | -j | -p) shift ;;
        -*) ;;
        *) tests+=("$1") ;;
        esac
        shift
    done
}

# runs MODULE: whether tests of this module of tests/it may run.
runs() {
    local filter
    if ((${#targets[@]})) && [[ " ${targets[*]} " != *" it "* ]]; then return 1; fi
    for filter in "${skipped[@]}"; do
        if [[ $1:: == *"$filter"* ]]; then return 1; fi
    done
    for filter in "${tests[@]}"; do
        if [[ $1:: == *"$filter"* || $filter == *"${1##*::}"* ]]; then return 0; fi
    done
    ((${#tests[@]} == 0))
}

parse "$@"
programs=(cargo cc flock git go pip ps python3 venv)
if runs observability || runs packaging::chart; then programs+=(prometheus promtool); fi
if runs docs::site; then programs+=(browser); fi
if runs process::forward_proxy; then programs+=(tinyproxy); fi
if runs packaging::image || runs packaging::archive; then programs+=(buildah runc umoci); fi
if runs packaging::publishing; then programs+=(buildah docker-registry skopeo umoci); fi
mapfile -t programs < <(printf '%s\n' "${programs[@]}" | sort -u)
hack/require.sh "${programs[@]}"

# Tests wait most of the time, so twice as many run as there are cores.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 2))}

logs=$(mktemp -d)
trap 'rm -rf -- "$logs"' EXIT
preparations=()

# prepare NAME COMMAND...: runs the command in the background; its output is printed only if it fails.
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

prepare control-plane tests/controlplane/build.sh
prepare spaceone spaceone
prepare gitops tests/gitops/build.sh
prepare helm hack/helm.sh
# CLOUD_POLICY_IMAGE names another image to test.
if { runs packaging::image || runs packaging::archive; } && [[ -z ${CLOUD_POLICY_IMAGE:-} ]]; then prepare image hack/image.sh trial; fi
echo "test: building the tests and the servers that they use"
cargo test --locked --workspace --no-run "$@"
for preparation in "${preparations[@]}"; do
    wait "${preparation#*:}" || {
        cat -- "$logs/${preparation%%:*}" >&2
        printf 'test: the preparation of %s failed, see its output above\n' "${preparation%%:*}" >&2
        exit 1
    }
done
cargo test --locked --workspace "$@"
