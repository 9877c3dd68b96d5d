//! Goes through the fields of an object. The text is well-formed JSON in UTF-8: the splitter
//! has seen to that. Where it were not, what is found is wrong and nothing worse.

use crate::json::swar::plain_end;

/// A part of a record's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first byte.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
    /// It is the inside of a string, in which there are escapes.
    pub has_escapes: bool,
    /// It is the inside of a string.
    pub is_string: bool,
}

impl Span {
    /// Its bytes.
    #[inline]
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Its bytes, those of a string with its quotes.
    #[inline]
    pub(crate) fn whole(self, text: &[u8]) -> &[u8] {
        let quotes = usize::from(self.is_string);
        text.get(self.start - quotes..self.end + quotes).unwrap_or_default()
    }
}

/// The byte at `at`, or 0 behind the end.
#[inline]
pub(crate) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The first byte from `at` on that is no white space.
#[inline]
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// The inside of the string that begins at `start`, behind its quote.
#[inline]
pub(crate) fn string(text: &[u8], start: usize) -> Span {
    let (mut end, mut has_escapes) = (start, false);
    loop {
        end = plain_end(text, end);
        match byte(text, end) {
            b'\\' => {
                has_escapes = true;
                end += 2;
            }
            _ => return Span { start, end: end.min(text.len()), has_escapes, is_string: true },
        }
    }
}

/// The value that begins at `start`, and where the text goes on behind it.
#[inline]
pub(crate) fn value(text: &[u8], start: usize) -> (Span, usize) {
    let end = match byte(text, start) {
        b'"' => {
            let inside = string(text, start + 1);
            return (inside, inside.end + 1);
        }
        b'{' | b'[' => container_end(text, start),
        _ => scalar_end(text, start),
    };
    (Span { start, end, has_escapes: false, is_string: false }, end)
}

fn scalar_end(text: &[u8], start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let is_end = |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
    start + rest.iter().position(is_end).unwrap_or(rest.len())
}

fn container_end(text: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(&b) = text.get(at) {
        at += 1;
        match b {
            b'"' => at = string(text, at).end + 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}
