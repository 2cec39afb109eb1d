//! Invariant: the lines and the events of a body are the same however it is cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| petition::fuzzing::event_stream(data));
