//! The splitter: from record to record, with the ledger. How to go on after a
//! broken one is in `recover`.

use super::layout::{self, BOM, Layout};
use super::profile::Profile;
use super::window::Window;
use super::{Format, Item, Options, Record, Reject};
use crate::fault::{Fault, FaultKind};
use crate::input::{Error, Source};
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner, Spot};
use crate::json::shape::{self, Class, Role, Shape};
use crate::tally::Tally;

/// `format` and layout are told from so many bytes.
const HEAD: usize = 64 * 1024;

/// A head that shows fewer whole values than this …
const FEW: usize = 8;

/// … is looked at up to here: its records are large, or damage fills it.
const LONG_HEAD: usize = 1024 * 1024;

/// Nested deeper than this, the server is asked: its stack sets the limit, which
/// is above this with every setting of max_stack_depth (100 kB is the least).
const SURE_DEPTH: usize = 500;

/// Longer records are the server's to judge: jsonb has limits on the number of
/// elements and on the size of a container that shorter text cannot reach.
const SURE_LENGTH: usize = 16 * 1024 * 1024;

/// A record that grows longer than this, and much longer than those before it,
/// is looked at: it may have swallowed its neighbours.
const SUSPICIOUS: usize = 1024 * 1024;

/// So many values are tried as the pattern of a file's records where no record
/// is whole.
const ROUGH_KINDS: usize = 32;

/// Splits a stream. Call [`Splitter::next`] until it returns `None`; then
/// [`Splitter::tally`] balances.
pub struct Splitter<S: Source> {
    pub(super) window: Window<S>,
    pub(super) options: Options,
    pub(super) format: Format,
    pub(super) layout: Layout,
    pub(super) commas: bool,
    /// The indentation of the last line of a record that spans lines.
    closing: usize,
    pub(super) profile: Profile,
    pub(super) scanner: Scanner,
    /// The first bracket of the file is yet to be taken off.
    unwrap: bool,
    /// Only framing has come since an opening bracket of that kind.
    after_bracket: bool,
    tally: Tally,
    /// Index in the window up to which the ledger is written.
    position: usize,
    /// Index up to which lines are counted, and the line there.
    counted: usize,
    line: u64,
    number: u64,
    raw: Vec<u8>,
    /// The front of a reject that has left the window: its length so far.
    passed: Option<Passed>,
    /// Records from here on are still to be learned from.
    learned_to: u64,
}

/// A reject whose first bytes are no longer in the window.
#[derive(Clone, Copy, Debug)]
struct Passed {
    offset: u64,
    line: u64,
}

/// What an attempt at a record came to.
pub(super) enum Attempt {
    /// A whole value that ends before the index.
    Good { end: usize, doubtful: bool },
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

impl<S: Source> Splitter<S> {
    /// Reads the head of the stream and tells its format. Fails where a byte
    /// order mark says that it is not UTF-8.
    pub fn new(source: S, options: Options) -> Result<Self, Error> {
        let mut window = Window::new(source);
        window.grow()?;
        if let Some(name) = foreign_encoding(window.bytes()) {
            return Err(Error::Encoding(name));
        }
        let mut length = HEAD.min(window.bytes().len());
        let whole = |window: &Window<S>, length| window.eof() && length == window.bytes().len();
        let mut sniffed = layout::sniff(&window.bytes()[..length], whole(&window, length), options.format);
        if sniffed.seen < FEW && !whole(&window, length) {
            while window.bytes().len() < LONG_HEAD && !window.eof() {
                window.grow()?;
            }
            length = LONG_HEAD.min(window.bytes().len());
            sniffed = layout::sniff(&window.bytes()[..length], whole(&window, length), options.format);
        }
        let head = &window.bytes()[..length];
        let mut profile = Profile::default();
        learn_from_head(head, options, sniffed, &mut profile);
        let mut splitter = Splitter::with(window, options, sniffed, profile);
        splitter.learned_to = length as u64;
        Ok(splitter)
    }

    fn with(window: Window<S>, options: Options, sniffed: layout::Sniffed, profile: Profile) -> Self {
        Splitter {
            window,
            options,
            format: sniffed.format,
            layout: sniffed.layout,
            commas: sniffed.commas,
            closing: sniffed.closing,
            profile,
            scanner: Scanner::new(false),
            unwrap: sniffed.unwrap,
            after_bracket: false,
            tally: Tally::default(),
            position: 0,
            counted: 0,
            line: 1,
            number: 0,
            raw: Vec::new(),
            passed: None,
            learned_to: 0,
        }
    }

