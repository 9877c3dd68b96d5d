//! What the compressor of long values promises: the server's decompressors read
//! it back, and nothing is stored that the server would not store.
//!
//! The decompressors here are written from the formats, strict as the server's
//! are: the content must be filled exactly, by all of the bytes.

use loader_core::toast::{CompressError, Compressor, Method};
use proptest::prelude::*;

/// A datum of the content.
fn datum(content: &[u8]) -> Vec<u8> {
    let header = ((content.len() + 4) as u32) << 2;
    [&header.to_le_bytes()[..], content].concat()
}

fn pglz_content(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut bytes = bytes.iter().map(|byte| usize::from(*byte));
    while content.len() < length {
        let control = bytes.next()?;
        for item in 0..8 {
            if content.len() == length {
                break;
            }
            let first = bytes.next()?;
            if control >> item & 1 == 0 {
                content.push(first as u8);
                continue;
            }
            let offset = (first & 0xF0) << 4 | bytes.next()?;
            let matched = if first & 0x0F == 15 { 18 + bytes.next()? } else { 3 + (first & 0x0F) };
            let from = content.len().checked_sub(offset).filter(|_| offset > 0)?;
            for at in from..from + matched {
                content.push(content[at]);
            }
        }
    }
    (content.len() == length && bytes.next().is_none()).then_some(content)
}

fn lz4_content(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    fn whole(half: usize, bytes: &mut impl Iterator<Item = usize>) -> Option<usize> {
        let mut sum = half;
        let mut more = half == 15;
        while more {
            let byte = bytes.next()?;
            sum += byte;
            more = byte == 255;
        }
        Some(sum)
    }
    let mut content = Vec::new();
    let mut last_match = None;
    let mut bytes = bytes.iter().map(|byte| usize::from(*byte)).peekable();
    loop {
        let token = bytes.next()?;
        let literals = whole(token >> 4, &mut bytes)?;
        for _ in 0..literals {
            content.push(bytes.next()? as u8);
        }
        if bytes.peek().is_none() {
            // The rules for the end: see the block format.
            let start = last_match.unwrap_or(0);
            let at_the_end = last_match.is_none() || literals >= 5 && start + 12 <= length;
            return (content.len() == length && at_the_end).then_some(content);
        }
        let offset = bytes.next()? | bytes.next()? << 8;
        let matched = 4 + whole(token & 0x0F, &mut bytes)?;
        last_match = Some(content.len());
        let from = content.len().checked_sub(offset).filter(|_| offset > 0)?;
        for at in from..from + matched {
            content.push(content[at]);
        }
    }
}

/// Compresses the content, checks all that holds for any, and returns the
/// datum's bytes where it was worth it.
fn compressed(compressor: &mut Compressor, content: &[u8], method: Method) -> Option<Vec<u8>> {
    let before = b"before".to_vec();
    let mut out = before.clone();
    let worth_it = compressor.compress(&datum(content), method, &mut out, &|| false).unwrap();
    assert!(out.starts_with(&before));
    let made = out.split_off(before.len());
    if !worth_it {
        assert!(made.is_empty());
        return None;
    }
    let word = |at: usize| u32::from_le_bytes(made[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), (made.len() as u32) << 2 | 2);
    let id = if method == Method::Lz4 { 1 } else { 0 };
    assert_eq!(word(4), content.len() as u32 | id << 30);
    assert!(made.len() < content.len() - 2, "larger than the server would keep");
    let read = match method {
        Method::Pglz => {
            assert!((made.len() - 8) * 100 < content.len() * 75, "saves less than a quarter");
            pglz_content(&made[8..], content.len())
        }
        Method::Lz4 => lz4_content(&made[8..], content.len()),
    };
    assert!(read.as_deref() == Some(content), "read back: {:?}", read.map(|read| read.len()));
    Some(made)
}

fn check(content: &[u8]) {
    let mut compressor = Compressor::new();
    for method in [Method::Pglz, Method::Lz4] {
        compressed(&mut compressor, content, method);
    }
}

/// Bytes without a match worth having.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

#[test]
fn shortest_values() {
    let mut compressor = Compressor::new();
    for length in 0..=31 {
        assert_eq!(compressed(&mut compressor, &vec![b'a'; length], Method::Pglz), None);
    }
    for length in 32..40 {
        assert!(compressed(&mut compressor, &vec![b'a'; length], Method::Pglz).is_some());
    }
    for length in 0..100 {
        check(&vec![b'a'; length]);
        check(&noise(length));
    }
    let mut out = Vec::new();
    for no_datum in [&[][..], &[1], &[1, 2, 3], &[16, 0, 0, 0]] {
        for method in [Method::Pglz, Method::Lz4] {
            assert_eq!(compressor.compress(no_datum, method, &mut out, &|| false), Ok(false));
        }
    }
}

