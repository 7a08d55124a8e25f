#!/usr/bin/env bash
# Builds docs/ as a site into target/site; a link or an anchor that leads nowhere fails.
#
#   hack/docs.sh
#
# Sphinx with the Markdown of CommonMark, installed once into the cache from the Python index,
# checked by hash. CLOUD_POLICY_REPOSITORY=https://… says where links out of docs/ lead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly pins=hack/site/requirements.txt site=${CARGO_TARGET_DIR:-target}/site
cache=${CLOUD_POLICY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloud-policy-operator}/site
hack/need.sh python3 pip
# Wheels with compiled parts belong to one version of Python.
digest=$({ cat -- "$pins" && python3 -c 'import sys; print(sys.version_info[:2])'; } | sha256sum)
packages=$cache/${digest:0:16}

found() { [[ -d $packages/sphinx ]]; }

if ! found; then
    printf 'docs: installing what builds the site\n' >&2
    mkdir -p -- "$cache"
    draft=$(mktemp -d -- "$cache/.draft.XXXXXX")
    trap 'rm -rf -- "$draft"' EXIT
    python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action ignore \
        --require-hashes --no-deps --only-binary :all: --target "$draft" --requirement "$pins" >&2
    # Whoever is second finds the folder there; both drafts are the same.
    mv -T -- "$draft" "$packages" 2>/dev/null || found
fi
rm -rf -- "$site"
PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 python3 -m sphinx --quiet --fail-on-warning --keep-going -E \
    -d "$site/.doctrees" -c hack/site -b html docs "$site"
rm -rf -- "$site/.doctrees"
cp -- "$site/README.html" "$site/index.html"
printf 'docs: %s/index.html\n' "$site"
