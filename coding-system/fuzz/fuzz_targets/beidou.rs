//! `fuzz/run.sh SECONDS beidou`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coding_system_fuzz::beidou(data));
