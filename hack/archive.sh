#!/usr/bin/env bash
# Packs the command line for people and pipelines: the program, the simulators, completions and man pages. Prints the
# path of the archive.
#
#   hack/archive.sh PROGRAM FOLDER
#
# PROGRAM is the static binary from hack/image.sh; the simulators are beside it. The script runs it to write completions
# and man pages, so it must be a program for this machine. All times in the archive are the time of the commit, so the
# same programs give the same bytes.
set -euo pipefail

program=$(realpath -- "$1")
simulator=$(dirname -- "$program")/cloud-policy-simulator
folder=$(realpath -m -- "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/layout.sh

hack/require.sh gzip tar
version=$(hack/version.sh)
name=cloud-policy-$version-linux-$(architecture "$program")
time=$(git log -1 --format=%ct 2>/dev/null || echo 0)

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
root=$scratch/$name
install_programs "$program" "$simulator" "$root"
mkdir -p -- "$root/completions"
for shell in bash elvish fish powershell zsh; do "$program" completion "$shell" >"$root/completions/cloud-policy.$shell"; done
"$program" man --dir "$root/man/man1"
install -m 0444 LICENSE "$root/LICENSE"
find "$root" -type d -exec chmod 0755 {} +
find "$root/completions" "$root/man" -type f -exec chmod 0444 {} +

mkdir -p -- "$folder"
tar --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$time" --directory "$scratch" "$name" |
    gzip --no-name --best >"$folder/$name.tar.gz"
printf '%s\n' "$folder/$name.tar.gz"
