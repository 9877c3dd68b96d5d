//! The strict scanner: one value, from its first byte to its last, by the rules
//! of PostgreSQL's own JSON lexer (src/common/jsonapi.c) and `jsonb_in`.
//!
//! It can stop at the end of any buffer and go on in the next. Faults come in
//! two sorts. A hard fault breaks the structure: the scanner stops there. A soft
//! fault (a lone surrogate, a number out of range) spoils the record but not
//! its structure: the scanner remembers the first one and goes on to the end of
//! the value. A control character in a string is soft, but a newline or a record
//! separator always ends a string. UTF-8 is not looked at: a whole record is checked at once by the
//! caller, which is several times faster.

use super::number::{self, NumberFault};
use crate::fault::FaultKind;

/// Deeper than any server's stack allows (2 GB would not do): the scanner stops.
const MAX_DEPTH: usize = 16_000_000;

/// RFC 7464 puts this byte before each record of a sequence.
pub const RECORD_SEPARATOR: u8 = 0x1E;

/// What is said of a value that breaks at a newline outside of its strings: it
/// may go on in the next line.
pub const LINE_ENDS: &str = "the line ends inside the record";

/// A scanner that is not at the end of the input wants to see so many bytes from
/// the start of an escape on: enough for a pair of surrogates.
pub const LOOKAHEAD: usize = 12;

/// A fault, and where in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The class.
    pub kind: FaultKind,
    /// Index in the buffer.
    pub at: usize,
    /// In PostgreSQL's message style.
    pub what: &'static str,
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The value ends before this index. [`Scanner::soft`] says whether it is good.
    Done(usize),
    /// The buffer ends; call again with more, from this index on.
    More(usize),
    /// The structure is broken.
    Broken(Spot),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    Separator,
    InString { key: bool },
}

/// The scanner of one value.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    /// One bit a level: set where it is an object.
    levels: Vec<u64>,
    depth: usize,
    deepest: usize,
    soft: Option<Spot>,
    one_line: bool,
}

impl Scanner {
    /// A scanner at the start of a value. With `one_line` a newline inside of the
    /// value breaks it.
    pub fn new(one_line: bool) -> Self {
        Scanner { state: State::Value, levels: Vec::new(), depth: 0, deepest: 0, soft: None, one_line }
    }

    /// Back to the start of a value.
    pub fn reset(&mut self, one_line: bool) {
        self.state = State::Value;
        self.depth = 0;
        self.deepest = 0;
        self.soft = None;
        self.one_line = one_line;
    }

    /// The first soft fault so far.
    pub fn soft(&self) -> Option<Spot> {
        self.soft
    }

    /// The deepest nesting so far.
    pub fn deepest(&self) -> usize {
        self.deepest
    }

