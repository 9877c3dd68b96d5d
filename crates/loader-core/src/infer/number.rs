//! The kind of a number, by its text: which types give back what was written.

use super::kind::Kind;

/// bigint holds every integer of so many digits.
const BIGINT_DIGITS: usize = 18;

/// double precision gives back every number of so many significant digits (DBL_DIG) …
const DOUBLE_DIGITS: usize = 15;

/// … whose first digit stands at a power of ten from minus this to this.
const DOUBLE_MAGNITUDE: i64 = 307;

/// The kind of a well-formed JSON number.
pub(super) fn kind(token: &[u8]) -> Kind {
    let unsigned = token.strip_prefix(b"-").unwrap_or(token);
    let Some(at) = unsigned.iter().position(|b| !b.is_ascii_digit()) else {
        return if unsigned.len() > BIGINT_DIGITS {
            Kind::LongInteger
        } else if unsigned.len() > DOUBLE_DIGITS && significant_digits(unsigned) > DOUBLE_DIGITS {
            Kind::WideInteger
        } else {
            Kind::Integer
        };
    };
    match unsigned[at..].iter().position(|b| matches!(b, b'e' | b'E')) {
        // With its point.
        None if unsigned.len() <= DOUBLE_DIGITS + 1 => Kind::Decimal,
        None if is_double(unsigned, &[]) => Kind::Decimal,
        None => Kind::WideDecimal,
        Some(length) if is_double(&unsigned[..at + length], &unsigned[at + length + 1..]) => Kind::Exponent,
        Some(_) => Kind::WideExponent,
    }
}

/// Whether double precision gives back this number.
fn is_double(mantissa: &[u8], exponent: &[u8]) -> bool {
    let integer = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let Some(first) = mantissa.iter().position(|b| matches!(b, b'1'..=b'9')) else { return true };
    let magnitude = if first < integer {
        (integer - first) as i64 - 1
    } else {
        // The point stands between.
        integer as i64 - first as i64
    };
    significant_digits(mantissa) <= DOUBLE_DIGITS
        && (magnitude + value_of(exponent)).abs() <= DOUBLE_MAGNITUDE
}

/// The digits from the first to the last that is not zero.
fn significant_digits(mantissa: &[u8]) -> usize {
    let is_nonzero = |b: &u8| matches!(b, b'1'..=b'9');
    let Some(first) = mantissa.iter().position(is_nonzero) else { return 0 };
    let last = mantissa.iter().rposition(is_nonzero).unwrap_or(first);
    mantissa[first..=last].iter().filter(|b| b.is_ascii_digit()).count()
}

/// An exponent, saturating far outside of what is good.
fn value_of(exponent: &[u8]) -> i64 {
    let value = exponent
        .iter()
        .filter(|b| b.is_ascii_digit())
        .fold(0, |value: i64, b| (value * 10 + i64::from(b - b'0')).min(1 << 32));
    if exponent.first() == Some(&b'-') { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds() {
        let cases = [
            (Kind::Integer, ["0", "-7", "123456789012345", "123456789012345000"].as_slice()),
            (Kind::WideInteger, &["9007199254740993", "-999999999999999999"]),
            (Kind::LongInteger, &["1000000000000000000", "-12345678901234567890"]),
            (Kind::Decimal, &["0.1", "-1.50", "123456789.012345", "0.00000000000000000001"]),
            (Kind::WideDecimal, &["0.1234567890123456", "9007199254740993.5"]),
            (Kind::Exponent, &["1e5", "-1.5E-300", "0e99999", "1e+307", "0.001e-300"]),
            (Kind::WideExponent, &["1e308", "1e-308", "1234567890.123456e3", "0.1e-310"]),
        ];
        for (expected, numbers) in cases {
            for number in numbers {
                assert_eq!(kind(number.as_bytes()), expected, "{number}");
            }
        }
    }

    proptest! {
        /// What is said to be a double has the same digits when it comes back.
        #[test]
        fn doubles_come_back(mantissa in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?", exponent in -400i32..400) {
            let text = format!("{mantissa}e{exponent}");
            if kind(text.as_bytes()) == Kind::Exponent {
                let back = format!("{:e}", text.parse::<f64>().expect("a number"));
                let digits = |text: &str| {
                    let mantissa = text.split(['e', 'E']).next().expect("a mantissa").replace(['.', '-'], "");
                    mantissa.trim_matches('0').to_string()
                };
                prop_assert_eq!(digits(&back), digits(&text), "{} became {}", text, back);
            }
        }
    }
}
