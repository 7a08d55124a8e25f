#!/usr/bin/env bash
# Packs a static binary of the operator into an image, and prints the image's digest.
#
#   hack/pack.sh BINARY FOLDER
#
# FOLDER becomes an OCI layout whose only image is tagged with the version. Times in it are those of
# the commit, so that the same binary makes the same digest.
set -euo pipefail
shopt -s inherit_errexit

binary=$(realpath -- "$1")
folder=$(realpath -m -- "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/cache.sh

readonly pins=hack/image/certificates.txt
certificates=$(cached certificates <"$pins")

refuse() {
    printf 'pack: %s\n' "$1" >&2
    exit 1
}

# The architecture, by the number for it in the header of the program.
architecture() {
    case $(od -An -tx2 -j18 -N2 -- "$1" | tr -d ' ') in
    003e) echo amd64 ;;
    00b7) echo arm64 ;;
    *) refuse "$1 is no program for x86-64 or 64-bit ARM" ;;
    esac
}

# Mozilla's root certificates: not those of this machine, which may have more.
has_certificates() { [[ -s $certificates/certifi/cacert.pem ]]; }
install_certificates() {
    hack/need.sh python3 pip
    wheels "$1" "$pins"
}

lay_out() {
    local root=$1
    cp -r -- hack/image/root "$root"
    install -D -m 0444 -- "$certificates/certifi/cacert.pem" "$root/etc/ssl/certs/ca-certificates.crt"
    install -m 0555 -- "$binary" "$root/cloud-policy"
    find "$root" -type d -exec chmod 0755 {} +
    find "$root/etc" -type f -exec chmod 0444 {} +
}

# What a label says of the sources: the commit, and whether they differ from it.
revision() {
    local commit
    commit=$(git rev-parse HEAD 2>/dev/null) || { echo unknown && return; }
    git diff --quiet HEAD -- || commit+=-changed
    printf '%s\n' "$commit"
}

# Nothing runs while the image is built, so that no isolation is needed; plain folders are a storage
# that works in any container.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$scratch/storage" --runroot "$scratch/run" "$@"; }

if readelf --program-headers --wide -- "$binary" | grep -q INTERP; then refuse "$binary is not static"; fi
architecture=$(architecture "$binary")
version=$(hack/version.sh)
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
hack/debian.sh buildah
whole "$certificates" install_certificates has_certificates

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
lay_out "$scratch/root"
image=$(buildah build --quiet --format oci --platform "linux/$architecture" --timestamp "$epoch" \
    --identity-label=false --omit-history --unsetenv PATH \
    --build-arg VERSION="$version" --build-arg REVISION="$(revision)" --file Containerfile "$scratch/root")
rm -rf -- "$folder"
mkdir -p -- "$folder"
buildah push --quiet --format oci --digestfile "$scratch/digest" "$image" "oci:$folder:$version"
printf "%s\n" "$(<"$scratch/digest")"
