//! Texts as JSON strings.

use crate::memory::{self, OutOfMemory};

/// Appends a text, which is UTF-8, as a JSON string.
pub fn quote(text: &[u8], to: &mut Vec<u8>) -> Result<(), OutOfMemory> {
    memory::reserve(to, text.len() + 2)?;
    memory::push(to, b'"')?;
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\') {
        memory::append(to, &rest[..at])?;
        escape(rest[at], to)?;
        rest = &rest[at + 1..];
    }
    memory::append(to, rest)?;
    memory::push(to, b'"')
}

fn escape(b: u8, to: &mut Vec<u8>) -> Result<(), OutOfMemory> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match b {
        b'"' | b'\\' => memory::append(to, &[b'\\', b]),
        b'\n' => memory::append(to, b"\\n"),
        b'\r' => memory::append(to, b"\\r"),
        b'\t' => memory::append(to, b"\\t"),
        _ => {
            let (high, low) = (DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 0xF)]);
            memory::append(to, &[b'\\', b'u', b'0', b'0', high, low])
        }
    }
}
