//! Invariant: a body in pieces is the body in one piece, or the same error, and nothing behind its end is taken; nothing panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::body_decoder(data));
