//! Values that are written in hexadecimal digits (`uuid.c` and `varlena.c` of the server).

use super::MAX_VARLENA;
use crate::encode::digits::HEX;
use crate::encode::varlena;
use crate::memory::{self, OutOfMemory};

/// Appends the bytes of a uuid.
pub(super) fn uuid(text: &[u8], out: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
    let Some(uuid) = uuid_bytes(text) else { return Ok(false) };
    memory::append(out, &uuid)?;
    Ok(true)
}

/// The bytes of a uuid that is written with its four hyphens.
fn uuid_bytes(text: &[u8]) -> Option<[u8; 16]> {
    /// Where the digits of each byte stand.
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut others = [8, 13, 18, 23].iter().fold(0, |others, &at| others | (text[at] ^ b'-'));
    let uuid = PLACES.map(|at| {
        let (high, low) = (HEX[usize::from(text[at])], HEX[usize::from(text[at + 1])]);
        others |= (high | low) & 0xF0;
        high << 4 | low
    });
    (others == 0).then_some(uuid)
}

/// Appends a bytea.
pub(super) fn bytea(text: &[u8], out: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
    let Some((pairs, [])) = text.strip_prefix(br"\x").map(|digits| digits.as_chunks::<2>()) else {
        return Ok(false);
    };
    let (start, length) = (out.len(), varlena::HEADER + pairs.len());
    if length > MAX_VARLENA {
        return Ok(false);
    }
    memory::reserve(out, length)?;
    memory::append(out, &varlena::header(length).to_ne_bytes())?;
    let content = out.len();
    memory::resize(out, start + length, 0)?;
    let mut others = 0;
    for (byte, &[high, low]) in out[content..].iter_mut().zip(pairs) {
        let (high, low) = (HEX[usize::from(high)], HEX[usize::from(low)]);
        others |= (high | low) & 0xF0;
        *byte = high << 4 | low;
    }
    if others != 0 {
        out.truncate(start);
    }
    Ok(others == 0)
}
