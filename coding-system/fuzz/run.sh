#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: throws mutated input at the parsers, each target for so many seconds, as many at once as
# there are cores. Works with the stable compiler: its coverage counters are LLVM's own pass, libFuzzer comes with the
# crate and needs a C++ compiler. What was found is kept in target/fuzz/corpus; a crash ends it and its input is printed.
# FUZZ_DIR is another crate of targets; its seeds/TARGET are tried first.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "${FUZZ_DIR:-$(dirname "$0")}"
seconds=${1:?run.sh SECONDS [TARGET...]}
shift
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(basename -s .rs fuzz_targets/*.rs)

host=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
coverage+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
export CARGO_TARGET_DIR=$root/target/fuzz
# With a target named, build scripts stay without counters.
RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1 $coverage" \
    cargo build --release --locked --target "$host"

one() {
    local corpus=$CARGO_TARGET_DIR/corpus/$1 log=$CARGO_TARGET_DIR/$1.log
    local seeds=()
    [ ! -d "seeds/$1" ] || seeds=("seeds/$1")
    mkdir -p "$corpus"
    if "$CARGO_TARGET_DIR/$2/release/$1" "$corpus" "${seeds[@]}" -max_total_time="$3" -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$CARGO_TARGET_DIR/crash-$1-" >"$log" 2>&1; then
        echo "$1: no crash in $3 s, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        tail -30 "$log"
        echo "$1: CRASHED; its input is in $CARGO_TARGET_DIR/crash-$1-*" >&2
        return 255
    fi
}
export -f one
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one "$@"' one {} "$host" "$seconds"
