//! Finds the kind of a value: by its form, and for strings and numbers by their text.

use super::kind::Kind;
use super::{number, time};
use crate::encode::field_formats::FieldFormats;
use crate::json::number::check;
use crate::memory::OutOfMemory;

/// A longer string is neither a date, a time nor a UUID, and is not looked at.
pub(super) const LONGEST_STRING: usize = 64;

/// A longer string is not tried as a [`Kind::Word`]: those that stand for a missing value
/// are short.
const LONGEST_WORD: usize = 16;

/// The kind of a string, by its text without escapes.
pub(super) fn of_string(text: &[u8]) -> Kind {
    if text.len() > LONGEST_STRING {
        return Kind::Text;
    }
    if let Some(kind) = time::kind(text) {
        return kind;
    }
    if is_uuid(text) {
        return Kind::Uuid;
    }
    if is_word(text) { Kind::Word } else { Kind::Text }
}

/// The kind of a field of delimited text, which may be any value. A number is what JSON has for
/// one: leading zeros and a plus sign are no part of a number that gives them back.
pub(super) fn of_field(text: &[u8], formats: &FieldFormats) -> Result<Kind, OutOfMemory> {
    if text.len() <= LONGEST_STRING && *formats != FieldFormats::default() {
        let mut plain = Vec::new();
        if formats.number(text, &mut plain)? && check(&plain).is_ok() {
            return Ok(number::kind(&plain));
        }
        for (pattern, kind) in [(&formats.date, Kind::Date), (&formats.timestamp, Kind::Timestamp)] {
            let Some(pattern) = pattern else { continue };
            plain.clear();
            if pattern.iso(text, &mut plain)? {
                return Ok(match time::kind(&plain) {
                    // There is no such day.
                    Some(Kind::Word) => Kind::Word,
                    // A timestamp is one without a time, too.
                    Some(_) => kind,
                    None => Kind::Text,
                });
            }
        }
    }
    let kind = of_unformatted(text, formats);
    // A column of dates takes only those of the format that is given, and so does one of timestamps.
    let is_refused = match kind {
        Kind::Date => formats.date.is_some(),
        Kind::Timestamp | Kind::TimestampTz | Kind::FineTimestamp => formats.timestamp.is_some(),
        _ => false,
    };
    Ok(if is_refused { Kind::Text } else { kind })
}

/// The kind of a field that has none of the formats that are given.
fn of_unformatted(text: &[u8], formats: &FieldFormats) -> Kind {
    const BOOLEANS: [&[u8]; 4] = [b"true", b"false", b"t", b"f"];
    match text.first() {
        Some(b'0'..=b'9' | b'-') if formats.has_plain_numbers() && check(text).is_ok() => number::kind(text),
        Some(b't' | b'T' | b'f' | b'F') if BOOLEANS.iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            Kind::Boolean
        }
        _ => of_string(text),
    }
}

/// The kind of a well-formed value that is no string; `None` for null.
pub(super) fn of_other(token: &[u8]) -> Option<Kind> {
    match token.first() {
        Some(b'n') => None,
        Some(b't' | b'f') => Some(Kind::Boolean),
        Some(b'[') => Some(Kind::Array),
        Some(b'{') => Some(Kind::Object),
        _ => Some(number::kind(token)),
    }
}

