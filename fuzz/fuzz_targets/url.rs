//! Invariant: a URL is prepared by the rules of requests, can be sent as it stands and parses to itself; one that is joined to it
//! can be sent too, and a relative one stays at its origin.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::url(data));
