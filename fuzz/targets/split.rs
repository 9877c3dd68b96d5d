//! libFuzzer's door to `loader_fuzz::split`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loader_fuzz::split::check(input));
