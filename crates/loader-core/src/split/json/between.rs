//! What stands where a record should and is none: text, and runs of NUL bytes.

use super::Format;
use super::bounds::SPAN;
use super::framing::is_framing;
use super::layout::Layout;
use super::prefix;
use super::splitter::Splitter;
use super::text;
use crate::fault::{Fault, FaultKind};
use crate::json::scan::{RECORD_SEPARATOR, Spot};
use crate::json::shape::Class;
use crate::split::Reader;
use crate::stream::{Error, Source};

/// At most this many values in a text are parsed while nothing is known of the records.
const TRIES: usize = 64;

/// The fault of text at `start`.
pub(super) fn text(start: usize) -> Spot {
    Spot { kind: FaultKind::Text, at: start, what: "text between records" }
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// What stands at `start`, where a record should and none is good, if it is no record at
    /// all; and where it ends. What was read before may have left the window then.
    pub(super) fn between(&mut self, start: usize) -> Result<Option<(Fault, usize)>, Error> {
        let b = self.cursor.bytes()[start];
        match b {
            0 => {
                let what = "NUL bytes between records";
                // The offset must outlive a move of the window.
                let fault = self.fault_at(Spot { kind: FaultKind::NulBytes, at: start, what });
                let end = self.nul_bytes(start)?;
                Ok(Some((fault, end)))
            }
            // In a document, what is around its records would count as text.
            _ if self.wrapper.is_some() => Ok(None),
            b'{' | b'}' | b':' => Ok(None),
            b'[' if text::opens(self.peek(start)?) && !self.begins_text(start)? => Ok(None),
            _ => Ok(self.text(start)?.map(|end| (self.fault_at(text(start)), end))),
        }
    }

    /// The end of a run of NUL bytes.
    fn nul_bytes(&mut self, start: usize) -> Result<usize, Error> {
        let mut at = start;
        loop {
            let bytes = self.cursor.bytes();
            if let Some(other) = bytes[at..].iter().position(|&b| b != 0) {
                return Ok(at + other);
            }
            let end = bytes.len();
            if self.cursor.eof() {
                return Ok(end);
            }
            at = end - self.pass(at, end)?;
            self.cursor.grow()?;
        }
    }

    /// The end of the text at `start`: the end of its line, where a record is one, or the
    /// next record. `None` where something of JSON is in it: it is a piece of a record then.
    fn text(&mut self, start: usize) -> Result<Option<usize>, Error> {
        let lines = matches!(self.layout, Layout::Lines { .. });
        let limit = if lines { None } else { self.limit(start)? };
        let mut open = 0usize;
        let mut tries = 0;
        let mut at = start;
        loop {
            if limit.is_some_and(|limit| at >= limit) {
                return Ok(self.as_text(start, at));
            }
            let Some(b) = self.cursor.byte(at)? else { return Ok(self.as_text(start, at)) };
            match b {
                b'\n' if lines => return Ok(self.as_text(start, at)),
                RECORD_SEPARATOR => return Ok(self.as_text(start, at)),
                b'"' if at > start && self.cursor.byte(at + 1)? == Some(b':') => return Ok(None),
                b'"' if self.is_key(at)? => return Ok(None),
                b'{' | b'[' if text::opens(self.peek(at)?) => {
                    tries += 1;
                    match self.begins(start, at, tries)? {
                        Some(true) => return Ok(self.as_text(start, at)),
                        Some(false) if b == b'{' => open += 1,
                        Some(false) => {}
                        None => return Ok(None),
                    }
                }
                b'{' => open += 1,
                b'}' if open == 0 => return Ok(None),
                b'}' => open -= 1,
                _ => {}
            }
            at += 1;
            if at - start > SPAN {
                return Ok(None);
            }
        }
    }

    /// Whether a record begins at the bracket at `at`, behind text that begins at `start`; `None` where it does not
    /// and what follows says that the text is a piece of a record.
    fn begins(&mut self, start: usize, at: usize, tries: usize) -> Result<Option<bool>, Error> {
        let class = Class::of(self.cursor.bytes()[at]);
        let known = class.is_some_and(|class| self.profile.knows_class(class));
        if !known || (self.profile.records() > 0 && !self.opens(at)?) {
            return Ok(Some(false));
        }
        if tries > TRIES {
            return Ok(Some(self.profile.records() > 0));
        }
        match self.whole_nearby(at)? {
            Some(end) if self.is_in_text(start, at, end)? => Ok(Some(false)),
            Some(end) => {
                let value = &self.cursor.bytes()[at..end];
                // What may lie inside of a record is told from one by what is around it.
                let inner = self.profile.is_lookalike(value);
                let stranger = value[0] == b'[' && self.profile.records() > 0 && !self.profile.owns(value);
                let around = if value[0] == b'[' { b']' } else { b'}' };
                Ok(if inner || stranger || self.closes_behind(end, around)? { None } else { Some(true) })
            }
            None => Ok(Some(self.profile.records() > 0)),
        }
    }

    /// Whether a line of text begins with the array at `start`.
    fn begins_text(&mut self, start: usize) -> Result<bool, Error> {
        match self.whole_nearby(start)? {
            Some(end) => self.is_in_text(start, start, end),
            None => Ok(false),
        }
    }

    /// Whether the value `at..end` is a part of the text on its line, which begins at `start` or
    /// behind, as no record of this file is: it is empty, a number in brackets, or a list of
    /// scalars with words behind it.
    pub(super) fn is_in_text(&mut self, start: usize, at: usize, end: usize) -> Result<bool, Error> {
        let bytes = self.cursor.bytes();
        let value = &bytes[at..end];
        if value.contains(&b'\n') || self.profile.owns(value) || self.prefix.is_some() {
            return Ok(false);
        }
        let scalars = value[0] == b'[' && !value[1..].iter().any(|b| matches!(b, b'{' | b'['));
        let before = &bytes[memchr::memrchr(b'\n', &bytes[start..at]).map_or(start, |n| start + n + 1)..at];
        let before = before.trim_ascii().len();
        let rest = self.peek(end)?;
        let behind = memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..end]).trim_ascii();
        let words = behind.iter().any(u8::is_ascii_alphabetic) && text::is_remark(behind);
        let beside = before + behind.len();
        Ok((before > 0 && !prefix::tells(&self.cursor.bytes()[at..end], beside)) || (scalars && words))
    }

    /// Whether something around a value goes on at `at`, or closes there with `closer`.
    fn closes_behind(&mut self, mut at: usize, closer: u8) -> Result<bool, Error> {
        while let Some(b' ' | b'\t' | b'\r') = self.cursor.byte(at)? {
            at += 1;
        }
        Ok(matches!(self.cursor.byte(at)?, Some(b) if b == closer || matches!(b, b'}' | b':')))
    }

    /// The end of a text without the framing at it; `None` where it is an element of the
    /// array of the records, and a bad one.
    fn as_text(&self, start: usize, end: usize) -> Option<usize> {
        let bytes = self.cursor.bytes();
        let framing = bytes[..end].iter().rev().take_while(|b| is_framing(**b)).count();
        let text = &bytes[start..end - framing];
        let scalars = [Class::String, Class::Number, Class::Bool, Class::Null];
        let scalar = scalars.into_iter().any(|class| self.profile.knows_class(class));
        let behind = &bytes[end - framing..];
        let before = bytes[self.cursor.position()..start].iter().rev().find(|b| !b.is_ascii_whitespace());
        let element = self.format == Format::Array
            && behind.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b',')
            && (before == Some(&b','))
            && !text.contains(&b'\n');
        (!text.is_empty() && !scalar && !element).then_some(start + text.len())
    }
}
