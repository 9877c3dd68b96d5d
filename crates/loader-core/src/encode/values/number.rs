//! Integers, floats and numeric (`numutils.c`, `float.c` and `numeric.c` of the server).

use crate::encode::digits;
use crate::encode::numeric::{self, Parts, Short};
use crate::memory::{self, OutOfMemory};

/// The limit of a `numeric(precision, scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumericLimit {
    /// Decimal digits in all, 1 to 1000.
    pub precision: u16,
    /// Those behind the point, -1000 to 1000.
    pub scale: i16,
}

impl NumericLimit {
    /// The display scale of a value of `scale` digits behind the point; `None` where it is to be
    /// rounded.
    fn display(self, scale: i64) -> Option<u16> {
        u16::try_from(self.scale).ok().filter(|&display| scale <= display.into())
    }

    /// A value has to be less than this power of ten.
    fn power(self) -> i64 {
        i64::from(self.precision) - i64::from(self.scale)
    }
}

/// The bits of an integer of a type that holds it.
pub(super) fn integer<T: TryFrom<i64>>(text: &[u8]) -> Option<u64> {
    let (negative, text) = match text {
        [b'-', text @ ..] => (true, text),
        _ => (false, text),
    };
    let magnitude = digits::value(text).or_else(|| many_digits(text))?;
    let value =
        if negative { 0_i64.checked_sub_unsigned(magnitude)? } else { i64::try_from(magnitude).ok()? };
    T::try_from(value).ok().map(|_| value as u64)
}

/// The value of digits that are many because of zeros in front.
#[cold]
fn many_digits(text: &[u8]) -> Option<u64> {
    let zeros = text.iter().take_while(|&&b| b == b'0').count();
    let rest = text.get(zeros..)?;
    if rest.is_empty() && zeros > 0 { Some(0) } else { digits::value(rest) }
}

/// The bits of `Float4GetDatum`.
pub(super) fn float4(text: &[u8]) -> Option<u64> {
    let (text, is_zero) = decimal(text)?;
    let value: f32 = text.parse().ok()?;
    (value.is_normal() || (is_zero && value == 0.0)).then(|| value.to_bits() as i32 as u64)
}

/// The bits of `Float8GetDatum`.
pub(super) fn float8(text: &[u8]) -> Option<u64> {
    let (text, is_zero) = decimal(text)?;
    let value: f64 = text.parse().ok()?;
    (value.is_normal() || (is_zero && value == 0.0)).then(|| value.to_bits())
}

/// A text that is a decimal number all through, and whether that is zero.
fn decimal(text: &[u8]) -> Option<(&str, bool)> {
    let (parts, end) = Parts::read(text, 0)?;
    let text = str::from_utf8(text).ok().filter(|text| text.len() == end)?;
    Some((text, parts.first_digit().is_none()))
}

/// Appends a numeric.
pub(super) fn numeric(
    text: &[u8],
    limit: Option<NumericLimit>,
    out: &mut Vec<u8>,
) -> Result<bool, OutOfMemory> {
    let mut room = [0; numeric::ROOM];
    if let Some(length) = short_numeric(text, limit, &mut room) {
        // A copy of a length that the compiler knows is no call.
        let start = out.len();
        memory::append(out, &room)?;
        out.truncate(start + length);
        return Ok(true);
    }
    long_numeric(text, limit, out)
}

/// Writes a numeric of few digits. Returns its length; `None` is not a verdict.
fn short_numeric(text: &[u8], limit: Option<NumericLimit>, room: &mut [u8; numeric::ROOM]) -> Option<usize> {
    // Words are read from the last digit on.
    let mut padded = [0; 48];
    padded[..24].get_mut(..text.len())?.copy_from_slice(text);
    let (short, _) = numeric::scan_short(&padded, 0).filter(|&(_, end)| end == text.len())?;
    let display = match limit {
        None => short.scale,
        Some(limit) => {
            let scale = i64::from(short.scale);
            // Of zero there may be any number of digits.
            let fits = match usize::try_from(limit.power() + scale) {
                Ok(digits) => digits::POWERS.get(digits).is_none_or(|&power| short.value < power),
                Err(_) => short.value == 0,
            };
            limit.display(scale).filter(|_| fits).and_then(|display| u8::try_from(display).ok())?
        }
    };
    (display <= Short::MAX_DISPLAY).then(|| numeric::write(room, 0, short, display))?
}

/// Appends any other numeric.
#[cold]
fn long_numeric(text: &[u8], limit: Option<NumericLimit>, out: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
    let parts = Parts::read(text, 0).filter(|(parts, end)| *end == text.len() && parts.in_range());
    let Some((parts, _)) = parts else { return Ok(false) };
    let display = match limit {
        None => parts.scale() as u16,
        Some(limit) => {
            let fits = parts.first_digit().is_none_or(|(_, magnitude)| magnitude < limit.power());
            let Some(display) = limit.display(parts.scale()).filter(|_| fits) else { return Ok(false) };
            display
        }
    };
    let start = out.len();
    memory::resize(out, start + parts.room(), 0)?;
    let end = parts.write(out, start, display);
    out.truncate(end.unwrap_or(start));
    Ok(end.is_some())
}
