//! Which JSON numbers `numeric` can hold. The limits are those of
//! `numeric_in` (src/backend/utils/adt/numeric.c): a display scale of at most
//! 16,383 digits, a first digit at 10^131071 or below, and an exponent that
//! stays below INT_MAX / 2.

use super::swar::digits;

/// What is wrong with a token that starts like a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    /// Not a number of RFC 8259.
    Syntax,
    /// A number, but not one of `numeric`.
    Range,
}

const MAX_SCALE: i64 = 16_383;
const MAX_MAGNITUDE: i64 = 131_071;
const MAX_EXPONENT: i64 = i32::MAX as i64 / 2;

/// Whether `b` can stand inside a number token.
pub(super) fn continues(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// The end of a number of usual length without an exponent, where `buf` shows
/// the byte behind it; `None` where it takes [`check`] to say.
#[inline(always)]
pub(super) fn short_end(buf: &[u8], start: usize) -> Option<usize> {
    let first = start + usize::from(buf[start] == b'-');
    let integer = digits(&buf[first..]);
    if integer == 0 || (integer > 1 && buf[first] == b'0') {
        return None;
    }
    let mut end = first + integer;
    if buf.get(end) == Some(&b'.') {
        let fraction = digits(&buf[end + 1..]);
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    (end < buf.len() && end - start < MAX_SCALE as usize).then_some(end)
}

/// Checks a whole number token.
pub(crate) fn check(token: &[u8]) -> Result<(), NumberFault> {
    let unsigned = token.strip_prefix(b"-").unwrap_or(token);
    let integer = digits(unsigned);
    if integer == 0 || (integer > 1 && unsigned[0] == b'0') {
        return Err(NumberFault::Syntax);
    }
    if integer == unsigned.len() && integer <= MAX_SCALE as usize {
        return Ok(());
    }
    let mut rest = &unsigned[integer..];
    let mut fraction: &[u8] = &[];
    if let Some(after) = rest.strip_prefix(b".") {
        let n = digits(after);
        if n == 0 {
            return Err(NumberFault::Syntax);
        }
        (fraction, rest) = after.split_at(n);
    }
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', exponent @ ..] => parse_exponent(exponent)?,
        _ => return Err(NumberFault::Syntax),
    };
    if exponent.abs() >= MAX_EXPONENT || fraction.len() as i64 - exponent > MAX_SCALE {
        return Err(NumberFault::Range);
    }
    // The power of ten of the first digit that is not zero.
    let magnitude = match unsigned[..integer].iter().position(|&b| b != b'0') {
        Some(zeros) => Some((integer - zeros) as i64 - 1),
        None => fraction.iter().position(|&b| b != b'0').map(|zeros| -(zeros as i64) - 1),
    };
    match magnitude {
        Some(magnitude) if magnitude + exponent > MAX_MAGNITUDE => Err(NumberFault::Range),
        _ => Ok(()),
    }
}

/// Saturates far outside of what passes: only the order of magnitude matters.
fn parse_exponent(bytes: &[u8]) -> Result<i64, NumberFault> {
    let (negative, number) = match bytes {
        [b'-', number @ ..] => (true, number),
        [b'+', number @ ..] => (false, number),
        number => (false, number),
    };
    if number.is_empty() || digits(number) != number.len() {
        return Err(NumberFault::Syntax);
    }
    let value = number.iter().fold(0i64, |value, b| (value * 10 + i64::from(b - b'0')).min(MAX_EXPONENT));
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in ["0", "-0", "10", "1.0", "1e5", "1E+5", "-1.5e-3", "0.10"] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["", "-", "01", "-01", "1.", "1.e5", ".5", "1e", "1e+", "+1", "1-2", "1.2.3", "1e5.5"] {
            assert_eq!(check(bad.as_bytes()), Err(NumberFault::Syntax), "{bad}");
        }
    }

    #[test]
    fn range() {
        for good in ["1e131071", "0e131072", "1e-16383", "0.0001e131075", "-9.99e131071"] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in
            ["1e131072", "1e-16384", "0e-16384", "1e1073741823", "0e1073741823", "1e99999999999999999999"]
        {
            assert_eq!(check(bad.as_bytes()), Err(NumberFault::Range), "{bad}");
        }
        let digits = |n: usize| "9".repeat(n);
        assert_eq!(check(digits(131_072).as_bytes()), Ok(()));
        assert_eq!(check(digits(131_073).as_bytes()), Err(NumberFault::Range));
        assert_eq!(check(format!("0.{}", digits(16_383)).as_bytes()), Ok(()));
        assert_eq!(check(format!("0.{}", digits(16_384)).as_bytes()), Err(NumberFault::Range));
    }
}
