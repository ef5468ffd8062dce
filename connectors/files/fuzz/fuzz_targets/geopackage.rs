//! `fuzz/run.sh SECONDS geopackage`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors_files_fuzz::geopackage(data));
