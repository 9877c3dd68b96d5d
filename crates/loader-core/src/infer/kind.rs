//! What kind of value a JSON value is, as far as the type of a column depends on it.

use super::{number, time};

/// The kind of a value that is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// true or false.
    Boolean,
    /// An integer that both bigint and double precision hold exactly.
    Integer,
    /// An integer of at most 18 digits that double precision does not hold exactly.
    WideInteger,
    /// An integer of more than 18 digits.
    LongInteger,
    /// A number with a decimal point that double precision gives back as it was.
    Decimal,
    /// A number with a decimal point that double precision would alter.
    WideDecimal,
    /// A number with an exponent that double precision gives back as it was.
    Exponent,
    /// A number with an exponent that double precision would alter, or not take.
    WideExponent,
    /// A string that is a date: `2024-02-29`.
    Date,
    /// A string that is a date and a time.
    Timestamp,
    /// A string that is a date and a time with an offset.
    TimestampTz,
    /// A date and a time with more than the microseconds that a timestamp holds.
    FineTimestamp,
    /// A string that is a UUID.
    Uuid,
    /// A string that every type but those of texts refuses: `N/A`, `0000-00-00`.
    Word,
    /// Any other string. Some type may take it for something else than it is: `12`, `yes`.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// How many kinds there are.
pub(super) const KINDS: usize = Kind::Object as usize + 1;

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u32);

impl Kinds {
    /// Those of a list.
    pub(super) const fn of(kinds: &[Kind]) -> Self {
        let (mut set, mut index) = (0, 0);
        while index < kinds.len() {
            set |= 1 << kinds[index] as u32;
            index += 1;
        }
        Kinds(set)
    }

    /// Those of either set.
    pub(super) const fn and(self, other: Kinds) -> Self {
        Kinds(self.0 | other.0)
    }

    /// All that are not in the set.
    pub(super) const fn others(self) -> Self {
        Kinds(!self.0)
    }

    /// Whether the kind with this number is in the set.
    pub(super) fn has(self, kind: usize) -> bool {
        self.0 >> kind & 1 == 1
    }
}

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
