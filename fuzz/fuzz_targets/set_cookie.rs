//! Invariant: a cookie goes to the host that set it and below its Domain only, over https only if Secure, and never as
//! two lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::set_cookie(data));
