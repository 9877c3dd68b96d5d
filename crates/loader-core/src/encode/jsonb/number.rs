//! Numbers on the tape.

use super::tape::{Node, Packed};
use crate::encode::numeric::{self, Parts, Short};

/// The number that starts at `text[start]` and the index behind it.
#[inline(always)]
pub(super) fn scan(text: &[u8], start: usize) -> Option<(Packed, usize)> {
    match numeric::scan_short(text, start) {
        Some((Short { negative, scale, value }, end)) => {
            Some((Packed::new(Node::Number { negative, scale, value }), end))
        }
        None => scan_long(text, start),
    }
}

#[cold]
#[inline(never)]
fn scan_long(text: &[u8], start: usize) -> Option<(Packed, usize)> {
    let (parts, end) = Parts::read(text, start)?;
    if parts.integer.len() > 1 && parts.integer.starts_with(b"0") {
        return None;
    }
    parts.in_range().then_some((Packed::new(Node::LongNumber { start: start as u32 }), end))
}

/// Writes the number that [`scan`] found to start at `text[start]`, whatever its
/// length, at `at`, which is aligned. Returns where it ends.
#[cold]
pub(super) fn write_long(out: &mut [u8], at: usize, text: &[u8], start: usize) -> Option<usize> {
    let (parts, _) = Parts::read(text, start)?;
    parts.write(out, at, parts.scale() as u16)
}
