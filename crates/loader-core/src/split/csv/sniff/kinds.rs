//! What a value is by its form: the kinds that tell a table from a text that was cut at the
//! wrong places.

use super::times::is_time;

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or what stands for nothing.
    Empty,
    /// A number, with a sign, a currency, thousands or a percent sign.
    Number,
    /// A date, a time of day, or both.
    Time,
    /// An address, an identifier, an object: what has a strict form of its own.
    Formal,
    /// Letters and digits without a blank.
    Code,
    /// Letters without a blank.
    Word,
    /// Anything else.
    Text,
    /// Three or more of one kind, joined by a separator: a list in a cell.
    List,
    /// Two things, with a separator between them that prose does not have.
    Joined,
    /// What no cell should look like: half of something.
    Odd,
}

/// So many kinds there are.
pub(super) const KINDS: usize = 10;

/// All of them, in their order.
pub(super) const ALL: [Kind; KINDS] = [
    Kind::Empty,
    Kind::Number,
    Kind::Time,
    Kind::Formal,
    Kind::Code,
    Kind::Word,
    Kind::Text,
    Kind::List,
    Kind::Joined,
    Kind::Odd,
];

/// A longer value is text.
const LONGEST: usize = 128;

impl Kind {
    /// How well a value of this kind speaks for the dialect, from 0 to 1.
    pub(super) fn worth(self) -> f64 {
        match self {
            Kind::Number | Kind::Time | Kind::Formal => 1.0,
            Kind::Code | Kind::Word => 0.9,
            Kind::Text => 0.75,
            Kind::Empty => 0.5,
            Kind::List => 0.7,
            Kind::Joined => 0.4,
            Kind::Odd => 0.1,
        }
    }

    /// Whether names of columns are seldom of this kind.
    pub(super) fn is_strict(self) -> bool {
        matches!(self, Kind::Number | Kind::Time | Kind::Formal)
    }
}

/// The kind of a value, given without blanks around it.
pub(super) fn kind(value: &[u8], quoted: bool) -> Kind {
    if is_empty(value) {
        return Kind::Empty;
    }
    if value.len() <= LONGEST {
        if is_number(value) {
            return Kind::Number;
        }
        if is_time(value) {
            return Kind::Time;
        }
    }
    if is_formal(value) {
        return Kind::Formal;
    }
    if !quoted && is_odd(value) {
        return Kind::Odd;
    }
    if !quoted && (has_joint(value) || ends_in_apostrophe(value)) {
        return if is_list(value) { Kind::List } else { Kind::Joined };
    }
    let letter = |b: &u8| b.is_ascii_alphabetic() || *b >= 0x80 || *b == b'_';
    if value.iter().all(letter) {
        Kind::Word
    } else if value.len() <= LONGEST
        && value.iter().all(|b| letter(b) || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'/' | b'#'))
    {
        Kind::Code
    } else {
        Kind::Text
    }
}