/// Whether a string is a UUID in its usual form, in either case.
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(index, b)| match index {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Whether a short string is refused by the input functions of boolean, of numbers, dates,
/// timestamps and UUIDs. It has no digit, and none of the words that these take. (They are in
/// `boolin`, `float8in` and the table `datetktbl`, src/backend/utils/adt/; between words, the
/// parser of dates passes over punctuation.)
fn is_word(text: &[u8]) -> bool {
    const BOOLEANS: [&[u8]; 4] = [b"true", b"false", b"yes", b"no"];
    const SWITCHES: [&[u8]; 3] = [b"on", b"off", b"of"];
    const SPECIAL: [&[u8]; 9] =
        [b"now", b"today", b"tomorrow", b"yesterday", b"epoch", b"infinity", b"inf", b"nan", b"allballs"];
    let starts = |word: &[u8], part: &[u8]| {
        word.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
    };
    let whole = text.trim_ascii();
    text.len() <= LONGEST_WORD
        && !text.iter().any(u8::is_ascii_digit)
        && (whole.is_empty() || !BOOLEANS.iter().any(|word| starts(word, whole)))
        && !SWITCHES.iter().any(|word| word.eq_ignore_ascii_case(whole))
        && !text
            .split(|b| !b.is_ascii_alphabetic())
            .any(|part| SPECIAL.iter().any(|word| word.eq_ignore_ascii_case(part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::field_formats::TimePattern;

    fn formats(date: Option<&str>, timestamp: Option<&str>) -> FieldFormats {
        let pattern = |text: Option<&str>, is_date| {
            text.map(|text| TimePattern::parse(text, is_date).expect("memory").expect("a pattern"))
        };
        FieldFormats {
            date: pattern(date, true),
            timestamp: pattern(timestamp, false),
            ..FieldFormats::default()
        }
    }

    #[track_caller]
    fn are(formats: &FieldFormats, cases: &[(&str, Kind)]) {
        for (text, kind) in cases {
            assert_eq!(of_field(text.as_bytes(), formats), Ok(*kind), "{text}");
        }
    }

    #[test]
    fn what_has_the_format_of_a_type_has_that_type() {
        let cases =
            [("05.01.2024", Kind::Date), ("31.02.2024", Kind::Word), ("2024-01-05 10:00", Kind::Timestamp)];
        are(&formats(Some("DD.MM.YYYY"), None), &cases);
        // A timestamp is one without a time, too.
        let cases = [("05.01.2024", Kind::Timestamp), ("31.02.2024", Kind::Word), ("2024-01-05", Kind::Date)];
        are(&formats(None, Some("DD.MM.YYYY")), &cases);
        let cases = [
            ("05.01.2024", Kind::Date),
            ("05.01.2024 10:30", Kind::Timestamp),
            // The server makes another time of it.
            ("05.01.2024 24:00", Kind::Text),
            ("12", Kind::Integer),
            ("n/a", Kind::Word),
        ];
        are(&formats(Some("DD.MM.YYYY"), Some("DD.MM.YYYY HH24:MI")), &cases);
    }

    #[test]
    fn what_a_type_refuses_because_of_its_format_does_not_have_that_type() {
        are(&formats(Some("DD.MM.YYYY"), None), &[("2024-01-05", Kind::Text)]);
        let cases = [
            ("2024-01-05 10:00", Kind::Text),
            ("2024-01-05T10:00:00Z", Kind::Text),
            ("2024-01-05T10:00:00.1234567", Kind::Text),
        ];
        are(&formats(None, Some("DD.MM.YYYY HH24:MI")), &cases);
        // A format may be that of ISO 8601.
        let iso = formats(Some("YYYY-MM-DD"), Some("YYYY-MM-DDTHH24:MI"));
        are(&iso, &[("2024-01-05", Kind::Date), ("2024-01-05T10:00", Kind::Timestamp)]);
    }

    #[test]
    fn words_are_what_every_type_refuses() {
        for word in ["", " ", "N/A", "none", "unknown", "-", "missing", "nix", "offline", "not known"] {
            assert_eq!(of_string(word.as_bytes()), Kind::Word, "{word}");
        }
        let others = [
            "t",
            "YES",
            "n",
            "off",
            " true ",
            "NaN",
            "-Infinity",
            "(now)",
            "today",
            "12",
            "room 12",
            "a text that is longer",
        ];
        for text in others {
            assert_eq!(of_string(text.as_bytes()), Kind::Text, "{text}");
        }
    }

    #[test]
    fn uuids_have_one_form() {
        assert_eq!(of_string(b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), Kind::Uuid);
        assert_eq!(of_string(b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), Kind::Uuid);
        for text in ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11"] {
            assert_eq!(of_string(text.as_bytes()), Kind::Text);
        }
        assert_eq!(of_string(b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g"), Kind::Text);
    }
}
