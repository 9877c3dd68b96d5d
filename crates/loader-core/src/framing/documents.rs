//! From the records of one document to those of the next, where they lie at a path.
//!
//! A document is looked at as a whole first, up to [`WHOLE`] bytes of it. Where that is
//! one well-formed value, its structure alone says where the records are: nothing in it is
//! weighed, and a document that has none at the path is framing. Of a broken one it is found
//! out where the next document begins, and nothing behind that is seen while it is in hand.
//! What is longer is passed by the finder alone.
//!
//! A document that is not well-formed, and in which nothing was found, is a reject: it may
//! have held records. Text between documents is framing, but what looks like a piece of a
//! document is a reject too.

use super::finder::Event;
use super::reader::Reader;
use super::split::{Splitter, is_framing};
use super::wrapper::{Wrapper, leads_to_records};
use crate::fault::{Fault, FaultKind};
use crate::input::{Error, Source};
use crate::json::scan::{Progress, Scanner, Spot};

/// So much of a document is looked at before its records are.
const WHOLE: usize = 1024 * 1024;

/// What has been passed is forgotten in pieces of this.
const PIECE: usize = 1024 * 1024;

/// What is said of a document that was not looked at as a whole.
const BROKEN: &str = "the document is broken, and nothing was found in it at \"records_path\"";
const PIECES: &str = "a piece of a document";
const ENDS: &str = "the input ends inside the document, and nothing was found in it at \"records_path\"";

/// What the search for records came to.
pub(super) enum Sought {
    /// A container of records: the window starts with it.
    Container,
    /// A document that may have held some, from index to index.
    Damaged { start: usize, end: usize, fault: Fault },
    /// The end of the stream, or the place to stop.
    End,
}

/// The document in hand, or the pieces of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document {
    /// Its offset in the stream.
    start: u64,
    /// Where it ends, if that is known.
    end: Option<u64>,
    /// It is well-formed, as a whole.
    pub(super) sound: bool,
    /// What is wrong with it, if that is known.
    fault: Option<Fault>,
    /// Records were found in it.
    found: bool,
    /// It has no beginning.
    pub(super) piece: bool,
}

