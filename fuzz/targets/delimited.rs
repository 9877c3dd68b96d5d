//! libFuzzer's door to `loader_fuzz::delimited`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| loader_fuzz::delimited::check(input));
