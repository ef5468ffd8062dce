#!/bin/sh
# Compiles the viewer for the page.
#
# In: the workspace. Out: viewer/web/public/wasm/urbis_viewer.js, urbis_viewer_bg.wasm and their .d.ts (git-ignored).
# Its build outputs go to target/web, so that the native build keeps its own. Nothing is downloaded but crates, and
# what wasm-toolchain.sh may need. PROFILE=dev builds faster and larger.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
profile=${PROFILE:-web}
out=$here/public/wasm
say() { printf 'build-wasm: %s\n' "$*" >&2; }

locked() { sed -n '/^name = "'"$2"'"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$1"; }
ours=$(locked "$root/Cargo.lock" wasm-bindgen)
tools=$(locked "$here/bindgen/Cargo.lock" wasm-bindgen-cli-support)
if [ "$ours" != "$tools" ]; then
    say "the program uses wasm-bindgen $ours, viewer/web/bindgen is made for $tools: set =$ours in viewer/web/bindgen/Cargo.toml and run 'cargo update' there"
    exit 1
fi

lines=$("$here/wasm-toolchain.sh")
CARGO_TARGET_DIR="$root/target/web" cargo build --quiet --locked --manifest-path "$here/bindgen/Cargo.toml"
eval "$lines"
(cd "$root" && CARGO_TARGET_DIR="$root/target/web" cargo build --locked --package viewer-app --lib --profile "$profile" --target wasm32-unknown-unknown)
folder=$profile
[ "$profile" = dev ] && folder=debug
mkdir -p "$out"
"$root/target/web/debug/urbis-bindgen" "$root/target/web/wasm32-unknown-unknown/$folder/viewer_app.wasm" "$out"
size=$(wc -c <"$out/urbis_viewer_bg.wasm")
packed=$(gzip -9 -c "$out/urbis_viewer_bg.wasm" | wc -c)
say "wrote $out/urbis_viewer_bg.wasm: $size bytes, $packed after gzip"
