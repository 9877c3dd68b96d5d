//! The dialects that a text allows.

use memchr::memchr_iter;
use memchr::memmem;

use super::super::{Delimiter, Dialect, NewLine, Overrides};
use crate::memory::{OutOfMemory, push};

/// What may stand between two fields, and how usual that is, from 0 to 1. What is of several
/// bytes stands before what it begins with.
const DELIMITERS: [(&[u8], f64); 23] = [
    (b"|~|", 1.0),
    (b"||", 1.0),
    (b"::", 0.95),
    (b";;", 0.95),
    (b"~|", 1.0),
    (b"^|", 1.0),
    (b",", 1.0),
    (b";", 0.998),
    (b"\t", 0.998),
    (b"|", 0.97),
    (b"\x01", 1.0),
    (b"\x02", 1.0),
    (b"\x1F", 1.0),
    ("¦".as_bytes(), 0.95),
    ("§".as_bytes(), 0.9),
    (b"^", 0.9),
    (b"~", 0.9),
    (b"#", 0.8),
    (b" ", 0.75),
    (b"&", 0.7),
    (b"!", 0.7),
    (b":", 0.7),
    (b"/", 0.55),
];

/// Few rows of a table have more lines.
const LONGEST_ROW: usize = 20;

/// Quotes, and how usual they are.
const QUOTES: [(Option<u8>, f64); 3] = [(Some(b'"'), 1.0), (Some(b'\''), 0.98), (None, 0.97)];

/// How usual a delimiter and a quote are, from 0 to 1.
pub(super) fn prior(dialect: &Dialect) -> f64 {
    let bytes = dialect.delimiter.bytes();
    let (bare, padding) = match bytes {
        [b' ', byte, b' '] | [byte, b' '] => (std::slice::from_ref(byte), 0.96),
        bytes => (bytes, 1.0),
    };
    let delimiter = DELIMITERS.iter().find(|(bytes, _)| *bytes == bare);
    let quote = QUOTES.iter().find(|(quote, _)| *quote == dialect.quote);
    padding * delimiter.map_or(0.9, |(_, prior)| *prior) * quote.map_or(0.9, |(_, prior)| *prior)
}

/// The line end of a text.
pub(super) fn new_line(text: &[u8]) -> NewLine {
    let lf = memchr_iter(b'\n', text).count();
    let crlf = memmem::find_iter(text, b"\r\n").count();
    if lf == 0 && memchr::memchr(b'\r', text).is_some() {
        NewLine::Cr
    } else if crlf > 0 && crlf * 2 >= lf {
        NewLine::CrLf
    } else {
        NewLine::Lf
    }
}

/// What is tried where nothing speaks for anything else.
pub(super) fn usual(new_line: NewLine, overrides: &Overrides) -> Dialect {
    let quote = overrides.quote.unwrap_or(Some(b'"'));
    Dialect {
        delimiter: overrides.delimiter.unwrap_or_default(),
        quote,
        escape: quote.and(overrides.escape.or(quote)),
        new_line,
        comment: overrides.comment,
        skip: overrides.skip.unwrap_or(0),
        header: overrides.header.unwrap_or(1),
    }
}

/// The delimiters that a text allows.
pub(super) fn delimiters(text: &[u8], overrides: &Overrides) -> Result<Vec<Delimiter>, OutOfMemory> {
    let mut list = Vec::new();
    if let Some(delimiter) = overrides.delimiter {
        push(&mut list, delimiter)?;
        return Ok(list);
    }
    let lines = memchr_iter(b'\n', text).count().max(1);
    for (bytes, _) in DELIMITERS {
        // Every row has one, and few rows are longer than so many lines.
        if memmem::find_iter(text, bytes).count() * LONGEST_ROW < lines {
            continue;
        }
        if let Some(delimiter) = Delimiter::new(bytes) {
            push(&mut list, delimiter)?;
        }
        if let [byte @ 0x21..=0x7E] = *bytes {
            for padded in [&[byte, b' '][..], &[b' ', byte, b' ']] {
                if let Some(delimiter) = Delimiter::new(padded).filter(|_| stands_before_quote(text, padded))
                {
                    push(&mut list, delimiter)?;
                }
            }
        }
    }
    Ok(list)
}

/// Whether a delimiter with blanks is needed for the quote behind it to stand at the beginning
/// of a cell.
fn stands_before_quote(text: &[u8], padded: &[u8]) -> bool {
    memmem::find_iter(text, padded).any(|at| matches!(text.get(at + padded.len()), Some(b'"' | b'\'')))
}

/// Whether most of what would be delimiters stand within dates, times and addresses.
pub(super) fn is_in_values(text: &[u8], delimiter: &Delimiter) -> bool {
    let (&[byte @ (b':' | b'/')] | &[byte @ (b':' | b'/'), b' ']) = delimiter.bytes() else { return false };
    let (mut within, mut total) = (0, 0);
    for at in memchr_iter(byte, text) {
        let before = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        let after = text.get(at + 1).copied().unwrap_or(b' ');
        total += 1;
        within += usize::from(
            (before.is_ascii_digit() && after.is_ascii_digit())
                || [before, after].contains(&b'/')
                || after == b' ',
        );
    }
    within * 2 > total
}

/// Adds the dialects of a delimiter that a text allows.
pub(super) fn dialects(
    text: &[u8],
    delimiter: Delimiter,
    usual: &Dialect,
    overrides: &Overrides,
    to: &mut Vec<Dialect>,
) -> Result<(), OutOfMemory> {
    let usual = Dialect { delimiter, ..*usual };
    if let Some(quote) = overrides.quote {
        return escapes(text, Dialect { quote, ..usual }, overrides, to);
    }
    for (quote, _) in QUOTES {
        let wanted = match quote {
            Some(b'"') => true,
            Some(quote) => opens(text, quote, delimiter),
            None => memchr::memchr(b'"', text).is_some(),
        };
        if wanted {
            escapes(text, Dialect { quote, ..usual }, overrides, to)?;
        }
    }
    Ok(())
}

/// Whether a quote stands at the beginning of a cell.
fn opens(text: &[u8], quote: u8, delimiter: Delimiter) -> bool {
    memchr_iter(quote, text).any(|at| {
        let before = &text[..at];
        before.is_empty()
            || before.ends_with(delimiter.bytes())
            || matches!(before.last(), Some(b'\n' | b'\r'))
    })
}

fn escapes(
    text: &[u8],
    dialect: Dialect,
    overrides: &Overrides,
    to: &mut Vec<Dialect>,
) -> Result<(), OutOfMemory> {
    let Some(quote) = dialect.quote else {
        return push(to, Dialect { escape: None, ..dialect });
    };
    if let Some(escape) = overrides.escape {
        return push(to, Dialect { escape: Some(escape), ..dialect });
    }
    push(to, Dialect { escape: Some(quote), ..dialect })?;
    if memmem::find(text, &[b'\\', quote]).is_some() {
        push(to, Dialect { escape: Some(b'\\'), ..dialect })?;
    }
    Ok(())
}
