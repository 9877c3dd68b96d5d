//! libFuzzer's door to `loader_fuzz::toast`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loader_fuzz::toast::check(input));
