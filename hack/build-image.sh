#!/usr/bin/env bash
# Builds the image from a static binary of the operator, and prints the digest of the image. hack/image.sh compiles
# the binary and then calls this script. The simulators are beside the binary, in a program of their own.
#
#   hack/build-image.sh BINARY FOLDER
#
# FOLDER becomes an OCI layout with one image, whose tag is the version. All times in the image are the time of the
# commit, so the same binary gives the same digest.
set -euo pipefail
shopt -s inherit_errexit

binary=$(realpath -- "$1")
simulator=$(dirname -- "$binary")/cloud-policy-simulator
folder=$(realpath -m -- "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/cache.sh
. hack/layout.sh

readonly pins=hack/image/certificates.txt
certificates=$(cached certificates <"$pins")

refuse() {
    printf 'build-image: %s\n' "$1" >&2
    exit 1
}

# The image gets the root certificates of Mozilla. This machine may trust additional ones.
has_certificates() { [[ -s $certificates/certifi/cacert.pem ]]; }
install_certificates() {
    hack/require.sh python3 pip
    wheels "$1" "$pins"
}

lay_out() {
    local root=$1
    cp -r -- hack/image/root "$root"
    install -D -m 0444 -- "$certificates/certifi/cacert.pem" "$root/etc/ssl/certs/ca-certificates.crt"
    install_programs "$binary" "$simulator" "$root"
    find "$root" -type d -exec chmod 0755 {} +
    find "$root/etc" -type f -exec chmod 0444 {} +
}

# Prints the revision for the label: the commit, with "-changed" if the working tree differs from it.
revision() {
    local commit
    commit=$(git rev-parse HEAD 2>/dev/null) || { echo unknown && return; }
    git diff --quiet HEAD -- || commit+=-changed
    printf '%s\n' "$commit"
}

# The build runs no command in the image, so it needs no isolation. The vfs storage driver uses plain folders and
# works inside any container.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$scratch/storage" --runroot "$scratch/run" "$@"; }

hack/require.sh buildah
for program in "$binary" "$simulator"; do
    if readelf --program-headers --wide -- "$program" | grep -q INTERP; then refuse "$program is not static"; fi
done
architecture=$(architecture "$binary")
version=$(hack/version.sh)
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
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
