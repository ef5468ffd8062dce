#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: throws mutated files at the readers of city files, as coding-system/fuzz/run.sh does at codes.
set -euo pipefail
cd "$(dirname "$0")"
FUZZ_DIR=$PWD exec ../../../coding-system/fuzz/run.sh "$@"
