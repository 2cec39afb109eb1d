//! Invariant: a coded body in pieces is the body in one piece, or both are errors of one kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::content_coding(data));
