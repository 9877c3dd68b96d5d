//! What the surroundings of a value, and what it holds, say of it: is it a
//! record, a piece of one, or more than one?

use super::Format;
use super::bounds::SPAN;
use super::framing::BOM;
use super::layout::Layout;
use super::outcome::SUSPICIOUS;
use super::splitter::{PEEK, Splitter};
use super::text;
use crate::fault::FaultKind;
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner, Spot};
use crate::json::shape::{self, Class, Role, Shape};
use crate::split::Reader;
use crate::stream::{Error, Source};

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Whether the line of `start` is indented deeper than the records of this
    /// file, and `start` is the first on it.
    pub(super) fn lies_deeper(&self, start: usize) -> bool {
        let indent = match self.layout {
            Layout::Indented(indent) => indent,
            Layout::Sequence => 0,
            _ => return false,
        };
        line_start(&self.cursor.bytes()[..start])
            .is_some_and(|line| blanks(&self.cursor.bytes()[line..start]) > indent)
    }

    /// Whether nothing but framing stands before `start` on its line.
    pub(super) fn begins_line(&self, start: usize) -> bool {
        self.line_begins || self.cursor.bytes()[self.cursor.position()..start].contains(&b'\n')
    }

    /// Whether a scalar at `start`, behind records of other kinds, is none of them: it stands
    /// beside one on its line, or behind the array of those that have a line each.
    pub(super) fn stands_apart(&mut self, start: usize) -> Result<bool, Error> {
        if self.profile.records() == 0 {
            return Ok(false);
        }
        let separated = self.cursor.bytes()[self.cursor.position()..start].contains(&b',');
        if !separated && !self.begins_line(start) {
            return Ok(true);
        }
        // What lies before a line that begins a range is not known.
        let lines = matches!(self.layout, Layout::Lines { .. });
        Ok(lines && self.commas && !self.is_element(start)?)
    }

    /// Whether the scalar at `start` is followed by what follows the element of an array.
    fn is_element(&mut self, start: usize) -> Result<bool, Error> {
        let text = self.peek(start)?;
        let end = match text.first() {
            Some(b'"') => shape::string_end(text, 0),
            _ => text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count(),
        };
        let rest = text.get(end..).unwrap_or_default();
        Ok(matches!(rest.trim_ascii_start().first(), Some(b',' | b']')))
    }

    /// Whether the bracket at `start`, where a record should start, encloses records, in a
    /// file that has objects only: one of theirs follows it.
    pub(super) fn encloses_records(&mut self, start: usize) -> Result<bool, Error> {
        Ok(self.cursor.bytes()[start] == b'['
            && !matches!(self.layout, Layout::Lines { .. })
            && self.profile.only_objects()
            && self.element_opens(start)?.is_some())
    }

    /// Where the first element of the array at `start` lies, if it opens like a record.
    fn element_opens(&mut self, start: usize) -> Result<Option<usize>, Error> {
        let text = self.peek(start + 1)?;
        let at = start + 1 + text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        Ok(if self.cursor.byte(at)? == Some(b'{') && self.opens(at)? { Some(at) } else { None })
    }

    /// An array opens at `start`, at the indentation of records or before it: those in it are
    /// indented as the first of them is, if that is well-formed. Behind it, records are where
    /// they were.
    pub(super) fn indent_by_array(&mut self, start: usize) -> Result<(), Error> {
        if self.lies_deeper(start) || line_start(&self.cursor.bytes()[..start]).is_none() {
            return Ok(());
        }
        self.indent_by_element(start)
    }

    /// As [`Splitter::indent_by_array`], wherever the array opens on its line.
    pub(super) fn indent_by_element(&mut self, start: usize) -> Result<(), Error> {
        let Layout::Indented(outer) = self.layout else { return Ok(()) };
        let Some(at) = self.element_opens(start)? else { return Ok(()) };
        let Some(line) = line_start(&self.cursor.bytes()[..at]) else { return Ok(()) };
        let indent = at - line;
        let Some(end) = self.whole_nearby(at)? else { return Ok(()) };
        let element = &self.cursor.bytes()[at..end];
        let last = memchr::memrchr(b'\n', element).map_or(indent, |newline| blanks(&element[newline + 1..]));
        let owned = self.profile.records() == 0 || self.profile.owns(element);
        if indent > outer && last == indent && owned {
            self.outer.get_or_insert((outer, self.closing));
            (self.layout, self.closing) = (Layout::Indented(indent), last);
        }
        Ok(())
    }

    /// Takes back what [`Splitter::indent_by_array`] has found, where a value starts on a
    /// line outside of the array.
    pub(super) fn indent_as_before(&mut self, start: usize) {
        if let Some((indent, closing)) = self.outer
            && let Some(line) = line_start(&self.cursor.bytes()[..start])
            && blanks(&self.cursor.bytes()[line..start]) <= indent
        {
            (self.layout, self.closing, self.outer) = (Layout::Indented(indent), closing, None);
        }
    }

    /// Whether a record that spans lines ends where records of this file do: its
    /// last bracket stands on a line that is no deeper than its first.
    pub(super) fn ends_properly(&self, start: usize, end: usize) -> bool {
        let Layout::Indented(indent) = self.layout else { return false };
        let text = &self.cursor.bytes()[start..end];
        let Some(newline) = memchr::memrchr(b'\n', text) else { return false };
        let last = &text[newline + 1..];
        let blank = blanks(last);
        (blank <= indent || blank == self.closing) && last[blank..].iter().all(|b| matches!(b, b'}' | b']'))
    }

    /// Whether the bracket at `start`, where a record should start, is framing
    /// at the wrong place: nothing but the end of the line follows, or a record.
    pub(super) fn bracket_is_framing(&mut self, start: usize) -> Result<bool, Error> {
        let lines = matches!(self.layout, Layout::Lines { .. });
        let mut i = start + 1;
        while let Some(b) = self.cursor.byte(i)? {
            match b {
                b'\n' if lines => return Ok(true),
                b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR => i += 1,
                b']' if !lines => i += 1,
                b'{' => {
                    return Ok(self.profile.records() == 0 || self.opens(i)?);
                }
                b'[' => {
                    let whole = self.whole_nearby(i)?;
                    let known =
                        |end| self.profile.records() == 0 || self.profile.owns(&self.cursor.bytes()[i..end]);
                    return Ok(whole.is_some_and(known));
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether the array that was read as a record is an enclosing one: nothing
    /// comes after it, and it holds what this file has as records. In a file of
    /// arrays that is known of its first only if its elements are all alike.
    pub(super) fn wraps_records(&self, start: usize, end: usize) -> bool {
        if matches!(self.layout, Layout::Lines { .. }) || !self.ends_stream(end) {
            return false;
        }
        let bytes = self.cursor.bytes();
        if self.profile.only_objects() {
            let first =
                start + 1 + bytes[start + 1..end].iter().take_while(|b| b.is_ascii_whitespace()).count();
            return self.profile.opens(&bytes[first..end]);
        }
        if self.ledger.records() > 0 || self.format != Format::Array {
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
        arrays >= 3
            && alike == arrays
            && shape::of(&bytes[start..end]).is_some_and(|own| own.count() == arrays)
    }

    /// Whether nothing but framing follows `end`.
    pub(super) fn ends_stream(&self, end: usize) -> bool {
        let mut rest = self.cursor.bytes()[end..].iter();
        self.cursor.eof() && rest.all(|b| b.is_ascii_whitespace() || matches!(b, b',' | b']'))
    }

    /// Whether the bracket at `at`, where nothing is open, closes the array of the records:
    /// nothing of JSON comes behind it.
    pub(super) fn closes_records(&self, at: usize) -> bool {
        let rest = &self.cursor.bytes()[at + 1..];
        self.wrapper.is_none()
            && self.cursor.eof()
            && rest.len() <= PEEK
            && rest.split(|&b| b == b'\n').all(text::is_remark)
    }

    /// Whether a value that is much longer than the records before it, and not
    /// at its end yet, has swallowed some: where the first of them starts.
    pub(super) fn swallows(&mut self, start: usize, at: usize) -> Result<Option<usize>, Error> {
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
            let again = self.scanner.scan(&self.cursor.bytes()[..at], start, false);
            if let Progress::OutOfMemory(error) = again {
                return Err(error.into());
            }
        }
        Ok(found)
    }

    /// Where a record starts inside of the whole value `start..end`: it lost its
    /// end and took that of a neighbour.
    pub(super) fn swallowed(&mut self, start: usize, end: usize) -> Result<Option<usize>, Error> {
        if let Layout::Indented(_) = self.layout
            && let Some(at) = self.next_start_line(start, Some(end))?
            && let Some(whole) = self.whole_before(at, end)?
            && self.profile.owns(&self.cursor.bytes()[at..whole])
        {
            return Ok(Some(at));
        }
        Ok(self.swallowed_elements(start, end))
    }

    /// What is wrong where that which follows the whole value `start..end` says
    /// that it is not a record.
    pub(super) fn misfit(&mut self, start: usize, end: usize) -> Result<Option<Spot>, Error> {
        let bad = |at| Ok(Some(Spot { kind: FaultKind::Syntax, at, what: "expected the end of the record" }));
        let lines = matches!(self.layout, Layout::Lines { .. });
        let (mut comma, mut newline, mut bracket, mut separator) = (false, false, false, false);
        let mut i = end;
        loop {
            let Some(b) = self.cursor.byte(i)? else { return Ok(None) };
            match b {
                b'\n' if lines => return Ok(None),
                RECORD_SEPARATOR if lines || self.layout == Layout::Sequence => return Ok(None),
                b' ' | b'\t' | b'\r' => {}
                b'\n' => newline = true,
                b',' => comma = true,
                b']' => bracket = true,
                // Where no record is an array, an opening bracket is framing too.
                b'[' if self.profile.only_objects()
                    && self.profile.owns(&self.cursor.bytes()[start..end]) =>
                {
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
        let b = self.cursor.bytes()[i];
        let separated = comma || newline || separator || bracket;
        let class = Class::of(b);
        if bracket && b == b'}' && self.only_closers(i) {
            return Ok(None);
        }
        if !lines && matches!(b, b'{' | b'[') && class.is_some_and(|class| self.profile.knows_class(class)) {
            return Ok(None);
        }
        let owned = self.profile.owns(&self.cursor.bytes()[start..end]);
        let believed = owned || self.profile.records() == 0 || self.prefix.is_some();
        if believed && self.is_remark(i, i == end)? && !self.is_in_text(start, start, end)? {
            return Ok(None);
        }
        let apart = comma || newline || !self.commas;
        if owned && apart && !matches!(b, b'}' | b':') && self.ends_properly(start, end) {
            return Ok(None);
        }
        let fits = match class {
            None if matches!(b, b'}' | b':') => owned && (comma || newline),
            // Binary rubbish between records is none of theirs; text belongs to
            // the record that it touches.
            None if !(0x20..0x7F).contains(&b) => owned,
            None => newline || (owned && (comma || (!lines && !self.commas))),
            Some(Class::String) if self.is_key(i)? => owned && apart && self.lost_its_brace(i, &mut 0)?,
            Some(Class::Object | Class::Array) if lines => owned && (comma || self.opens(i)?),
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

    /// Whether nothing but closing brackets is left of the stream.
    fn only_closers(&self, at: usize) -> bool {
        let rest = &self.cursor.bytes()[at..];
        let closer = |b: &u8| b.is_ascii_whitespace() || matches!(b, b']' | b'}' | b')' | b';');
        self.cursor.eof() && rest.len() <= PEEK && rest.iter().all(closer)
    }

    /// Whether the rest of the line at `at` is text behind a value, which may touch it.
    fn is_remark(&mut self, at: usize, touches: bool) -> Result<bool, Error> {
        let text = self.peek(at)?;
        let line = memchr::memchr(b'\n', text).map_or(text, |end| &text[..end]);
        let apart = !touches || !line.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        Ok(apart && text::is_remark(line))
    }

    /// Whether the string at `at` is followed by a colon.
    pub(super) fn is_key(&mut self, at: usize) -> Result<bool, Error> {
        Ok(text::is_key(self.peek(at)?))
    }

    /// Whether the members at `at` are all of a record but its opening brace. Adds the bytes
    /// that were looked at to `spent`.
    pub(super) fn lost_its_brace(&mut self, at: usize, spent: &mut usize) -> Result<bool, Error> {
        let mut scanner = Scanner::new(false);
        scanner.enter_object(matches!(self.layout, Layout::Lines { .. }))?;
        let end = self.end_nearby(scanner, at, SUSPICIOUS)?;
        *spent += end.map_or(SUSPICIOUS, |end| end - at);
        let shape = end.and_then(|end| shape::members(&self.cursor.bytes()[at..end]));
        Ok(shape.is_some_and(|shape| self.profile.owns_shape(&shape)))
    }

    /// The end of the value at `at`, if it is whole before `until`.
    fn whole_before(&mut self, at: usize, until: usize) -> Result<Option<usize>, Error> {
        self.scanner.reset(matches!(self.layout, Layout::Lines { .. }));
        match self.scanner.scan(&self.cursor.bytes()[..until], at, true) {
            Progress::Done(end) => Ok(Some(end)),
            Progress::More(_) | Progress::Broken(_) => Ok(None),
            Progress::OutOfMemory(error) => Err(error.into()),
        }
    }

    /// The end of the value at `at`, if it is whole and ends within [`SPAN`]. The
    /// scanner of the splitter may be in the middle of a record that is too large.
    pub(super) fn whole_nearby(&mut self, at: usize) -> Result<Option<usize>, Error> {
        let scanner = Scanner::new(matches!(self.layout, Layout::Lines { .. }));
        self.end_nearby(scanner, at, SPAN)
    }

    /// Where the scanner ends if it goes on at `at`, and finds it whole within `span` bytes.
    fn end_nearby(&mut self, mut scanner: Scanner, at: usize, span: usize) -> Result<Option<usize>, Error> {
        let until = at + span;
        let mut from = at;
        loop {
            let bytes = self.cursor.bytes();
            let end = bytes.len().min(until);
            match scanner.scan(&bytes[..end], from, self.cursor.eof() && end < until) {
                Progress::Done(end) => return Ok(Some(end)),
                Progress::More(next) if end < until => from = next,
                Progress::More(_) | Progress::Broken(_) => return Ok(None),
                Progress::OutOfMemory(error) => return Err(error.into()),
            }
            self.cursor.grow()?;
        }
    }

    /// Where an array has taken in records as its elements: the first of the row
    /// that ends it. In a file of objects one is enough where the array took the
    /// last bracket of the file. In a file of arrays the row has to be longer than
    /// any in a good record, of elements that begin as the array itself does.
    fn swallowed_elements(&self, start: usize, end: usize) -> Option<usize> {
        let text = &self.cursor.bytes()[start..end];
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
            let like =
                if last && !objects { shape.begins_like(&own) } else { self.profile.owns_shape(shape) };
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

/// Where the line starts that `text` ends in, if nothing but framing stands on it.
fn line_start(text: &[u8]) -> Option<usize> {
    let beside = |b: &&u8| matches!(b, b' ' | b'\t' | b'\r' | b',' | b'}' | b']');
    let line = text.len() - text.iter().rev().take_while(beside).count();
    (line > 0 && text[line - 1] == b'\n').then_some(line)
}

/// How far a line is indented.
fn blanks(line: &[u8]) -> usize {
    line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}
