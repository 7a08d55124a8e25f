#!/usr/bin/env bash
# Builds `controlplane` and `kubectl` on first use and prints their directory.
#
#   bin=$(tests/controlplane/build.sh)
#
# The directory is in $CLOUD_POLICY_CACHE (default: the user's cache) and its name
# contains a hash of all inputs. It is complete or does not exist. Of several
# callers at the same time one builds, and the others wait for it. Progress goes
# to standard error.
set -euo pipefail

readonly lock_seconds=3600 progress_seconds=15

cd "$(dirname "${BASH_SOURCE[0]}")"
. ../../hack/cache.sh
say() { printf 'controlplane: %s\n' "$*" >&2; }

# Settings of the user must not change the build.
export GOWORK=off GOFLAGS="" CGO_ENABLED=0

if ! toolchain=$(go version); then
    say "Go 1.26 or newer is needed (https://go.dev/dl), or a control plane of your own: see README.md"
    exit 1
fi

target=$( (printf '%s\n' "$toolchain" && cat -- go.mod go.sum ./*.go build.sh) | cached controlplane)

found() { [[ -x $target/controlplane && -x $target/kubectl ]]; }

# Prints the linker flags that set the version. Without them /version returns v0.0.0, which kubectl and Helm refuse.
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
    local flags
    flags=$(version_flags)
    exec go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w $flags" \
        -o "$1/" . k8s.io/kubernetes/cmd/kubectl
}

compiler=
# shellcheck disable=SC2329 # The trap calls it.
interrupted() {
    if [[ -n $compiler ]]; then kill "$compiler" 2>/dev/null || true; fi
    exit 130
}
trap interrupted INT TERM

# Runs the compiler and prints the elapsed time every few seconds, because a first build takes minutes.
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

# One caller builds, because a build takes minutes and all cores. The others wait and use the result.
mkdir -p -- "$cache"
exec 9>"$cache/controlplane.lock"
if ! found && ! flock --nonblock 9; then
    say "another build is running; waiting for it"
    flock --timeout "$lock_seconds" 9
fi
whole "$target" build found
printf '%s\n' "$target"
