//! Invariant: any answer to CONNECT opens the tunnel with nothing unread in it, or is an error of one line without credentials.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::proxy_answer(data));
