#!/usr/bin/env bash
# The version, which stands in Cargo.toml and is repeated where other tools read it.
#
#   hack/version.sh            # prints it
#   hack/version.sh 0.2.0      # writes it everywhere; a test holds all places together
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The first one in the file is that of the workspace.
current() { sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml; }

# The files that name the image by its version.
manifests() { grep -rlE "cloud-policy-operator:$1(\$|[\"[:space:]])" deploy charts --include='*.yaml' || true; }

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
sed -i -E "s/^(version|appVersion): \"?$dots\"?\$/\\1: $new/" charts/cloud-policy-operator/Chart.yaml
manifests "$dots" | xargs -r sed -i -E "s/(cloud-policy-operator:)$dots(\$|[\"[:space:]])/\\1$new\\2/"
sed -i "s/^## \[Unreleased\]\$/&\n\n## [$new] - $(date -u +%F)/" CHANGELOG.md
printf 'version: %s became %s; see what changed: git diff\n' "$old" "$new" >&2
