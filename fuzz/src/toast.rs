//! The compressor of long values: what it makes is read back by decompressors
//! that are not its own, and is what the server would store.

use loader_core::toast::{Compressor, Method};

/// No content is longer.
const LONGEST: usize = 200_000;

/// Compresses what the input describes by both methods.
pub fn check(input: &[u8]) {
    let content = content(input);
    let mut used = Compressor::new();
    for method in [Method::Pglz, Method::Lz4] {
        let made = compressed(&mut used, &content, method);
        // What came before must not show.
        let half = &content[content.len() / 2..];
        compressed(&mut used, half, method);
        assert!(compressed(&mut used, &content, method) == made, "compressed otherwise after another value");
        if let Some(made) = made {
            read_back(&made, &content, method);
        }
    }
}

/// What an input describes: after an even byte itself; after an odd one, five
/// bytes at a time, repeats of what came before and new bytes, so that an input
/// of some bytes reaches over all windows and buffers.
pub fn content(input: &[u8]) -> Vec<u8> {
    let Some((&choice, rest)) = input.split_first() else { return Vec::new() };
    if choice & 1 == 0 {
        return rest.to_vec();
    }
    let alphabet = u32::from(choice >> 1) + 1;
    let mut content: Vec<u8> = Vec::new();
    for piece in rest.chunks_exact(5) {
        let number = |at: usize| usize::from(u16::from_le_bytes([piece[at], piece[at + 1]]));
        let length = number(1).min(LONGEST - content.len());
        let repeated = content.len().checked_sub(number(3)).filter(|_| piece[0] & 1 == 0);
        let seed = u32::from(piece[0]) << 16 | number(3) as u32;
        for n in 0..length as u32 {
            let new = || ((seed.wrapping_add(n).wrapping_mul(0x9E37_79B9) >> 15) % alphabet) as u8;
            let byte = repeated.and_then(|at| content.get(at + n as usize).copied());
            content.push(byte.unwrap_or_else(new));
        }
    }
    content
}

/// The compressed datum, where it is worth it.
fn compressed(compressor: &mut Compressor, content: &[u8], method: Method) -> Option<Vec<u8>> {
    let header = ((content.len() + 4) as u32) << 2;
    let datum = [&header.to_le_bytes()[..], content].concat();
    let mut out = b"before".to_vec();
    let worth_it = compressor.compress(&datum, method, &mut out, &|| false).expect("there is memory");
    assert!(out.starts_with(b"before"));
    let made = out.split_off(6);
    assert_eq!(made.is_empty(), !worth_it);
    worth_it.then_some(made)
}

fn read_back(made: &[u8], content: &[u8], method: Method) {
    let word = |at: usize| u32::from_le_bytes(made[at..at + 4].try_into().expect("four bytes"));
    let (id, bytes) = (u32::from(method == Method::Lz4), &made[8..]);
    assert_eq!(word(0), (made.len() as u32) << 2 | 2, "size and flag");
    assert_eq!(word(4), content.len() as u32 | id << 30, "length and method");
    assert!(made.len() + 2 < content.len(), "larger than the server would keep");
    match method {
        Method::Pglz => {
            assert!(bytes.len() * 100 < content.len() * 75, "saves less than a quarter");
            assert!(pglz(bytes, content.len()).as_deref() == Some(content), "pglz reads something else");
        }
        Method::Lz4 => {
            let read = lz4_flex::block::decompress(bytes, content.len());
            assert!(read.as_deref().ok() == Some(content), "lz4 reads something else");
        }
    }
}

/// As `pglz_decompress` with `check_complete` does it (src/common/pg_lzcompress.c):
/// all of the bytes, and exactly the length.
fn pglz(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(length);
    let mut at = 0;
    let mut next = || {
        at += 1;
        bytes.get(at - 1).copied().map(usize::from)
    };
    let mut control = 0;
    let mut items = 0;
    while content.len() < length {
        if items == 0 {
            (control, items) = (next()?, 8);
        }
        let tag = next()?;
        if control & 1 == 1 {
            let offset = (tag & 0xF0) << 4 | next()?;
            let mut matched = (tag & 0x0F) + 3;
            if matched == 18 {
                matched += next()?;
            }
            // The server would cut the match off; ours never has to be.
            let from = content.len().checked_sub(offset).filter(|_| offset > 0)?;
            for n in 0..matched {
                content.push(content[from + n]);
            }
        } else {
            content.push(tag as u8);
        }
        control >>= 1;
        items -= 1;
    }
    (content.len() == length && at == bytes.len()).then_some(content)
}
