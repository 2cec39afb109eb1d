//! Invariant: PEM and DER are read within their bounds or refused in one line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::pem(data));
