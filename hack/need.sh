#!/usr/bin/env bash
# Says which of the named programs are missing and where they come from, one line each.
#
#   hack/need.sh cargo go python3
set -euo pipefail

where() {
    case $1 in
    cargo) echo "Rust (https://rustup.rs); rust-toolchain.toml names the version, rustup installs it" ;;
    cc) echo "a C compiler, for ring: Debian's gcc and libc6-dev" ;;
    go) echo "Go 1.26 or newer (https://go.dev/dl), for the control plane of the tests" ;;
    flock | setpriv) echo "util-linux" ;;
    python3) echo "Python 3.11 (https://www.python.org), for the SpaceONE servers" ;;
    pip) echo "Debian's python3-pip" ;;
    venv) echo "Debian's python3-venv" ;;
    *) echo "the package that holds it" ;;
    esac
}

has() {
    case $1 in
    pip) python3 -c 'import pip' 2>/dev/null ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing=0
for program in "$@"; do
    if has "$program"; then continue; fi
    printf '%s is missing: install %s\n' "$program" "$(where "$program")" >&2
    missing=1
done
exit "$missing"
