//! Strings that are dates and timestamps of ISO 8601: those that the server reads in the same
//! way whatever DateStyle and TimeZone are, and holds as they are written.

use super::kind::Kind;

/// Timestamps hold so many digits of a second.
const FRACTION_DIGITS: usize = 6;

/// `YYYY-MM-DD`.
const DATE: usize = 10;

/// What a string is that begins like a date; `None` where it does not, or goes on otherwise.
pub(super) fn kind(text: &[u8]) -> Option<Kind> {
    let (date, rest) = text.split_at_checked(DATE)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let day = is_day(number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let kind = match rest {
        [] => Kind::Date,
        [b'T' | b' ', time @ ..] => of_time(time)?,
        _ => return None,
    };
    // The server refuses a day that there is not, with a time or without.
    Some(if day { kind } else { Kind::Word })
}

/// What a date is with this time behind it. 24:00 and a 60th second are not taken: the
/// server makes another time of them.
fn of_time(time: &[u8]) -> Option<Kind> {
    let (clock, rest) = time.split_at_checked(5)?;
    if clock[2] != b':' || number(&clock[..2])? > 23 || number(&clock[3..])? > 59 {
        return None;
    }
    let (mut rest, mut is_fine) = (rest, false);
    if let Some(seconds) = rest.strip_prefix(b":") {
        let (digits, behind) = seconds.split_at_checked(2)?;
        if number(digits)? > 59 {
            return None;
        }
        rest = behind;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let length = fraction.iter().position(|b| !b.is_ascii_digit()).unwrap_or(fraction.len());
            if length == 0 {
                return None;
            }
            is_fine = fraction[..length].iter().skip(FRACTION_DIGITS).any(|&b| b != b'0');
            rest = &fraction[length..];
        }
    }
    let kind = if rest.is_empty() {
        Kind::Timestamp
    } else if is_offset(rest) {
        Kind::TimestampTz
    } else {
        return None;
    };
    Some(if is_fine { Kind::FineTimestamp } else { kind })
}

/// `Z`, or an offset in hours or hours and minutes, perhaps behind a space. The server takes
/// offsets of less than 16 hours.
fn is_offset(text: &[u8]) -> bool {
    if text == b"Z" {
        return true;
    }
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (hours, minutes) = match text {
        [b'+' | b'-', hours @ ..] if hours.len() == 2 => (hours, None),
        [b'+' | b'-', digits @ ..] if digits.len() == 4 => (&digits[..2], Some(&digits[2..])),
        [b'+' | b'-', digits @ ..] if digits.len() == 5 && digits[2] == b':' => {
            (&digits[..2], Some(&digits[3..]))
        }
        _ => return false,
    };
    number(hours).is_some_and(|hours| hours <= 15)
        && minutes.is_none_or(|minutes| number(minutes).is_some_and(|minutes| minutes <= 59))
}

/// Whether there is such a day.
fn is_day(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// The value of a few digits; `None` where they are others.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(
        0,
        |value, b| if b.is_ascii_digit() { Some(value * 10 + u32::from(b - b'0')) } else { None },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_time_and_what_is_not() {
        let cases: [(Option<Kind>, &[&str]); 6] = [
            (Some(Kind::Date), &["2024-02-29", "0001-01-01", "9999-12-31", "2000-02-29"]),
            (
                Some(Kind::Timestamp),
                &[
                    "2024-01-05T10:00",
                    "2024-01-05 23:59:59",
                    "2024-01-05T10:00:00.1",
                    "2024-01-05T10:00:00.1234560",
                ],
            ),
            (
                Some(Kind::TimestampTz),
                &[
                    "2024-01-05T10:00Z",
                    "2024-01-05 10:00:00+02",
                    "2024-01-05T10:00:00.5-0530",
                    "2024-01-05T10:00:00+05:45",
                    "2013-05-04 13:00:00 -0700",
                ],
            ),
            (Some(Kind::FineTimestamp), &["2024-01-05T10:00:00.1234567Z", "2024-01-05T10:00:00.000000001"]),
            (
                Some(Kind::Word),
                &[
                    "2023-02-29",
                    "1900-02-29",
                    "0000-00-00",
                    "2024-13-01",
                    "2024-04-31",
                    "0000-00-00 00:00:00",
                ],
            ),
            (
                None,
                &[
                    "",
                    "20240105",
                    "2024-1-5",
                    "2024/01/05",
                    "05-01-2024",
                    "2024-01-05T",
                    "2024-01-05T24:00:00",
                    "2024-01-05T23:59:60Z",
                    "2024-01-05T10:60",
                    "2024-01-05T10:00:00.",
                    "2024-01-05T10:00:00 Z",
                    "2024-01-05T10:00:00+16",
                    "2024-01-05T10:00:00+1",
                    "2024-01-05T10:00:00 UTC",
                    "2024-01-05 AD",
                    " 2024-01-05",
                ],
            ),
        ];
        for (expected, texts) in cases {
            for text in texts {
                assert_eq!(kind(text.as_bytes()), expected, "{text}");
            }
        }
    }
}
