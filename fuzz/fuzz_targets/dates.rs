//! Invariant: a date is a time that can be written and read again, or none; nothing overflows.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::dates(data));
