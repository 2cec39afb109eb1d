//! Invariant: a URL that is accepted can be sent as it stands, parses to itself, and joins to one that does.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::url(data));
