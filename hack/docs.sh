#!/usr/bin/env bash
# Builds docs/ as a site in target/site. A broken link or anchor fails the build.
#
#   hack/docs.sh
#
# Sphinx with MyST reads the Markdown. Both are installed into the cache on first use, from the Python index, checked
# by hash. CLOUD_POLICY_REPOSITORY=https://… is the target of links that leave docs/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. hack/cache.sh

readonly pins=hack/site/requirements.txt site=${CARGO_TARGET_DIR:-target}/site
hack/require.sh python3 pip
# Wheels with compiled code work with one version of Python, so its version is part of the cache key.
packages=$({ cat -- "$pins" && python3 -c 'import sys; print(sys.version_info[:2])'; } | cached site)

found() { [[ -d $packages/sphinx ]]; }

install_sphinx() {
    printf 'docs: installing Sphinx into the cache\n' >&2
    wheels "$1" "$pins"
}

whole "$packages" install_sphinx found
rm -rf -- "$site"
PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 python3 -m sphinx --quiet --fail-on-warning --keep-going -E \
    -d "$site/.doctrees" -c hack/site -b html docs "$site"
rm -rf -- "$site/.doctrees"
cp -- "$site/README.html" "$site/index.html"
printf 'docs: %s/index.html\n' "$site"