#[test]
fn matches_of_every_length_at_every_kind_of_offset() {
    // What is kept must be small beside what is not, or nothing is stored.
    for offset in [1, 2, 7, 8, 9, 300, 4094, 4095, 4096, 4097] {
        for length in [3, 4, 16, 17, 18, 19, 272, 273, 274, 275, 600] {
            let mut content = noise(offset.max(20));
            for at in content.len()..content.len() + length {
                content.push(content[at - offset]);
            }
            content.extend_from_slice(&[0; 20_000]);
            check(&content);
        }
    }
}

#[test]
fn an_offset_is_used_up_to_the_farthest() {
    let mut compressor = Compressor::new();
    let mut size = |period: usize| {
        // A value that begins with a kilobyte of noise is given up.
        let mut noise = noise(period);
        noise.copy_within(..8, 8);
        let content: Vec<u8> = noise.into_iter().cycle().take(50_000).collect();
        compressed(&mut compressor, &content, Method::Pglz).map(|made| made.len())
    };
    assert!(size(4094).is_some());
    assert!(size(4095).is_some());
    assert_eq!(size(4096), None);
}

#[test]
fn what_begins_with_noise_is_given_up() {
    let mut compressor = Compressor::new();
    let mut made = |noisy: usize| {
        let content = [noise(noisy), vec![b'a'; 10_000]].concat();
        compressed(&mut compressor, &content, Method::Pglz)
    };
    assert!(made(900).is_some());
    assert_eq!(made(1100), None);
}

#[test]
fn values_longer_than_the_buffer() {
    let record = br#"{"id": 12345, "name": "somebody", "tags": ["a", "b"], "text": "#;
    for length in [65_519, 65_520, 65_527, 65_528, 65_529, 65_535, 65_536, 65_537, 131_072, 400_001] {
        let content: Vec<u8> = (0..)
            .flat_map(|n: u32| [record.to_vec(), n.to_string().into_bytes()].concat())
            .take(length)
            .collect();
        check(&content);
        check(&vec![0; length]);
        check(&noise(length));
        let thirds: Vec<u8> = noise(length).iter().map(|byte| byte % 3).collect();
        check(&thirds);
    }
}

#[test]
fn a_value_is_compressed_alike_whatever_came_before() {
    let text: Vec<u8> = (0..2_000).flat_map(|n: u32| (n * 7919 % 1000).to_string().into_bytes()).collect();
    for method in [Method::Pglz, Method::Lz4] {
        let expected = compressed(&mut Compressor::new(), &text, method);
        let mut used = Compressor::new();
        for before in [vec![0; 200_000], text[7..].to_vec(), noise(70_000)] {
            compressed(&mut used, &before, method);
            assert!(compressed(&mut used, &text, method) == expected);
        }
    }
}

#[test]
fn stops_when_asked() {
    // One match, however long, is compared without asking: no runs here.
    let text: Vec<u8> = noise(300_000).iter().map(|byte| byte % 16).collect();
    for method in [Method::Pglz, Method::Lz4] {
        let mut out = vec![1, 2, 3];
        let answer = Compressor::new().compress(&datum(&text), method, &mut out, &|| true);
        assert_eq!(answer, Err(CompressError::Stopped));
        assert_eq!(out, [1, 2, 3]);
    }
}

/// Bytes as repeats of what came before, and new ones of a small alphabet.
fn structured() -> impl Strategy<Value = Vec<u8>> {
    let piece = (any::<bool>(), 1..5_000_usize, 1..400_usize, any::<u64>());
    (1..=256_u64, prop::collection::vec(piece, 1..60)).prop_map(|(alphabet, pieces)| {
        let mut content = Vec::new();
        for (repeat, offset, length, seed) in pieces {
            for n in 0..length as u64 {
                let byte = match content.len().checked_sub(offset) {
                    Some(at) if repeat => content[at],
                    _ => ((seed.wrapping_add(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % alphabet) as u8,
                };
                content.push(byte);
            }
        }
        content
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(content in prop::collection::vec(any::<u8>(), 0..3_000)) {
        check(&content);
    }

    #[test]
    fn few_letters(content in prop::collection::vec(0..4_u8, 0..6_000)) {
        check(&content);
    }

    #[test]
    fn structured_bytes(content in structured()) {
        check(&content);
    }
}
