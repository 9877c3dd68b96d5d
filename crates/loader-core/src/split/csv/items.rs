//! From record to record: what comes next is booked and handed out.

use super::begin::BOM;
use super::lenient;
use super::lines::LineEnd;
use super::options::Options;
use super::read::Read;
use super::recover::Decision;
use super::splitter::Splitter;
use super::walk::Stop;
use crate::fault::{Fault, FaultKind};
use crate::split::Item;
use crate::stream::{Error, Source};

/// So much framing is booked at a time. Bytes.
const LONGEST_FRAMING: usize = 1024 * 1024;

/// Behind more bytes that end lines, the next line has nothing to do with the last.
const LONGEST_LINE_END: usize = 4;

impl<S: Source> Splitter<S> {
    /// See [`Split::next`](crate::split::Split::next).
    pub(super) fn next_item(&mut self) -> Result<Option<Item<'_>>, Error> {
        if let Some(before) = self.ledger.passed_from() {
            if before.offset >= self.stop {
                return Ok(None);
            }
            return self.pass_on().map(Some);
        }
        self.cursor.release();
        if !self.begin()? {
            return Ok(None);
        }
        let Some(start) = self.skip_blank_lines(true)? else { return Ok(None) };
        let max = self.options.max_record_size;
        let Some(line) = self.line_at(start, max)? else { return self.pass_over(start).map(Some) };
        if line.fields != self.options.width
            && !self.options.strict
            && self.is_of_another_table(start, &line)?
            && let Some(fault) = self.fault(start, &line)?
        {
            return self.reject(start, line.end, fault).map(Some);
        }
        let is_plain = line.stop == Stop::End && line.fields >= self.options.width;
        if is_plain && self.fault(start, &line)?.is_none() && !self.is_doubtful(start, line.end)? {
            return Ok(Some(self.record(start, &line)));
        }
        match self.decide(start, line)? {
            Decision::TooLarge => self.pass_over(start).map(Some),
            Decision::Read(read) | Decision::Reject(_, read) if read.end - start > max => {
                self.pass_over(start).map(Some)
            }
            Decision::Read(read) => self.tolerate(start, read.end, &read).map(Some),
            Decision::Reject(end, read) => self.tolerate(start, end, &read).map(Some),
        }
    }

    /// What the line at `start` is by itself, if it is not too long.
    #[inline]
    fn line_at(&mut self, start: usize, max: usize) -> Result<Option<Read>, Error> {
        if let Some((offset, read)) = self.ahead.take()
            && offset == self.cursor.offset(start)
        {
            return Ok(Some(read.shifted(start)));
        }
        let LineEnd::At(end) = self.line_end(start, max)? else { return Ok(None) };
        Ok(Some(self.options.dialect.read_line(self.cursor.bytes(), start, end)?))
    }

    /// Whether the line `start..end`, which is a record by itself, may be a part of a larger
    /// one: the next line is broken, and it does not fit.
    #[inline]
    fn is_doubtful(&mut self, start: usize, end: usize) -> Result<bool, Error> {
        let mut next = end;
        while let Some(b'\n' | b'\r') = self.cursor.byte(next)? {
            next += 1;
            if next - end > LONGEST_LINE_END {
                return Ok(false);
            }
        }
        if next == self.cursor.bytes().len() {
            return Ok(false);
        }
        let LineEnd::At(next_end) = self.line_end(next, self.options.max_record_size)? else {
            return Ok(false);
        };
        let read = self.options.dialect.read_line(self.cursor.bytes(), next, next_end)?;
        self.ahead = Some((self.cursor.offset(next), read.relative(next)));
        let Options { width, surplus, .. } = self.options;
        if read.stop == Stop::End && read.fields >= width && read.fields - width <= surplus {
            return Ok(false);
        }
        self.is_contrary(start, end)
    }

    /// The fault of a record that is the first part of a damaged one, which ends before `end`.
    fn torn(&self, end: usize) -> Fault {
        let what = "the record goes on in the next line";
        Fault { kind: FaultKind::StrayQuote, at: self.cursor.offset(end), what }
    }

    /// Books the record `start..end`, which reads as `read` says, as good or bad.
    fn tolerate(&mut self, start: usize, end: usize, read: &Read) -> Result<Item<'_>, Error> {
        let fault = match self.fault(start, read)? {
            None if end == read.end && self.is_part(start, read)? => Fault {
                kind: FaultKind::MissingColumns,
                at: self.cursor.offset(end),
                what: "the record has too few fields, and begins as none does",
            },
            None if end == read.end => return Ok(self.record(start, read)),
            None => self.torn(read.end),
            Some(fault) => fault,
        };
        let is_within = end - start <= self.options.max_record_size;
        if !self.is_strict() && is_within && self.is_readable(start, &Read { end, ..*read })? {
            let one_line = memchr::memchr(b'\n', &self.cursor.bytes()[start..end]).is_none();
            return Ok(self.record(start, &Read { end, one_line, ..*read }));
        }
        self.reject(start, end, fault)
    }

    /// Whether what reads as a record with too few fields is more likely a part of one: its first
    /// value does not fit.
    fn is_part(&mut self, start: usize, read: &Read) -> Result<bool, Error> {
        if read.stop != Stop::End || read.fields >= self.options.width {
            return Ok(false);
        }
        self.begins_contrary(start, read.end)
    }

    /// Whether the record at `start`, which has a fault, can be read with a stray quote in it.
    fn is_readable(&mut self, start: usize, read: &Read) -> Result<bool, Error> {
        if read.stop == Stop::End {
            return Ok(false);
        }
        let record = &self.cursor.bytes()[start..read.end];
        let is_text = memchr::memchr(0, record).is_none() && simdutf8::basic::from_utf8(record).is_ok();
        let Options { dialect, width, .. } = &self.options;
        Ok(is_text && lenient::is_readable(record, dialect, *width, &mut self.fields)?)
    }

    /// Books the good record at `start`.
    #[inline]
    fn record(&mut self, start: usize, read: &Read) -> Item<'_> {
        self.ledger.frame(&mut self.cursor, start);
        let Options { width, surplus, strict, .. } = self.options;
        let is_usual = read.fields >= width && read.fields - width <= surplus;
        if !strict && !(is_usual && read.stop == Stop::End) {
            self.ledger.count_tolerated();
        }
        Item::Record(self.ledger.record(&mut self.cursor, read.end, read.one_line))
    }

    /// Books the reject `start..end`.
    pub(super) fn reject(&mut self, start: usize, end: usize, fault: Fault) -> Result<Item<'_>, Error> {
        if !self.ledger.has_passed() {
            self.ledger.frame(&mut self.cursor, start);
        }
        Ok(Item::Reject(self.ledger.reject(&mut self.cursor, end, fault)?))
    }

    /// The start of the next line that is no framing, and where one may be that lies before the
    /// place to stop. What is passed is booked. `in_records` says that the header is passed.
    #[inline]
    pub(super) fn skip_blank_lines(&mut self, in_records: bool) -> Result<Option<usize>, Error> {
        let mut at = self.cursor.position();
        // A line that is framing is passed as a whole.
        let mut least = at;
        loop {
            let stop = self.cursor.index(self.stop).max(least);
            let Some(byte) = self.cursor.byte(at)? else { return Ok(self.frame_to(at.min(stop))) };
            if matches!(byte, b'\n' | b'\r') {
                at += 1;
            } else if at >= stop {
                return Ok(self.frame_to(stop));
            } else {
                match self.framing_line(at, byte, in_records)? {
                    Some(end) => (at, least) = (end, end),
                    None => return Ok(Some(at)),
                }
            }
            if at - self.cursor.position() >= LONGEST_FRAMING {
                if at >= stop {
                    return Ok(self.frame_to(stop));
                }
                self.ledger.frame(&mut self.cursor, at);
                self.cursor.release();
                (at, least) = (self.cursor.position(), self.cursor.position());
            }
        }
    }

    /// Books the framing before `at`.
    fn frame_to(&mut self, at: usize) -> Option<usize> {
        self.ledger.frame(&mut self.cursor, at);
        None
    }

    /// Where the line or the mark at `at` ends, if it is framing; its first byte is `byte`.
    #[inline]
    fn framing_line(&mut self, at: usize, byte: u8, in_records: bool) -> Result<Option<usize>, Error> {
        if byte == BOM[0] || matches!(byte, b' ' | b'\t') || self.options.dialect.comment == Some(byte) {
            return self.unusual_line(at, byte, in_records);
        }
        if in_records && self.header.first() == Some(&byte) {
            return self.header_again(at);
        }
        Ok(None)
    }

    #[cold]
    fn unusual_line(&mut self, at: usize, byte: u8, in_records: bool) -> Result<Option<usize>, Error> {
        if self.options.dialect.comment == Some(byte) {
            return self.pass_comment(at).map(Some);
        }
        if byte == BOM[0] {
            self.cursor.byte(at + BOM.len() - 1)?;
            return Ok(self.cursor.bytes()[at..].starts_with(BOM).then_some(at + BOM.len()));
        }
        let mut behind = at;
        let delimiter = self.options.dialect.delimiter.bytes()[0];
        loop {
            match self.cursor.byte(behind)? {
                Some(b) if b == delimiter => return Ok(None),
                Some(b' ' | b'\t') if behind - at < LONGEST_FRAMING => behind += 1,
                None | Some(b'\n' | b'\r') => {
                    // In a single column, blanks are a value.
                    return Ok((self.options.width > 1).then_some(behind));
                }
                Some(b) if in_records && self.header.first() == Some(&b) => return self.header_again(behind),
                Some(_) => return Ok(None),
            }
        }
    }

    /// Where the header ends that stands once more at `at`.
    fn header_again(&mut self, at: usize) -> Result<Option<usize>, Error> {
        let mut behind = at + self.header.len();
        self.cursor.byte(behind)?;
        if !self.cursor.bytes()[at..].starts_with(&self.header) {
            return Ok(None);
        }
        while matches!(self.cursor.byte(behind)?, Some(b' ' | b'\t')) {
            behind += 1;
        }
        let is_header = matches!(self.cursor.byte(behind)?, None | Some(b'\n' | b'\r'));
        if is_header {
            self.go_back_to_table();
        }
        Ok(is_header.then_some(behind))
    }

    /// The end of the comment at `at`. If it is long, what lies before its end is booked.
    fn pass_comment(&mut self, at: usize) -> Result<usize, Error> {
        let mut from = at;
        loop {
            let bytes = self.cursor.bytes();
            if let Some(end) = self.options.dialect.find_line_end(bytes, from) {
                return Ok(end);
            }
            from = bytes.len();
            if self.cursor.eof() {
                return Ok(from);
            }
            if from - self.cursor.position() >= LONGEST_FRAMING {
                self.ledger.frame(&mut self.cursor, from);
                self.cursor.release();
                from = self.cursor.position();
            }
            self.cursor.grow()?;
        }
    }
}
