#!/usr/bin/env bash
# Builds `gitops-judge` and downloads the CRDs of Argo CD and Flux and the schema of SARIF on first use, and prints their
# directory.
#
#   bin=$(tests/gitops/build.sh)      # $bin/gitops-judge, $bin/crds/*.yaml, $bin/schemas/*.json
#
# The directory is in $CLOUD_POLICY_CACHE (default: the user's cache) and its name contains a hash of all inputs. It is
# complete or does not exist. Progress goes to standard error.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../hack/cache.sh

# Settings of the user must not change the build.
export GOWORK=off GOFLAGS="" CGO_ENABLED=0

../../hack/require.sh go python3
target=$( (go version && cat -- go.mod go.sum ./*.go ./*.txt build.sh) | cached gitops)

# fetch NAME FOLDER: copies the files that NAME.txt lists from the Go modules that publish them to FOLDER/NAME.
fetch() {
    local module hash files file said folder
    mkdir -- "$2/$1"
    while read -r module hash files; do
        said=$(cd / && go mod download -json "$module")
        folder=$(python3 -c '
import json, sys
said = json.load(sys.stdin)
if said["Sum"] != sys.argv[1]:
    sys.exit("the hash of a module differs from the list: " + said["Sum"])
print(said["Dir"])' "$hash" <<<"$said")
        for file in $files; do install -m 0644 -- "$folder/$file" "$2/$1/"; done
    done < <(grep -v '^#' "$1.txt")
}

found() { [[ -x $target/gitops-judge ]]; }

build() {
    printf 'gitops: building; the first time takes about half a minute\n' >&2
    fetch crds "$1" >&2
    fetch schemas "$1" >&2
    go build -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' -o "$1/gitops-judge" . >&2
}

whole "$target" build found
printf '%s\n' "$target"
