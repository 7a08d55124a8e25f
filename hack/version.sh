#!/usr/bin/env bash
# Prints or changes the version. Cargo.toml defines it; other files repeat it because other tools read them.
#
#   hack/version.sh            # prints it
#   hack/version.sh 0.2.0      # writes it everywhere; tests/it compares all places
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Prints the version of the workspace, which is the first one in the file.
current() { sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml; }

# Files that name the version to install. deploy/ and charts/ name no other version of the operator.
readonly places=(deploy charts docs/release.md docs/tasks SECURITY.md)

# These surround a version, so that a part of a longer version does not match.
readonly before='(^|[^0-9.])' after='($|[^0-9A-Za-z.-])'

if (($# == 0)); then
    current
    exit
fi

old=$(current)
new=$1
[[ $new =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || {
    printf 'version: %s is not a semantic version\n' "$new" >&2
    exit 1
}
dots=${old//./\\.}
sed -i "0,/^version = \"$dots\"\$/s//version = \"$new\"/" Cargo.toml
cargo update --workspace --offline --quiet
grep -rlE "$before$dots$after" "${places[@]}" | xargs sed -i -E "s/$before$dots$after/\\1$new\\2/g"
sed -i "s/^## \[Unreleased\]\$/&\n\n## [$new] - $(date -u +%F)/" CHANGELOG.md
printf 'version: changed %s to %s; review with: git diff\n' "$old" "$new" >&2
