//! Invariant: a head is refused, or another parser reads what was set, and no more.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::request_head(data));
