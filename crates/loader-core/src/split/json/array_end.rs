//! Where the array in hand ends, in a document that is not known to be well-formed.

use super::splitter::Splitter;
use super::wrapper::{DOCUMENT_HEAD, Keys, Look, SHORT_TAIL, TAIL, Tail, leads_to_array, looks_like_tail};
use crate::fault::FaultKind;
use crate::json::scan::Spot;
use crate::split::Reader;
use crate::stream::{Error, Source};

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Whether records lie in an array of which it is not known where it ends.
    pub(super) fn is_open_ended(&self) -> bool {
        self.wrapper.as_ref().is_some_and(|wrapper| !wrapper.ended)
    }

    /// The array in hand ends before `at`.
    pub(super) fn fence(&mut self, at: usize) {
        self.cursor.fence(at);
        if let Some(wrapper) = &mut self.wrapper {
            wrapper.ended = true;
        }
    }

    /// Whether the `]` at `at`, where no record is open, ends the array.
    pub(super) fn ends_array(&mut self, at: usize) -> Result<bool, Error> {
        Ok(self.is_open_ended() && self.look(at + 1)?.ends_array())
    }

    /// As [`Self::ends_array`]; if so, nothing behind it is seen any more.
    pub(super) fn fence_array(&mut self, at: usize) -> Result<bool, Error> {
        let ends = self.ends_array(at)?;
        if ends {
            self.fence(at + 1);
        }
        Ok(ends)
    }

    /// Whether another document starts at `at`, where a record should: no comma
    /// stands before it, and the path leads to an array in it.
    pub(super) fn fence_document(&mut self, at: usize) -> Result<bool, Error> {
        if !self.is_open_ended() {
            return Ok(false);
        }
        let bytes = self.cursor.bytes();
        let separated = bytes[self.cursor.position()..at].iter().any(|b| matches!(b, b',' | b'['));
        if separated || bytes[at] != b'{' || !self.is_document(at)? {
            return Ok(false);
        }
        self.fence_for_document(at);
        Ok(true)
    }

    fn fence_for_document(&mut self, at: usize) {
        self.fence(at);
        if let Some(wrapper) = &mut self.wrapper {
            wrapper.restart = true;
        }
    }

    /// Fences the array where it ends behind the whole value `start..end`. If it
    /// ends inside of that: what is wrong with the value.
    pub(super) fn fence_behind(&mut self, start: usize, end: usize) -> Result<Option<Spot>, Error> {
        if !self.is_open_ended() {
            return Ok(None);
        }
        let mut at = end;
        let mut comma = false;
        let next = loop {
            match self.cursor.byte(at)? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                Some(b',') => comma = true,
                next => break next,
            }
            at += 1;
        };
        match next {
            Some(b']') => {
                let look = self.look(at + 1)?;
                let surplus = look.tail == Tail::Closers && !self.profile.has_lookalikes();
                if look.ends_array() || (surplus && self.profile.owns(&self.cursor.bytes()[start..end])) {
                    self.fence(at + 1);
                }
                return Ok(None);
            }
            Some(b'"') if comma && self.is_key(at)? => {}
            Some(b'{') if !comma => {}
            Some(b'}') | None => {}
            _ => return Ok(None),
        }
        let look = self.look(end)?;
        if self.cursor.bytes()[start] == b'[' && look.ends_array_surely() {
            // It took the bracket of the array.
            self.fence(end);
            return Ok(None);
        }
        if let Some(at) = self.array_ends_within(start + 1, end, false)? {
            self.fence(at);
            let what = "the array of the records ends inside of this one";
            return Ok(Some(Spot { kind: FaultKind::Truncated, at: at - 1, what }));
        }
        // The array has no bracket of its own.
        if matches!(next, Some(b'"' | b'}'))
            && look.ends_array_surely()
            && self.profile.owns(&self.cursor.bytes()[start..end])
        {
            self.fence(end);
        }
        Ok(None)
    }

    /// Fences the array where it ends inside of the reject `start..end`. Returns
    /// where the reject ends at the latest, if so.
    pub(super) fn fence_reject(&mut self, start: usize, end: usize) -> Result<Option<usize>, Error> {
        if !self.is_open_ended() {
            return Ok(None);
        }
        let from = start.max(self.ledger.passed_to(&self.cursor));
        let document = self.document_within(from, end)?;
        let latest = match (self.array_ends_within(from, document.unwrap_or(end), true)?, document) {
            (Some(at), _) => {
                self.fence(at);
                at - 1
            }
            (None, Some(at)) => {
                self.fence_for_document(at);
                at
            }
            (None, None) => return Ok(None),
        };
        self.searched = None;
        Ok(Some(latest))
    }

    /// The index behind the first bracket in `from..to` that surely ends the array
    /// by what follows it; in a reject that goes to the end of the stream, else behind
    /// the last that may.
    fn array_ends_within(&mut self, from: usize, to: usize, is_reject: bool) -> Result<Option<usize>, Error> {
        let mut at = from;
        let mut last = None;
        while let Some(next) = memchr::memchr(b']', &self.cursor.bytes()[at.min(to)..to]) {
            at += next + 1;
            if !looks_like_tail(&self.cursor.bytes()[at..]) {
                continue;
            }
            let look = self.look(at)?;
            if look.ends_array_surely() {
                return Ok(Some(at));
            }
            if look.tail == Tail::Whole {
                last = Some(at);
            }
        }
        Ok(last.filter(|_| is_reject && self.cursor.eof() && to == self.cursor.bytes().len()))
    }

    /// What follows the bracket before `at`.
    fn look(&mut self, at: usize) -> Result<Look, Error> {
        let offset = self.cursor.offset(at);
        loop {
            let bytes = &self.cursor.bytes()[at..];
            let Some(wrapper) = &mut self.wrapper else {
                return Ok(Look { tail: Tail::No, keys: Keys::None, bytes: 0 });
            };
            let generous = wrapper.may_look(offset);
            let most = if generous { TAIL } else { SHORT_TAIL };
            let text = &bytes[..bytes.len().min(most)];
            let eof = self.cursor.eof() && text.len() == bytes.len();
            let look = wrapper.look(text, eof, Some(&self.profile));
            wrapper.looked += look.bytes as u64;
            if look.tail != Tail::More {
                return Ok(look);
            }
            if text.len() == most {
                return Ok(Look { tail: Tail::Cut, ..look });
            }
            self.cursor.grow()?;
        }
    }

    /// The first brace in `from..to` that opens another document: behind one that
    /// has ended, or at the start of a line.
    fn document_within(&mut self, from: usize, to: usize) -> Result<Option<usize>, Error> {
        let mut at = from;
        while let Some(next) = memchr::memchr(b'{', &self.cursor.bytes()[at..to]) {
            at += next;
            let before = &self.cursor.bytes()[from..at];
            let apart = before.ends_with(b"\n") || before.trim_ascii_end().ends_with(b"}");
            if apart && self.is_document(at)? {
                return Ok(Some(at));
            }
            at += 1;
        }
        Ok(None)
    }

    /// Whether the path leads from the brace at `at` to an array, and no record
    /// starts so.
    fn is_document(&mut self, at: usize) -> Result<bool, Error> {
        self.cursor.byte(at + DOCUMENT_HEAD)?;
        let Some(wrapper) = &self.wrapper else { return Ok(false) };
        let text = &self.cursor.bytes()[at..];
        Ok(!self.profile.opens(&text[..text.len().min(1024)]) && leads_to_array(&wrapper.finder, text))
    }
}
