//! Invariant: a challenge is answered at most once, in one line, without the password.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::challenge(data));
