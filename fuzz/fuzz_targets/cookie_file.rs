//! Invariant: what of a cookies.txt is read is written so that the same is read again, and is sent to its domain in
//! one line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::cookie_file(data));
