//! `fuzz/run.sh SECONDS key`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coding_system_fuzz::key(data));
