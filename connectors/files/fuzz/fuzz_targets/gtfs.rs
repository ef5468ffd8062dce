//! `fuzz/run.sh SECONDS gtfs`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors_files_fuzz::gtfs(data));