    /// The format in force: the one asked for, or the one found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The ledger so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The source beneath.
    pub fn source(&self) -> &S {
        self.window.source()
    }

    /// The source beneath, to be changed.
    pub fn source_mut(&mut self) -> &mut S {
        self.window.source_mut()
    }

    /// Books a record of `length` bytes that was handed out as good as a
    /// reject: the server's verdict, or that of the database's encoding.
    pub fn overrule(&mut self, length: u64) {
        self.tally.overrule(length);
    }

    /// The next record or reject, `None` at the end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        self.release();
        loop {
            let Some(start) = self.skip_framing()? else { return Ok(None) };
            match self.attempt(start)? {
                Attempt::Good { end, doubtful } => return Ok(Some(Item::Record(self.record(start, end, doubtful)))),
                Attempt::Spoiled { end, spot } => return self.reject(start, end, spot).map(Some),
                Attempt::Bracket => {
                    self.after_bracket = true;
                    self.frame(start + 1);
                }
                Attempt::Bad(spot) => {
                    // The fault's offset must outlive a move of the window.
                    let fault = self.fault_at(spot);
                    let end = self.recover(start)?;
                    return self.reject_fault(start, end, fault).map(Some);
                }
                Attempt::Swallows(at) => {
                    let what = "another record starts inside of this one";
                    let fault = self.fault_at(Spot { kind: FaultKind::Truncated, at, what });
                    let end = self.trim(at);
                    return self.reject_fault(start, end, fault).map(Some);
                }
                Attempt::TooLarge(at) => {
                    let spot = Spot {
                        kind: FaultKind::TooLarge,
                        at: start,
                        what: "the record is larger than \"loader.max_record_size\"",
                    };
                    let fault = self.fault_at(spot);
                    let end = self.pass_over(start, at)?;
                    return self.reject_fault(start, end, fault).map(Some);
                }
            }
        }
    }

    fn fault_at(&self, spot: Spot) -> Fault {
        Fault { kind: spot.kind, at: self.window.offset(spot.at), what: spot.what }
    }

    fn release(&mut self) {
        self.count_lines(self.position);
        let moved = self.window.release(self.position);
        self.position -= moved;
        self.counted -= moved;
    }

    /// Forgets what of a reject lies before `at`, for one that is longer than
    /// the window may be. Returns by how much indexes have become less.
    pub(super) fn pass(&mut self, start: usize, at: usize) -> usize {
        if self.passed.is_none() {
            self.frame(start);
            self.count_lines(start);
            self.passed = Some(Passed { offset: self.window.offset(start), line: self.line });
            self.raw.clear();
        }
        let kept = self.options.raw_limit.saturating_sub(self.raw.len()).min(at - self.position);
        self.raw.extend_from_slice(&self.window.bytes()[self.position..self.position + kept]);
        self.tally.bytes_rejected += (at - self.position) as u64;
        self.tally.stream_bytes += (at - self.position) as u64;
        self.position = at;
        self.count_lines(at);
        let moved = self.window.drop_front(at);
        self.position -= moved;
        self.counted -= moved;
        moved
    }

    /// Where the part of a reject that has left the window ended, as an index.
    pub(super) fn passed_to(&self) -> usize {
        if self.passed.is_some() { self.position } else { 0 }
    }

    fn count_lines(&mut self, to: usize) {
        if to > self.counted {
            self.line += memchr::memchr_iter(b'\n', &self.window.bytes()[self.counted..to]).count() as u64;
            self.counted = to;
        }
    }

    /// Books everything up to `to` as framing.
    fn frame(&mut self, to: usize) {
        let bytes = (to - self.position) as u64;
        self.tally.bytes_framing += bytes;
        self.tally.stream_bytes += bytes;
        self.position = to;
    }

