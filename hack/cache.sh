# shellcheck shell=bash
# To be sourced. The cache of everything that is built or downloaded once, such as the control plane of the tests.
# Each entry is a folder whose name contains a hash of its inputs. An entry is complete or does not exist.
#
#   . hack/cache.sh
#   target=$(cached tools <pins)
#   found() { [[ -x $target/bin/tool ]]; }
#   whole "$target" make found      # calls `make DRAFT` unless found

readonly keep_days=30
cache=${CLOUD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloud-policy-operator}

# cached NAME: prints the folder of the entry whose inputs are on standard input.
cached() {
    local digest
    digest=$(sha256sum)
    printf '%s/%s-%s\n' "$cache" "$1" "${digest:0:16}"
}

# whole TARGET MAKE FOUND: creates TARGET with `MAKE DRAFT`, unless FOUND succeeds. Do not call it behind `if`, `||` or
# `&&`, where `set -e` has no effect.
whole() {
    local target=$1 make=$2 found=$3
    if "$found"; then
        touch -- "$target" # Marks it as used, so that the cleanup below keeps it.
        return
    fi
    mkdir -p -- "$cache"
    # Removes entries of older inputs, and drafts of interrupted runs.
    find "$cache" -maxdepth 1 -type d \( -name "$(basename -- "${target%-*}")-*" -o -name '.draft.*' \) \
        -mtime "+$keep_days" -exec rm -rf -- {} +
    # The draft has another name, so that no other process uses an incomplete folder.
    draft=$(mktemp -d -- "$cache/.draft.XXXXXX")
    trap 'rm -rf -- "$draft"' EXIT
    chmod 755 -- "$draft"
    "$make" "$draft"
    # If another process was faster, its folder stays: both drafts are the same.
    mv -T -- "$draft" "$target" 2>/dev/null || "$found"
}

# wheels FOLDER PINS: installs the wheels that PINS lists from the Python index, checked by hash.
wheels() {
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action ignore \
        --require-hashes --no-deps --only-binary :all: --target "$1" --requirement "$2" >&2
}
