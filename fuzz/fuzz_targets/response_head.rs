//! Invariant: an answer in pieces is the answer in one piece, or the same error; nothing panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::response_head(data));
