#!/usr/bin/env bash
# Installs the Debian packages of programs that are missing, and prints the packages before it installs them.
#
#   hack/install-packages.sh                 # everything that make test and make lint need
#   hack/install-packages.sh pip buildah     # only these programs
#
# Does nothing if all programs are installed already, from whatever source. Otherwise it needs root and apt-get;
# without them it fails and prints the packages to install by hand. It installs no recommended packages and starts
# no services.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/programs.sh"

say() { printf 'install-packages: %s\n' "$1" >&2; }

refuse() {
    say "$1"
    exit 1
}

# Every program in the table. shellcheck is among the pinned lint tools, but only for x86-64.
all_programs() {
    local program
    for program in "${!debian_packages[@]}"; do
        if [[ $program == shellcheck && $(uname -m) == x86_64 ]]; then continue; fi
        printf '%s\n' "$program"
    done
}

# missing_of PROGRAM...: prints those that are not installed.
missing_of() {
    local program
    for program in "$@"; do
        is_installed "$program" || printf '%s\n' "$program"
    done
}

# policy-rc.d answers "no" whenever a package asks to start its service. A policy-rc.d that exists already stays.
forbid_services() {
    local policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then return; fi
    temporary+=("$policy")
    install -m 0755 /dev/stdin "$policy" <<<$'#!/bin/sh\nexit 101'
}

# Retries if a mirror fails, and waits for the lock if another apt-get runs.
apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}

# A fresh image has empty package lists; old lists name versions that the mirrors no longer have. Both need an update.
install_packages() {
    apt install -y --no-install-recommends "$@" || {
        apt update && apt install -y --no-install-recommends "$@"
    }
}

if (($#)); then programs=("$@"); else mapfile -t programs < <(all_programs); fi
mapfile -t missing < <(missing_of "${programs[@]}")
if ((${#missing[@]} == 0)); then
    say "nothing to install"
    exit
fi
packages=$(packages_of "${missing[@]}")
command -v apt-get >/dev/null ||
    refuse "these programs are missing: ${missing[*]}. This system has no apt-get; install by hand what Debian calls: $packages"
((EUID == 0)) || refuse "only root may install packages. Run as root: apt-get install --no-install-recommends $packages"

# apt-get does not wait for the lock of the package lists, so parallel runs of this script wait for each other here.
exec 9>/run/lock/cloud-policy-packages
flock 9
log=$(mktemp)
temporary=("$log")
trap 'rm -f -- "${temporary[@]}"' EXIT
say "installs these Debian packages: $packages"
forbid_services
# shellcheck disable=SC2086 # One argument for each package.
if ! install_packages $packages; then
    cat -- "$log" >&2
    refuse "apt-get failed (its output is above). Run it by hand: apt-get install --no-install-recommends $packages"
fi
mapfile -t missing < <(missing_of "${programs[@]}")
((${#missing[@]} == 0)) || refuse "installed $packages, but these programs are still not found: ${missing[*]}"
