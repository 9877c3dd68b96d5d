//! From record to record: what comes next is booked and handed out. How to go on after a
//! broken one is in `recover`.

use super::Format;
use super::between;
use super::document::Sought;
use super::framing::{BOM, is_framing};
use super::outcome::{Attempt, SUSPICIOUS, swallows, too_large};
use super::prefixed::Line;
use super::splitter::Splitter;
use crate::fault::Fault;
use crate::json::scan::{RECORD_SEPARATOR, Spot};
use crate::split::{Item, Reader, Record, Reject};
use crate::stream::{Error, Source};

impl<S: Source, R: Reader> Splitter<S, R> {
    /// See [`Split::next`](crate::split::Split::next).
    pub(super) fn next_item(&mut self) -> Result<Option<Item<'_>>, Error> {
        self.cursor.release();
        loop {
            if self.ledger.passed_from().is_some_and(|before| before.offset >= self.stop) {
                return Ok(None);
            }
            let Some(start) = self.skip_framing()? else {
                match self.next_container()? {
                    Sought::Container => continue,
                    Sought::Damaged { start, end, fault } => {
                        return self.reject_fault(start, end, fault).map(Some);
                    }
                    Sought::End => return Ok(None),
                }
            };
            if let Some(end) = self.preamble.take() {
                let end = self.trim(end.max(start));
                if end > start || self.ledger.has_passed() {
                    return self.reject(start, end, between::text(start)).map(Some);
                }
                continue;
            }
            let (start, scanned) = match self.prefix {
                None => (start, None),
                Some(prefix) => match self.line(start, prefix)? {
                    Line::Record(at, scanned) => {
                        self.frame_prefix(start, at);
                        (at, scanned)
                    }
                    Line::Prefix(end) => {
                        self.frame_prefix(start, end);
                        continue;
                    }
                    Line::Text(end) => return self.reject(start, end, between::text(start)).map(Some),
                    Line::Torn(end) => return self.reject(start, end, swallows(end)).map(Some),
                },
            };
            match self.attempt(start, scanned)? {
                Attempt::Good { end, undecided, read, one_line } => {
                    // First of all: what fails has not been handed out.
                    self.learn_record(start, end)?;
                    let record = self.record(start, end, one_line);
                    return Ok(Some(Item::Record(Record {
                        undecided: undecided || record.undecided,
                        read,
                        ..record
                    })));
                }
                Attempt::Spoiled { end, spot } => return self.reject(start, end, spot).map(Some),
                Attempt::Bracket => {
                    self.indent_by_array(start)?;
                    self.after_bracket = true;
                    self.frame(start + 1);
                }
                Attempt::Bad(spot) => {
                    if let Some((fault, end)) = self.between(start)? {
                        return self.reject_fault(start, end, fault).map(Some);
                    }
                    // The fault's offset must outlive a move of the window.
                    let fault = self.fault_at(spot);
                    let end = if self.is_keyed() { self.recover_value(start)? } else { self.recover(start)? };
                    return self.reject_fault(start, end, fault).map(Some);
                }
                Attempt::Swallows(at) => {
                    let fault = self.fault_at(swallows(at));
                    let end = self.trim(at);
                    return self.reject_fault(start, end, fault).map(Some);
                }
                Attempt::TooLarge(at) => {
                    let fault = self.fault_at(too_large(start));
                    let end = self.pass_over(start, at)?;
                    return self.reject_fault(start, end, fault).map(Some);
                }
            }
        }
    }

    /// Forgets what of the reject that starts at `start` lies before `at`, for one that is
    /// longer than the window may be. Returns by how much indexes have become less.
    pub(super) fn pass(&mut self, start: usize, at: usize) -> Result<usize, Error> {
        if !self.ledger.has_passed() {
            self.frame(start);
        }
        self.ledger.pass(&mut self.cursor, at, self.lookahead.spent(), is_framing)
    }

    /// Books what stands between `from`, up to which there is framing, and `to` as a prefix.
    fn frame_prefix(&mut self, from: usize, to: usize) {
        self.frame(to);
        self.ledger.count_prefix(to - from);
    }

    /// Books everything up to `to` as framing.
    #[inline]
    pub(super) fn frame(&mut self, to: usize) {
        self.line_begins |= self.cursor.bytes()[self.cursor.position()..to].contains(&b'\n');
        self.ledger.frame(&mut self.cursor, to);
    }

    /// Learns from the good record `start..end`, if more is to be learned.
    fn learn_record(&mut self, start: usize, end: usize) -> Result<(), Error> {
        if self.profile.learning() && self.cursor.offset(start) >= self.learned_to {
            // An array that takes the last bracket of the file may be anything.
            let sure = self.cursor.bytes()[start] != b'[' || !self.ends_stream(end);
            if sure {
                self.profile.learn(&self.cursor.bytes()[start..end])?;
            }
        }
        Ok(())
    }

    /// Books the good record `start..end`, which may lie on one line as a whole.
    fn record(&mut self, start: usize, end: usize, one_line: bool) -> Record<'_> {
        self.frame(start);
        self.line_begins = false;
        let key = self.has_key.then_some(self.key.as_slice());
        let record = Record { key, ..self.ledger.record(&mut self.cursor, end, one_line) };
        match self.wrapper.as_ref().and_then(|wrapper| wrapper.keeper.as_ref()) {
            Some(keeper) if record.bytes.starts_with(b"{") => {
                let (kept, undecided) = keeper.members();
                Record { kept, undecided, ..record }
            }
            _ => record,
        }
    }

    fn reject(&mut self, start: usize, end: usize, spot: Spot) -> Result<Item<'_>, Error> {
        let fault = self.fault_at(spot);
        self.reject_fault(start, end, fault)
    }

    fn reject_fault(&mut self, start: usize, end: usize, fault: Fault) -> Result<Item<'_>, Error> {
        if !self.ledger.has_passed() {
            self.frame(start);
        }
        self.line_begins = false;
        if let Some(wrapper) = &mut self.wrapper
            && let Some(keeper) = &mut wrapper.keeper
            && !wrapper.sound
        {
            keeper.pass_reject(&self.cursor.bytes()[self.cursor.position()..end])?;
        }
        let key = self.has_key.then_some(self.key.as_slice());
        let reject = self.ledger.reject(&mut self.cursor, end, fault)?;
        self.lookahead.settle();
        Ok(Item::Reject(Reject { key, ..reject }))
    }

    /// Books framing and returns the index of the next byte that is none. Nothing
    /// behind the place to stop is booked: whoever goes on from there does it.
    fn skip_framing(&mut self) -> Result<Option<usize>, Error> {
        if self.is_keyed() {
            return self.skip_to_value();
        }
        let mut i = self.cursor.position();
        let mut stop = self.stop_index();
        loop {
            match self.cursor.byte(i)? {
                Some(b',') => {
                    self.behind_array = false;
                    i += 1;
                }
                Some(b' ' | b'\t' | b'\r' | b'\n' | RECORD_SEPARATOR) => i += 1,
                Some(b']') => {
                    self.fence_array(i)?;
                    self.behind_array = self.ledger.records() > 0 && self.format == Format::Array;
                    i += 1;
                }
                Some(b'[') if self.unwrap && i < stop && !self.bracket_is_in_text(i)? => {
                    if !self.is_plain() {
                        self.indent_by_element(i)?;
                    }
                    self.unwrap = false;
                    self.after_bracket = true;
                    i += 1;
                }
                Some(0xEF) if self.at_bom(i)? => i += BOM.len(),
                Some(_) if self.fence_document(i)? => {}
                Some(_) if i < stop => return Ok(Some(i)),
                _ => return Ok(self.frame_to_stop(i, stop)),
            }
            if i - self.cursor.position() >= SUSPICIOUS {
                if i >= stop {
                    return Ok(self.frame_to_stop(i, stop));
                }
                self.frame(i);
                self.cursor.release();
                i = self.cursor.position();
                stop = self.stop_index();
            }
        }
    }

    /// Whether the bracket at `at` is a part of text before the records: more of that follows
    /// on its line.
    fn bracket_is_in_text(&mut self, at: usize) -> Result<bool, Error> {
        if self.preamble.is_none_or(|end| end <= at) {
            return Ok(false);
        }
        let text = self.peek(at + 1)?;
        let line = memchr::memchr(b'\n', text).map_or(text, |end| &text[..end]);
        Ok(!line.trim_ascii().is_empty())
    }

    /// The index of the place to stop; 0 where that lies before what is at hand.
    pub(super) fn stop_index(&self) -> usize {
        self.cursor.index(self.stop)
    }

    /// Books the framing before `i`, as far as it lies before `stop`. The last item
    /// may have gone on behind that.
    pub(super) fn frame_to_stop(&mut self, i: usize, stop: usize) -> Option<usize> {
        self.frame(i.min(stop).max(self.cursor.position()));
        None
    }
}
