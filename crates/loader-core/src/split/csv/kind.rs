//! What kind of value a field is, as far as that can be told from its bytes alone.

/// A kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Number,
    /// A date, a time or both.
    Time,
    Truth,
    Uuid,
    /// Short, without blanks.
    Word,
    Text,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 7;

/// A longer value is a text.
const LONGEST_WORD: usize = 40;

/// What kind of value a field is.
pub(super) fn kind(value: &[u8]) -> Kind {
    let value = value.trim_ascii();
    let Some(&first) = value.first() else { return Kind::Empty };
    if value.len() > LONGEST_WORD {
        return Kind::Text;
    }
    let (mut digits, mut marks, mut others, mut blanks) = (0, 0, 0, 0);
    for &byte in value {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'-' | b'/' | b':' => marks += 1,
            b' ' | b'\t' | b'\n' | b'\r' => blanks += 1,
            b'.' | b',' | b'+' | b'T' | b'Z' => {}
            _ => others += 1,
        }
    }
    if value.len() == 36 && marks == 4 && value[8] == b'-' && value[23] == b'-' {
        return Kind::Uuid;
    }
    if others == 0
        && digits > 0
        && digits + 3 >= value.len()
        && marks <= 1
        && blanks == 0
        && !first.is_ascii_alphabetic()
    {
        let has_sign = matches!(first, b'-' | b'+');
        if marks == 0 || has_sign {
            return Kind::Number;
        }
    }
    if others == 0 && digits >= 3 && (marks >= 1 || value.len() >= 8) && blanks <= 1 && first.is_ascii_digit()
    {
        return Kind::Time;
    }
    let is_exponent = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    if digits > 0 && others == 1 && !first.is_ascii_alphabetic() && value.iter().all(is_exponent) {
        return Kind::Number;
    }
    const TRUTHS: [&[u8]; 6] = [b"true", b"false", b"t", b"f", b"yes", b"no"];
    if TRUTHS.iter().any(|truth| value.eq_ignore_ascii_case(truth)) {
        return Kind::Truth;
    }
    if blanks > 0 { Kind::Text } else { Kind::Word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let cases: [(&str, Kind); 20] = [
            ("", Kind::Empty),
            ("  ", Kind::Empty),
            ("0", Kind::Number),
            ("-12.5", Kind::Number),
            ("1,234.50", Kind::Number),
            ("1e-5", Kind::Number),
            ("+3", Kind::Number),
            ("2024-01-05", Kind::Time),
            ("2024-01-05 10:11:12", Kind::Time),
            ("2024-01-05T10:11:12.5Z", Kind::Time),
            ("10:11", Kind::Time),
            ("31/12/1999", Kind::Time),
            ("true", Kind::Truth),
            ("F", Kind::Truth),
            ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", Kind::Uuid),
            ("abc", Kind::Word),
            ("T", Kind::Truth),
            ("A-1", Kind::Word),
            ("two words", Kind::Text),
            ("2 words", Kind::Text),
        ];
        for (value, expected) in cases {
            assert_eq!(kind(value.as_bytes()), expected, "{value}");
        }
    }
}
