//! How numbers, dates and times are written in delimited text, where that is another way than SQL
//! has: from there to a text that the input functions of their types take.

use super::values::NativeType;
use crate::memory::{self, OutOfMemory};

/// The ways in which the fields of a file are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFormats {
    /// What stands before the decimals of a number.
    pub decimal_separator: u8,
    /// What may stand between groups of three digits.
    pub thousands: Option<u8>,
    /// How a date is written.
    pub date: Option<TimePattern>,
    /// How a timestamp is written.
    pub timestamp: Option<TimePattern>,
}

impl Default for FieldFormats {
    fn default() -> Self {
        FieldFormats { decimal_separator: b'.', thousands: None, date: None, timestamp: None }
    }
}

/// What a field is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// A number as the separators have it.
    Number,
    /// A date of the given format.
    Date,
    /// A timestamp of the given format.
    Timestamp,
}

impl FieldFormats {
    /// Whether numbers are written as in SQL.
    #[inline]
    pub fn has_plain_numbers(&self) -> bool {
        self.decimal_separator == b'.' && self.thousands.is_none()
    }

    /// Whether values of a type are written as in SQL.
    #[inline]
    pub fn is_plain(&self, native: NativeType) -> bool {
        match native {
            NativeType::Int2
            | NativeType::Int4
            | NativeType::Int8
            | NativeType::Float4
            | NativeType::Float8
            | NativeType::Numeric(_) => self.has_plain_numbers(),
            NativeType::Date => self.date.is_none(),
            NativeType::Timestamp(_) | NativeType::TimestampTz(_) => self.timestamp.is_none(),
            _ => true,
        }
    }

    /// Writes the text that the input function of a type is to be given for a field. `Ok(None)`:
    /// that is the text of the field itself.
    #[inline]
    pub fn plain(
        &self,
        native: NativeType,
        text: &[u8],
        to: &mut Vec<u8>,
    ) -> Result<Option<Result<(), Misfit>>, OutOfMemory> {
        if self.is_plain(native) {
            return Ok(None);
        }
        to.clear();
        let (is_made, misfit) = match (native, &self.date, &self.timestamp) {
            (NativeType::Date, Some(pattern), _) => (pattern.iso(text, to)?, Misfit::Date),
            (NativeType::Timestamp(_) | NativeType::TimestampTz(_), _, Some(pattern)) => {
                (pattern.iso(text, to)?, Misfit::Timestamp)
            }
            _ => (self.number(text, to)?, Misfit::Number),
        };
        Ok(Some(if is_made { Ok(()) } else { Err(misfit) }))
    }

    /// Writes a number as SQL has it; `false` where it is none that the separators allow.
    pub fn number(&self, text: &[u8], to: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
        // A word such as NaN has none of them.
        if !text.iter().any(u8::is_ascii_digit) {
            memory::append(to, text)?;
            return Ok(!text.contains(&b'.') && !text.contains(&self.decimal_separator));
        }
        let (mut is_fraction, mut group) = (false, None);
        for (index, &b) in text.iter().enumerate() {
            match b {
                b'0'..=b'9' => group = group.map(|digits: usize| digits + 1),
                _ if b == self.decimal_separator && !is_fraction => {
                    if group.is_some_and(|digits| digits != 3) {
                        return Ok(false);
                    }
                    (is_fraction, group) = (true, None);
                    memory::push(to, b'.')?;
                    continue;
                }
                _ if Some(b) == self.thousands && !is_fraction => {
                    let is_whole = match group {
                        Some(digits) => digits == 3,
                        None => ends_in_first_group(&text[..index]),
                    };
                    if !is_whole {
                        return Ok(false);
                    }
                    group = Some(0);
                    continue;
                }
                _ if b == b'.' || b == self.decimal_separator || Some(b) == self.thousands => {
                    return Ok(false);
                }
                _ if group.is_some_and(|digits| digits != 3) => return Ok(false),
                _ => group = None,
            }
            memory::push(to, b)?;
        }
        Ok(group.is_none_or(|digits| digits == 3))
    }
}

