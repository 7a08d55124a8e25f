#!/usr/bin/env bash
# Builds docs/ as a site into target/site; a link or an anchor that leads nowhere fails.
#
#   hack/docs.sh
#
# Sphinx with the Markdown of CommonMark, installed once into the cache from the Python index,
# checked by hash. CLOUD_POLICY_REPOSITORY=https://… says where links out of docs/ lead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. hack/cache.sh

readonly pins=hack/site/requirements.txt site=${CARGO_TARGET_DIR:-target}/site
hack/need.sh python3 pip
# Wheels with compiled parts belong to one version of Python.
packages=$({ cat -- "$pins" && python3 -c 'import sys; print(sys.version_info[:2])'; } | cached site)

found() { [[ -d $packages/sphinx ]]; }

install_sphinx() {
    printf 'docs: installing what builds the site\n' >&2
    wheels "$1" "$pins"
}

whole "$packages" install_sphinx found
rm -rf -- "$site"
PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 python3 -m sphinx --quiet --fail-on-warning --keep-going -E \
    -d "$site/.doctrees" -c hack/site -b html docs "$site"
rm -rf -- "$site/.doctrees"
cp -- "$site/README.html" "$site/index.html"
printf 'docs: %s/index.html\n' "$site"
