# shellcheck shell=bash
# To be sourced. The cache of everything that is built or fetched once, such as the control plane of
# the tests: one folder for each, named after all it depends on. A folder appears whole or not at all.
#
#   . hack/cache.sh
#   target=$(cached tools <pins)
#   found() { [[ -x $target/bin/tool ]]; }
#   whole "$target" make found      # calls `make DRAFT` unless found

readonly keep_days=30
cache=${CLOUD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloud-policy-operator}

# cached NAME: the folder for what depends on the standard input.
cached() {
    local digest
    digest=$(sha256sum)
    printf '%s/%s-%s\n' "$cache" "$1" "${digest:0:16}"
}

# whole TARGET MAKE FOUND: TARGET as `MAKE DRAFT` fills it, unless FOUND says that it is there. To be
# called where `set -e` holds: not behind `if`, `||` or `&&`.
whole() {
    local target=$1 make=$2 found=$3
    if "$found"; then
        touch -- "$target" # Keeps it from being swept as unused.
        return
    fi
    mkdir -p -- "$cache"
    # What former versions of the inputs, and makers that died, have left.
    find "$cache" -maxdepth 1 -type d \( -name "$(basename -- "${target%-*}")-*" -o -name '.draft.*' \) \
        -mtime "+$keep_days" -exec rm -rf -- {} +
    # Filled under another name, so that nobody finds the folder half made.
    draft=$(mktemp -d -- "$cache/.draft.XXXXXX")
    trap 'rm -rf -- "$draft"' EXIT
    chmod 755 -- "$draft"
    "$make" "$draft"
    # Whoever is second finds the folder there; both drafts are the same.
    mv -T -- "$draft" "$target" 2>/dev/null || "$found"
}

# wheels FOLDER PINS: the prebuilt packages of the Python index that PINS names, checked by hash.
wheels() {
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action ignore \
        --require-hashes --no-deps --only-binary :all: --target "$1" --requirement "$2" >&2
}
