#!/usr/bin/env bash
# The version, which stands in Cargo.toml and is repeated where other tools read it.
#
#   hack/version.sh            # prints it
#   hack/version.sh 0.2.0      # writes it everywhere; a test holds all places together
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The first one in the file is that of the workspace.
current() { sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml; }

# Where readers and tools are told which version to take; deploy/ and charts/ tell of no other.
readonly told=(deploy charts docs/release.md docs/tasks/gitops.md SECURITY.md)

# Between these a version stands by itself: not in the middle of a longer one.
readonly before='(^|[^0-9.])' after='($|[^0-9A-Za-z.-])'

if (($# == 0)); then
    current
    exit
fi

old=$(current)
new=$1
[[ $new =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || {
    printf 'version: %s is no semantic version\n' "$new" >&2
    exit 1
}
dots=${old//./\\.}
sed -i "0,/^version = \"$dots\"\$/s//version = \"$new\"/" Cargo.toml
cargo update --workspace --offline --quiet
grep -rlE "$before$dots$after" "${told[@]}" | xargs sed -i -E "s/$before$dots$after/\\1$new\\2/g"
sed -i "s/^## \[Unreleased\]\$/&\n\n## [$new] - $(date -u +%F)/" CHANGELOG.md
printf 'version: %s became %s; see what changed: git diff\n' "$old" "$new" >&2
