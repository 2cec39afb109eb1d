//! Invariant: what the chunk writer writes is read as the same body, to its last byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::chunk_writer(data));
