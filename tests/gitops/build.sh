#!/usr/bin/env bash
# Builds `gitops-judge` and fetches the CRDs of Argo CD and Flux once, and prints the directory they are in.
#
#   bin=$(tests/gitops/build.sh)      # $bin/gitops-judge, $bin/crds/*.yaml
#
# The directory lies in $CLOUD_POLICY_CACHE (else the user's cache) and is named after everything the result depends
# on, so a warm call only looks. It appears whole or not at all. Progress goes to standard error.
set -euo pipefail

readonly keep_days=30

cd "$(dirname "${BASH_SOURCE[0]}")"

# Settings of the user's that would change what is built.
export GOWORK=off GOFLAGS= CGO_ENABLED=0

../../hack/need.sh go python3
cache=${CLOUD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloud-policy-operator}
inputs=$( (go version && cat -- go.mod go.sum ./*.go crds.txt build.sh) | sha256sum)
target=$cache/gitops-${inputs:0:16}

# fetch FOLDER: the files of crds.txt, out of the Go modules that publish them.
fetch() {
    local module hash files file said folder
    while read -r module hash files; do
        said=$(cd / && go mod download -json "$module")
        folder=$(python3 -c '
import json, sys
said = json.load(sys.stdin)
if said["Sum"] != sys.argv[1]:
    sys.exit("another hash than that of crds.txt: " + said["Sum"])
print(said["Dir"])' "$hash" <<<"$said")
        for file in $files; do install -m 0644 -- "$folder/$file" "$1/"; done
    done < <(grep -v '^#' crds.txt)
}

if [[ ! -x $target/gitops-judge ]]; then
    printf 'gitops: building; the first time takes about half a minute\n' >&2
    mkdir -p -- "$cache"
    # What former versions of the inputs, and builds that died, have left.
    find "$cache" -maxdepth 1 -type d \( -name 'gitops-*' -o -name '.gitops-draft.*' \) -mtime "+$keep_days" -exec rm -rf -- {} +
    draft=$(mktemp -d -- "$cache/.gitops-draft.XXXXXX")
    trap 'rm -rf -- "$draft"' EXIT
    chmod 755 -- "$draft"
    mkdir -- "$draft/crds"
    fetch "$draft/crds" >&2
    go build -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' -o "$draft/gitops-judge" . >&2
    # Whoever is second finds the folder there; both drafts are the same.
    mv -T -- "$draft" "$target" 2>/dev/null || [[ -x $target/gitops-judge ]]
fi
printf '%s\n' "$target"
