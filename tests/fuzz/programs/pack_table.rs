#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::fuzz_bodies::pack_table::body(bytes));