    /// Scans `buf` from index `from` on; `eof` says that nothing follows `buf`.
    pub fn scan(&mut self, buf: &[u8], from: usize, eof: bool) -> Progress {
        let mut i = from;
        loop {
            if let State::InString { key } = self.state {
                match self.string(buf, i, eof) {
                    Progress::Done(end) if key => {
                        i = end;
                        self.state = State::Colon;
                    }
                    Progress::Done(end) => {
                        i = end;
                        if self.value_ends() {
                            return Progress::Done(i);
                        }
                    }
                    other => return other,
                }
            }
            while let Some(&b) = buf.get(i) {
                match b {
                    b' ' | b'\t' | b'\r' => {}
                    b'\n' if !self.one_line => {}
                    b'\n' => return broken(FaultKind::Truncated, i, LINE_ENDS),
                    _ => break,
                }
                i += 1;
            }
            let Some(&b) = buf.get(i) else {
                if eof {
                    return broken(FaultKind::Truncated, i, "the input ends inside the record");
                }
                return Progress::More(i);
            };
            match (self.state, b) {
                (State::Value | State::ValueOrEnd, b'{') => {
                    if !self.push(true) {
                        return broken(FaultKind::TooDeep, i, "the record is nested too deeply");
                    }
                    self.state = State::KeyOrEnd;
                    i += 1;
                }
                (State::Value | State::ValueOrEnd, b'[') => {
                    if !self.push(false) {
                        return broken(FaultKind::TooDeep, i, "the record is nested too deeply");
                    }
                    self.state = State::ValueOrEnd;
                    i += 1;
                }
                (State::Value | State::ValueOrEnd, b'"') => {
                    self.state = State::InString { key: false };
                    i += 1;
                }
                (State::Key | State::KeyOrEnd, b'"') => {
                    self.state = State::InString { key: true };
                    i += 1;
                }
                (State::Value | State::ValueOrEnd, b'-' | b'0'..=b'9') => match self.number(buf, i, eof) {
                    Progress::Done(end) => {
                        i = end;
                        if self.value_ends() {
                            return Progress::Done(i);
                        }
                    }
                    other => return other,
                },
                (State::Value | State::ValueOrEnd, b't' | b'f' | b'n') => match literal(buf, i, eof) {
                    Progress::Done(end) => {
                        i = end;
                        if self.value_ends() {
                            return Progress::Done(i);
                        }
                    }
                    other => return other,
                },
                (State::Colon, b':') => {
                    self.state = State::Value;
                    i += 1;
                }
                (State::Separator, b',') => {
                    self.state = if self.in_object() { State::Key } else { State::Value };
                    i += 1;
                }
                (State::Separator | State::KeyOrEnd, b'}') if self.in_object() => {
                    i += 1;
                    self.depth -= 1;
                    if self.value_ends() {
                        return Progress::Done(i);
                    }
                }
                (State::Separator | State::ValueOrEnd, b']') if !self.in_object() => {
                    i += 1;
                    self.depth -= 1;
                    if self.value_ends() {
                        return Progress::Done(i);
                    }
                }
                (state, _) => return broken(FaultKind::Syntax, i, expected(state)),
            }
        }
    }

    /// After a value: true where it was the outermost.
    fn value_ends(&mut self) -> bool {
        self.state = State::Separator;
        self.depth == 0
    }

    fn push(&mut self, object: bool) -> bool {
        if self.depth == MAX_DEPTH {
            return false;
        }
        let (word, bit) = (self.depth / 64, 1u64 << (self.depth % 64));
        if word == self.levels.len() {
            self.levels.push(0);
        }
        if object {
            self.levels[word] |= bit;
        } else {
            self.levels[word] &= !bit;
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        true
    }

    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.levels[top / 64] & (1 << (top % 64)) != 0
    }

    fn spoil(&mut self, kind: FaultKind, at: usize, what: &'static str) {
        self.soft.get_or_insert(Spot { kind, at, what });
    }

    /// The rest of a string, from `i` on; `Done` stands behind its quote.
    fn string(&mut self, buf: &[u8], mut i: usize, eof: bool) -> Progress {
        loop {
            i = plain_end(buf, i);
            match buf.get(i) {
                None if eof => return broken(FaultKind::Truncated, i, "the input ends inside a string"),
                None => return Progress::More(i),
                Some(b'"') => return Progress::Done(i + 1),
                Some(b'\\') => match self.escape(&buf[i..], i, eof) {
                    Some(length) => i += length,
                    None => return Progress::More(i),
                },
                Some(b'\n') => return broken(FaultKind::Truncated, i, "the line ends inside a string"),
                Some(&RECORD_SEPARATOR) => {
                    return broken(FaultKind::Truncated, i, "a record separator inside a string");
                }
                Some(0) => {
                    self.spoil(FaultKind::NulCharacter, i, "a NUL byte inside a string");
                    i += 1;
                }
                Some(_) => {
                    self.spoil(FaultKind::Syntax, i, "a control character inside a string");
                    i += 1;
                }
            }
        }
    }

    /// One escape at the front of `rest`, which lies at `at`: its length, or
    /// `None` where more bytes are wanted.
    fn escape(&mut self, rest: &[u8], at: usize, eof: bool) -> Option<usize> {
        match rest.get(1) {
            None if eof => Some(1),
            None => None,
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(2),
            Some(b'u') => self.unicode_escape(rest, at, eof),
            Some(_) => {
                self.spoil(FaultKind::Syntax, at, "an invalid escape sequence");
                Some(1)
            }
        }
    }

