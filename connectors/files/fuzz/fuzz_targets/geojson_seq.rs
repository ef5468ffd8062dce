//! `fuzz/run.sh SECONDS geojson_seq`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors_files_fuzz::geojson_seq(data));
