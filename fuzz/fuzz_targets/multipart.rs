//! Invariant: a form has the length it announces, and no part or header line that was not asked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::multipart(data));