fn is_empty(value: &[u8]) -> bool {
    const NOTHING: [&[u8]; 8] = [b"null", b"na", b"n/a", b"nan", b"none", b"-", b"\\N", b"#n/a"];
    value.is_empty() || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// A number as people and programs write it.
fn is_number(value: &[u8]) -> bool {
    let mut text = value;
    if let [b'(', inner @ .., b')'] = text {
        text = inner;
    }
    text = strip_currency(text.strip_suffix(b"%").unwrap_or(text).trim_ascii());
    if let [b'-' | b'+', rest @ ..] = text {
        text = strip_currency(rest.trim_ascii_start());
    }
    let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) if at > 0 => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    let is_exponent =
        |digits: &[u8]| (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    if let Some([b'-' | b'+', digits @ ..] | digits) = exponent
        && !is_exponent(digits)
    {
        return false;
    }
    is_mantissa(mantissa)
}

/// A number without the sign of a currency before or behind it; in a text that is no UTF-8 such
/// a sign is any byte.
fn strip_currency(text: &[u8]) -> &[u8] {
    let is_sign = |b: &u8| *b == b'$' || *b >= 0x80;
    let start = text.iter().take_while(|b| is_sign(b)).count().min(4);
    let text = text[start..].trim_ascii_start();
    let end = text.iter().rev().take_while(|b| is_sign(b)).count().min(4);
    text[..text.len() - end].trim_ascii_end()
}

/// Digits, with groups of three and one decimal separator.
fn is_mantissa(text: &[u8]) -> bool {
    if !text.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let last = text.iter().rposition(|b| matches!(b, b'.' | b','));
    let (whole, fraction) = match last {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut groups = whole.split(|b| matches!(b, b'.' | b',' | b' ' | b'\''));
    let first = groups.next().unwrap_or(&[]);
    let (mut many, mut good) = (false, first.iter().all(u8::is_ascii_digit));
    for group in groups {
        many = true;
        good &= group.len() == 3 && group.iter().all(u8::is_ascii_digit);
    }
    good && (!many || (1..=3).contains(&first.len()))
        && (last.is_none() || !(whole.is_empty() && fraction.is_empty()))
}

fn is_formal(value: &[u8]) -> bool {
    is_object(value) || is_uuid(value) || is_url(value) || is_email(value) || is_address(value)
}

/// Whether this is a JSON object or a list.
pub(super) fn is_object(value: &[u8]) -> bool {
    match value {
        [b'{', inner @ .., b'}'] => inner.is_empty() || memchr::memchr2(b':', b'"', inner).is_some(),
        [b'[', .., b']'] => true,
        _ => false,
    }
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_url(value: &[u8]) -> bool {
    let scheme = value.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(0);
    (2..=8).contains(&scheme) && value[scheme..].starts_with(b"://") && !value.contains(&b' ')
}

fn is_email(value: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', value) else { return false };
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
    at > 0
        && value[..at].iter().all(part)
        && value[at + 1..].iter().all(part)
        && value[at + 1..].contains(&b'.')
}

/// 192.168.0.1, with a port or a mask.
fn is_address(value: &[u8]) -> bool {
    let end = value.iter().position(|b| matches!(b, b':' | b'/')).unwrap_or(value.len());
    let mut count = 0;
    for piece in value[..end].split(|&b| b == b'.') {
        count += 1;
        if !(1..=3).contains(&piece.len()) || !piece.iter().all(u8::is_ascii_digit) {
            return false;
        }
    }
    count == 4 && value[end..].iter().skip(1).all(u8::is_ascii_digit)
}

/// Whether this looks like half of something.
fn is_odd(value: &[u8]) -> bool {
    let quote = |b: Option<&u8>| matches!(b, Some(b'"'));
    if quote(value.first())
        || (quote(value.last()) && !value[..value.len() - 1].last().is_some_and(u8::is_ascii_digit))
    {
        return true;
    }
    if let [b'\'', .., b'\''] = value {
        return true;
    }
    value.iter().any(|b| matches!(b, b'\t' | 0..=8 | 0x0B | 0x0E..=0x1F))
}

/// Whether an apostrophe ends this that none begins.
fn ends_in_apostrophe(value: &[u8]) -> bool {
    matches!(value, [first, .., b'\''] if *first != b'\'')
}

/// Whether a separator that prose does not have stands between two values.
fn has_joint(value: &[u8]) -> bool {
    value.iter().enumerate().any(|(at, b)| {
        let (Some(before), Some(after)) = (at.checked_sub(1).and_then(|at| value.get(at)), value.get(at + 1))
        else {
            return matches!(b, b',' | b';' | b'|');
        };
        match b {
            b'|' | b';' | b',' => *before != b' ' && *after != b' ',
            _ => false,
        }
    })
}

/// Whether three or more numbers, or three or more words, are joined by the same separator.
fn is_list(value: &[u8]) -> bool {
    let Some(separator) = value.iter().copied().find(|b| matches!(b, b'|' | b';' | b',')) else {
        return false;
    };
    let mut items = 0;
    let mut numbers = 0;
    for item in value.split(|&b| b == separator) {
        if item.is_empty() || item.iter().any(|b| matches!(b, b'|' | b';' | b',')) {
            return false;
        }
        items += 1;
        numbers += usize::from(is_number(item));
    }
    items > 2 && (numbers == 0 || numbers == items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_values() {
        let cases: [(Kind, &[&str]); 10] = [
            (Kind::Empty, &["", "NULL", "n/a", "-"]),
            (
                Kind::Number,
                &["1", "-2.5", "1,234.50", "1.234,5", "$74.69", "(12)", "50%", "1e-5", "€ 1,80", "12 €"],
            ),
            (
                Kind::Time,
                &[
                    "2024-01-05",
                    "5.1.2024",
                    "01/22/20",
                    "3-Apr-20",
                    "10:15",
                    "10:15:30.5 PM",
                    "2024-01-05T10:00:00Z",
                    "2024-01-05 10:00:00+02:00",
                    "Jan 5, 2024",
                    "Mon Jan 5 10:00:00 2024",
                ],
            ),
            (Kind::Formal, &["{\"a\": 1}", "[1]", "https://a.example/x?y", "a.b@c.example", "10.0.0.1:80"]),
            (Kind::Code, &["K-0012", "v1.2.3", "a/b"]),
            (Kind::Word, &["red", "München"]),
            (Kind::Text, &["one, two", "it is so", "5 ft"]),
            (Kind::List, &["1;2;3", "a|b|c"]),
            (Kind::Joined, &["1;x", "a,b", "dogs'"]),
            (Kind::Odd, &["\"half", "half\"", "'x'", "a\tb"]),
        ];
        for (expected, values) in cases {
            for value in values {
                assert_eq!(kind(value.as_bytes(), false), expected, "{value}");
            }
        }
        // What stands in quotes may hold anything.
        assert_eq!(kind(b"a;b", true), Kind::Text);
    }
}
