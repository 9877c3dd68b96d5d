//! Small changes to a document: what libFuzzer keeps are inputs that reach new
//! code, and the server is to see their neighbours, too.

use loader_damage::rng::Rng;

const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"9",
    b"-",
    b"+",
    b".",
    b"e",
    b" ",
    b"\t",
    b"\x01",
    b"null",
    b"1e131071",
    b"e-16383",
    b"\\u0000",
    b"\\u00e9",
    b"\\ud83d",
    b"\\ude00",
    b"\xc3\xa9",
    b"\xff",
    b"\x00",
    b"\"a\":",
    b"00000000",
    b"99999999",
];

/// The document with one to three changes.
pub fn mutate(document: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut text = document.to_vec();
    for _ in 0..rng.between(1, 3) {
        let at = rng.below(text.len() + 1);
        let end = (at + rng.between(1, 8)).min(text.len());
        match rng.below(5) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, rng.pick(PIECES).iter().copied())),
            2 => drop(text.splice(at..(at + 1).min(end), rng.pick(PIECES).iter().copied())),
            3 => {
                let again = text[at..end].to_vec();
                drop(text.splice(at..at, again));
            }
            _ => text.rotate_left(at),
        }
    }
    text
}
