#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::fuzz_bodies::ignore_patterns::body(bytes));
