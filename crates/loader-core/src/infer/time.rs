//! Strings that are dates and timestamps of ISO 8601: those that the server reads in the same
//! way whatever DateStyle and TimeZone are, and holds as they are written.

use super::kind::Kind;
use crate::iso8601;

/// Timestamps hold so many digits of a second.
const FRACTION_DIGITS: usize = 6;

/// What a string is that is written like a date, with a time or without; `None` where it is not.
pub(super) fn kind(text: &[u8]) -> Option<Kind> {
    let written = iso8601::read(text)?;
    if !written.date.exists() {
        // The server refuses a day that there is not, with a time or without.
        return Some(Kind::Word);
    }
    let Some(clock) = written.clock else { return Some(Kind::Date) };
    if clock.fraction.iter().skip(FRACTION_DIGITS).any(|&b| b != b'0') {
        return Some(Kind::FineTimestamp);
    }
    Some(if written.offset.is_some() { Kind::TimestampTz } else { Kind::Timestamp })
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
