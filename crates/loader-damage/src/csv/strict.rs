//! What a row is, by the strict rules: the generator's own reader.
//!
//! A quoted field begins with the quote and ends with it; behind it stands the delimiter or the
//! end of the row. A field that is not quoted has no quote in it. A row ends at LF or CRLF, and
//! at CR where the dialect has it.

use super::dialect::Dialect;
use std::ops::Range;

/// What was read from a place on.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// The row ends before this index; its line end follows.
    pub end: usize,
    /// The next line starts at this index.
    pub next: usize,
    /// The text of each field.
    pub fields: Vec<Vec<u8>>,
}

/// Reads one row; `None` where the rules are broken.
pub fn read(bytes: &[u8], from: usize, dialect: &Dialect) -> Option<Read> {
    let delimiter = dialect.delimiter.as_bytes();
    let (mut fields, mut at) = (Vec::new(), from);
    loop {
        let (text, end) = match bytes.get(at) {
            Some(&byte) if dialect.quoting && byte == dialect.quote => quoted(bytes, at + 1, dialect)?,
            _ => unquoted(bytes, at, dialect)?,
        };
        fields.push(text);
        if bytes[end..].starts_with(delimiter) {
            at = end + delimiter.len();
        } else {
            let next = end + line_end(bytes, end, dialect)?;
            return Some(Read { end, next, fields });
        }
    }
}

/// The text of a field whose quote was opened before `at`, and the index behind its closing one.
fn quoted(bytes: &[u8], mut at: usize, dialect: &Dialect) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    loop {
        let byte = *bytes.get(at)?;
        let next = bytes.get(at + 1).copied();
        let escapes = byte == dialect.escape && (next == Some(dialect.quote) || next == Some(dialect.escape));
        if escapes {
            text.extend(next);
            at += 2;
        } else if byte == dialect.quote {
            return Some((text, at + 1));
        } else {
            text.push(byte);
            at += 1;
        }
    }
}

/// The text of a field that begins without a quote, and the index behind it.
fn unquoted(bytes: &[u8], from: usize, dialect: &Dialect) -> Option<(Vec<u8>, usize)> {
    let mut at = from;
    while !bytes[at..].starts_with(dialect.delimiter.as_bytes()) && line_end(bytes, at, dialect).is_none() {
        if dialect.quoting && bytes[at] == dialect.quote {
            return None;
        }
        at += 1;
    }
    Some((bytes[from..at].to_vec(), at))
}

/// How many bytes the line end has that stands there, 0 at the end of the file.
pub fn line_end(bytes: &[u8], at: usize, dialect: &Dialect) -> Option<usize> {
    match bytes.get(at) {
        None => Some(0),
        Some(b'\n') => Some(1),
        Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => Some(2),
        Some(b'\r') if dialect.is_cr() => Some(1),
        Some(_) => None,
    }
}

/// Where the lines start, whether or not a quote encloses the line end before.
pub fn line_starts(bytes: &[u8], dialect: &Dialect) -> Vec<usize> {
    let (mut starts, mut at) = (vec![0], 0);
    while at < bytes.len() {
        match line_end(bytes, at, dialect) {
            Some(length) => {
                at += length;
                starts.push(at);
            }
            None => at += 1,
        }
    }
    starts
}

/// The row that begins at `from`, if it has this many fields and can be text of a database.
pub fn row(bytes: &[u8], from: usize, width: usize, dialect: &Dialect) -> Option<Read> {
    let read = read(bytes, from, dialect).filter(|read| read.fields.len() == width)?;
    let text = std::str::from_utf8(&bytes[from..read.end]).ok()?;
    (!text.contains('\0')).then_some(read)
}

/// The rows that begin at a line of the bytes, whether or not a quote encloses the line end before.
pub fn rows(bytes: &[u8], width: usize, dialect: &Dialect) -> Vec<Range<usize>> {
    let row = |start| row(bytes, start, width, dialect).map(|row| start..row.end);
    line_starts(bytes, dialect).into_iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::{line_starts, read, rows};
    use crate::csv::dialect::Dialect;

    fn named(name: &str) -> &'static Dialect {
        Dialect::ALL.iter().find(|dialect| dialect.name == name).expect("there is such a dialect")
    }

    fn texts(bytes: &str, name: &str) -> Option<Vec<String>> {
        let read = read(bytes.as_bytes(), 0, named(name))?;
        let text = |field: Vec<u8>| String::from_utf8(field).expect("the literals are UTF-8");
        Some(read.fields.into_iter().map(text).collect())
    }

    #[test]
    fn rows_are_read_in_each_dialect() {
        let is = |bytes, name, fields: &[&str]| {
            assert_eq!(
                texts(bytes, name).as_deref(),
                Some(fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>()).as_deref()
            );
        };
        is("a,\"b\n\"\"c\"\"\",\n", "comma", &["a", "b\n\"c\"", ""]);
        is("a||\"b||\"\r\nx", "two-bars", &["a", "b||"]);
        is("a,\"b\\\"\\\\\"\n", "backslash", &["a", "b\"\\"]);
        is("'it''s',\"\rx", "apostrophe", &["it's", "\"\rx"]);
        is("a,b\rx,y", "cr", &["a", "b"]);
        is("a, \"b, c\"", "spaced", &["a", "b, c"]);
    }

    #[test]
    fn broken_rows_are_none() {
        for bytes in ["a,\"b", "a,\"b\"c,d", "a,b\"c,d", "\"a\" ,b", "a,\"b\"\"\n"] {
            assert_eq!(texts(bytes, "comma"), None, "{bytes}");
        }
    }

    #[test]
    fn a_line_inside_of_quotes_is_looked_at_too() {
        assert_eq!(rows(b"x,\"a\n1,2,3\nb\"c", 3, named("comma")), vec![5..10]);
        assert_eq!(rows(b"x,\"a\n1,2\nb\"c", 3, named("comma")), vec![]);
        assert_eq!(line_starts(b"a\r\nb\rc\n", named("comma")), [0, 3, 7]);
        assert_eq!(line_starts(b"a\r\nb\rc\n", named("cr")), [0, 3, 5, 7]);
    }
}
