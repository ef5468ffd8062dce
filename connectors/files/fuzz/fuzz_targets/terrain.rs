//! `fuzz/run.sh SECONDS terrain`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors_files_fuzz::terrain(data));
