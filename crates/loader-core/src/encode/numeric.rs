//! Numbers: from decimal text to the format of `numeric` (src/backend/utils/adt/numeric.c),
//! by the limits of `numeric_in`: a display scale of at most 16,383 digits, a first
//! digit at 10^131071 or below, and an exponent that stays below INT_MAX / 2.

use super::digits::{FEW, POWERS, digits8, run};
use super::varlena;

const MAX_SCALE: i64 = 16_383;
const MAX_MAGNITUDE: i64 = 131_071;
const MAX_EXPONENT: i64 = i32::MAX as i64 / 2;

/// A number of at most 19 digits: `value` / 10^`scale`; the scale is at most 63.
#[derive(Clone, Copy)]
pub(super) struct Short {
    pub negative: bool,
    pub scale: u8,
    pub value: u64,
}

impl Short {
    /// The largest display scale that the short form of the header holds.
    pub const MAX_DISPLAY: u8 = 63;
}

/// The number that starts at `text[start]`, if it has up to 19 digits, as nearly all have, and
/// the index behind it. `None` is not a verdict: it is also the answer where fewer than eight
/// bytes follow, or zeros are in front.
#[inline(always)]
pub(super) fn scan_short(text: &[u8], start: usize) -> Option<(Short, usize)> {
    let negative = *text.get(start)? == b'-';
    let from = start + usize::from(negative);
    let (mut value, mut digits) = run(text, from)?;
    if digits == 0 || (digits > 1 && *text.get(from)? == b'0') {
        return None;
    }
    let mut end = from + digits;
    let next = *text.get(end)?;
    if !matches!(next, b'.' | b'e' | b'E') {
        return Some((Short { negative, scale: 0, value }, end));
    }
    let mut scale = 0;
    if next == b'.' {
        let (fraction, length) = run(text, end + 1)?;
        digits += length;
        if length == 0 || digits > FEW {
            return None;
        }
        value = value * POWERS.get(length)? + fraction;
        scale = length;
        end += 1 + length;
    }
    if matches!(text.get(end)?, b'e' | b'E') {
        let (exponent, after) = short_exponent(text, end + 1)?;
        end = after;
        let moved = scale as i64 - exponent;
        if moved < 0 {
            let zeros = moved.unsigned_abs() as usize;
            digits += zeros;
            if digits > FEW {
                return None;
            }
            value *= POWERS.get(zeros)?;
        }
        scale = moved.max(0) as usize;
    }
    // Beyond this the long form is due.
    if scale > Short::MAX_DISPLAY.into() {
        return None;
    }
    Some((Short { negative, scale: scale as u8, value }, end))
}

/// An exponent of up to three digits, and the index behind it.
#[inline(always)]
fn short_exponent(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let sign = *text.get(at)?;
    let from = at + usize::from(matches!(sign, b'+' | b'-'));
    let (value, length) = digits8(text, from)?;
    if length == 0 || length > 3 {
        return None;
    }
    Some((if sign == b'-' { -(value as i64) } else { value as i64 }, from + length))
}

/// A number by its parts.
pub(super) struct Parts<'a> {
    negative: bool,
    pub integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Parts<'a> {
    /// The number that starts at `text[start]`, with digits on both sides of a point, and the
    /// index behind it.
    pub fn read(text: &'a [u8], start: usize) -> Option<(Self, usize)> {
        let negative = text.get(start) == Some(&b'-');
        let mut at = start + usize::from(negative);
        let integer = digits(text, at);
        if integer.is_empty() {
            return None;
        }
        at += integer.len();
        let mut fraction: &[u8] = &[];
        if text.get(at) == Some(&b'.') {
            fraction = digits(text, at + 1);
            if fraction.is_empty() {
                return None;
            }
            at += 1 + fraction.len();
        }
        let mut exponent = 0;
        if matches!(text.get(at), Some(b'e' | b'E')) {
            let sign = text.get(at + 1);
            at += 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
            let digits = digits(text, at);
            if digits.is_empty() {
                return None;
            }
            at += digits.len();
            // Saturates where it is out of range anyway.
            exponent = digits.iter().fold(0, |e, b| (e * 10 + i64::from(b - b'0')).min(MAX_EXPONENT));
            if sign == Some(&b'-') {
                exponent = -exponent;
            }
        }
        Some((Parts { negative, integer, fraction, exponent }, at))
    }

    /// Whether `numeric_in` takes it.
    pub fn in_range(&self) -> bool {
        self.exponent.abs() < MAX_EXPONENT
            && self.scale() <= MAX_SCALE
            && self.first_digit().is_none_or(|(_, magnitude)| magnitude <= MAX_MAGNITUDE)
    }

    /// Digits behind the point once there is no exponent.
    pub fn scale(&self) -> i64 {
        (self.fraction.len() as i64 - self.exponent).max(0)
    }

    /// Index of the first digit that is not zero, and its power of ten.
    pub fn first_digit(&self) -> Option<(usize, i64)> {
        let index = self.digits().position(|b| b != b'0')?;
        Some((index, self.integer.len() as i64 - 1 - index as i64 + self.exponent))
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.integer.iter().chain(self.fraction).copied()
    }

    /// An upper bound of the bytes that [`Parts::write`] writes.
    pub fn room(&self) -> usize {
        // The first and the last digit of base 10000 may be of fewer digits than four.
        LONG + 2 * ((self.integer.len() + self.fraction.len()) / 4 + 2)
    }

    /// Writes the number at `at`, with a display scale of `display`, at most 16,383 and not less
    /// than its scale. Returns where it ends.
    #[cold]
    pub fn write(&self, out: &mut [u8], at: usize, display: u16) -> Option<usize> {
        let first = self.first_digit();
        let weight = first.map_or(0, |(_, magnitude)| magnitude.div_euclid(4));
        let negative = self.negative && first.is_some();
        let digits_at = if display <= Short::MAX_DISPLAY.into() && (-64..=63).contains(&weight) {
            put(out, at + 4, header(negative, display as u8, weight as i32))?;
            at + SHORT
        } else {
            put(out, at + 4, if negative { 0x4000 } else { 0 } | display)?;
            put(out, at + 6, weight as i16 as u16)?;
            at + LONG
        };
        let mut end = digits_at;
        if let Some((first, magnitude)) = first {
            let last = self.digits().enumerate().filter(|&(_, b)| b != b'0').last()?.0;
            let mut left = magnitude.rem_euclid(4) + 1;
            let mut unit = 0;
            for b in self.digits().take(last + 1).skip(first) {
                unit = unit * 10 + u16::from(b - b'0');
                left -= 1;
                if left == 0 {
                    put(out, end, unit)?;
                    (unit, left, end) = (0, 4, end + 2);
                }
            }
            if left < 4 {
                put(out, end, unit * *POWERS.get(left as usize)? as u16)?;
                end += 2;
            }
        }
        *out.get_mut(at..)?.first_chunk_mut()? = varlena::header(end - at).to_ne_bytes();
        Some(end)
    }
}

