//! Invariant: a body in pieces is the body in one piece, or the same error, and takes the same bytes of the wire, whether it is
//! copied from a buffer, read in place or read in parts; nothing panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::body_decoder(data));
