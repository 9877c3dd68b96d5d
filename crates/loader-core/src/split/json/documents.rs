//! From the records of one document to those of the next, where they lie at a path.
//!
//! A document is looked at as a whole first, up to [`WHOLE`] bytes of it. Where that is
//! one well-formed value, its structure alone says where the records are: the same look
//! finds all [`containers`](super::containers) of them, nothing in it is weighed, and a
//! document that has none at the path is framing. Of a broken one it is found out where the
//! next document begins, and nothing behind that is seen while it is in hand. Broken ones, and
//! what is longer, are passed by the finder.
//!
//! A document that is not well-formed, and in which nothing was found, is a reject: it may
//! have held records. Text between documents is framing, but what looks like a piece of a
//! document is a reject too.

use super::containers::Follower;
use super::document::{Document, Sought, Whole};
use super::finder::Event;
use super::framing::is_framing;
use super::splitter::Splitter;
use super::wrapper::{Wrapper, leads_to_records};
use crate::fault::{Fault, FaultKind};
use crate::json::scan::{Progress, Scanner, Spot, Watch};
use crate::split::Reader;
use crate::stream::{Error, Source};
use std::ops::ControlFlow;

/// Of a document, this many bytes are looked at as a whole before its records are taken.
const WHOLE: usize = 1024 * 1024;

/// What has been passed over leaves memory in pieces of this many bytes.
const PIECE: usize = 1024 * 1024;

/// Messages about documents in which nothing was found.
const BROKEN: &str = "the document is broken, and nothing was found in it at \"records_path\"";
const PIECES: &str = "a piece of a document";
const ENDS: &str = "the input ends inside the document, and nothing was found in it at \"records_path\"";

