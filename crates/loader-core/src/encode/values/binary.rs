//! Values that are written in hexadecimal digits (`uuid.c` and `varlena.c` of the server).

use super::MAX_VARLENA;
use crate::encode::digits::hex8;
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
    let text: &[u8; 36] = text.try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut uuid = [0; 16];
    // The places of two times four digits.
    for (bytes, (front, back)) in uuid.as_chunks_mut().0.iter_mut().zip([(0, 4), (9, 14), (19, 24), (28, 32)])
    {
        let mut digits = [0; 8];
        digits[..4].copy_from_slice(&text[front..front + 4]);
        digits[4..].copy_from_slice(&text[back..back + 4]);
        *bytes = hex8(&digits)?;
    }
    Some(uuid)
}

/// Appends a bytea.
pub(super) fn bytea(text: &[u8], out: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
    let Some(digits) = text.strip_prefix(br"\x").filter(|digits| digits.len().is_multiple_of(2)) else {
        return Ok(false);
    };
    let (start, length) = (out.len(), varlena::HEADER + digits.len() / 2);
    if length > MAX_VARLENA {
        return Ok(false);
    }
    memory::resize(out, start + length, 0)?;
    let (header, content) = out[start..].split_at_mut(varlena::HEADER);
    header.copy_from_slice(&varlena::header(length).to_ne_bytes());
    let is_good = decode(digits, content).is_some();
    if !is_good {
        out.truncate(start);
    }
    Ok(is_good)
}

/// Writes the bytes that digits stand for, two for each.
fn decode(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    let (eights, rest) = digits.as_chunks();
    let (fours, last) = bytes.as_chunks_mut();
    for (four, eight) in fours.iter_mut().zip(eights) {
        *four = hex8(eight)?;
    }
    let mut padded = [b'0'; 8];
    padded[..rest.len()].copy_from_slice(rest);
    last.copy_from_slice(hex8(&padded)?.get(..last.len())?);
    Some(())
}
