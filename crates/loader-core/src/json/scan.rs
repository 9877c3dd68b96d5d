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
use super::swar;
use crate::fault::FaultKind;
use crate::memory::{self, OutOfMemory};

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
    /// Levels are open that there is no memory to remember.
    OutOfMemory(OutOfMemory),
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

/// Sees where keys and containers of a value stand, while that is scanned. Depths count the
/// containers that are open around a place.
pub(crate) trait Watch {
    /// The quote of a key opens at `at`.
    fn key(&mut self, depth: usize, at: usize);

    /// The bracket at `at` of the buffer opens a container.
    fn opens(&mut self, depth: usize, buf: &[u8], at: usize);

    /// The container at that depth ends before `end`.
    fn closes(&mut self, depth: usize, end: usize) -> Result<(), OutOfMemory>;
}

/// Nobody watches.
impl Watch for () {
    #[inline]
    fn key(&mut self, _: usize, _: usize) {}

    #[inline]
    fn opens(&mut self, _: usize, _: &[u8], _: usize) {}

    #[inline]
    fn closes(&mut self, _: usize, _: usize) -> Result<(), OutOfMemory> {
        Ok(())
    }
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

    /// A scanner that never runs out of memory in a text of so many bytes.
    pub fn for_text(one_line: bool, bytes: usize) -> Result<Self, OutOfMemory> {
        let mut scanner = Scanner::new(one_line);
        memory::reserve_exact(&mut scanner.levels, bytes.min(MAX_DEPTH).div_ceil(64))?;
        Ok(scanner)
    }

    /// Back to the start of a value.
    pub fn reset(&mut self, one_line: bool) {
        self.state = State::Value;
        self.depth = 0;
        self.deepest = 0;
        self.soft = None;
        self.one_line = one_line;
    }

    /// To the first key of an object, as if its brace had been scanned.
    pub fn enter_object(&mut self, one_line: bool) -> Result<(), OutOfMemory> {
        self.reset(one_line);
        self.state = State::Key;
        self.push(true)?;
        Ok(())
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
        self.scan_watched(buf, from, eof, &mut ())
    }

    /// As [`Scanner::scan`], with somebody who watches. It is compiled for each kind of them,
    /// so what it calls most is inlined by name: one call for each number would be seen.
    pub(crate) fn scan_watched<W: Watch>(
        &mut self,
        buf: &[u8],
        from: usize,
        eof: bool,
        watch: &mut W,
    ) -> Progress {
        let mut i = from;
        let mut state = self.state;
        let mut in_object = self.in_object();
        // Each turn takes one key with its colon, one scalar with its comma, one
        // bracket or whatever stands alone.
        loop {
            if buf.get(i).is_none_or(|&b| b <= b' ') && !matches!(state, State::InString { .. }) {
                i = self.blank_end(buf, i);
            }
            let Some(&b) = buf.get(i) else {
                self.state = state;
                return match (eof, state) {
                    (false, _) => Progress::More(i),
                    (true, State::InString { .. }) => {
                        broken(FaultKind::Truncated, i, "the input ends inside a string")
                    }
                    (true, _) => broken(FaultKind::Truncated, i, "the input ends inside the record"),
                };
            };
            let ended = match (state, b) {
                (State::Key | State::KeyOrEnd, b'"') => {
                    state = State::InString { key: true };
                    watch.key(self.depth, i);
                    self.string(buf, i + 1, eof)
                }
                (State::Value | State::ValueOrEnd, b'"') => {
                    state = State::InString { key: false };
                    self.string(buf, i + 1, eof)
                }
                (State::InString { .. }, _) => self.string(buf, i, eof),
                (State::Value | State::ValueOrEnd, b'-' | b'0'..=b'9') => self.number(buf, i, eof),
                (State::Value | State::ValueOrEnd, b't' | b'f' | b'n') => literal(buf, i, eof),
                (State::Value | State::ValueOrEnd, b'{' | b'[') => {
                    watch.opens(self.depth, buf, i);
                    in_object = b == b'{';
                    match self.push(in_object) {
                        Ok(true) => {}
                        Ok(false) => {
                            return broken(FaultKind::TooDeep, i, "the record is nested too deeply");
                        }
                        Err(error) => return Progress::OutOfMemory(error),
                    }
                    state = if in_object { State::KeyOrEnd } else { State::ValueOrEnd };
                    i += 1;
                    continue;
                }
                (State::Separator | State::KeyOrEnd, b'}') if in_object => {
                    self.depth -= 1;
                    in_object = self.in_object();
                    match watch.closes(self.depth, i + 1) {
                        Ok(()) => Progress::Done(i + 1),
                        Err(error) => Progress::OutOfMemory(error),
                    }
                }
                (State::Separator | State::ValueOrEnd, b']') if !in_object => {
                    self.depth -= 1;
                    in_object = self.in_object();
                    match watch.closes(self.depth, i + 1) {
                        Ok(()) => Progress::Done(i + 1),
                        Err(error) => Progress::OutOfMemory(error),
                    }
                }
                (State::Separator, b',') => {
                    state = after_comma(in_object);
                    i += 1;
                    continue;
                }
                (State::Colon, b':') => {
                    state = State::Value;
                    i += 1;
                    continue;
                }
                (_, b'\n') => return broken(FaultKind::Truncated, i, LINE_ENDS),
                _ => return broken(FaultKind::Syntax, i, expected(state)),
            };
            match ended {
                Progress::Done(end) => i = end,
                other => {
                    self.state = state;
                    return other;
                }
            }
            let next = buf.get(i);
            if state == (State::InString { key: true }) {
                let colon = next == Some(&b':');
                i += usize::from(colon);
                state = if colon { State::Value } else { State::Colon };
            } else if self.depth == 0 {
                return Progress::Done(i);
            } else {
                let comma = next == Some(&b',');
                i += usize::from(comma);
                state = if comma { after_comma(in_object) } else { State::Separator };
            }
        }
    }

