#!/usr/bin/env bash
# Makes the image of the operator without a container engine, and prints the image's digest.
#
#   hack/image.sh           # for release; lies then in target/image/release as an OCI layout
#   hack/image.sh trial     # for the tests: the same but for optimisation, built in a minute
#
# For this machine's architecture, or for that of CARGO_BUILD_TARGET, whose C compiler and linker
# cargo must then know (docs/release.md); then in target/$CARGO_BUILD_TARGET/image. The same commit on
# the same system makes the same bytes in any folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:-release}
hack/need.sh cargo cc

target=${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
built=$(realpath -ms -- "${CARGO_TARGET_DIR:-target}")
crates=${CARGO_HOME:-$HOME/.cargo}

# Static with glibc, which is the C library, allocator and resolver that the tests run with, too. Its
# look-ups of names need no shared objects since 2.34. No folder of this machine stays in the binary.
remap="--remap-path-prefix=$crates=/cargo --remap-path-prefix=$PWD=/src --remap-path-prefix=$built=/src/target"
export RUSTFLAGS="-C target-feature=+crt-static $remap"
cargo build --locked --quiet --profile "$profile" --target "$target" --bin cloud-policy >&2
exec hack/pack.sh "$built/$target/$profile/cloud-policy" "$built${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}/image/$profile"
