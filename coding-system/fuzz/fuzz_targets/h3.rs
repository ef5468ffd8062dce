//! `fuzz/run.sh SECONDS h3`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coding_system_fuzz::h3(data));
