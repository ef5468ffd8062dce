//! `fuzz/run.sh SECONDS any_text`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coding_system_fuzz::any_text(data));