/// How far the search for records came.
struct Search {
    /// The place in hand.
    at: usize,
    /// Where a piece of a document would begin: at a line, or behind a document.
    piece: usize,
    /// Up to here, containers at another place than the path's are none of it.
    sound_to: u64,
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Goes on to the next records. The window is booked up to its fence.
    pub(super) fn next_container(&mut self) -> Result<Sought, Error> {
        if self.cursor.here() >= self.stop || !self.cursor.lift_fence() {
            return Ok(Sought::End);
        }
        let Some(mut wrapper) = self.wrapper.take() else { return Ok(Sought::End) };
        let restart = std::mem::take(&mut wrapper.restart);
        if restart {
            wrapper.finder.restart();
            wrapper.document = None;
        }
        if let Some(keeper) = &mut wrapper.keeper {
            keeper.leave(self.ledger.tally().records);
            if restart {
                keeper.end();
            }
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
                    self.frame(self.cursor.position() + 1);
                    return Ok(Sought::Container);
                }
                if self.profile.records() == 0 {
                    self.cursor.forget();
                    self.look_at_records()?;
                }
                self.unwrap = true;
                Ok(Sought::Container)
            }
            sought => Ok(sought),
        }
    }

    fn seek(&mut self, wrapper: &mut Wrapper) -> Result<Sought, Error> {
        let seen = self.cursor.index(wrapper.seen);
        let at = seen.max(self.cursor.position());
        self.fence_in_hand(wrapper);
        if std::mem::take(&mut wrapper.waiting) {
            return self.enter(wrapper, at, None);
        }
        let mut search = Search { at, piece: at, sound_to: 0 };
        loop {
            let sought = match wrapper.document {
                Some(document @ Document { sound: true, end: Some(end), .. }) => {
                    self.pass_sound(wrapper, &mut search, document, end)?
                }
                _ => self.pass_byte(wrapper, &mut search)?,
            };
            if let Some(sought) = sought {
                return Ok(sought);
            }
        }
    }

    /// Goes on in a well-formed document: to its next container of records, or to its end.
    fn pass_sound(
        &mut self,
        wrapper: &mut Wrapper,
        search: &mut Search,
        document: Document,
        end: u64,
    ) -> Result<Option<Sought>, Error> {
        let records = wrapper.containers.next();
        let to = records.as_ref().map_or(end, |records| document.start + records.start as u64);
        if document.found && self.stop <= to {
            let at = self.stop_index().max(search.at);
            self.feed_keeper(wrapper, at)?;
            return self.halt(wrapper, at).map(Some);
        }
        search.at = (to - self.cursor.offset(0)) as usize;
        self.feed_keeper(wrapper, search.at)?;
        if let Some(records) = records {
            wrapper.containers.enter();
            return self.enter(wrapper, search.at, Some(search.at + records.len())).map(Some);
        }
        self.cursor.lift_fence();
        wrapper.finder.pass_value();
        search.piece = search.at;
        Ok(self.end_document(wrapper, search.at, false))
    }

    /// Shows the keeper what of a well-formed document it has not seen, up to `to`.
    fn feed_keeper(&mut self, wrapper: &mut Wrapper, to: usize) -> Result<(), Error> {
        let Some(keeper) = &mut wrapper.keeper else { return Ok(()) };
        let from = self.cursor.index(keeper.seen).min(to);
        keeper.feed(&self.cursor.bytes()[from..to])?;
        keeper.seen = self.cursor.offset(to);
        Ok(())
    }

    /// Goes on by one byte, or by a value between documents.
    fn pass_byte(&mut self, wrapper: &mut Wrapper, search: &mut Search) -> Result<Option<Sought>, Error> {
        let here = self.cursor.offset(search.at);
        if here >= self.stop && wrapper.document.is_none_or(|document| document.found || document.piece) {
            return self.halt(wrapper, search.at).map(Some);
        }
        if wrapper.document.is_some_and(|document| document.end == Some(here)) {
            self.cursor.lift_fence();
            if let Some(damaged) = self.end_document(wrapper, search.at, false) {
                return Ok(Some(damaged));
            }
            search.piece = search.at;
        }
        let Some(b) = self.cursor.byte(search.at)? else {
            let damaged = self.end_document(wrapper, search.at, true);
            if damaged.is_none() {
                self.frame(search.at);
            }
            return Ok(Some(damaged.unwrap_or(Sought::End)));
        };
        if search.at - self.cursor.position() >= PIECE {
            self.forget_document(wrapper, search.at)?;
            (search.at, search.piece) = (0, search.piece.saturating_sub(search.at));
        }
        let at = search.at;
        let between = wrapper.is_between() && !wrapper.finder.is_in_string();
        let mut broken = None;
        if between && matches!(b, b'{' | b'[') && wrapper.finder.may_begin(b) {
            match self.pass_value(wrapper, search, b)? {
                ControlFlow::Break(sought) => return Ok(sought),
                ControlFlow::Continue(spot) => broken = spot,
            }
        } else if b == b'{' && self.another_begins(wrapper, at)? {
            return Ok(self.end_document(wrapper, at, false));
        } else if between && b == b':' && wrapper.finder.is_behind_string() {
            self.note_piece(wrapper, search.piece, at);
        } else if b == b'\n' && wrapper.document.is_none() {
            search.piece = at + 1;
        }
        let event = wrapper.finder.step(b);
        if between && !wrapper.finder.is_between() && event != Some(Event::Ended) {
            self.begin_document(wrapper, at, broken)?;
        }
        search.at += 1;
        match event {
            Some(Event::Found) => return self.enter(wrapper, at, None).map(Some),
            Some(Event::Text) if here >= search.sound_to => {
                match wrapper.probe(self.cursor.window_mut(), at + 1)? {
                    None => return self.enter(wrapper, at, None).map(Some),
                    Some(to) => search.sound_to = self.cursor.offset(to),
                }
            }
            _ => {}
        }
        let ended = event == Some(Event::Ended);
        if let Some(keeper) = &mut wrapper.keeper {
            if ended {
                keeper.lose();
            } else {
                keeper.step(b)?;
            }
        }
        Ok(if ended { self.step_out(wrapper, search, b) } else { None })
    }

    /// What the value that opens with `b` between documents is, as a whole: it is passed, or
    /// what is wrong with it is returned, if that is known, and it is gone through.
    fn pass_value(
        &mut self,
        wrapper: &mut Wrapper,
        search: &mut Search,
        b: u8,
    ) -> Result<ControlFlow<Option<Sought>, Option<Spot>>, Error> {
        let at = search.at;
        let mut whole = self.whole_value(wrapper, at)?;
        let leads = !wrapper.containers.is_empty();
        if let Whole::Sound(end) = whole
            && leads
            && let Some(spot) = self.goes_on(wrapper, at, end)?
        {
            whole = Whole::Broken(spot);
        }
        let Whole::Sound(end) = whole else {
            if wrapper.finder.begins(b)
                && let Some(damaged) = self.end_document(wrapper, at, false)
            {
                return Ok(ControlFlow::Break(Some(damaged)));
            }
            if b == b'[' && self.is_text(at)? {
                wrapper.finder.pass_value();
                search.at += 1;
                return Ok(ControlFlow::Break(None));
            }
            let Whole::Broken(spot) = whole else { return Ok(ControlFlow::Continue(None)) };
            return Ok(ControlFlow::Continue(Some(spot)));
        };
        if !leads && self.is_piece(wrapper, end)? {
            self.note_piece(wrapper, search.piece, at);
        } else if let Some(damaged) = self.end_document(wrapper, at, false) {
            return Ok(ControlFlow::Break(Some(damaged)));
        }
        if leads {
            wrapper.finder.end_document(b == b'[');
            let (start, end) = (self.cursor.offset(at), Some(self.cursor.offset(end)));
            wrapper.document =
                Some(Document { start, end, sound: true, fault: None, found: false, piece: false });
            if let Some(keeper) = &mut wrapper.keeper {
                keeper.begin(false);
                keeper.seen = start;
            }
            self.fence_in_hand(wrapper);
        } else {
            wrapper.finder.pass_value();
            search.at = end;
        }
        Ok(ControlFlow::Break(None))
    }

    /// The document in hand ends with `b`, behind which the search stands.
    fn step_out(&mut self, wrapper: &mut Wrapper, search: &mut Search, b: u8) -> Option<Sought> {
        // With a brace the next one begins, this one having no end.
        let closed = b != b'{';
        search.at -= usize::from(!closed);
        let bounded = wrapper.document.is_some_and(|document| document.end.is_some());
        if !bounded && let Some(damaged) = self.end_document(wrapper, search.at, false) {
            return Some(damaged);
        }
        if !closed {
            wrapper.finder.end_document(false);
        }
        search.piece = search.at;
        None
    }

    /// Whether a line at `at` is, or begins, a document with records, where the one in hand
    /// is broken, and it is not known where that ends.
    fn another_begins(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<bool, Error> {
        let endless = wrapper.document.is_some_and(|document| document.end.is_none() && !document.piece);
        if !endless || !wrapper.finder.starts_line() || !wrapper.finder.is_broken() {
            return Ok(false);
        }
        let whole = self.whole_value(wrapper, at)?;
        Ok(matches!(whole, Whole::Sound(_)) && !wrapper.containers.is_empty())
    }

    /// Goes on at `at`, where records begin, and before `end`, where they end, if that is
    /// known.
    fn enter(&mut self, wrapper: &mut Wrapper, at: usize, end: Option<usize>) -> Result<Sought, Error> {
        if let Some(damaged) = self.damaged_gap(wrapper, at) {
            wrapper.waiting = true;
            return Ok(damaged);
        }
        if let Some(keeper) = &mut wrapper.keeper {
            keeper.enter(self.ledger.tally().records)?;
            keeper.seen = end.map_or(0, |end| self.cursor.offset(end));
        }
        self.ledger.frame_passed(&self.cursor);
        self.frame(at);
        if let Some(document) = &mut wrapper.document {
            document.found = true;
        }
        wrapper.has_records = true;
        wrapper.seen = 0;
        (wrapper.sound, wrapper.ended) = (end.is_some(), end.is_some());
        match end {
            Some(end) => self.cursor.fence(end),
            None => wrapper.finder.leave(),
        }
        Ok(Sought::Container)
    }

    /// Stops where a run is to end, at `at` or before it. Pieces end there, too: they did
    /// where the stream ended there.
    fn halt(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<Sought, Error> {
        if self.cursor.offset(at) > self.stop {
            return Err(Error::NoBoundary);
        }
        if wrapper.document.is_some_and(|document| document.piece)
            && let Some(damaged) = self.end_document(wrapper, at, false)
        {
            return Ok(damaged);
        }
        self.frame(at);
        wrapper.seen = self.cursor.offset(at);
        // Whoever goes on from there seeks on.
        self.cursor.fence(at);
        Ok(Sought::End)
    }

    /// The value at `at` as a whole, and the containers of records in it.
    fn whole_value(&mut self, wrapper: &mut Wrapper, at: usize) -> Result<Whole, Error> {
        if !wrapper.may_look(self.cursor.offset(at)) {
            return Ok(Whole::Unknown);
        }
        let mut follower = Follower::new(wrapper.finder.path(), at, &mut wrapper.containers);
        let (whole, to) = self.scan_whole(at, WHOLE, &mut follower)?;
        wrapper.looked += (to - at) as u64;
        Ok(whole)
    }

    /// The value at `at` as a whole, of which no more than `span` bytes are looked at; and up
    /// to where it was.
    pub(super) fn scan_whole(
        &mut self,
        at: usize,
        span: usize,
        watch: &mut impl Watch,
    ) -> Result<(Whole, usize), Error> {
        let until = at + span;
        let mut scanner = Scanner::new(false);
        let mut from = at;
        loop {
            let bytes = self.cursor.bytes();
            let end = bytes.len().min(until);
            let eof = self.cursor.eof() && end < until;
            return match scanner.scan_watched(&bytes[..end], from, eof, watch) {
                Progress::More(next) if end < until => {
                    from = next;
                    self.cursor.grow()?;
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
            match self.cursor.byte(at)? {
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
                        let bytes = self.cursor.bytes();
                        enclosed || begins_alike(&bytes[start..], &bytes[at..])
                    }
                    Some(b'[') => true,
                    Some(b']') | None => enclosed,
                    Some(_) => false,
                }
            }
            Some(b']') => enclosed,
            Some(b'}') => false,
            Some(b':' | b'"') => self.cursor.bytes()[end..at].contains(&b'\n'),
            _ => true,
        };
        let what = "expected the end of the document";
        Ok((!ends).then_some(Spot { kind: FaultKind::Syntax, at, what }))
    }

    /// Whether the bracket at `at`, which opens nothing that is well-formed, is a part of a
    /// text.
    fn is_text(&mut self, at: usize) -> Result<bool, Error> {
        let (first, start) = self.next_filled(at + 1)?;
        if matches!(first, Some(b'{' | b'[' | b'"')) {
            return Ok(false);
        }
        let bytes = self.cursor.bytes();
        let until = bytes.len().min(start + 1024);
        Ok(match Scanner::new(true).scan(&bytes[..until], start, until == bytes.len()) {
            Progress::Done(end) => !bytes[end..].trim_ascii_start().starts_with(b","),
            _ => true,
        })
    }

    /// Remembers that a piece of a document begins at `start`, as `at` shows.
    fn note_piece(&mut self, wrapper: &mut Wrapper, start: usize, at: usize) {
        let fault = Fault { kind: FaultKind::Syntax, at: self.cursor.offset(at), what: PIECES };
        wrapper.document.get_or_insert(Document {
            start: self.cursor.offset(start.max(self.cursor.position())),
            end: None,
            sound: false,
            fault: Some(fault),
            found: false,
            piece: true,
        });
    }

    /// A document begins at `at`, of which it may be known where it is broken.
    fn begin_document(
        &mut self,
        wrapper: &mut Wrapper,
        at: usize,
        broken: Option<Spot>,
    ) -> Result<(), Error> {
        let fault = broken.map(|spot| self.fault_at(spot));
        let end = if fault.is_some() { self.next_document(wrapper, at)? } else { None };
        let start = self.cursor.offset(at);
        wrapper.document = Some(Document { start, end, sound: false, fault, found: false, piece: false });
        if let Some(keeper) = &mut wrapper.keeper {
            keeper.begin(fault.is_some());
        }
        self.fence_in_hand(wrapper);
        Ok(())
    }

    /// Nothing behind the document in hand is seen, if it is known where it ends.
    fn fence_in_hand(&mut self, wrapper: &Wrapper) {
        if let Some(end) = wrapper.document.and_then(|document| document.end) {
            self.cursor.fence(self.cursor.index(end));
        }
    }

    /// Where the broken document at `start` ends at the latest: before another one, or at
    /// the end of the stream.
    fn next_document(&mut self, wrapper: &mut Wrapper, start: usize) -> Result<Option<u64>, Error> {
        let until = start + WHOLE;
        self.cursor.byte(until)?;
        let until = until.min(self.cursor.bytes().len());
        let Some(root) = wrapper.finder.path().opener(0) else { return Ok(None) };
        let own = indentation(&self.cursor.bytes()[..start]).unwrap_or(0);
        let enclosed = wrapper.finder.around() > 0;
        let mut at = start + 1;
        while let Some(next) = memchr::memchr(root, &self.cursor.bytes()[at..until]) {
            let here = at + next;
            at = here + 1;
            let bytes = self.cursor.bytes();
            let before = bytes[start..here].trim_ascii_end();
            let line = indentation(&bytes[start..here]).filter(|&indent| indent <= own);
            let comma = before.last() == Some(&b',');
            let behind = match before {
                [.., b'[' | b'{' | b':'] => false,
                [rest @ .., b','] => enclosed && rest.trim_ascii_end().ends_with(b"}"),
                [.., b'}' | b']'] => true,
                _ => line.is_some(),
            };
            if !behind || !wrapper.may_look(self.cursor.offset(start)) {
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
                return Ok(Some(self.cursor.offset(here)));
            }
        }
        let all = self.cursor.eof() && until == self.cursor.bytes().len();
        Ok(all.then(|| self.cursor.offset(until)))
    }

    /// The document in hand ends at `at`; with `eof` the stream does. The finder is behind
    /// it. If it is a reject, that is returned.
    fn end_document(&mut self, wrapper: &mut Wrapper, at: usize, eof: bool) -> Option<Sought> {
        let damaged = self.damaged_gap(wrapper, at);
        let broken = wrapper.finder.is_broken();
        if !wrapper.finder.is_between() {
            wrapper.finder.end_document(false);
        }
        if let Some(keeper) = &mut wrapper.keeper {
            keeper.end();
        }
        let document = wrapper.document.take()?;
        wrapper.seen = self.cursor.offset(at);
        if damaged.is_some() {
            return damaged;
        }
        let end = self.trim(at);
        let start = self.cursor.index(document.start);
        let fault = document.fault.or_else(|| {
            let fault = |kind, at, what| Fault { kind, at, what };
            if broken {
                Some(fault(FaultKind::Syntax, document.start, BROKEN))
            } else {
                eof.then(|| fault(FaultKind::Truncated, self.cursor.offset(end), ENDS))
            }
        });
        match fault {
            Some(fault)
                if !document.found && !document.sound && !self.is_mere_text(&document, start, end) =>
            {
                self.cursor.fence(end);
                Some(Sought::Damaged { start, end, fault })
            }
            _ => {
                self.ledger.frame_passed(&self.cursor);
                None
            }
        }
    }

    /// Whether the pieces of a document in `start..end` are none, after all: no object began
    /// or ended in them.
    fn is_mere_text(&self, document: &Document, start: usize, end: usize) -> bool {
        let short = document.piece && !self.ledger.has_passed();
        short && memchr::memchr2(b'{', b'}', &self.cursor.bytes()[start..end]).is_none()
    }

    /// What lies between containers of records in one document, up to `at`, if it is broken
    /// and may have held others.
    fn damaged_gap(&mut self, wrapper: &mut Wrapper, at: usize) -> Option<Sought> {
        let document = wrapper.document.filter(|document| document.found && !document.sound)?;
        if !wrapper.finder.path().is_manifold() || !wrapper.finder.is_broken() || document.piece {
            return None;
        }
        let is_closer = |b: &u8| is_framing(*b) || matches!(b, b']' | b'}');
        let skipped =
            self.cursor.bytes()[self.cursor.position()..at].iter().take_while(|b| is_closer(b)).count();
        let (start, end) = (self.cursor.position() + skipped, self.trim(at));
        if start >= end {
            return None;
        }
        let fault = Fault { kind: FaultKind::Syntax, at: self.cursor.offset(start), what: BROKEN };
        wrapper.seen = self.cursor.offset(at);
        self.cursor.fence(end);
        Some(Sought::Damaged { start, end, fault })
    }

    /// Forgets what lies before `at`: framing, or the front of a document that may be
    /// rejected.
    fn forget_document(&mut self, wrapper: &Wrapper, at: usize) -> Result<(), Error> {
        match wrapper.document.filter(|document| !document.found && !document.sound) {
            Some(document) => {
                let start = self.cursor.index(document.start);
                self.pass(start.max(self.cursor.position()), at)?;
            }
            None => {
                self.frame(at);
                self.cursor.forget();
            }
        }
        Ok(())
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
