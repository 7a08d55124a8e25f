#!/usr/bin/env bash
# Joins the images of several architectures under one tag, and prints the digest of the image index.
#
#   hack/index.sh FOLDER IMAGE...
#
# FOLDER becomes an OCI layout. Its index has the version as tag and refers to the images, whose digests do not
# change. Each IMAGE is an OCI layout from hack/build-image.sh.
set -euo pipefail

folder=$(realpath -m -- "$1")
images=()
for image in "${@:2}"; do images+=("$(realpath -- "$image")"); done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

hack/require.sh buildah
version=$(hack/version.sh)
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
export STORAGE_DRIVER=vfs
buildah() { command buildah --root "$scratch/storage" --runroot "$scratch/run" "$@"; }

buildah manifest create index >/dev/null
for image in "${images[@]}"; do buildah manifest add index "oci:$image:$version" >/dev/null; done
rm -rf -- "$folder"
mkdir -p -- "$folder"
buildah manifest push --quiet --all --format oci --digestfile "$scratch/digest" index "oci:$folder:$version"
printf '%s\n' "$(<"$scratch/digest")"