    /// The first byte from `i` on that is no white space between tokens.
    fn blank_end(&self, buf: &[u8], mut i: usize) -> usize {
        while let Some(&b) = buf.get(i) {
            match b {
                b' ' | b'\t' | b'\r' => {}
                b'\n' if !self.one_line => {}
                _ => break,
            }
            i += 1;
            while let Some(block) = buf.get(i..).and_then(<[u8]>::first_chunk) {
                let spaces = swar::spaces(block);
                i += spaces;
                if spaces < block.len() {
                    break;
                }
            }
        }
        i
    }

    /// Opens a level; `false` where it would be one too many.
    #[inline]
    fn push(&mut self, object: bool) -> Result<bool, OutOfMemory> {
        if self.depth == MAX_DEPTH {
            return Ok(false);
        }
        let (word, bit) = (self.depth / 64, 1u64 << (self.depth % 64));
        if word == self.levels.len() {
            memory::push(&mut self.levels, 0)?;
        }
        if object {
            self.levels[word] |= bit;
        } else {
            self.levels[word] &= !bit;
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(true)
    }

    /// Whether the innermost container is an object.
    fn in_object(&self) -> bool {
        let Some(top) = self.depth.checked_sub(1) else { return false };
        self.levels[top / 64] & (1 << (top % 64)) != 0
    }

    fn spoil(&mut self, kind: FaultKind, at: usize, what: &'static str) {
        self.soft.get_or_insert(Spot { kind, at, what });
    }

    /// The rest of a string, from `i` on; `Done` stands behind its quote.
    #[inline]
    fn string(&mut self, buf: &[u8], i: usize, eof: bool) -> Progress {
        let end = swar::plain_end(buf, i);
        match buf.get(end) {
            Some(b'"') => Progress::Done(end + 1),
            _ => self.special(buf, end, eof),
        }
    }

    /// The rest of a string that goes on at `i` with something special.
    fn special(&mut self, buf: &[u8], mut i: usize, eof: bool) -> Progress {
        loop {
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
            i = swar::plain_end(buf, i);
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

    #[inline(always)]
    fn number(&mut self, buf: &[u8], i: usize, eof: bool) -> Progress {
        match number::short_end(buf, i) {
            Some(end) if !in_word(buf[end]) => Progress::Done(end),
            _ => self.any_number(buf, i, eof),
        }
    }

    fn any_number(&mut self, buf: &[u8], i: usize, eof: bool) -> Progress {
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

fn after_comma(in_object: bool) -> State {
    if in_object { State::Key } else { State::Value }
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

/// Whether a byte cannot follow a number or a literal directly.
fn in_word(b: u8) -> bool {
    IN_WORD[usize::from(b)]
}

const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < table.len() {
        let part = matches!(b as u8, b'_' | b'+' | b'-' | b'.' | b'$' | 0x80..);
        table[b] = part || (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    table
};

#[inline(always)]
fn literal(buf: &[u8], i: usize, eof: bool) -> Progress {
    let rest = &buf[i..];
    let length = literal_length(rest);
    match rest.get(length) {
        Some(&b) if length > 0 && !in_word(b) => Progress::Done(i + length),
        _ => any_literal(rest, i, eof),
    }
}

/// The length of the word at the front of `rest`; 0 where there is none.
#[inline(always)]
fn literal_length(rest: &[u8]) -> usize {
    match rest {
        [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => 4,
        [b'f', b'a', b'l', b's', b'e', ..] => 5,
        _ => 0,
    }
}

/// The word at the front of `rest`, which lies at `i`, or what begins like one.
fn any_literal(rest: &[u8], i: usize, eof: bool) -> Progress {
    let word: &[u8] = match rest.first() {
        Some(b't') => b"true",
        Some(b'f') => b"false",
        _ => b"null",
    };
    if rest.len() <= word.len() && !eof && word.starts_with(rest) {
        return Progress::More(i);
    }
    if rest == word {
        return Progress::Done(i + word.len());
    }
    broken(FaultKind::Syntax, i, "an invalid word")
}

/// The four hexadecimal digits of a `\uXXXX` at the front of `bytes`.
fn hex4(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &b| Some(unit << 4 | char::from(b).to_digit(16)?))
}
