#!/usr/bin/env bash
# Builds `controlplane` and `kubectl` once and prints the directory they are in.
#
#   bin=$(tests/controlplane/build.sh)
#
# The directory lies in $CLOUD_POLICY_CACHE (else the user's cache) and is named
# after everything the result depends on, so a warm call only looks. It appears
# whole or not at all; callers at the same time wait for the one that builds.
# Progress goes to standard error.
set -euo pipefail

readonly lock_seconds=3600 progress_seconds=15

cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../hack/cache.sh
say() { printf 'controlplane: %s\n' "$*" >&2; }

# Settings of the user's that would change what is built.
export GOWORK=off GOFLAGS="" CGO_ENABLED=0

if ! toolchain=$(go version); then
    say "Go 1.26 or newer is needed (https://go.dev/dl), or a control plane of your own: see README.md"
    exit 1
fi

target=$( (printf '%s\n' "$toolchain" && cat -- go.mod go.sum ./*.go build.sh) | cached controlplane)

found() { [[ -x $target/controlplane && -x $target/kubectl ]]; }

# Without these, /version says v0.0.0, which kubectl and Helm refuse.
version_flags() {
    local version package
    version=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" { print $3 }' go.mod)
    [[ $version =~ ^v([0-9]+)\.([0-9]+)\.[0-9]+$ ]] || {
        say "no release of k8s.io/kubernetes in go.mod: '$version'"
        return 1
    }
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        printf -- '-X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s ' \
            "$package" "$version" "$package" "${BASH_REMATCH[1]}" "$package" "${BASH_REMATCH[2]}"
    done
}

compile() {
    local stamps
    stamps=$(version_flags)
    exec go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w $stamps" \
        -o "$1/" . k8s.io/kubernetes/cmd/kubectl
}

compiler=
# shellcheck disable=SC2329 # The trap calls it.
interrupted() {
    if [[ -n $compiler ]]; then kill "$compiler" 2>/dev/null || true; fi
    exit 130
}
trap interrupted INT TERM

# Runs the compiler beside a clock, so that nobody takes minutes for a hang.
build() {
    say "building; the first build takes about 6 minutes on two cores, later ones half a minute"
    compile "$1" >&2 9>&- &
    compiler=$!
    while kill -0 "$compiler" 2>/dev/null; do
        sleep 1
        if ((SECONDS % progress_seconds == 0)); then say "still building, $SECONDS s"; fi
    done
    wait "$compiler"
    compiler=
    say "built in $SECONDS s"
}

# One builds, and the others find it built: it takes minutes and both cores.
mkdir -p -- "$cache"
exec 9>"$cache/controlplane.lock"
if ! found && ! flock --nonblock 9; then
    say "another build is running; waiting for it"
    flock --timeout "$lock_seconds" 9
fi
whole "$target" build found
printf '%s\n' "$target"
