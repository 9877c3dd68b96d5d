//! One record: parse a value where it should start, and say what came of it.

use super::layout::Layout;
use super::limits::{SURE_DEPTH, SURE_LENGTH};
use super::outcome::{Attempt, SUSPICIOUS, Scanned, too_large};
use super::splitter::Splitter;
use crate::fault::FaultKind;
use crate::json::scan::{LINE_ENDS, LOOKAHEAD, Progress, RECORD_SEPARATOR, Spot};
use crate::json::shape::Class;
use crate::split::{Reader, Value};
use crate::stream::{Error, Source};

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Tries a record at `start`, which may have been scanned, by itself and to its end.
    pub(super) fn attempt(&mut self, start: usize, scanned: Option<Scanned>) -> Result<Attempt, Error> {
        if self.is_plain() {
            return self.attempt_plain(start);
        }
        self.unwrap = false;
        self.indent_as_before(start);
        let misplaced = !std::mem::take(&mut self.after_bracket) && self.lies_deeper(start);
        let class = Class::of(self.cursor.bytes()[start]);
        let scalar = class.is_some_and(|class| !matches!(class, Class::Object | Class::Array));
        // While the head is being learned from, anything may be a kind of its own.
        let learned = self.learned_to > 0;
        let lines = matches!(self.layout, Layout::Lines { .. });
        let strange = scalar && !class.is_some_and(|class| self.profile.knows_class(class));
        if scalar && !lines && self.behind_array
            || strange && !lines && learned
            || strange && self.stands_apart(start)?
        {
            let what = "expected an object or array, as the other records are";
            return Ok(Attempt::Bad(Spot { kind: FaultKind::Syntax, at: start, what }));
        }
        if !misplaced && self.encloses_records(start)? {
            return Ok(Attempt::Bracket);
        }
        let attempt = self.attempt_value(start, scanned)?;
        if !matches!(attempt, Attempt::Good { .. } | Attempt::Spoiled { .. })
            && let Some(unended) = self.attempt_unended(start)?
        {
            return Ok(unended);
        }
        if misplaced {
            let proper = matches!(attempt, Attempt::Good { end, .. }
                if self.ends_properly(start, end) && self.profile.owns(&self.cursor.bytes()[start..end]));
            let what = "expected a record at the indentation of the others";
            return Ok(if proper {
                attempt
            } else {
                Attempt::Bad(Spot { kind: FaultKind::Syntax, at: start, what })
            });
        }
        if self.cursor.bytes()[start] != b'[' {
            return Ok(attempt);
        }
        // A bracket may be framing at the wrong place.
        match attempt {
            Attempt::Good { end, .. } if self.wraps_records(start, end) => Ok(Attempt::Bracket),
            Attempt::Bad(_) | Attempt::Swallows(_) | Attempt::TooLarge(_)
                if self.bracket_is_framing(start)? =>
            {
                Ok(Attempt::Bracket)
            }
            attempt => Ok(attempt),
        }
    }

    fn attempt_value(&mut self, start: usize, scanned: Option<Scanned>) -> Result<Attempt, Error> {
        let one_line = matches!(self.layout, Layout::Lines { .. });
        self.scanner.reset(one_line);
        let mut from = start;
        let mut suspicious = SUSPICIOUS.max(8 * self.profile.longest);
        let mut value = self.ask_reader(start, one_line)?;
        let mut asked_again = false;
        let scanned = scanned.filter(|scanned| scanned.end - start <= self.options.max_record_size);
        let (end, deepest, soft) = loop {
            if let Some(Value { end, deepest, .. }) = value {
                break (end, deepest, None);
            }
            if let Some(Scanned { end, deepest, soft }) = scanned {
                break (end, deepest, soft);
            }
            // Of a line no more is looked at than a record may have, whatever is at
            // hand, and what tells that it ends there.
            let bytes = self.cursor.bytes();
            let most = start.saturating_add(self.options.max_record_size).saturating_add(LOOKAHEAD);
            let over = one_line && bytes.len() >= most;
            let (bytes, eof) = if over { (&bytes[..most], false) } else { (bytes, self.cursor.eof()) };
            match self.scanner.scan(bytes, from, eof) {
                Progress::Done(end) => break (end, self.scanner.deepest(), self.scanner.soft()),
                Progress::More(at) => {
                    from = at;
                    if over || (!one_line && at - start > self.options.max_record_size) {
                        return Ok(Attempt::TooLarge(at));
                    }
                    if at - start > suspicious && !one_line {
                        suspicious = 2 * (at - start);
                        if let Some(at) = self.swallows(start, at)? {
                            return Ok(Attempt::Swallows(at));
                        }
                    }
                    self.cursor.grow()?;
                    // Once only: a long record may be cut many times.
                    if !std::mem::replace(&mut asked_again, true) {
                        value = self.ask_reader(start, one_line)?;
                    }
                }
                Progress::Broken(spot) => return self.broken(start, spot),
                Progress::OutOfMemory(error) => return Err(error.into()),
            }
        };
        if let Some(spot) = self.fence_behind(start, end)? {
            return Ok(Attempt::Bad(spot));
        }
        if let Some(at) = self.swallowed(start, end)? {
            return Ok(Attempt::Swallows(at));
        }
        if let Some(spot) = self.misfit(start, end)? {
            return Ok(Attempt::Bad(spot));
        }
        let mut attempt = self.verdict(start, end, soft, deepest);
        if let Attempt::Good { read, one_line: flat, .. } = &mut attempt {
            (*read, *flat) = (value.is_some(), one_line);
        }
        Ok(attempt)
    }

    /// What the reader makes of the value at `start`, where the scanner would find
    /// it whole and good in what is at hand.
    pub(super) fn ask_reader(&mut self, start: usize, one_line: bool) -> Result<Option<Value>, Error> {
        let (bytes, eof) = (self.cursor.bytes(), self.cursor.eof());
        let value = self.reader.read(bytes, start, eof)?;
        let fits = |value: &Value| {
            (!one_line || !value.spans_lines && value.end - start <= self.options.max_record_size)
                && (eof || value.end + LOOKAHEAD <= bytes.len())
        };
        Ok(value.filter(fits))
    }

    /// The verdict on a whole value.
    pub(super) fn verdict(&self, start: usize, end: usize, soft: Option<Spot>, deepest: usize) -> Attempt {
        let bytes = &self.cursor.bytes()[start..end];
        if bytes.len() > self.options.max_record_size {
            return Attempt::Spoiled { end, spot: too_large(start) };
        }
        let utf8 = match simdutf8::basic::from_utf8(bytes) {
            Ok(_) => None,
            Err(_) => simdutf8::compat::from_utf8(bytes).err().map(|error| Spot {
                kind: FaultKind::InvalidUnicode,
                at: start + error.valid_up_to(),
                what: "an invalid UTF-8 sequence",
            }),
        };
        match soft.into_iter().chain(utf8).min_by_key(|spot| spot.at) {
            Some(spot) => Attempt::Spoiled { end, spot },
            None => {
                let undecided = deepest > SURE_DEPTH || end - start > SURE_LENGTH;
                Attempt::Good { end, undecided, read: false, one_line: false }
            }
        }
    }

    /// A value that breaks at the end of its line may go on in the next, unless
    /// the caller said that it may not, or the next line is one of its own.
    fn broken(&mut self, start: usize, spot: Spot) -> Result<Attempt, Error> {
        let extensible = self.layout == Layout::Lines { strict: false }
            && spot.what == LINE_ENDS
            && !self.next_line_is_own(spot.at)?
            && !(self.cursor.bytes()[start] == b'[' && self.bracket_is_framing(start)?);
        if !extensible || self.lookahead.is_exhausted(self.cursor.offset(start)) {
            return Ok(Attempt::Bad(spot));
        }
        self.read_on(start, spot)
    }

    /// Tries a value that does not end on its line.
    fn read_on(&mut self, start: usize, spot: Spot) -> Result<Attempt, Error> {
        // Exactly so far, whatever is at hand.
        let bound = start + SUSPICIOUS;
        self.scanner.reset(false);
        let mut from = start;
        let reached = loop {
            let bytes = self.cursor.bytes();
            let end = bytes.len().min(bound);
            match self.scanner.scan(&bytes[..end], from, self.cursor.eof() && end < bound) {
                Progress::Done(end) => {
                    let (soft, deepest) = (self.scanner.soft(), self.scanner.deepest());
                    if let Some(spot) = self.fence_behind(start, end)? {
                        return Ok(Attempt::Bad(spot));
                    }
                    let owns_a_line = self.first_own_line(start, end)?.is_some();
                    if !owns_a_line && self.misfit(start, end)?.is_none() {
                        return Ok(self.verdict(start, end, soft, deepest));
                    }
                    break end;
                }
                Progress::More(at) if end < bound => {
                    from = at;
                    self.cursor.grow()?;
                }
                Progress::More(at) => break at,
                Progress::Broken(spot) => break spot.at,
                Progress::OutOfMemory(error) => return Err(error.into()),
            }
        };
        self.lookahead.spend(reached - start);
        Ok(Attempt::Bad(spot))
    }

    /// Whether the line after the newline at `newline` is a record by itself, or
    /// starts like one.
    fn next_line_is_own(&mut self, newline: usize) -> Result<bool, Error> {
        let mut i = newline;
        while let Some(b) = self.cursor.byte(i)? {
            if !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR) {
                break;
            }
            i += 1;
        }
        self.line_is_own(i)
    }

    fn line_is_own(&mut self, i: usize) -> Result<bool, Error> {
        let Some(b) = self.cursor.byte(i)? else { return Ok(true) };
        let opens = match b {
            b'{' => self.opens(i)?,
            b'[' => self.profile.knows_class(Class::Array),
            _ => false,
        };
        Ok(opens && self.profile.records() > 0)
    }

    /// The first line inside of `start..end` that starts like a record.
    fn first_own_line(&mut self, start: usize, end: usize) -> Result<Option<usize>, Error> {
        let mut at = start;
        while let Some(newline) = memchr::memchr(b'\n', &self.cursor.bytes()[at..end]) {
            at += newline + 1;
            let text = &self.cursor.bytes()[at..end];
            let blank = text.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b',')).count();
            if self.line_is_own(at + blank)? {
                return Ok(Some(at + blank));
            }
        }
        Ok(None)
    }
}
