#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::fuzz_bodies::segment::body(bytes));
