//! Records that need no weighing, since the document around them is well-formed; and
//! those that are the values of an object, each behind its key.

use super::document::Whole;
use super::outcome::Attempt;
use super::splitter::Splitter;
use super::wrapper::Wrapper;
use crate::fault::FaultKind;
use crate::json::scan::{Progress, Spot};
use crate::json::shape;
use crate::memory;
use crate::split::Reader;
use crate::stream::{Error, Source};
use std::ops::Range;

/// Behind a broken value, each key is tried: its value has to end within this many bytes.
const SPAN: usize = 1024 * 1024;

/// The search may look at this many bytes for each byte that it has passed, …
const EFFORT: usize = 16;

/// … and at this many to begin with.
const EFFORT_GRACE: usize = 4 * 1024 * 1024;

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Whether the records are the values of an object.
    pub fn is_keyed(&self) -> bool {
        self.wrapper.as_ref().is_some_and(|wrapper| wrapper.finder.path().is_keyed())
    }

    /// Whether the values are taken as they are.
    pub(super) fn is_plain(&self) -> bool {
        let by_wrapper = |wrapper: &Wrapper| wrapper.sound || wrapper.finder.path().is_keyed();
        self.sound || self.wrapper.as_ref().is_some_and(by_wrapper)
    }

    /// Books framing and keys, and returns the index of the next value. Nothing behind the
    /// place to stop is booked.
    pub(super) fn skip_to_value(&mut self) -> Result<Option<usize>, Error> {
        self.has_key = false;
        let stop = self.stop_index();
        let mut at = self.cursor.position();
        loop {
            match self.cursor.byte(at)? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => at += 1,
                Some(b'}') if self.is_open_ended() => {
                    self.fence(at + 1);
                    at += 1;
                }
                // The last byte of one that is well-formed.
                Some(b'}') if self.cursor.bytes().len() == at + 1 => at += 1,
                Some(_) if at < stop => {
                    let start = match self.key_at(at)? {
                        Some((key, value)) => {
                            self.key.clear();
                            memory::append(&mut self.key, &self.cursor.bytes()[key])?;
                            self.has_key = true;
                            value
                        }
                        None => at,
                    };
                    return Ok(Some(start));
                }
                _ => return Ok(self.frame_to_stop(at, stop)),
            }
        }
    }

    /// Where the key at `at` lies, without its quotes, and where its value starts.
    fn key_at(&mut self, at: usize) -> Result<Option<(Range<usize>, usize)>, Error> {
        if self.cursor.byte(at)? != Some(b'"') {
            return Ok(None);
        }
        let mut end = at + 1;
        loop {
            match self.cursor.byte(end)? {
                None | Some(b'\n') => return Ok(None),
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) if end - at > self.options.max_record_size => return Ok(None),
                Some(_) => end += 1,
            }
        }
        let (colon, place) = self.next_filled(end + 1)?;
        if colon != Some(b':') {
            return Ok(None);
        }
        let (value, start) = self.next_filled(place + 1)?;
        Ok(value.map(|_| (at + 1..end, start)))
    }

    /// Tries a record at `start` by itself.
    pub(super) fn attempt_plain(&mut self, start: usize) -> Result<Attempt, Error> {
        (self.unwrap, self.after_bracket) = (false, false);
        if self.is_keyed() && !self.has_key {
            let what = "expected a key and its value";
            return Ok(Attempt::Bad(Spot { kind: FaultKind::Syntax, at: start, what }));
        }
        self.scanner.reset(false);
        let mut from = start;
        let value = self.ask_reader(start, false)?;
        let (end, deepest, soft) = loop {
            if let Some(value) = &value {
                break (value.end, value.deepest, None);
            }
            match self.scanner.scan(self.cursor.bytes(), from, self.cursor.eof()) {
                Progress::Done(end) => break (end, self.scanner.deepest(), self.scanner.soft()),
                Progress::More(at) if at - start > self.options.max_record_size => {
                    return Ok(Attempt::TooLarge(at));
                }
                Progress::More(at) => {
                    from = at;
                    self.cursor.grow()?;
                }
                Progress::Broken(spot) => return Ok(Attempt::Bad(spot)),
                Progress::OutOfMemory(error) => return Err(error.into()),
            }
        };
        if self.is_open_ended() {
            let (next, at) = self.next_filled(end)?;
            if !matches!(next, None | Some(b',' | b'}')) {
                let what = "expected the end of the record";
                return Ok(Attempt::Bad(Spot { kind: FaultKind::Syntax, at, what }));
            }
        }
        let mut attempt = self.verdict(start, end, soft, deepest);
        if let Attempt::Good { read, .. } = &mut attempt {
            *read = value.is_some();
        }
        Ok(attempt)
    }

    /// The index where the reject that starts at `start` ends: before the key of the next
    /// value that looks like the others, or of any where each is of a kind of its own; or
    /// where the object ends.
    pub(super) fn recover_value(&mut self, start: usize) -> Result<usize, Error> {
        let (mut start, mut at, mut spent) = (start, start, 0);
        while self.cursor.byte(at)?.is_some() {
            if at - start > SPAN {
                let moved = self.pass(start, at)?;
                at -= moved;
                (start, spent) = (at, 0);
            }
            if self.cursor.bytes()[at] != b'"' {
                at += 1;
                continue;
            }
            let before = self.cursor.bytes()[start..at].trim_ascii_end();
            let separated = matches!(before.last(), None | Some(b',' | b'}' | b']'));
            if separated
                && spent < EFFORT_GRACE + EFFORT * (at - start)
                && let Some((_, value)) = self.key_at(at)?
                && let Some(end) = self.whole_value_at(value, &mut spent)?
                && self.looks_right(value, end)
                && matches!(self.next_filled(end)?.0, None | Some(b',' | b'}'))
            {
                return Ok(self.trim(at));
            }
            let bytes = self.cursor.bytes();
            at = shape::string_end(bytes, at).clamp(at + 1, bytes.len());
        }
        Ok(self.trim(at))
    }

    fn looks_right(&self, start: usize, end: usize) -> bool {
        let value = &self.cursor.bytes()[start..end];
        self.profile.records() == 0 && value.starts_with(b"{") || self.profile.owns(value)
    }

    fn whole_value_at(&mut self, at: usize, spent: &mut usize) -> Result<Option<usize>, Error> {
        let (whole, to) = self.scan_whole(at, SPAN, &mut ())?;
        *spent += to - at;
        Ok(if let Whole::Sound(end) = whole { Some(end) } else { None })
    }
}
