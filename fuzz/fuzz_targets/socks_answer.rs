//! Invariant: any answer of a SOCKS proxy ends the negotiation and takes no byte of what follows it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::socks_answer(data));
