//! The walk from field to field, which everything that reads a record is made of.

use super::Dialect;
use super::field::Field;
use crate::memory::OutOfMemory;

/// Where a walk comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the end of the text, behind a field.
    End,
    /// The quote at this index is opened, and not closed before the end of the text.
    Open(usize),
    /// Before this index stands a closing quote, and behind it neither a delimiter nor the end.
    Behind(usize),
    /// The quote at this index stands within a field without quotes.
    Bare(usize),
}

impl Stop {
    /// The same with another index.
    #[inline]
    pub(super) fn map(self, to: impl Fn(usize) -> usize) -> Stop {
        match self {
            Stop::End => Stop::End,
            Stop::Open(at) => Stop::Open(to(at)),
            Stop::Behind(at) => Stop::Behind(to(at)),
            Stop::Bare(at) => Stop::Bare(to(at)),
        }
    }
}

/// Which quotes are quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// A quote within a field that does not begin with one is a letter.
    pub(super) bare_allowed: bool,
    /// The quote at this index is a letter.
    pub(super) letter: Option<usize>,
}

/// A quoted field ends before the first index. It has escapes.
type Closed = (usize, bool);

/// Hands each field of `text` from `at` on to `each`. Where `within` says that a quoted field
/// begins at that index, the closing quote of it is looked for from `at` on.
#[inline]
pub(super) fn walk(
    text: &[u8],
    dialect: &Dialect,
    reading: Reading,
    (mut at, mut within): (usize, Option<usize>),
    mut each: impl FnMut(Field) -> Result<(), OutOfMemory>,
) -> Result<Stop, OutOfMemory> {
    let Some(quote) = dialect.quote else {
        return plain(text, dialect, at, each);
    };
    let delimiter = dialect.delimiter.bytes();
    loop {
        let opening = dialect.skip_blanks(text, at);
        let is_quoted = text.get(opening) == Some(&quote) && reading.letter != Some(opening);
        if within.is_some() || is_quoted {
            let (start, from) = match within.take() {
                Some(start) => (start, at),
                None => (opening + 1, opening + 1),
            };
            let Some((end, escaped)) = close(text, dialect, reading, from) else {
                return Ok(Stop::Open(start.saturating_sub(1)));
            };
            each(Field { start, end, quoted: true, escaped })?;
            let behind = dialect.skip_blanks(text, end + 1);
            if behind == text.len() {
                return Ok(Stop::End);
            }
            if !dialect.delimiter.is_at(text, behind) {
                return Ok(Stop::Behind(end + 1));
            }
            at = behind + delimiter.len();
            continue;
        }
        let Some(end) = unquoted(text, dialect, reading, quote, at) else {
            each(Field { start: at, end: text.len(), quoted: false, escaped: false })?;
            return Ok(Stop::End);
        };
        if !dialect.delimiter.is_at(text, end) {
            return Ok(Stop::Bare(end));
        }
        each(Field { start: at, end, quoted: false, escaped: false })?;
        at = end + delimiter.len();
    }
}

/// The fields of a text in which no quotes are.
fn plain(
    text: &[u8],
    dialect: &Dialect,
    mut at: usize,
    mut each: impl FnMut(Field) -> Result<(), OutOfMemory>,
) -> Result<Stop, OutOfMemory> {
    while let Some(end) = dialect.find_delimiter(text, at) {
        each(Field { start: at, end, quoted: false, escaped: false })?;
        at = end + dialect.delimiter.bytes().len();
    }
    each(Field { start: at, end: text.len(), quoted: false, escaped: false })?;
    Ok(Stop::End)
}

/// The index of the delimiter behind the field without quotes at `at`, or of a quote in it.
#[inline]
fn unquoted(text: &[u8], dialect: &Dialect, reading: Reading, quote: u8, at: usize) -> Option<usize> {
    if reading.bare_allowed {
        return dialect.find_delimiter(text, at);
    }
    let delimiter = dialect.delimiter.bytes();
    let mut from = at;
    loop {
        let found = from + memchr::memchr2(delimiter[0], quote, &text[from..])?;
        let is_letter = reading.letter == Some(found);
        if dialect.delimiter.is_at(text, found) || (text[found] == quote && !is_letter) {
            return Some(found);
        }
        from = found + 1;
    }
}

/// The closing quote of a quoted field, looked for from `from` on.
#[inline]
pub(super) fn close(text: &[u8], dialect: &Dialect, reading: Reading, from: usize) -> Option<Closed> {
    let (mut at, mut escaped) = (from, false);
    loop {
        match next_quote(text, dialect, at) {
            Quote::Closing(end) if reading.letter == Some(end) => at = end + 1,
            Quote::Closing(end) => return Some((end, escaped)),
            Quote::Escaped(behind) => (at, escaped) = (behind, true),
            Quote::None(_) => return None,
        }
    }
}

/// What comes next within quotes.
pub(super) enum Quote {
    /// The quote at this index.
    Closing(usize),
    /// An escape, before this index.
    Escaped(usize),
    /// Neither before the end of the text. What follows it matters from this index on.
    None(usize),
}

/// What comes next within quotes, from `at` on.
#[inline]
pub(super) fn next_quote(text: &[u8], dialect: &Dialect, at: usize) -> Quote {
    let (Some(quote), Some(escape)) = (dialect.quote, dialect.escape.or(dialect.quote)) else {
        return Quote::None(text.len());
    };
    let Some(rest) = text.get(at..) else { return Quote::None(at) };
    if quote == escape {
        let Some(found) = memchr::memchr(quote, rest) else { return Quote::None(text.len()) };
        return match rest.get(found + 1) {
            Some(&b) if b == quote => Quote::Escaped(at + found + 2),
            _ => Quote::Closing(at + found),
        };
    }
    match memchr::memchr2(quote, escape, rest) {
        None => Quote::None(text.len()),
        Some(found) if rest[found] == quote => Quote::Closing(at + found),
        Some(found) if found + 1 < rest.len() => Quote::Escaped(at + found + 2),
        Some(found) => Quote::None(at + found),
    }
}

impl Dialect {
    /// The first delimiter from `at` on.
    #[inline]
    pub(super) fn find_delimiter(&self, text: &[u8], at: usize) -> Option<usize> {
        let found = match *self.delimiter.bytes() {
            [byte] => memchr::memchr(byte, &text[at..]),
            ref bytes => memchr::memmem::find(&text[at..], bytes),
        };
        found.map(|found| at + found)
    }

    /// How many delimiters there are.
    #[inline]
    pub(super) fn count_delimiters(&self, text: &[u8]) -> usize {
        match *self.delimiter.bytes() {
            [byte] => memchr::memchr_iter(byte, text).count(),
            ref bytes => memchr::memmem::find_iter(text, bytes).count(),
        }
    }

    /// The first byte from `at` on that is no blank beside a quote. Where the delimiter begins
    /// with a blank, there are no such blanks.
    #[inline]
    pub(super) fn skip_blanks(&self, text: &[u8], mut at: usize) -> usize {
        let first = self.delimiter.bytes()[0];
        if matches!(first, b' ' | b'\t') {
            return at;
        }
        while at < text.len() && matches!(text[at], b' ' | b'\t') {
            at += 1;
        }
        at
    }
}