/// What a value is as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// Well-formed, up to the index.
    Sound(usize),
    /// Not well-formed.
    Broken(Spot),
    /// Too long to tell, or there has been too much of this.
    Unknown,
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Goes on to the next records. The window is booked up to its fence.
    pub(super) fn next_container(&mut self) -> Result<Sought, Error> {
        if self.window.offset(self.position) >= self.stop || !self.window.lift_fence() {
            return Ok(Sought::End);
        }
        let Some(mut wrapper) = self.wrapper.take() else { return Ok(Sought::End) };
        if std::mem::take(&mut wrapper.restart) {
            wrapper.finder.restart();
            wrapper.document = None;
        }
        let sought = self.seek(&mut wrapper);
        let missing = !wrapper.has_records && self.stop == u64::MAX;
        let wrapper = self.wrapper.insert(wrapper);
        match sought? {
            Sought::End if missing => Err(wrapper.no_records()),
            Sought::Container => {
                (self.after_bracket, self.searched) = (false, None);
                if self.is_keyed() {
                    // What opens the object.
                    self.frame(self.position + 1);
                    return Ok(Sought::Container);
                }
                if self.profile.records() == 0 {
                    self.forget(self.position);
                    self.look_at_records()?;
                }
                self.unwrap = true;
                Ok(Sought::Container)
            }
            sought => Ok(sought),
        }
    }

    /// Forgets what lies before `at`, which is booked.
    fn forget(&mut self, at: usize) {
        self.count_lines(at);
        self.window.drop_front(at);
        (self.position, self.counted) = (0, 0);
    }

    fn seek(&mut self, wrapper: &mut Wrapper) -> Result<Sought, Error> {
        let seen = wrapper.seen.saturating_sub(self.window.offset(0)) as usize;
        let mut at = seen.max(self.position);
        self.fence_in_hand(wrapper);
        if std::mem::take(&mut wrapper.waiting) {
            return self.enter(wrapper, at);
        }
        // Up to here, containers at another place than the path's are none of it.
        let mut sound_to = 0;
        // Where a piece of a document would begin: at a line, or behind a document.
        let mut piece = at;
        loop {
            let here = self.window.offset(at);
            if here >= self.stop && wrapper.document.is_none_or(|document| document.found || document.piece) {
                return self.halt(wrapper, at);
            }
            if wrapper.document.is_some_and(|document| document.end == Some(here)) {
                self.window.lift_fence();
                if let Some(damaged) = self.end_document(wrapper, at, false) {
                    return Ok(damaged);
                }
                piece = at;
            }
            let Some(b) = self.byte(at)? else {
                let damaged = self.end_document(wrapper, at, true);
                if damaged.is_none() {
                    self.frame(at);
                }
                return Ok(damaged.unwrap_or(Sought::End));
            };
            if at - self.position >= PIECE {
                self.forget_document(wrapper, at)?;
                (at, piece) = (0, piece.saturating_sub(at));
            }
            let between = wrapper.is_between() && !wrapper.finder.is_in_string();
            let mut whole = Whole::Unknown;
            if between && matches!(b, b'{' | b'[') && wrapper.finder.may_begin(b) {
                whole = self.whole_value(wrapper, at)?;
                let mut sound = if let Whole::Sound(end) = whole { Some(end) } else { None };
                let path = wrapper.finder.path();
                let mut leads =
                    sound.is_some_and(|end| leads_to_records(path, &self.window.bytes()[at..end]).0);
                if leads
                    && let Some(end) = sound
                    && let Some(spot) = self.goes_on(wrapper, at, end)?
                {
                    (whole, sound, leads) = (Whole::Broken(spot), None, false);
                }
                let is_piece = match sound {
                    Some(end) if !leads => self.is_piece(wrapper, end)?,
                    _ => false,
                };
                if is_piece {
                    self.note_piece(wrapper, piece, at);
                } else if (sound.is_some() || wrapper.finder.begins(b))
                    && let Some(damaged) = self.end_document(wrapper, at, false)
                {
                    return Ok(damaged);
                }
                if let Some(end) = sound
                    && !leads
                {
                    wrapper.finder.pass_value();
                    at = end;
                    continue;
                }
                if b == b'[' && self.is_text(at, whole)? {
                    wrapper.finder.pass_value();
                    at += 1;
                    continue;
                }
                if leads {
                    wrapper.finder.end_document(b == b'[');
                }
            } else if b == b'{' && self.another_begins(wrapper, at)? {
                if let Some(damaged) = self.end_document(wrapper, at, false) {
                    return Ok(damaged);
                }
                continue;
            } else if between && b == b':' && wrapper.finder.is_behind_string() {
                self.note_piece(wrapper, piece, at);
            } else if b == b'\n' && wrapper.document.is_none() {
                piece = at + 1;
            }
            let event = wrapper.finder.step(b);
            if between && !wrapper.finder.is_between() && event != Some(Event::Ended) {
                self.begin_document(wrapper, at, whole)?;
            }
            match event {
                Some(Event::Found) => return self.enter(wrapper, at),
                Some(Event::Text) if self.window.offset(at) >= sound_to && !wrapper.is_sound() => {
                    match wrapper.probe(&mut self.window, at + 1)? {
                        None => return self.enter(wrapper, at),
                        Some(to) => sound_to = self.window.offset(to),
                    }
                }
                Some(Event::Ended) => {
                    // With a brace the next one begins, this one having no end.
                    let closed = b != b'{';
                    at += usize::from(closed);
                    let bounded = wrapper.document.is_some_and(|document| document.end.is_some());
                    if !bounded && let Some(damaged) = self.end_document(wrapper, at, false) {
                        return Ok(damaged);
                    }
                    if !closed {
                        wrapper.finder.end_document(false);
                    }
                    piece = at;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Whether a line at `at` is, or begins, a document with records, where the one in hand
    /// is broken, and it is not known where that ends.
    fn another_begins(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<bool, Error> {
        let endless = wrapper.document.is_some_and(|document| document.end.is_none() && !document.piece);
        if !endless || !wrapper.finder.starts_line() || !wrapper.finder.is_broken() {
            return Ok(false);
        }
        let whole = self.whole_value(wrapper, at)?;
        let path = wrapper.finder.path();
        Ok(matches!(whole, Whole::Sound(end) if leads_to_records(path, &self.window.bytes()[at..end]).0))
    }

    /// Goes on at `at`, where records begin.
    fn enter(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<Sought, Error> {
        if let Some(damaged) = self.damaged_gap(wrapper, at) {
            wrapper.waiting = true;
            return Ok(damaged);
        }
        self.clear_passed();
        self.frame(at);
        if let Some(document) = &mut wrapper.document {
            document.found = true;
        }
        wrapper.has_records = true;
        wrapper.finder.leave();
        wrapper.seen = 0;
        let end = match wrapper.is_sound() {
            true => {
                let bytes = self.window.bytes();
                match Scanner::for_text(false, bytes.len() - at)?.scan(bytes, at, true) {
                    Progress::Done(end) => Some(end),
                    _ => None,
                }
            }
            false => None,
        };
        (wrapper.sound, wrapper.ended) = (end.is_some(), end.is_some());
        if let Some(end) = end {
            self.window.fence(end);
        }
        Ok(Sought::Container)
    }

    /// Stops where a run is to end, at `at` or before it. Pieces end there, too: they did
    /// where the stream ended there.
    fn halt(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<Sought, Error> {
        if self.window.offset(at) > self.stop {
            return Err(Error::NoBoundary);
        }
        if wrapper.document.is_some_and(|document| document.piece)
            && let Some(damaged) = self.end_document(wrapper, at, false)
        {
            return Ok(damaged);
        }
        self.frame(at);
        wrapper.seen = self.window.offset(at);
        // Whoever goes on from there seeks on.
        self.window.fence(at);
        Ok(Sought::End)
    }

    /// The value at `at` as a whole.
    fn whole_value(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<Whole, Error> {
        if !wrapper.may_look(self.window.offset(at)) {
            return Ok(Whole::Unknown);
        }
        let (whole, to) = self.scan_whole(at, WHOLE)?;
        wrapper.looked += (to - at) as u64;
        Ok(whole)
    }

    /// The value at `at` as a whole, of which no more than `span` bytes are looked at; and up
    /// to where it was.
    pub(super) fn scan_whole(&mut self, at: usize, span: usize) -> Result<(Whole, usize), Error> {
        let until = at + span;
        let mut scanner = Scanner::new(false);
        let mut from = at;
        loop {
            let bytes = self.window.bytes();
            let end = bytes.len().min(until);
            return match scanner.scan(&bytes[..end], from, self.window.eof() && end < until) {
                Progress::More(next) if end < until => {
                    from = next;
                    self.window.grow()?;
                    continue;
                }
                Progress::OutOfMemory(error) => Err(error.into()),
                Progress::Done(end) => Ok((Whole::Sound(end), end)),
                Progress::More(next) => Ok((Whole::Unknown, next)),
                Progress::Broken(spot) => Ok((Whole::Broken(spot), spot.at)),
            };
        }
    }

    /// The next byte at `at` or behind it that is not blank, and where.
    pub(super) fn next_filled(&mut self, mut at: usize) -> Result<(Option<u8>, usize), Error> {
        loop {
            match self.byte(at)? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                b => return Ok((b, at)),
            }
        }
    }

    /// Whether a sound value that ends before `end`, in which no records were found, is a
    /// piece of a broken document.
    fn is_piece(&mut self, wrapper: &Wrapper, end: usize) -> Result<bool, Error> {
        if wrapper.finder.is_in_piece() && (wrapper.document.is_some() || !wrapper.finder.starts_line()) {
            return Ok(true);
        }
        if wrapper.finder.around() > 0 {
            return Ok(false);
        }
        let rootless = wrapper.finder.path().opener(0) == Some(b'[');
        Ok(match self.next_filled(end)?.0 {
            Some(b']' | b'}') => true,
            Some(b',') => rootless,
            _ => false,
        })
    }

    /// Where a value that is whole at `start..end` goes on all the same: a document that
    /// lost a bracket inside may have taken another one for its end.
    fn goes_on(&mut self, wrapper: &Wrapper, start: usize, end: usize) -> Result<Option<Spot>, Error> {
        let enclosed = wrapper.finder.around() > 0;
        let (next, at) = self.next_filled(end)?;
        let ends = match next {
            Some(b',') => {
                let (next, at) = self.next_filled(at + 1)?;
                match next {
                    Some(b'{') => {
                        self.peek(at)?;
                        let bytes = self.window.bytes();
                        enclosed || begins_alike(&bytes[start..], &bytes[at..])
                    }
                    Some(b'[') => true,
                    Some(b']') | None => enclosed,
                    Some(_) => false,
                }
            }
            Some(b']') => enclosed,
            Some(b'}') => false,
            Some(b':' | b'"') => self.window.bytes()[end..at].contains(&b'\n'),
            _ => true,
        };
        let what = "expected the end of the document";
        Ok((!ends).then_some(Spot { kind: FaultKind::Syntax, at, what }))
    }

    /// Whether the bracket at `at` is a part of a text, and opens no array.
    fn is_text(&mut self, at: usize, whole: Whole) -> Result<bool, Error> {
        if matches!(whole, Whole::Sound(_)) {
            return Ok(false);
        }
        let (first, start) = self.next_filled(at + 1)?;
        if matches!(first, Some(b'{' | b'[' | b'"')) {
            return Ok(false);
        }
        let bytes = self.window.bytes();
        let until = bytes.len().min(start + 1024);
        Ok(match Scanner::new(true).scan(&bytes[..until], start, until == bytes.len()) {
            Progress::Done(end) => !bytes[end..].trim_ascii_start().starts_with(b","),
            _ => true,
        })
    }

    /// Remembers that a piece of a document begins at `start`, as `at` shows.
    fn note_piece(&mut self, wrapper: &mut Wrapper, start: usize, at: usize) {
        let fault = Fault { kind: FaultKind::Syntax, at: self.window.offset(at), what: PIECES };
        wrapper.document.get_or_insert(Document {
            start: self.window.offset(start.max(self.position)),
            end: None,
            sound: false,
            fault: Some(fault),
            found: false,
            piece: true,
        });
    }

    /// A document begins at `at`, and is that as a whole.
    fn begin_document(&mut self, wrapper: &mut Wrapper, at: usize, whole: Whole) -> Result<(), Error> {
        let (sound, end, fault) = match whole {
            Whole::Sound(end) => (true, Some(self.window.offset(end)), None),
            Whole::Unknown => (false, None, None),
            Whole::Broken(Spot { kind, at: spot, what }) => {
                let fault = Fault { kind, at: self.window.offset(spot), what };
                (false, self.next_document(wrapper, at)?, Some(fault))
            }
        };
        let start = self.window.offset(at);
        wrapper.document = Some(Document { start, end, sound, fault, found: false, piece: false });
        self.fence_in_hand(wrapper);
        Ok(())
    }

    /// Nothing behind the document in hand is seen, if it is known where it ends.
    fn fence_in_hand(&mut self, wrapper: &Wrapper) {
        if let Some(end) = wrapper.document.and_then(|document| document.end) {
            self.window.fence(end.saturating_sub(self.window.offset(0)) as usize);
        }
    }

    /// Where the broken document at `start` ends at the latest: before another one, or at
    /// the end of the stream.
    fn next_document(&mut self, wrapper: &mut Wrapper, start: usize) -> Result<Option<u64>, Error> {
        let until = start + WHOLE;
        self.byte(until)?;
        let until = until.min(self.window.bytes().len());
        let Some(root) = wrapper.finder.path().opener(0) else { return Ok(None) };
        let own = indentation(&self.window.bytes()[..start]).unwrap_or(0);
        let enclosed = wrapper.finder.around() > 0;
        let mut at = start + 1;
        while let Some(next) = memchr::memchr(root, &self.window.bytes()[at..until]) {
            let here = at + next;
            at = here + 1;
            let bytes = self.window.bytes();
            let before = bytes[start..here].trim_ascii_end();
            let line = indentation(&bytes[start..here]).filter(|&indent| indent <= own);
            let comma = before.last() == Some(&b',');
            let behind = match before {
                [.., b'[' | b'{' | b':'] => false,
                [rest @ .., b','] => enclosed && rest.trim_ascii_end().ends_with(b"}"),
                [.., b'}' | b']'] => true,
                _ => line.is_some(),
            };
            if !behind || !wrapper.may_look(self.window.offset(start)) {
                continue;
            }
            let text = &bytes[here..until];
            let (leads, looked) = leads_to_records(wrapper.finder.path(), text);
            wrapper.looked += looked as u64;
            let alike = begins_alike(&bytes[start..], text);
            let is_document = match leads {
                true if line.is_some() && !comma => true,
                true => alike,
                false if line.is_none() || comma => false,
                false if alike && root == b'{' => true,
                false => match self.whole_value(wrapper, here)? {
                    Whole::Sound(end) => !matches!(self.next_filled(end)?.0, Some(b',' | b':' | b']' | b'}')),
                    Whole::Broken(_) | Whole::Unknown => false,
                },
            };
            if is_document {
                return Ok(Some(self.window.offset(here)));
            }
        }
        let all = self.window.eof() && until == self.window.bytes().len();
        Ok(all.then(|| self.window.offset(until)))
    }

    /// The document in hand ends at `at`; with `eof` the stream does. The finder is behind
    /// it. If it is a reject, that is returned.
    fn end_document(&mut self, wrapper: &mut Wrapper, at: usize, eof: bool) -> Option<Sought> {
        let damaged = self.damaged_gap(wrapper, at);
        let broken = wrapper.finder.is_broken();
        if !wrapper.finder.is_between() {
            wrapper.finder.end_document(false);
        }
        let document = wrapper.document.take()?;
        wrapper.seen = self.window.offset(at);
        if damaged.is_some() {
            return damaged;
        }
        let end = self.trim(at);
        let start = document.start.saturating_sub(self.window.offset(0)) as usize;
        let fault = document.fault.or_else(|| {
            let fault = |kind, at, what| Fault { kind, at, what };
            if broken {
                Some(fault(FaultKind::Syntax, document.start, BROKEN))
            } else {
                eof.then(|| fault(FaultKind::Truncated, self.window.offset(end), ENDS))
            }
        });
        match fault {
            Some(fault)
                if !document.found && !document.sound && !self.is_mere_text(&document, start, end) =>
            {
                self.window.fence(end);
                Some(Sought::Damaged { start, end, fault })
            }
            _ => {
                self.clear_passed();
                None
            }
        }
    }

    /// Whether the pieces of a document in `start..end` are none, after all: no object began
    /// or ended in them.
    fn is_mere_text(&self, document: &Document, start: usize, end: usize) -> bool {
        let short = document.piece && self.passed.is_none();
        short && memchr::memchr2(b'{', b'}', &self.window.bytes()[start..end]).is_none()
    }

    /// What lies between containers of records in one document, up to `at`, if it is broken
    /// and may have held others.
    fn damaged_gap(&mut self, wrapper: &mut Wrapper, at: usize) -> Option<Sought> {
        let document = wrapper.document.filter(|document| document.found && !document.sound)?;
        if !wrapper.finder.path().is_manifold() || !wrapper.finder.is_broken() || document.piece {
            return None;
        }
        let is_closer = |b: &u8| is_framing(*b) || matches!(b, b']' | b'}');
        let skipped = self.window.bytes()[self.position..at].iter().take_while(|b| is_closer(b)).count();
        let (start, end) = (self.position + skipped, self.trim(at));
        if start >= end {
            return None;
        }
        let fault = Fault { kind: FaultKind::Syntax, at: self.window.offset(start), what: BROKEN };
        wrapper.seen = self.window.offset(at);
        self.window.fence(end);
        Some(Sought::Damaged { start, end, fault })
    }

    /// Forgets what lies before `at`: framing, or the front of a document that may be
    /// rejected.
    fn forget_document(&mut self, wrapper: &Wrapper, at: usize) -> Result<(), Error> {
        match wrapper.document.filter(|document| !document.found && !document.sound) {
            Some(document) => {
                let start = document.start.saturating_sub(self.window.offset(0)) as usize;
                self.pass(start.max(self.position), at)?;
            }
            None => {
                self.frame(at);
                self.forget(at);
            }
        }
        Ok(())
    }

    /// What has been passed of a document is no reject, but framing.
    fn clear_passed(&mut self) {
        if let Some(passed) = self.passed.take() {
            let bytes = self.window.offset(self.position) - passed.before.offset;
            self.tally.bytes_rejected -= bytes;
            self.tally.bytes_framing += bytes;
        }
    }
}

/// How far the line is indented that `before` ends in, if nothing else stands on it.
fn indentation(before: &[u8]) -> Option<usize> {
    let blank = before.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
    before[..before.len() - blank].ends_with(b"\n").then_some(blank)
}

/// Whether two documents have the same first key.
fn begins_alike(a: &[u8], b: &[u8]) -> bool {
    let (Some(a), Some(b)) = (first_key(a), first_key(b)) else { return false };
    a == b
}

fn first_key(text: &[u8]) -> Option<&[u8]> {
    let key = text.get(1..)?.trim_ascii_start().strip_prefix(b"\"")?;
    Some(&key[..memchr::memchr(b'"', key)?])
}
