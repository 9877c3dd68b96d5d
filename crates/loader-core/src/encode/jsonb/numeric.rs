//! Numbers: from JSON to the format of `numeric` (src/backend/utils/adt/numeric.c),
//! by the limits of `numeric_in`: a display scale of at most 16,383 digits, a first
//! digit at 10^131071 or below, and an exponent that stays below INT_MAX / 2.

use super::jentry;
use super::tape::{Node, Packed};

const MAX_SCALE: i64 = 16_383;
const MAX_MAGNITUDE: i64 = 131_071;
const MAX_EXPONENT: i64 = i32::MAX as i64 / 2;

/// Decimal digits that a `u64` always holds.
const FEW: usize = 19;

static POWERS: [u64; FEW + 1] = {
    let mut powers = [1; FEW + 1];
    let mut i = 1;
    while i <= FEW {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The number that starts at `text[start]` and the index behind it.
#[inline(always)]
pub(super) fn scan(text: &[u8], start: usize) -> Option<(Packed, usize)> {
    match scan_short(text, start) {
        Some(short) => Some(short),
        None => scan_long(text, start),
    }
}

/// Numbers of up to 19 digits, which are nearly all. `None` is not a verdict.
#[inline(always)]
fn scan_short(text: &[u8], start: usize) -> Option<(Packed, usize)> {
    let negative = *text.get(start)? == b'-';
    let from = start + usize::from(negative);
    let (mut value, mut digits) = run(text, from)?;
    if digits == 0 || (digits > 1 && *text.get(from)? == b'0') {
        return None;
    }
    let mut end = from + digits;
    let next = *text.get(end)?;
    if !matches!(next, b'.' | b'e' | b'E') {
        return Some((Packed::new(Node::Number { negative, scale: 0, value }), end));
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
    if scale > 63 {
        return None;
    }
    Some((Packed::new(Node::Number { negative, scale: scale as u8, value }), end))
}

/// Up to 19 digits and how many; `None` where there are more, or so few bytes
/// behind them that words cannot be read.
#[inline(always)]
fn run(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let (first, length) = digits8(text, at)?;
    if length < 8 {
        return Some((first, length));
    }
    let (second, length) = digits8(text, at + 8)?;
    let value = first * POWERS.get(length)? + second;
    if length < 8 {
        return Some((value, 8 + length));
    }
    let (third, length) = digits8(text, at + 16)?;
    if length > FEW - 16 {
        return None;
    }
    Some((value * POWERS.get(length)? + third, 16 + length))
}

/// The digits that eight bytes begin with: their value and number. The arithmetic
/// is that of simdjson's `parse_eight_digits_unrolled`.
#[inline(always)]
fn digits8(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let bytes = text.get(at..).and_then(|rest| rest.first_chunk())?;
    let digits = u64::from_le_bytes(*bytes) ^ 0x3030_3030_3030_3030;
    let other = (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0;
    let length = other.trailing_zeros() as usize / 8;
    // Zeros in front, in place of what follows the digits.
    let digits = digits.checked_shl(64 - 8 * length as u32).unwrap_or(0);
    let digits = (digits.wrapping_mul(2561) >> 8) & 0x00FF_00FF_00FF_00FF;
    let digits = (digits.wrapping_mul(6_553_601) >> 16) & 0x0000_FFFF_0000_FFFF;
    Some((digits.wrapping_mul(42_949_672_960_001) >> 32, length))
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

#[cold]
#[inline(never)]
fn scan_long(text: &[u8], start: usize) -> Option<(Packed, usize)> {
    let (parts, end) = Parts::read(text, start)?;
    parts.in_range().then_some((Packed::new(Node::LongNumber { start: start as u32 }), end))
}

/// A number by its parts.
struct Parts<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn read(text: &'a [u8], start: usize) -> Option<(Self, usize)> {
        let negative = text.get(start) == Some(&b'-');
        let mut at = start + usize::from(negative);
        let integer = digits(text, at);
        if integer.is_empty() || (integer.len() > 1 && integer.starts_with(b"0")) {
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

    fn in_range(&self) -> bool {
        self.exponent.abs() < MAX_EXPONENT
            && self.fraction.len() as i64 - self.exponent <= MAX_SCALE
            && self.first_digit().is_none_or(|(_, magnitude)| magnitude <= MAX_MAGNITUDE)
    }

    /// Index of the first digit that is not zero, and its power of ten.
    fn first_digit(&self) -> Option<(usize, i64)> {
        let index = self.digits().position(|b| b != b'0')?;
        Some((index, self.integer.len() as i64 - 1 - index as i64 + self.exponent))
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.integer.iter().chain(self.fraction).copied()
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
const ROOM: usize = SHORT + 16;

/// Writes a number of few digits at `at`, which is aligned. Returns where it ends.
#[inline(always)]
pub(super) fn write(out: &mut [u8], at: usize, negative: bool, scale: u8, value: u64) -> Option<usize> {
    let room = out.get_mut(at..)?.first_chunk_mut::<ROOM>()?;
    if value == 0 {
        // Neither digits nor weight nor sign.
        return Some(at + finish(room, 0, 0, header(false, scale, 0)));
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
        let header = header(negative, scale, 3 - leading as i32 - fraction);
        return Some(at + finish(room, u128::from(four >> (16 * leading)), count, header));
    }
    let (front, four) = (value / rest_power, pack(value % rest_power * power));
    let trailing = four.leading_zeros() / 16;
    if front < 10_000 {
        let digits = u128::from(front) | u128::from(four) << 16;
        return Some(at + finish(room, digits, 5 - trailing, header(negative, scale, 4 - fraction)));
    }
    let digits = u128::from((front / 10_000) | ((front % 10_000) << 16)) | (u128::from(four) << 32);
    // The second digit may be zero, too.
    let trailing = if four == 0 && front % 10_000 == 0 { 5 } else { trailing };
    Some(at + finish(room, digits, 6 - trailing, header(negative, scale, 5 - fraction)))
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
    varlena.copy_from_slice(&jentry::varlena_header(length).to_ne_bytes());
    form.copy_from_slice(&header.to_ne_bytes());
    units.copy_from_slice(&digits.to_le_bytes());
    length
}

/// Writes the number that [`scan`] found to start at `text[start]`, whatever its
/// length, at `at`, which is aligned. Returns where it ends.
#[cold]
pub(super) fn write_long(out: &mut [u8], at: usize, text: &[u8], start: usize) -> Option<usize> {
    let (parts, _) = Parts::read(text, start)?;
    let scale = (parts.fraction.len() as i64 - parts.exponent).max(0);
    let first = parts.first_digit();
    let weight = first.map_or(0, |(_, magnitude)| magnitude.div_euclid(4));
    let negative = parts.negative && first.is_some();
    let digits_at = if scale <= 63 && (-64..=63).contains(&weight) {
        put(out, at + 4, header(negative, scale as u8, weight as i32))?;
        at + SHORT
    } else {
        put(out, at + 4, if negative { 0x4000 } else { 0 } | scale as u16)?;
        put(out, at + 6, weight as i16 as u16)?;
        at + LONG
    };
    let mut end = digits_at;
    if let Some((first, magnitude)) = first {
        let last = parts.digits().enumerate().filter(|&(_, b)| b != b'0').last()?.0;
        let mut left = magnitude.rem_euclid(4) + 1;
        let mut unit = 0;
        for b in parts.digits().take(last + 1).skip(first) {
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
    *out.get_mut(at..)?.first_chunk_mut()? = jentry::varlena_header(end - at).to_ne_bytes();
    Some(end)
}

fn put(out: &mut [u8], at: usize, unit: u16) -> Option<()> {
    *out.get_mut(at..)?.first_chunk_mut()? = unit.to_ne_bytes();
    Some(())
}
