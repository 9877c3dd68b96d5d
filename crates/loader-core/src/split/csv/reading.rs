//! One record of the stream, from its start on.

use super::lines::LineEnd;
use super::read::Read;
use super::splitter::Splitter;
use super::walk::{Quote, Stop, next_quote};
use super::{Dialect, Options, fields};
use crate::fault::{Fault, FaultKind};
use crate::memory::OutOfMemory;
use crate::stream::{Error, Source};

/// How far a record that goes on behind its first line was read.
pub(super) enum Reached {
    /// To its end.
    End(Read),
    /// It is longer than was to be looked at.
    TooFar,
}

impl<S: Source> Splitter<S> {
    /// Reads the record at `start` on behind its first line, at the end of which the quote at
    /// `open` is not closed; `read` is what that line is. The record has up to `limit` bytes.
    pub(super) fn read_on(&mut self, start: usize, read: Read, limit: usize) -> Result<Reached, Error> {
        let mut read = Read { one_line: false, ..read };
        while let Stop::Open(open) = read.stop {
            let Some(closing) = self.closing_quote(start, open, read.end, limit)? else {
                if !self.cursor.eof() || self.cursor.bytes().len() - start > limit {
                    return Ok(Reached::TooFar);
                }
                read.end = Dialect::text_end(self.cursor.bytes(), start, self.cursor.bytes().len());
                return Ok(Reached::End(read));
            };
            let LineEnd::At(end) = self.line_end(closing + 1, limit)? else { return Ok(Reached::TooFar) };
            if end - start > limit {
                return Ok(Reached::TooFar);
            }
            read.end = end;
            let text = &self.cursor.bytes()[..end];
            read.stop = self.options.dialect.count(text, (closing, Some(open + 1)), &mut read.fields)?;
        }
        Ok(Reached::End(read))
    }

    /// The quote that closes the field opened at `open`, which is not before `from`.
    fn closing_quote(
        &mut self,
        start: usize,
        open: usize,
        from: usize,
        limit: usize,
    ) -> Result<Option<usize>, Error> {
        // An escape may lie across the end of the line.
        let mut at = open + 1;
        loop {
            let bytes = self.cursor.bytes();
            match next_quote(bytes, &self.options.dialect, at) {
                Quote::Closing(closing) if closing + 1 < bytes.len() || self.cursor.eof() => {
                    return Ok((closing >= from && closing - start <= limit).then_some(closing));
                }
                Quote::Closing(_) => {}
                Quote::Escaped(behind) => {
                    at = behind;
                    continue;
                }
                Quote::None(from) => at = from,
            }
            if self.cursor.eof() || bytes.len() - start > limit {
                return Ok(None);
            }
            self.cursor.grow()?;
        }
    }

    /// What is wrong with the record `start..read.end`.
    #[inline]
    pub(super) fn fault(&mut self, start: usize, read: &Read) -> Result<Option<Fault>, OutOfMemory> {
        let record = &self.cursor.bytes()[start..read.end];
        if read.stop == Stop::End
            && read.fields == self.options.width
            && memchr::memchr(0, record).is_none()
            && simdutf8::basic::from_utf8(record).is_ok()
        {
            return Ok(None);
        }
        self.find_fault(start, read)
    }

    #[cold]
    fn find_fault(&mut self, start: usize, read: &Read) -> Result<Option<Fault>, OutOfMemory> {
        let record = &self.cursor.bytes()[start..read.end];
        let (kind, at, what) = if let Some(at) = memchr::memchr(0, record) {
            (FaultKind::NulCharacter, start + at, "NUL byte in a record")
        } else if let Err(error) = simdutf8::compat::from_utf8(record) {
            (FaultKind::InvalidUnicode, start + error.valid_up_to(), "invalid byte sequence for UTF-8")
        } else {
            let strict = self.is_strict();
            let Options { dialect, width, surplus, .. } = &self.options;
            match read.stop {
                Stop::Open(at) => {
                    (FaultKind::UnterminatedQuote, at, "the quoted field that begins here is not terminated")
                }
                Stop::Behind(at) => {
                    (FaultKind::StrayQuote, at, "expected a delimiter behind the quoted field")
                }
                Stop::Bare(at) => (FaultKind::StrayQuote, at, "quote within a field that is not quoted"),
                Stop::End => {
                    self.fields.clear();
                    let _ = fields::fields(record, dialect, &mut self.fields)?;
                    let found = &self.fields[..];
                    let most = if strict { *width + *surplus } else { usize::MAX };
                    if found.len() < *width && strict {
                        (FaultKind::MissingColumns, read.end, "the record has too few fields")
                    } else if let Some(field) =
                        found.iter().skip(*width).find(|field| field.end > field.start)
                    {
                        (FaultKind::TooManyColumns, start + field.start, "the record has too many fields")
                    } else if found.len() > most {
                        let at = start + found[most].start;
                        (FaultKind::TooManyColumns, at, "the record has too many fields")
                    } else {
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some(Fault { kind, at: self.cursor.offset(at), what }))
    }
}