    fn record(&mut self, start: usize, end: usize, doubtful: bool) -> Record<'_> {
        self.frame(start);
        self.count_lines(start);
        self.number += 1;
        self.tally.records += 1;
        self.tally.bytes_loaded += (end - start) as u64;
        self.tally.stream_bytes += (end - start) as u64;
        self.position = end;
        let offset = self.window.offset(start);
        let bytes = &self.window.bytes()[start..end];
        // An array that takes the last bracket of the file may be anything.
        let sure = bytes[0] != b'[' || !self.ends_stream(end);
        if sure && offset >= self.learned_to && self.profile.learning() {
            self.profile.learn(bytes);
        }
        Record { number: self.number, offset, line: self.line, bytes, doubtful }
    }

    fn reject(&mut self, start: usize, end: usize, spot: Spot) -> Result<Item<'_>, Error> {
        let fault = self.fault_at(spot);
        self.reject_fault(start, end, fault)
    }

    fn reject_fault(&mut self, start: usize, end: usize, fault: Fault) -> Result<Item<'_>, Error> {
        let Passed { offset, line } = match self.passed.take() {
            Some(passed) => passed,
            None => {
                self.frame(start);
                self.count_lines(start);
                self.raw.clear();
                Passed { offset: self.window.offset(start), line: self.line }
            }
        };
        let length = end - self.position;
        let kept = self.options.raw_limit.saturating_sub(self.raw.len()).min(length);
        self.raw.extend_from_slice(&self.window.bytes()[self.position..self.position + kept]);
        self.number += 1;
        self.tally.rejects += 1;
        self.tally.bytes_rejected += length as u64;
        self.tally.stream_bytes += length as u64;
        self.position = end;
        let length = self.window.offset(end) - offset;
        Ok(Item::Reject(Reject { number: self.number, offset, length, line, fault, raw: &self.raw }))
    }

    /// The byte at `at`, or `None` at the end of the stream.
    pub(super) fn byte(&mut self, at: usize) -> Result<Option<u8>, Error> {
        while at >= self.window.bytes().len() {
            if self.window.eof() {
                return Ok(None);
            }
            self.window.grow()?;
        }
        Ok(Some(self.window.bytes()[at]))
    }

    /// Books framing and returns the index of the next byte that is none.
    fn skip_framing(&mut self) -> Result<Option<usize>, Error> {
        let mut i = self.position;
        loop {
            match self.byte(i)? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | RECORD_SEPARATOR) => i += 1,
                Some(b'[') if self.unwrap => {
                    self.unwrap = false;
                    self.after_bracket = true;
                    i += 1;
                }
                Some(0xEF) if self.at_bom(i)? => i += BOM.len(),
                Some(_) => return Ok(Some(i)),
                None => {
                    self.frame(i);
                    return Ok(None);
                }
            }
            if i - self.position >= SUSPICIOUS {
                self.frame(i);
                self.release();
                i = self.position;
            }
        }
    }

    pub(super) fn at_bom(&mut self, at: usize) -> Result<bool, Error> {
        self.byte(at + BOM.len() - 1)?;
        Ok(self.window.bytes()[at..].starts_with(BOM))
    }

    /// Tries a record at `start`.
    fn attempt(&mut self, start: usize) -> Result<Attempt, Error> {
        self.unwrap = false;
        let misplaced = !std::mem::take(&mut self.after_bracket) && self.lies_deeper(start);
        let class = Class::of(self.window.bytes()[start]);
        let scalar = class.is_some_and(|class| !matches!(class, Class::Object | Class::Array));
        // While the head is being learned from, anything may be a kind of its own.
        let learned = self.learned_to > 0;
        if learned && scalar && !matches!(self.layout, Layout::Lines { .. }) && !class.is_some_and(|c| self.profile.knows_class(c)) {
            let what = "expected an object or array, as the other records are";
            return Ok(Attempt::Bad(Spot { kind: FaultKind::Syntax, at: start, what }));
        }
        let attempt = self.attempt_value(start)?;
        if misplaced {
            let proper = matches!(attempt, Attempt::Good { end, .. }
                if self.ends_properly(start, end) && self.profile.owns(&self.window.bytes()[start..end]));
            let what = "expected a record at the indentation of the others";
            return Ok(if proper { attempt } else { Attempt::Bad(Spot { kind: FaultKind::Syntax, at: start, what }) });
        }
        if self.window.bytes()[start] != b'[' {
            return Ok(attempt);
        }
        // A bracket may be framing at the wrong place.
        match attempt {
            Attempt::Good { end, .. } if self.wraps_records(start, end) => Ok(Attempt::Bracket),
            Attempt::Bad(_) | Attempt::Swallows(_) | Attempt::TooLarge(_) if self.bracket_is_framing(start)? => Ok(Attempt::Bracket),
            attempt => Ok(attempt),
        }
    }

    /// Whether the line of `start` is indented deeper than the records of this
    /// file, and `start` is the first on it.
    fn lies_deeper(&self, start: usize) -> bool {
        let indent = match self.layout {
            Layout::Indented(indent) => indent,
            Layout::Sequence => 0,
            _ => return false,
        };
        let bytes = &self.window.bytes()[..start];
        let Some(newline) = memchr::memrchr(b'\n', bytes) else { return false };
        let before = &bytes[newline + 1..];
        blanks(before) > indent && before.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b',' | b'}' | b']'))
    }

    /// Whether a record that spans lines ends where records of this file do: its
    /// last bracket stands on a line that is no deeper than its first.
    fn ends_properly(&self, start: usize, end: usize) -> bool {
        let Layout::Indented(indent) = self.layout else { return false };
        let text = &self.window.bytes()[start..end];
        let Some(newline) = memchr::memrchr(b'\n', text) else { return false };
        let last = &text[newline + 1..];
        let blank = blanks(last);
        (blank <= indent || blank == self.closing) && last[blank..].iter().all(|b| matches!(b, b'}' | b']'))
    }

    fn attempt_value(&mut self, start: usize) -> Result<Attempt, Error> {
        let one_line = matches!(self.layout, Layout::Lines { .. });
        self.scanner.reset(one_line);
        let mut from = start;
        let mut suspicious = SUSPICIOUS.max(8 * self.profile.longest);
        let end = loop {
            match self.scanner.scan(self.window.bytes(), from, self.window.eof()) {
                Progress::Done(end) => break end,
                Progress::More(at) => {
                    from = at;
                    if at - start > self.options.max_record_size {
                        return Ok(Attempt::TooLarge(at));
                    }
                    if at - start > suspicious && !one_line {
                        suspicious = 2 * (at - start);
                        if let Some(at) = self.swallows(start, at)? {
                            return Ok(Attempt::Swallows(at));
                        }
                    }
                    self.window.grow()?;
                }
                Progress::Broken(spot) => return self.broken(start, spot),
            }
        };
        let deepest = self.scanner.deepest();
        let soft = self.scanner.soft();
        if let Some(at) = self.swallowed(start, end)? {
            return Ok(Attempt::Swallows(at));
        }
        if let Some(spot) = self.misfit(start, end)? {
            return Ok(Attempt::Bad(spot));
        }
        Ok(self.verdict(start, end, soft, deepest))
    }

    /// The verdict on a whole value.
    fn verdict(&self, start: usize, end: usize, soft: Option<Spot>, deepest: usize) -> Attempt {
        let bytes = &self.window.bytes()[start..end];
        if bytes.len() > self.options.max_record_size {
            let what = "the record is larger than \"loader.max_record_size\"";
            return Attempt::Spoiled { end, spot: Spot { kind: FaultKind::TooLarge, at: start, what } };
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
            None => Attempt::Good { end, doubtful: deepest > SURE_DEPTH || end - start > SURE_LENGTH },
        }
    }

    /// A value that breaks at the end of its line may go on in the next, unless
    /// the caller said that it may not, or the next line is one of its own.
    fn broken(&mut self, start: usize, spot: Spot) -> Result<Attempt, Error> {
        let extensible = self.layout == Layout::Lines { strict: false }
            && self.window.bytes().get(spot.at) == Some(&b'\n')
            && spot.what == "the line ends inside the record"
            && !self.next_line_is_own(spot.at)?
            && !(self.window.bytes()[start] == b'[' && self.bracket_is_framing(start)?);
        if !extensible {
            return Ok(Attempt::Bad(spot));
        }
        let bound = start + SUSPICIOUS.min(self.options.max_record_size);
        self.scanner.reset(false);
        let mut from = start;
        loop {
            match self.scanner.scan(self.window.bytes(), from, self.window.eof()) {
                Progress::Done(end) => {
                    let (soft, deepest) = (self.scanner.soft(), self.scanner.deepest());
                    let owns_a_line = self.first_own_line(start, end)?.is_some();
                    if owns_a_line || self.misfit(start, end)?.is_some() {
                        return Ok(Attempt::Bad(spot));
                    }
                    return Ok(self.verdict(start, end, soft, deepest));
                }
                Progress::More(at) if at < bound => {
                    from = at;
                    self.window.grow()?;
                }
                _ => return Ok(Attempt::Bad(spot)),
            }
        }
    }

    /// Whether the line after the newline at `newline` is a record by itself, or
    /// starts like one.
    fn next_line_is_own(&mut self, newline: usize) -> Result<bool, Error> {
        let mut i = newline;
        while let Some(b) = self.byte(i)? {
            if !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR) {
                break;
            }
            i += 1;
        }
        self.line_is_own(i)
    }

    fn line_is_own(&mut self, i: usize) -> Result<bool, Error> {
        let Some(b) = self.byte(i)? else { return Ok(true) };
        let opens = match b {
            b'{' => self.profile.opens(self.peek(i)),
            b'[' => self.profile.knows_class(Class::Array),
            _ => false,
        };
        Ok(opens && self.profile.records() > 0)
    }

    /// The first line inside of `start..end` that starts like a record.
    fn first_own_line(&mut self, start: usize, end: usize) -> Result<Option<usize>, Error> {
        let mut at = start;
        while let Some(newline) = memchr::memchr(b'\n', &self.window.bytes()[at..end]) {
            at += newline + 1;
            let text = &self.window.bytes()[at..end];
            let blank = text.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b',')).count();
            if self.line_is_own(at + blank)? {
                return Ok(Some(at + blank));
            }
        }
        Ok(None)
    }

    /// The text from `at` on, as much of it as tells how a record starts.
    pub(super) fn peek(&self, at: usize) -> &[u8] {
        let bytes = self.window.bytes();
        &bytes[at..bytes.len().min(at + 1024)]
    }

    /// Whether the bracket at `start`, where a record should start, is framing
    /// at the wrong place: nothing but the end of the line follows, or a record.
    fn bracket_is_framing(&mut self, start: usize) -> Result<bool, Error> {
        let lines = matches!(self.layout, Layout::Lines { .. });
        let mut i = start + 1;
        while let Some(b) = self.byte(i)? {
            match b {
                b'\n' if lines => return Ok(true),
                b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR => i += 1,
                b']' if !lines => i += 1,
                b'{' => {
                    return Ok(self.profile.records() == 0 || self.profile.opens(self.peek(i)));
                }
                b'[' => return Ok(self.array_is_record(i)),
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether a whole array that looks like the records of this file is at `at`.
    fn array_is_record(&mut self, at: usize) -> bool {
        self.scanner.reset(matches!(self.layout, Layout::Lines { .. }));
        match self.scanner.scan(self.window.bytes(), at, self.window.eof()) {
            Progress::Done(end) => self.profile.records() == 0 || self.profile.owns(&self.window.bytes()[at..end]),
            _ => false,
        }
    }

    /// Whether the array that was read as a record is an enclosing one: nothing
    /// comes after it, and it holds what this file has as records. In a file of
    /// arrays that is known of its first only if its elements are all alike.
    fn wraps_records(&self, start: usize, end: usize) -> bool {
        if matches!(self.layout, Layout::Lines { .. }) || !self.ends_stream(end) {
            return false;
        }
        let bytes = self.window.bytes();
        if self.profile.only_objects() {
            let first = start + 1 + bytes[start + 1..end].iter().take_while(|b| b.is_ascii_whitespace()).count();
            return self.profile.opens(&bytes[first..end]);
        }
        if self.number > 0 || self.format != Format::Array {
            return false;
        }
        let mut first: Option<Shape> = None;
        let (mut arrays, mut alike) = (0, 0);
        shape::containers(&bytes[start..end], |role, depth, _, shape| {
            if role == Role::Element && depth == 1 {
                let first = first.get_or_insert_with(|| shape.clone());
                arrays += 1;
                alike += usize::from(shape.begins_like(first));
            }
        });
        arrays >= 3 && alike == arrays && shape::of(&bytes[start..end]).is_some_and(|own| own.count() == arrays)
    }

    /// Whether nothing but framing follows `end`.
    fn ends_stream(&self, end: usize) -> bool {
        let mut rest = self.window.bytes()[end..].iter();
        self.window.eof() && rest.all(|b| b.is_ascii_whitespace() || matches!(b, b',' | b']'))
    }

    /// Whether a value that is much longer than the records before it, and not
    /// at its end yet, has swallowed some: where the first of them starts.
    fn swallows(&mut self, start: usize, at: usize) -> Result<Option<usize>, Error> {
        if self.profile.records() < 4 {
            return Ok(None);
        }
        let found = match self.layout {
            Layout::Indented(_) => self.next_start_line(start, Some(at))?,
            _ => self.boundary(start, Some(at))?,
        };
        if found.is_none() {
            // The scanner was used in between: begin again.
            self.scanner.reset(false);
            let _ = self.scanner.scan(&self.window.bytes()[..at], start, false);
        }
        Ok(found)
    }

    /// Where a record starts inside of the whole value `start..end`: it lost its
    /// end and took that of a neighbour.
    fn swallowed(&mut self, start: usize, end: usize) -> Result<Option<usize>, Error> {
        if let Layout::Indented(_) = self.layout
            && let Some(at) = self.next_start_line(start, Some(end))?
            && self.whole_record_within(at, end)
        {
            return Ok(Some(at));
        }
        Ok(self.swallowed_elements(start, end))
    }

    /// What is wrong where that which follows the whole value `start..end` says
    /// that it is not a record.
    fn misfit(&mut self, start: usize, end: usize) -> Result<Option<Spot>, Error> {
        let bad = |at| Ok(Some(Spot { kind: FaultKind::Syntax, at, what: "expected the end of the record" }));
        let lines = matches!(self.layout, Layout::Lines { .. });
        let (mut comma, mut newline, mut bracket, mut separator) = (false, false, false, false);
        let mut i = end;
        loop {
            let Some(b) = self.byte(i)? else { return Ok(None) };
            match b {
                b'\n' if lines => return Ok(None),
                RECORD_SEPARATOR if lines || self.layout == Layout::Sequence => return Ok(None),
                b' ' | b'\t' | b'\r' => {}
                b'\n' => newline = true,
                b',' => comma = true,
                b']' => bracket = true,
                // Where no record is an array, an opening bracket is framing too.
                b'[' if self.profile.only_objects() && self.profile.owns(&self.window.bytes()[start..end]) => {
                    return Ok(None);
                }
                RECORD_SEPARATOR => separator = true,
                0xEF if self.at_bom(i)? => i += BOM.len() - 1,
                _ => break,
            }
            i += 1;
            if i - end > SUSPICIOUS {
                return Ok(None);
            }
        }
        if newline && self.ends_properly(start, end) {
            return Ok(None);
        }
        if newline && self.lies_deeper(i) {
            return bad(i);
        }
        let b = self.window.bytes()[i];
        let separated = comma || newline || separator || bracket;
        let class = Class::of(b);
        if !lines && matches!(b, b'{' | b'[') && class.is_some_and(|class| self.profile.knows_class(class)) {
            return Ok(None);
        }
        let owned = self.profile.owns(&self.window.bytes()[start..end]);
        let apart = comma || newline || !self.commas;
        if owned && apart && !matches!(b, b'}' | b':') && self.ends_properly(start, end) {
            return Ok(None);
        }
        let fits = match class {
            None if matches!(b, b'}' | b':') => owned && (comma || newline),
            // Binary rubbish between records is none of theirs; text belongs to
            // the record that it touches.
            None if b < 0x20 || b >= 0x7F => owned,
            None => newline || (owned && (comma || (!lines && !self.commas))),
            Some(Class::String) if self.is_key(i)? => false,
            Some(Class::Object | Class::Array) if lines => owned && (comma || self.profile.opens(self.peek(i))),
            // A scalar beside another value on a line is a piece of something.
            Some(_) if lines => false,
            Some(class) => {
                self.profile.knows_class(class)
                    || newline
                    || (owned && separated)
                    || self.profile.records() == 0
            }
        };
        if fits { Ok(None) } else { bad(i) }
    }

    /// Whether the string at `at` is followed by a colon.
    pub(super) fn is_key(&mut self, at: usize) -> Result<bool, Error> {
        self.byte(at + 1024)?;
        let text = self.peek(at);
        let end = shape::string_end(text, 0);
        let rest = &text[end.min(text.len())..];
        Ok(rest.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':'))
    }

    /// Whether a whole value that looks like the records of this file starts at
    /// `at` and ends before `end`.
    fn whole_record_within(&mut self, at: usize, end: usize) -> bool {
        self.scanner.reset(false);
        match self.scanner.scan(&self.window.bytes()[..end], at, true) {
            Progress::Done(t) => self.profile.owns(&self.window.bytes()[at..t]),
            _ => false,
        }
    }

    /// Where an array has taken in records as its elements: the first of the row
    /// that ends it. In a file of objects one is enough where the array took the
    /// last bracket of the file. In a file of arrays the row has to be longer than
    /// any in a good record, of elements that begin as the array itself does.
    fn swallowed_elements(&self, start: usize, end: usize) -> Option<usize> {
        let text = &self.window.bytes()[start..end];
        if text[0] != b'[' || matches!(self.layout, Layout::Lines { .. } | Layout::Sequence) {
            return None;
        }
        let last = self.format == Format::Array && self.ends_stream(end);
        let objects = self.profile.only_objects();
        if !last && (self.profile.records() < 2 || self.profile.owns(text)) {
            return None;
        }
        let own = shape::of(text)?;
        let (mut row, mut rows) = (None, 0);
        shape::containers(text, |role, depth, at, shape| {
            if role != Role::Element || depth != 1 {
                return;
            }
            let like = if last && !objects { shape.begins_like(&own) } else { self.profile.owns_shape(&shape) };
            if like {
                row.get_or_insert(at);
                rows += 1;
            } else {
                (row, rows) = (None, 0);
            }
        });
        let enough = if last && objects { 1 } else { self.profile.longest_row + 1 };
        let scalars_first = matches!(&own, Shape::Array(_, count) if *count > rows);
        (rows >= enough && (objects || scalars_first)).then_some(())?;
        row.map(|at| start + at)
    }
}

/// How far a line is indented.
fn blanks(line: &[u8]) -> usize {
    line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// Runs a splitter over the head for what it finds good.
fn learn_from_head(head: &[u8], options: Options, sniffed: layout::Sniffed, profile: &mut Profile) {
    let mut window = Window::new(head);
    if window.grow().is_err() {
        return;
    }
    let options = Options { raw_limit: 0, ..options };
    let mut splitter = Splitter::with(window, options, sniffed, Profile::default());
    while let Ok(Some(_)) = splitter.next() {}
    let loaded = splitter.tally.bytes_loaded as usize;
    *profile = splitter.profile;
    if !matches!(sniffed.layout, Layout::Lines { .. }) && loaded < head.len() / 2 {
        learn_from_values(head, loaded, profile);
    }
}

/// Where little of the head is good: learns from the most frequent kind of the
/// largest whole values in it, wherever they lie, if that is more than the
/// `loaded` bytes that were found where records should start.
fn learn_from_values(head: &[u8], loaded: usize, profile: &mut Profile) {
    let mut scanner = Scanner::new(false);
    let mut found: Vec<&[u8]> = Vec::new();
    let mut effort = 32 * head.len();
    let mut i = 0;
    while let Some(at) = memchr::memchr2(b'{', b'[', &head[i..]) {
        let start = i + at;
        i = start + 1;
        if head[..start].trim_ascii_end().ends_with(b":") {
            continue;
        }
        scanner.reset(false);
        match scanner.scan(head, start, true) {
            Progress::Done(end) => {
                found.push(&head[start..end]);
                i = end;
            }
            Progress::Broken(spot) if spot.at - start < effort => effort -= spot.at - start,
            _ => break,
        }
    }
    let mut best: Vec<&[u8]> = Vec::new();
    let mut best_weight = loaded + loaded / 2;
    for kind in found.iter().take(ROUGH_KINDS) {
        let mut rough = Profile::default();
        rough.learn(kind);
        let alike: Vec<&[u8]> = found.iter().copied().filter(|value| rough.owns(value)).collect();
        let weight: usize = alike.iter().map(|value| value.len()).sum();
        if weight > best_weight {
            (best, best_weight) = (alike, weight);
        }
    }
    if !best.is_empty() {
        *profile = Profile::default();
    }
    for value in best {
        profile.learn(value);
    }
}

/// The encoding that a byte order mark names, if it is not UTF-8.
fn foreign_encoding(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xFF, 0xFE, 0, 0, ..] => Some("UTF-32LE"),
        [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32BE"),
        [0xFF, 0xFE, ..] => Some("UTF-16LE"),
        [0xFE, 0xFF, ..] => Some("UTF-16BE"),
        _ => None,
    }
}
