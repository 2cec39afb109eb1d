//! Invariant: a netrc file gives a host only what stands under its name or under `default`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::netrc(data));
