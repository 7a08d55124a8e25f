#!/usr/bin/env bash
# Installs Debian packages whose programs are missing. Silent and at once when all are there,
# wherever they came from.
#
#   hack/debian.sh prometheus buildah runc
#
# Needs root and Debian (or a kin of it) only when something is missing; else it says what to
# install. Nothing that is recommended comes along, and no service is started.
set -euo pipefail

# The programs that a package is wanted for; without an entry, one of its own name.
programs() {
    case $1 in
    prometheus) echo prometheus promtool ;;
    *) echo "$1" ;;
    esac
}

has() {
    local program
    # shellcheck disable=SC2046 # One word each is meant.
    for program in $(programs "$1"); do
        command -v "$program" >/dev/null || return
    done
}

# lacking PACKAGE...: those of them that have a program missing.
lacking() {
    local package
    for package in "$@"; do
        has "$package" || printf '%s\n' "$package"
    done
}

refuse() {
    printf 'debian: %s; install it yourself: apt-get install --no-install-recommends %s\n' "$1" "${missing[*]}" >&2
    exit 1
}

# Answers every "may this service start?" with no, unless the machine has an answer of its own.
forbid_services() {
    local policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then return; fi
    temporary+=("$policy")
    install -m 0755 /dev/stdin "$policy" <<<$'#!/bin/sh\nexit 101'
}

get() {
    # Retries are for mirrors, the lock for another apt-get on the same machine.
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}

# The lists of a fresh image are empty, those of an old one name versions that are gone.
install_missing() {
    get install -y --no-install-recommends "${missing[@]}" || {
        get update && get install -y --no-install-recommends "${missing[@]}"
    }
}

mapfile -t missing < <(lacking "$@")
if ((${#missing[@]} == 0)); then exit; fi
command -v apt-get >/dev/null || refuse "${missing[*]} is missing, and this is not Debian"
((EUID == 0)) || refuse "${missing[*]} is missing, and only root may install it"

# Two of us at once would meet over apt's lists, whose lock does not wait.
exec 9>/run/lock/cloud-policy-debian
flock 9
mapfile -t missing < <(lacking "$@")
if ((${#missing[@]} == 0)); then exit; fi

log=$(mktemp)
temporary=("$log")
trap 'rm -f -- "${temporary[@]}"' EXIT
printf 'debian: installing %s\n' "${missing[*]}" >&2
forbid_services
if ! install_missing; then
    cat -- "$log" >&2
    refuse "apt-get failed, see above"
fi
mapfile -t missing < <(lacking "$@")
((${#missing[@]} == 0)) || refuse "the packages are there and their programs are not"
