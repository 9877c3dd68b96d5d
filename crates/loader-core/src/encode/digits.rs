//! Digits in text, read eight at a time.

/// Decimal digits that a `u64` always holds.
pub(super) const FEW: usize = 19;

/// Powers of ten.
pub(super) static POWERS: [u64; FEW + 1] = {
    let mut powers = [1; FEW + 1];
    let mut i = 1;
    while i <= FEW {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Up to 19 digits and how many; `None` where there are more, or so few bytes
/// behind them that words cannot be read.
#[inline(always)]
pub(super) fn run(text: &[u8], at: usize) -> Option<(u64, usize)> {
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

/// The digits that eight bytes begin with: their value and number.
#[inline(always)]
pub(super) fn digits8(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let bytes = text.get(at..).and_then(|rest| rest.first_chunk())?;
    let digits = u64::from_le_bytes(*bytes) ^ ZEROS;
    let length = others(digits).trailing_zeros() as usize / 8;
    // Zeros in front, in place of what follows the digits.
    let digits = digits.checked_shl(64 - 8 * length as u32).unwrap_or(0);
    Some((join(digits), length))
}

/// Eight digits zero, in ASCII.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Bits in those of eight bytes that are no values of digits, up to the first of them: a
/// carry out of that one spoils later ones.
#[inline(always)]
fn others(digits: u64) -> u64 {
    (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0
}

/// The number of eight digits whose values these are, the first of them lowest. The
/// arithmetic is that of simdjson's `parse_eight_digits_unrolled`.
#[inline(always)]
fn join(digits: u64) -> u64 {
    let digits = (digits.wrapping_mul(2561) >> 8) & 0x00FF_00FF_00FF_00FF;
    let digits = (digits.wrapping_mul(6_553_601) >> 16) & 0x0000_FFFF_0000_FFFF;
    digits.wrapping_mul(42_949_672_960_001) >> 32
}

/// The value of a text of digits: 1 to 19 of them.
#[inline]
pub(super) fn value(text: &[u8]) -> Option<u64> {
    if !(1..=FEW).contains(&text.len()) {
        return None;
    }
    let (front, mut rest) = text.split_at(text.len() % 8);
    let mut value = if front.is_empty() { 0 } else { eight(behind_zeros(front))? };
    while let Some((block, behind)) = rest.split_first_chunk() {
        value = value * 100_000_000 + eight(u64::from_le_bytes(*block))?;
        rest = behind;
    }
    Some(value)
}

/// One to seven bytes, with digits zero in front of them up to eight.
#[inline(always)]
fn behind_zeros(text: &[u8]) -> u64 {
    let bits = 8 * text.len() as u32;
    let word = match (text.first_chunk(), text.last_chunk()) {
        // The two overlap, and agree where they do.
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (bits - 32)
        }
        _ => text.iter().rev().fold(0, |word, &b| word << 8 | u64::from(b)),
    };
    word << (64 - bits) | ZEROS >> bits
}

/// The number that eight bytes are, the first of them lowest, if they are all digits.
#[inline(always)]
fn eight(word: u64) -> Option<u64> {
    let digits = word ^ ZEROS;
    (others(digits) == 0).then(|| join(digits))
}

/// The four bytes that eight hexadecimal digits stand for.
#[inline]
pub(super) fn hex8(digits: &[u8; 8]) -> Option<[u8; 4]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x80 * ONES;
    let word = u64::from_le_bytes(*digits);
    // The high bit says, of each byte of ASCII, whether it is not less than the bound.
    let from = |word: u64, bound: u8| (word & !HIGHS) + (0x80 - u64::from(bound)) * ONES;
    let lower = word | (0x20 * ONES);
    let decimal = from(word, b'0') & !from(word, b'9' + 1);
    let letter = from(lower, b'a') & !from(lower, b'f' + 1);
    if (decimal | letter) & !word & HIGHS != HIGHS {
        return None;
    }
    let values = (word & (0x0F * ONES)) + 9 * (word >> 6 & ONES);
    let pairs = (values << 4 | values >> 8) & 0x00FF_00FF_00FF_00FF;
    let pairs = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF;
    Some(((pairs | pairs >> 16) as u32).to_le_bytes())
}
