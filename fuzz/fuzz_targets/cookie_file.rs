//! Invariant: what of a cookies.txt is read is written so that it can be read again without a change.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::cookie_file(data));