/// Whether what stands before the first separator of groups ends in a group that a number can begin
/// with: one to three digits, the first of them no zero, and none before them.
fn ends_in_first_group(text: &[u8]) -> bool {
    let digits = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, group) = text.split_at(text.len() - digits);
    (1..=3).contains(&digits) && group[0] != b'0' && !before.iter().any(u8::is_ascii_digit)
}

/// A part of a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
    /// This byte.
    Literal(u8),
}

/// The words of patterns, each before those that it begins with.
const WORDS: [(&str, Part); 8] = [
    ("YYYY", Part::Year),
    ("MM", Part::Month),
    ("DD", Part::Day),
    ("HH24", Part::Hour),
    ("HH", Part::Hour),
    ("MI", Part::Minute),
    ("SS", Part::Second),
    ("FF", Part::Fraction),
];

/// How a date or a timestamp is written: `DD.MM.YYYY HH24:MI:SS.FF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimePattern(Vec<Part>);

impl TimePattern {
    /// Reads a pattern; why it is none, if it is none. Of a date nothing but the day is allowed.
    pub fn parse(text: &str, is_date: bool) -> Result<Result<Self, &'static str>, OutOfMemory> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(&first) = rest.as_bytes().first() {
            let word = WORDS.iter().find(|(word, _)| {
                rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            });
            let (part, length) = match word {
                Some((word, part)) => (*part, word.len()),
                None if first.is_ascii_alphanumeric() && first != b'T' => {
                    return Ok(Err(
                        "it consists of YYYY, MM, DD, HH24, MI, SS, FF and what stands between them",
                    ));
                }
                None if !first.is_ascii() => return Ok(Err("it has a character beyond ASCII")),
                None => (Part::Literal(first), 1),
            };
            if !matches!(part, Part::Literal(_)) && parts.contains(&part) {
                return Ok(Err("it has a part twice"));
            }
            memory::push(&mut parts, part)?;
            rest = &rest[length..];
        }
        let has = |part: Part| parts.contains(&part);
        let has_time = [Part::Hour, Part::Minute, Part::Second, Part::Fraction].into_iter().any(has);
        if !has(Part::Year) || !has(Part::Month) || !has(Part::Day) {
            return Ok(Err("it needs YYYY, MM and DD"));
        }
        if is_date && has_time {
            return Ok(Err("a date has no time"));
        }
        if (has(Part::Minute) && !has(Part::Hour))
            || (has(Part::Second) && !has(Part::Minute))
            || (has(Part::Fraction) && !has(Part::Second))
        {
            return Ok(Err("it has a part of a time without the larger one"));
        }
        Ok(Ok(TimePattern(parts)))
    }

    /// Writes a date or timestamp as ISO 8601 has it; `false` where the text does not have the
    /// pattern. Whether there is such a day is not asked.
    pub fn iso(&self, text: &[u8], to: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
        let mut found: [&[u8]; 7] = [b""; 7];
        let mut rest = text;
        for &part in &self.0 {
            let length = match part {
                Part::Literal(b) => {
                    if rest.first() != Some(&b) {
                        return Ok(false);
                    }
                    rest = &rest[1..];
                    continue;
                }
                Part::Year => 4,
                Part::Fraction => 6,
                _ => 2,
            };
            let digits = rest.iter().take(length).take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 || (part == Part::Year && digits != length) {
                return Ok(false);
            }
            (found[index_of(part)], rest) = rest.split_at(digits);
        }
        if !rest.is_empty() {
            return Ok(false);
        }
        let separators: [&[u8]; 7] = [b"", b"-", b"-", b" ", b":", b":", b"."];
        for (index, (digits, separator)) in found.iter().zip(separators).enumerate() {
            // An hour without minutes is read as a time all the same.
            let digits: &[u8] = match digits.is_empty() {
                true if index == 4 && !found[3].is_empty() => b"00",
                true => continue,
                false => digits,
            };
            memory::append(to, separator)?;
            if digits.len() == 1 && index < 6 {
                memory::push(to, b'0')?;
            }
            memory::append(to, digits)?;
        }
        Ok(true)
    }
}