    fn unicode_escape(&mut self, rest: &[u8], at: usize, eof: bool) -> Option<usize> {
        if rest.len() < LOOKAHEAD && !eof {
            // A pair is never seen in halves.
            return None;
        }
        let Some(unit) = hex4(rest) else {
            self.spoil(FaultKind::Syntax, at, "\"\\u\" is not followed by four hexadecimal digits");
            return Some(2);
        };
        match unit {
            0 => self.spoil(FaultKind::NulCharacter, at, "\\u0000 cannot be converted to text"),
            0xD800..=0xDBFF => match hex4(&rest[6..]) {
                Some(0xDC00..=0xDFFF) => return Some(12),
                _ => self.spoil(FaultKind::InvalidUnicode, at, "a high surrogate without its low surrogate"),
            },
            0xDC00..=0xDFFF => {
                self.spoil(FaultKind::InvalidUnicode, at, "a low surrogate without its high surrogate");
            }
            _ => {}
        }
        Some(6)
    }

    fn number(&mut self, buf: &[u8], i: usize, eof: bool) -> Progress {
        let length = buf[i..].iter().position(|&b| !number::continues(b)).unwrap_or(buf.len() - i);
        let end = i + length;
        if end == buf.len() && !eof {
            return Progress::More(i);
        }
        if buf.get(end).is_some_and(|&b| in_word(b)) {
            return broken(FaultKind::Syntax, i, "an invalid number");
        }
        match number::check(&buf[i..end]) {
            Ok(()) => {}
            Err(NumberFault::Syntax) => return broken(FaultKind::Syntax, i, "an invalid number"),
            Err(NumberFault::Range) => {
                self.spoil(FaultKind::NumericRange, i, "a number that type numeric cannot hold");
            }
        }
        Progress::Done(end)
    }
}

fn broken(kind: FaultKind, at: usize, what: &'static str) -> Progress {
    Progress::Broken(Spot { kind, at, what })
}

fn expected(state: State) -> &'static str {
    match state {
        State::Value => "expected a value",
        State::ValueOrEnd => "expected a value or \"]\"",
        State::Key => "expected a key",
        State::KeyOrEnd => "expected a key or \"}\"",
        State::Colon => "expected \":\"",
        State::Separator => "expected \",\" or the end of the object or array",
        State::InString { .. } => "expected the end of the string",
    }
}

/// Bytes that cannot follow a number or a literal directly.
fn in_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-' | b'.' | b'$') || b >= 0x80
}

fn literal(buf: &[u8], i: usize, eof: bool) -> Progress {
    let word: &[u8] = match buf[i] {
        b't' => b"true",
        b'f' => b"false",
        _ => b"null",
    };
    let rest = &buf[i..];
    if rest.len() <= word.len() && !eof && word.starts_with(rest) {
        return Progress::More(i);
    }
    if rest.starts_with(word) && !rest.get(word.len()).is_some_and(|&b| in_word(b)) {
        return Progress::Done(i + word.len());
    }
    broken(FaultKind::Syntax, i, "an invalid word")
}

/// The four hexadecimal digits of a `\uXXXX` at the front of `bytes`.
fn hex4(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &b| Some(unit << 4 | char::from(b).to_digit(16)?))
}

/// The first byte from `i` on that is a quote, a backslash or a control
/// character. Eight bytes at a time, by the usual arithmetic on whole words
/// ("Determine if a word has a byte less than n", Bit Twiddling Hacks).
fn plain_end(buf: &[u8], mut i: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(word) = buf.get(i..i + 8) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        let word = u64::from_le_bytes(bytes);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found =
            (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash) | control;
        if found & HIGHS != 0 {
            break;
        }
        i += 8;
    }
    while let Some(&b) = buf.get(i) {
        if b == b'"' || b == b'\\' || b < 0x20 {
            break;
        }
        i += 1;
    }
    i
}
