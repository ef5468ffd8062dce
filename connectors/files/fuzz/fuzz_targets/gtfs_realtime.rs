//! `fuzz/run.sh SECONDS gtfs_realtime`; what is asked is in `bodies.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| connectors_files_fuzz::gtfs_realtime(data));
