#!/usr/bin/env bash
# Builds the program and writes every figure of the README: benches/run.sh [PROFILE] (release by default, as users run
# it for good; `demo` is what `make demo` builds and takes a tenth of the time). Lines of JSON on standard output.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-release}
make --no-print-directory page >&2
cargo build --locked --profile "$profile" --package kernel-boot --package benches >&2
folder=target/$profile
"$folder/figures" "$folder/urbis"
viewer/web/scripts/with-urbis.sh "$folder/urbis" -- node viewer/web/scripts/figures.mjs
