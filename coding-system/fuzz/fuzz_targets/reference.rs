//! `fuzz/run.sh SECONDS reference`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coding_system_fuzz::reference(data));
