//! libFuzzer's door to `loader_fuzz::encode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loader_fuzz::encode::check(input));
