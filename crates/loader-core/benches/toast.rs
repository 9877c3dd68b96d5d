//! How fast long values are compressed: a value of tweet's size and shape, and
//! what is hard on the search.
//!
//! `cargo bench -p loader-core --bench toast`. The sizes are printed beside.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loader_core::toast::{Compressor, Method};

/// A generator of numbers that look like chance (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % end
    }

    fn word(&mut self) -> String {
        let length = 2 + self.below(8);
        (0..length).map(|_| (b'a' + self.below(26) as u8) as char).collect()
    }
}

/// Datums of records with repeated keys, words, addresses and numbers.
fn records(chance: &mut Chance) -> Vec<Vec<u8>> {
    let vocabulary: Vec<String> = (0..2_000).map(|_| chance.word()).collect();
    let keys: Vec<String> = (0..40).map(|_| format!("{}_{}", chance.word(), chance.word())).collect();
    let record = |chance: &mut Chance| {
        let mut content = String::new();
        while content.len() < 4_700 {
            content.push_str(&keys[chance.below(40) as usize]);
            match chance.below(4) {
                0 => content.push_str(&chance.below(1 << 40).to_string()),
                1 => content.push_str(&format!("https://example.org/{}/", chance.word())),
                2 => content.push_str("false"),
                _ => (0..chance.below(6)).for_each(|_| {
                    content.push_str(&vocabulary[chance.below(2_000) as usize]);
                    content.push(' ');
                }),
            }
        }
        datum(content.as_bytes())
    };
    (0..100).map(|_| record(chance)).collect()
}

/// A datum of so many letters.
fn letters(chance: &mut Chance, alphabet: u64) -> Vec<Vec<u8>> {
    let content: Vec<u8> = (0..100_000).map(|_| b'a' + chance.below(alphabet) as u8).collect();
    vec![datum(&content)]
}

fn datum(content: &[u8]) -> Vec<u8> {
    let header = ((content.len() + 4) as u32) << 2;
    [&header.to_le_bytes()[..], content].concat()
}

fn compress(criterion: &mut Criterion) {
    let mut chance = Chance(1);
    let sets = [
        ("records", records(&mut chance)),
        ("four letters", letters(&mut chance, 4)),
        ("26 letters", letters(&mut chance, 26)),
    ];
    for (method, method_name) in [(Method::Pglz, "pglz"), (Method::Lz4, "lz4")] {
        let mut group = criterion.benchmark_group(method_name);
        for (name, values) in &sets {
            let mut compressor = Compressor::new();
            let mut out = Vec::new();
            let mut all = || {
                let mut size = 0;
                for value in values {
                    out.clear();
                    let smaller = compressor.compress(black_box(value), method, &mut out, &|| false);
                    size += if smaller == Ok(true) { out.len() } else { value.len() };
                }
                size
            };
            let raw: usize = values.iter().map(Vec::len).sum();
            println!("{method_name} {name}: {raw} bytes to {}", all());
            group.throughput(Throughput::Bytes(raw as u64));
            group.bench_function(*name, |bencher| bencher.iter(&mut all));
        }
        group.finish();
    }
}

criterion_group!(benches, compress);
criterion_main!(benches);
