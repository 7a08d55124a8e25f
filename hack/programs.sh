# shellcheck shell=bash
# To be sourced. The programs that the scripts call, and how to install each of them.
#
#   . hack/programs.sh
#   is_installed promtool
#   packages_of promtool     # prints: prometheus

# The Debian packages that contain a program. `pip` and `venv` are modules of Python; `browser` is any of `browsers`.
declare -Ar debian_packages=(
    [browser]=chromium-headless-shell
    [buildah]=buildah
    [cc]="gcc libc6-dev"
    [docker-registry]=docker-registry
    [flock]=util-linux
    [git]=git
    [pip]=python3-pip
    [prometheus]=prometheus
    [promtool]=prometheus
    [ps]=procps
    [python3]=python3
    [runc]=runc
    [shellcheck]=shellcheck
    [skopeo]=skopeo
    [tinyproxy]=tinyproxy-bin
    [umoci]=umoci
    [venv]=python3-venv
)

# Debian 12 has only older versions of these.
# shellcheck disable=SC2034 # hack/require.sh reads it.
declare -Ar manual_installs=(
    [cargo]="Rust with rustup (https://rustup.rs); rustup then installs the version that rust-toolchain.toml names"
    [go]="Go 1.26 or newer (https://go.dev/dl)"
)

# The programs that hack/browse.py can use, the best first.
readonly browsers=(chromium chromium-headless-shell google-chrome)

is_installed() {
    case $1 in
    browser) [[ -n $(type -P -- "${browsers[@]}") ]] ;;
    pip) python3 -c 'import pip' 2>/dev/null ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    *) [[ -x $(type -P -- "$1") ]] ;;
    esac
}

# packages_of PROGRAM...: prints the Debian packages of these programs, each once.
packages_of() {
    local program
    for program in "$@"; do printf '%s\n' "${debian_packages[$program]:?no known Debian package contains $program}"; done | tr ' ' '\n' | sort -u | paste -sd ' '
}
