#!/usr/bin/env bash
# Compiles the operator and the simulators, and builds the image of both without a container engine. Prints the digest of the image.
#
#   hack/image.sh           # release profile; writes an OCI layout to target/image/release
#   hack/image.sh trial     # for the tests: the same image without optimisation, which takes a minute
#
# The image is for the architecture of this machine. With CARGO_BUILD_TARGET it is for that target, is written to
# target/$CARGO_BUILD_TARGET/image, and cargo must know the C compiler and linker of the target (docs/release.md).
# The same commit on the same system gives the same bytes in any folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:-release}
hack/require.sh cargo cc buildah

target=${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
built=$(realpath -ms -- "${CARGO_TARGET_DIR:-target}")
crates=${CARGO_HOME:-$HOME/.cargo}

# The binary links glibc statically: the tests run with the same C library, allocator and resolver. Since version
# 2.34 glibc resolves names without shared objects. The remapped paths keep folders of this machine out of the binary.
remap="--remap-path-prefix=$crates=/cargo --remap-path-prefix=$PWD=/src --remap-path-prefix=$built=/src/target"
export RUSTFLAGS="-C target-feature=+crt-static $remap"
cargo build --locked --quiet --profile "$profile" --target "$target" \
    --package cloud-policy-operator --package cloud-policy-simulator --bin cloud-policy --bin cloud-policy-simulator >&2
exec hack/build-image.sh "$built/$target/$profile/cloud-policy" "$built${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}/image/$profile"
