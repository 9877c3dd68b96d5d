//! libFuzzer's door to `loader_fuzz::decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loader_fuzz::decode::check(input));
