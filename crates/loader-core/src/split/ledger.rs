//! The books of a splitter: each byte of the stream is written down once, as a part of a
//! record, of a reject, or of the framing around them.

use super::cursor::Cursor;
use super::{Record, Reject, ResumePoint};
use crate::fault::Fault;
use crate::memory;
use crate::stream::{Error, Source};
use crate::tally::Tally;

/// The books, up to the [position](Cursor::position) of the cursor.
#[derive(Default)]
pub(super) struct Ledger {
    tally: Tally,
    /// Records so far, bad ones counted too.
    records: u64,
    /// So many bytes of a reject are kept.
    raw_limit: usize,
    /// What is kept of the reject in hand.
    raw: Vec<u8>,
    /// Where the reject in hand starts, if its front has left the window.
    passed: Option<Passed>,
}

/// A reject whose first bytes are no longer in the window.
#[derive(Clone, Copy, Debug)]
struct Passed {
    /// The place before it.
    before: ResumePoint,
    /// So many of its last bytes are framing, if nothing else follows them.
    blanks: u64,
}

impl Ledger {
    /// The books of a splitter that keeps so many bytes of a reject.
    pub(super) fn new(raw_limit: usize) -> Self {
        Ledger { raw_limit, ..Ledger::default() }
    }

    /// What is written down so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Records so far, bad ones counted too.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Whether a reject is in hand whose front has left the window.
    pub(super) fn has_passed(&self) -> bool {
        self.passed.is_some()
    }

    /// The place before a reject whose front has left the window.
    pub(super) fn passed_from(&self) -> Option<&ResumePoint> {
        self.passed.as_ref().map(|passed| &passed.before)
    }

    /// Where the part of a reject that has left the window ended, as an index.
    pub(super) fn passed_to<S: Source>(&self, cursor: &Cursor<S>) -> usize {
        if self.passed.is_some() { cursor.position() } else { 0 }
    }

    /// The place behind the last item. `state` is the splitter's own.
    pub(super) fn mark<S: Source>(&self, cursor: &mut Cursor<S>, state: u64) -> ResumePoint {
        match self.passed {
            Some(passed) => passed.before,
            None => self.here(cursor, state),
        }
    }

    fn here<S: Source>(&self, cursor: &mut Cursor<S>, state: u64) -> ResumePoint {
        let line = cursor.newlines();
        ResumePoint { offset: cursor.here(), records: self.records, line, state, tally: self.tally }
    }

    /// Goes on from `point`, at which an earlier run stood where this one stands.
    pub(super) fn resume<S: Source>(&mut self, cursor: &mut Cursor<S>, point: &ResumePoint) {
        cursor.set_newlines(point.line);
        (self.records, self.tally) = (point.records, point.tally);
    }

    /// Books everything up to `to` as framing.
    #[inline]
    pub(super) fn frame<S: Source>(&mut self, cursor: &mut Cursor<S>, to: usize) {
        let bytes = (to - cursor.position()) as u64;
        self.tally.bytes_framing += bytes;
        self.tally.stream_bytes += bytes;
        cursor.advance(to);
    }

    /// The record that is booked next is good because it is read leniently.
    pub(super) fn count_tolerated(&mut self) {
        self.tally.tolerated += 1;
    }

    /// Of what was booked as framing last, so many bytes are a prefix.
    pub(super) fn count_prefix(&mut self, bytes: usize) {
        self.tally.bytes_prefix += bytes as u64;
    }

    /// Books the good record that ends before `end` and begins where the cursor stands; it may
    /// lie on one line as a whole.
    #[inline]
    pub(super) fn record<'a, S: Source>(
        &mut self,
        cursor: &'a mut Cursor<S>,
        end: usize,
        one_line: bool,
    ) -> Record<'a> {
        let start = cursor.position();
        let line = cursor.newlines() + 1;
        let bytes = (end - start) as u64;
        self.records += 1;
        self.tally.records += 1;
        self.tally.bytes_loaded += bytes;
        self.tally.stream_bytes += bytes;
        if one_line {
            cursor.advance_on_line(end);
        } else {
            cursor.advance(end);
        }
        let (number, offset) = (self.records, cursor.offset(start));
        let bytes = &cursor.bytes()[start..end];
        Record { number, offset, line, bytes, key: None, kept: &[], undecided: false, read: false }
    }

    /// Books the reject that ends before `end` and begins where the cursor stands, or where
    /// [`Ledger::pass`] began it.
    pub(super) fn reject<S: Source>(
        &mut self,
        cursor: &mut Cursor<S>,
        end: usize,
        fault: Fault,
    ) -> Result<Reject<'_>, Error> {
        if self.passed.is_none() {
            self.raw.clear();
        }
        let bytes = end - cursor.position();
        // First of all: what fails has not been handed out.
        self.keep_raw(cursor, bytes)?;
        let (before, blanks) = match self.passed.take() {
            // Framing at its end was passed before that was known to be the end.
            Some(Passed { before, blanks }) => (before, if bytes == 0 { blanks } else { 0 }),
            None => (self.here(cursor, 0), 0),
        };
        self.tally.bytes_rejected -= blanks;
        self.tally.bytes_framing += blanks;
        self.records += 1;
        self.tally.rejects += 1;
        self.tally.bytes_rejected += bytes as u64;
        self.tally.stream_bytes += bytes as u64;
        cursor.advance(end);
        let length = cursor.offset(end) - before.offset - blanks;
        self.raw.truncate(length as usize);
        let (number, offset, line) = (self.records, before.offset, before.line + 1);
        Ok(Reject { number, offset, length, line, fault, raw: &self.raw, key: None })
    }

    /// Forgets what of a reject lies between the cursor and `at`, for one that is longer than
    /// the window may be. `state` is the splitter's own, where the reject begins. `is_framing`
    /// tells framing from content. Returns by how much indexes have become less.
    pub(super) fn pass<S: Source>(
        &mut self,
        cursor: &mut Cursor<S>,
        at: usize,
        state: u64,
        is_framing: fn(u8) -> bool,
    ) -> Result<usize, Error> {
        if self.passed.is_none() {
            self.passed = Some(Passed { before: self.here(cursor, state), blanks: 0 });
            self.raw.clear();
        }
        let gone = &cursor.bytes()[cursor.position()..at];
        let blanks = gone.iter().rev().take_while(|b| is_framing(**b)).count();
        let bytes = gone.len();
        if let Some(passed) = &mut self.passed {
            let before = if blanks == bytes { passed.blanks } else { 0 };
            passed.blanks = before + blanks as u64;
        }
        self.keep_raw(cursor, bytes)?;
        self.tally.bytes_rejected += bytes as u64;
        self.tally.stream_bytes += bytes as u64;
        cursor.advance(at);
        Ok(cursor.forget())
    }

    /// What was passed is no reject after all, but framing.
    pub(super) fn frame_passed<S: Source>(&mut self, cursor: &Cursor<S>) {
        if let Some(passed) = self.passed.take() {
            let bytes = cursor.here() - passed.before.offset;
            self.tally.bytes_rejected -= bytes;
            self.tally.bytes_framing += bytes;
        }
    }

    /// Keeps as many of the next bytes of a reject as may be kept.
    fn keep_raw<S: Source>(&mut self, cursor: &Cursor<S>, bytes: usize) -> Result<(), Error> {
        let kept = self.raw_limit.saturating_sub(self.raw.len()).min(bytes);
        let from = cursor.position();
        Ok(memory::append(&mut self.raw, &cursor.bytes()[from..from + kept])?)
    }
}
