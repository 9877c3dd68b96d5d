//! The splitter: from record to record, with the ledger. How to go on after a
//! broken one is in `recover`.

use super::between;
use super::bounds::Searched;
use super::documents::Sought;
use super::layout::{self, BOM, Layout};
use super::lookahead::LookaheadBudget;
use super::prefix::{Line, Prefix};
use super::profile::Profile;
use super::wrapper::Wrapper;
use super::{Format, Options};
use crate::fault::{Fault, FaultKind};
use crate::json::scan::{RECORD_SEPARATOR, Scanner, Spot};
use crate::split::cursor::Cursor;
use crate::split::ledger::Ledger;
use crate::split::window::Window;
use crate::split::{Item, Reader, Record, Reject, ResumePoint};
use crate::stream::{Error, Source};
use crate::tally::Tally;

/// A record that grows longer than this, and much longer than those before it,
/// is looked at: it may have swallowed its neighbours.
pub(super) const SUSPICIOUS: usize = 1024 * 1024;

/// So many bytes tell how a record starts.
pub(super) const PEEK: usize = 1024;

/// What an attempt at a record came to.
pub(super) enum Attempt {
    /// A whole value that ends before the index.
    Good { end: usize, undecided: bool, read: bool, one_line: bool },
    /// A whole value that ends before the index, with a soft fault.
    Spoiled { end: usize, spot: Spot },
    /// The structure is broken, or what follows does not fit.
    Bad(Spot),
    /// Another record starts at the index, inside of what was read as one.
    Swallows(usize),
    /// The bracket there is framing.
    Bracket,
    /// Over the maximal size; the scanner stands at the index.
    TooLarge(usize),
}

/// Splits a stream. Call [`Splitter::next`] until it returns `None`; then
/// [`Splitter::tally`] balances.
pub struct Splitter<S: Source, R: Reader = ()> {
    pub(super) cursor: Cursor<S>,
    pub(super) ledger: Ledger,
    pub(super) lookahead: LookaheadBudget,
    pub(super) reader: R,
    pub(super) options: Options,
    pub(super) format: Format,
    pub(super) layout: Layout,
    pub(super) commas: bool,
    /// The indentation of the last line of a record that spans lines.
    pub(super) closing: usize,
    /// Inside of an array that lies deeper than the records before it: their indentation, and
    /// that of their last lines.
    pub(super) outer: Option<(usize, usize)>,
    pub(super) profile: Profile,
    pub(super) scanner: Scanner,
    /// What is at hand is one well-formed array of records.
    pub(super) sound: bool,
    /// The first bracket of the file is yet to be taken off.
    pub(super) unwrap: bool,
    /// Only framing has come since a bracket that may have closed the array of the records.
    pub(super) behind_array: bool,
    /// Only framing has come since an opening bracket of that kind.
    pub(super) after_bracket: bool,
    /// Lines have text before their record.
    pub(super) prefix: Option<Prefix>,
    /// The place stands at the start of a line, or behind framing at the start of one.
    pub(super) line_begins: bool,
    /// Text that is yet to be handed out ends at this index; what of it has left the window
    /// is in `passed`.
    pub(super) preamble: Option<usize>,
    /// Records from here on are still to be learned from.
    pub(super) learned_to: u64,
    /// What the last search for hard evidence found.
    pub(super) searched: Option<Searched>,
    /// Where this run began.
    pub(super) assumed: ResumePoint,
    /// Items that start at this offset or behind it are not handed out.
    pub(super) stop: u64,
    /// What is around the array of the records, if they lie in one that is a part
    /// of something larger.
    pub(super) wrapper: Option<Wrapper>,
    /// The key of the record in hand, without its quotes, …
    pub(super) key: Vec<u8>,
    /// … if it has one.
    pub(super) has_key: bool,
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// At the start of a stream of which nothing is known.
    pub(super) fn with(window: Window<S>, reader: R, options: Options) -> Self {
        Splitter {
            cursor: Cursor::new(window),
            ledger: Ledger::new(options.raw_limit),
            lookahead: LookaheadBudget::from(0),
            reader,
            options,
            format: Format::Unstructured,
            layout: Layout::Free,
            commas: false,
            closing: 0,
            outer: None,
            profile: Profile::default(),
            scanner: Scanner::new(false),
            sound: false,
            unwrap: false,
            prefix: None,
            line_begins: true,
            preamble: None,
            behind_array: false,
            after_bracket: false,
            learned_to: 0,
            searched: None,
            assumed: ResumePoint::default(),
            stop: u64::MAX,
            wrapper: None,
            key: Vec::new(),
            has_key: false,
        }
    }

    /// Takes over what the head of the stream shows.
    pub(super) fn lay_out(&mut self, sniffed: layout::Sniffed, profile: Profile) {
        self.format = sniffed.format;
        self.layout = sniffed.layout;
        self.commas = sniffed.commas;
        self.closing = sniffed.closing;
        self.unwrap = sniffed.unwrap;
        self.prefix = sniffed.prefix;
        self.profile = profile;
        self.profile.expect(sniffed.elements);
        self.sound = sniffed.sound;
    }

    /// The format in force: the one asked for, or the one found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The ledger so far.
    pub fn tally(&self) -> &Tally {
        self.ledger.tally()
    }

    /// The source beneath.
    pub fn source(&self) -> &S {
        self.cursor.source()
    }

    /// The source beneath, to be changed.
    pub fn source_mut(&mut self) -> &mut S {
        self.cursor.source_mut()
    }

    /// The reader that is asked first.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The reader that is asked first, to be changed.
    pub fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the source back.
    pub fn into_source(self) -> S {
        self.cursor.into_source()
    }

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
                    return Ok(Some(Item::Record(Record { undecided, read, ..record })));
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

    pub(super) fn fault_at(&self, spot: Spot) -> Fault {
        Fault { kind: spot.kind, at: self.cursor.offset(spot.at), what: spot.what }
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
        Record { key, ..self.ledger.record(&mut self.cursor, end, one_line) }
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

    pub(super) fn at_bom(&mut self, at: usize) -> Result<bool, Error> {
        self.cursor.byte(at + BOM.len() - 1)?;
        Ok(self.cursor.bytes()[at..].starts_with(BOM))
    }

    /// The text from `at` on, as much of it as tells how a record starts. That much
    /// is read first: it does not depend on what happens to be at hand.
    pub(super) fn peek(&mut self, at: usize) -> Result<&[u8], Error> {
        self.cursor.byte(at + PEEK)?;
        let bytes = self.cursor.bytes();
        Ok(&bytes[at..bytes.len().min(at + PEEK)])
    }

    /// Whether the text at `at` starts as the records of this file do.
    pub(super) fn opens(&mut self, at: usize) -> Result<bool, Error> {
        self.peek(at)?;
        let bytes = self.cursor.bytes();
        Ok(self.profile.opens(&bytes[at..bytes.len().min(at + PEEK)]))
    }
}

/// Whether a byte at the end of a reject is framing.
pub(super) fn is_framing(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR)
}

/// The fault of a record inside of which another starts at `at`.
fn swallows(at: usize) -> Spot {
    Spot { kind: FaultKind::Truncated, at, what: "another record starts inside of this one" }
}

/// The fault of a record at `start` that is too large.
pub(super) fn too_large(start: usize) -> Spot {
    let what = "the record is larger than \"loader.max_record_size\"";
    Spot { kind: FaultKind::TooLarge, at: start, what }
}