/// The place of a part in a date and time, from the largest on.
fn index_of(part: Part) -> usize {
    match part {
        Part::Year => 0,
        Part::Month => 1,
        Part::Day => 2,
        Part::Hour => 3,
        Part::Minute => 4,
        Part::Second => 5,
        Part::Fraction | Part::Literal(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(decimal_separator: u8, thousands: Option<u8>, text: &str) -> Option<String> {
        let formats = FieldFormats { decimal_separator, thousands, ..FieldFormats::default() };
        let mut to = Vec::new();
        let is_made = formats.number(text.as_bytes(), &mut to).expect("memory");
        is_made.then(|| String::from_utf8(to).expect("UTF-8"))
    }

    #[test]
    fn numbers_have_their_separators_and_no_others() {
        let comma = |text| number(b',', Some(b'.'), text);
        for (text, plain) in [
            ("1", "1"),
            ("-1,5", "-1.5"),
            ("1.234,5", "1234.5"),
            ("12.345.678", "12345678"),
            ("1,5e3", "1.5e3"),
            ("NaN", "NaN"),
            ("-1.234", "-1234"),
            ("+12.345,5e3", "+12345.5e3"),
            ("100.000", "100000"),
            ("0,125", "0.125"),
            ("1234567", "1234567"),
        ] {
            assert_eq!(comma(text).as_deref(), Some(plain), "{text}");
        }
        // What stands before the first separator is a group, too, and no decimals follow it.
        for text in ["0.125", "-0.125", "1234.567", "-1234.567", "012.345", "1e1.234", "1.234e1.234"] {
            assert_eq!(comma(text), None, "{text}");
        }
        for text in ["1.5", "1.23.456", ".123", "1,5,6", "1.2345", "1,234.5", "1234.567.8", "."] {
            assert_eq!(comma(text), None, "{text}");
        }
        assert_eq!(number(b',', None, "1.5"), None);
        assert_eq!(number(b',', None, "1,5").as_deref(), Some("1.5"));
        assert_eq!(number(b'.', Some(b','), "1,234.5").as_deref(), Some("1234.5"));
        assert_eq!(number(b'.', Some(b' '), "1 234").as_deref(), Some("1234"));
    }

    fn iso(pattern: &str, is_date: bool, text: &str) -> Option<String> {
        let pattern = TimePattern::parse(pattern, is_date).expect("memory").expect("a pattern");
        let mut to = Vec::new();
        pattern.iso(text.as_bytes(), &mut to).expect("memory").then(|| String::from_utf8(to).expect("UTF-8"))
    }

    #[test]
    fn dates_and_times_are_read_by_their_pattern() {
        assert_eq!(iso("DD.MM.YYYY", true, "5.1.2024").as_deref(), Some("2024-01-05"));
        assert_eq!(iso("MM/DD/YYYY", true, "12/31/1999").as_deref(), Some("1999-12-31"));
        assert_eq!(iso("YYYYMMDD", true, "20240105").as_deref(), Some("2024-01-05"));
        let timestamp = "DD.MM.YYYY HH24:MI:SS.FF";
        assert_eq!(iso(timestamp, false, "05.01.2024 7:08:09.25").as_deref(), Some("2024-01-05 07:08:09.25"));
        assert_eq!(iso("yyyy-mm-ddThh", false, "2024-01-05T07").as_deref(), Some("2024-01-05 07:00"));
        for text in ["05.01.24", "05-01-2024", "05.01.2024x", "2024.01.05", "", "xx.01.2024"] {
            assert_eq!(iso("DD.MM.YYYY", true, text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, is_date) in [
            ("DD.MM", true),
            ("DD.MM.YYYY DD", true),
            ("DD.MON.YYYY", true),
            ("YYYY-MM-DD HH24", true),
            ("YYYY-MM-DD MI", false),
            ("", true),
            ("%d.%m.%Y", true),
        ] {
            assert!(TimePattern::parse(pattern, is_date).expect("memory").is_err(), "{pattern}");
        }
    }
}
