#!/usr/bin/env bash
# Prints the section of a version in CHANGELOG.md. Fails if the section is missing or empty.
#
#   hack/changelog.sh 0.2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

notes=$(awk -v heading="## [$1]" '
    index($0, "## ") == 1 { inside = index($0, heading) == 1; next }
    inside { print }
' CHANGELOG.md)
if [[ -z ${notes//[[:space:]]/} ]]; then
    printf 'changelog: CHANGELOG.md has no entries for %s\n' "$1" >&2
    exit 1
fi
printf '%s\n' "$notes"
