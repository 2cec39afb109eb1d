//! Invariant: the links of a header are parts of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::links(data));
