//! Invariant: any bytes of a server during an upload end in a response or an error at once, and the next request gets its own answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::upload(data));
