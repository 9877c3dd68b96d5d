//! Strings: where they end, and what their escapes stand for.

use super::block::{first_stop, has_stop};
use super::tape::Tape;
use crate::memory::{self, OutOfMemory};

/// Why a string was not decoded.
pub(super) enum Failure {
    Bad,
    OutOfMemory(usize),
}

impl From<usize> for Failure {
    fn from(bytes: usize) -> Self {
        Failure::OutOfMemory(bytes)
    }
}

/// The first byte from `at` on that is a quote, a backslash or a control
/// character, or the end of the text. Most strings end within 16 bytes.
#[inline(always)]
pub(super) fn plain_end(text: &[u8], at: usize) -> usize {
    if let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let stop = first_stop(block);
        if stop < 16 {
            return at + stop;
        }
        return plain_end_of_long(text, at + 16);
    }
    plain_end_of_tail(text, at)
}

fn plain_end_of_long(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<32>())
        && !has_stop(block)
    {
        at += 32;
    }
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let stop = first_stop(block);
        if stop < 16 {
            return at + stop;
        }
        at += 16;
    }
    plain_end_of_tail(text, at)
}

#[cold]
fn plain_end_of_tail(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

/// Decodes the string whose first byte is `text[start]` onto the tape. Returns
/// the index of its closing quote.
pub(super) fn decode(text: &[u8], start: usize, tape: &mut Tape) -> Result<usize, Failure> {
    let mut at = start;
    let mut to = tape.decoded_used();
    loop {
        if let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            *tape.decoded_room(to)? = *block;
            let stop = first_stop(block);
            at += stop;
            to += stop;
            if stop == 16 {
                continue;
            }
        }
        // Escapes often follow each other.
        while text.get(at) == Some(&b'\\') {
            let (bytes, length, taken) = escape(text.get(at..).unwrap_or_default()).ok_or(Failure::Bad)?;
            *tape.decoded_room(to)? = bytes;
            to += length;
            at += taken;
        }
        match text.get(at) {
            Some(b'"') => {
                tape.decoded_to(to);
                return Ok(at);
            }
            // Behind an escape, or in the last bytes of the text.
            Some(&b) if b >= 0x20 => {
                *tape.decoded_room(to)? = [b];
                at += 1;
                to += 1;
            }
            _ => return Err(Failure::Bad),
        }
    }
}

/// Appends the text of a string, whose bytes between its quotes these are, to `to`; `false`
/// where it is none, because of an escape or a control character. Whether it is UTF-8 is
/// not looked at.
pub fn unescape(string: &[u8], to: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
    // No escape is shorter than what it stands for.
    memory::reserve(to, string.len())?;
    let start = to.len();
    let mut rest = string;
    loop {
        let plain = plain_end(rest, 0);
        memory::append(to, &rest[..plain])?;
        rest = &rest[plain..];
        if rest.is_empty() {
            return Ok(true);
        }
        match escape(rest).filter(|_| rest[0] == b'\\') {
            Some((bytes, length, taken)) => {
                memory::append(to, &bytes[..length])?;
                rest = &rest[taken..];
            }
            None => {
                to.truncate(start);
                return Ok(false);
            }
        }
    }
}

/// What the escape at the front of `rest` stands for, as UTF-8 in the first of
/// four bytes; the number of these bytes; the length of the escape.
#[inline(always)]
fn escape(rest: &[u8]) -> Option<([u8; 4], usize, usize)> {
    match *rest.get(1)? {
        b'u' => unicode_escape(rest),
        b => match SIMPLE[usize::from(b)] {
            0 => None,
            b => Some(([b, 0, 0, 0], 1, 2)),
        },
    }
}

/// What a backslash and this byte stand for; 0 where they are no escape.
static SIMPLE: [u8; 256] = {
    let mut table = [0; 256];
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'/' as usize] = b'/';
    table[b'b' as usize] = 0x08;
    table[b'f' as usize] = 0x0C;
    table[b'n' as usize] = b'\n';
    table[b'r' as usize] = b'\r';
    table[b't' as usize] = b'\t';
    table
};

#[inline(always)]
fn unicode_escape(rest: &[u8]) -> Option<([u8; 4], usize, usize)> {
    let unit = hex4(rest)?;
    let continuation = |bits: u32| 0x80 | (bits & 0x3F) as u8;
    Some(match unit {
        // No text holds a NUL.
        0 => return None,
        1..0x80 => ([unit as u8, 0, 0, 0], 1, 6),
        0x80..0x800 => ([0xC0 | (unit >> 6) as u8, continuation(unit), 0, 0], 2, 6),
        0xD800..=0xDBFF => {
            let low = hex4(rest.get(6..)?).filter(|low| (0xDC00..=0xDFFF).contains(low))?;
            let point = 0x10000 + ((unit & 0x3FF) << 10 | low & 0x3FF);
            let lead = 0xF0 | (point >> 18) as u8;
            ([lead, continuation(point >> 12), continuation(point >> 6), continuation(point)], 4, 12)
        }
        0xDC00..=0xDFFF => return None,
        _ => ([0xE0 | (unit >> 12) as u8, continuation(unit >> 6), continuation(unit), 0], 3, 6),
    })
}

/// The unit of the `\uXXXX` at the front of `bytes`.
#[inline(always)]
fn hex4(bytes: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.first_chunk::<6>()? else { return None };
    let [a, b, c, d] = digits.map(|digit| u32::from(HEX[usize::from(digit)]));
    if (a | b | c | d) > 0xF {
        return None;
    }
    Some(a << 12 | b << 8 | c << 4 | d)
}

/// The value of each hexadecimal digit; 0xFF for other bytes.
static HEX: [u8; 256] = {
    let mut table = [0xFF; 256];
    let mut i = 0;
    while i < 10 {
        table[b'0' as usize + i] = i as u8;
        i += 1;
    }
    while i < 16 {
        table[b'a' as usize + i - 10] = i as u8;
        table[b'A' as usize + i - 10] = i as u8;
        i += 1;
    }
    table
};
