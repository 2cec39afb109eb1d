//! Invariant: proxy variables lead to a route, or to an error that does not show the password.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::proxy_settings(data));