fn digits(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..length).unwrap_or_default()
}

/// What comes before the digits: the varlena header, then the short or the long
/// form of sign, display scale and weight.
const SHORT: usize = 4 + 2;
const LONG: usize = 4 + 4;

/// What is written of a number of few digits, six of base 10000 at most.
pub(super) const ROOM: usize = SHORT + 16;

/// Writes a number of few digits at `at`, with a display scale of `display`, which is not less than
/// its scale and at most [`Short::MAX_DISPLAY`]. Returns where it ends.
#[inline(always)]
pub(super) fn write(out: &mut [u8], at: usize, short: Short, display: u8) -> Option<usize> {
    let Short { negative, scale, value } = short;
    let room = out.get_mut(at..)?.first_chunk_mut::<ROOM>()?;
    if value == 0 {
        // Neither digits nor weight nor sign.
        return Some(at + finish(room, 0, 0, header(false, display, 0)));
    }
    let fraction = usize::from(scale).div_ceil(4);
    // Zeros up to the end of the digit of base 10000 that the last one is part of.
    let zeros = 4 * fraction - usize::from(scale);
    let (power, rest_power) = (*POWERS.get(zeros)?, *POWERS.get(16 - zeros)?);
    let fraction = fraction as i32;
    if value < rest_power {
        let four = pack(value * power);
        let leading = four.trailing_zeros() / 16;
        let count = 4 - leading - four.leading_zeros() / 16;
        let header = header(negative, display, 3 - leading as i32 - fraction);
        return Some(at + finish(room, u128::from(four >> (16 * leading)), count, header));
    }
    let (front, four) = (value / rest_power, pack(value % rest_power * power));
    let trailing = four.leading_zeros() / 16;
    if front < 10_000 {
        let digits = u128::from(front) | u128::from(four) << 16;
        return Some(at + finish(room, digits, 5 - trailing, header(negative, display, 4 - fraction)));
    }
    let digits = u128::from((front / 10_000) | ((front % 10_000) << 16)) | (u128::from(four) << 32);
    // The second digit may be zero, too.
    let trailing = if four == 0 && front % 10_000 == 0 { 5 } else { trailing };
    Some(at + finish(room, digits, 6 - trailing, header(negative, display, 5 - fraction)))
}

/// The four digits of base 10000 of a value, the first of them lowest.
#[inline(always)]
fn pack(value: u64) -> u64 {
    let (high, low) = (value / 100_000_000, value % 100_000_000);
    (high / 10_000) | (high % 10_000) << 16 | (low / 10_000) << 32 | (low % 10_000) << 48
}

/// The short form, for a scale of at most 63 and a weight from -64 to 63.
#[inline(always)]
fn header(negative: bool, scale: u8, weight: i32) -> u16 {
    let sign = if negative { 0x2000 } else { 0 };
    let below = if weight < 0 { 0x40 } else { 0 };
    0x8000 | sign | u16::from(scale) << 7 | below | (weight & 0x3F) as u16
}

/// Writes headers and digits, the first of these lowest. Returns the length.
#[inline(always)]
fn finish(room: &mut [u8; ROOM], mut digits: u128, count: u32, header: u16) -> usize {
    if cfg!(target_endian = "big") {
        // The server reads each 16 bits in its own order.
        const LOW: u128 = u128::MAX / 0xFFFF * 0xFF;
        digits = (digits & LOW) << 8 | (digits >> 8) & LOW;
    }
    let length = SHORT + 2 * count as usize;
    let (varlena, rest) = room.split_at_mut(4);
    let (form, units) = rest.split_at_mut(2);
    varlena.copy_from_slice(&varlena::header(length).to_ne_bytes());
    form.copy_from_slice(&header.to_ne_bytes());
    units.copy_from_slice(&digits.to_le_bytes());
    length
}

fn put(out: &mut [u8], at: usize, unit: u16) -> Option<()> {
    *out.get_mut(at..)?.first_chunk_mut()? = unit.to_ne_bytes();
    Some(())
}
