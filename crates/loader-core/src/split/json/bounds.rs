//! Hard evidence of where a record ends at the latest: a newline, a line at the
//! records' indentation, a record separator.

use super::layout::Layout;
use super::lines;
use super::splitter::{Searched, Splitter};
use crate::json::scan::RECORD_SEPARATOR;
use crate::json::shape::Class;
use crate::split::Reader;
use crate::stream::{Error, Source};

/// At most this many bytes of a broken record are held while its end is looked for.
pub(super) const SPAN: usize = 16 * 1024 * 1024;

/// A later search begins this many bytes before the end of an earlier one, since that may have
/// seen only a part of the start of a line.
const SEAM: u64 = 4096;

impl<S: Source, R: Reader> Splitter<S, R> {
    /// The hard evidence after `start`, if it lies within [`SPAN`]. What an earlier
    /// search has seen is not searched again: a line may hold many rejects.
    pub(super) fn limit(&mut self, start: usize) -> Result<Option<usize>, Error> {
        if self.layout == Layout::Free {
            return Ok(None);
        }
        let first = self.cursor.offset(0);
        let here = self.cursor.offset(start);
        let lines = matches!(self.layout, Layout::Lines { .. });
        let mut from = start;
        if let Some(searched) = self.searched {
            match searched.found {
                Some(found) if found > here => return Ok(Some((found - first) as usize)),
                None if searched.to > here => from = (searched.to - first) as usize,
                _ => {}
            }
        }
        let (found, to) = if lines {
            (self.find_line_end(from, start + SPAN)?, here + SPAN as u64)
        } else {
            let found = self.find_limit(from)?;
            let to = self.cursor.offset(self.cursor.bytes().len());
            // Another line may begin at the end of what was searched.
            (found, to.saturating_sub(SEAM).max(here))
        };
        self.searched = Some(Searched { to, found: found.map(|at| self.cursor.offset(at)) });
        Ok(found)
    }

    fn find_limit(&mut self, start: usize) -> Result<Option<usize>, Error> {
        if let Layout::Indented(_) = self.layout {
            return self.next_start_line(start, None);
        }
        let mut from = start;
        loop {
            let bytes = self.cursor.bytes();
            if let Some(at) = memchr::memchr(RECORD_SEPARATOR, &bytes[from..]) {
                return Ok(Some(from + at));
            }
            from = bytes.len();
            if self.cursor.eof() || from - start > SPAN {
                return Ok(None);
            }
            self.cursor.grow()?;
        }
    }

    /// The end of the line of `from`, if it lies before `until`: exactly so far is
    /// looked, whatever is at hand and was searched before.
    pub(super) fn find_line_end(&mut self, mut from: usize, until: usize) -> Result<Option<usize>, Error> {
        loop {
            let end = until.min(self.cursor.bytes().len());
            from = from.min(end);
            let line = &self.cursor.bytes()[from..end];
            if let Some(at) = memchr::memchr2(b'\n', RECORD_SEPARATOR, line) {
                return Ok(Some(from + at));
            }
            if end == until || self.cursor.eof() {
                return Ok(None);
            }
            from = end;
            self.cursor.grow()?;
        }
    }

    /// Passes over everything up to the end of the line of `at`.
    pub(super) fn skip_line(&mut self, mut at: usize) -> Result<usize, Error> {
        loop {
            let end = self.cursor.bytes().len();
            let found = self.find_line_end(at, end)?;
            if found.is_some() || self.cursor.eof() {
                return Ok(found.unwrap_or(end));
            }
            at = end - self.pass(at, end)?;
            self.cursor.grow()?;
        }
    }

    /// Passes over everything up to the hard evidence after `at`.
    pub(super) fn skip_to_limit(&mut self, mut at: usize) -> Result<usize, Error> {
        loop {
            if let Some(limit) = self.limit(at)? {
                return Ok(limit);
            }
            let end = self.cursor.bytes().len();
            if self.cursor.eof() {
                return Ok(end);
            }
            // A newline that the next bytes may make a boundary stays.
            let keep =
                memchr::memrchr(b'\n', &self.cursor.bytes()[at..end]).map_or(end, |newline| at + newline);
            let keep = if end - keep < 4096 { keep } else { end };
            at = keep - self.pass(at, keep)?;
        }
    }

    /// The first record that starts on a line of its own after the line of
    /// `start`: a line that is no deeper than records start, on which only
    /// closing brackets and commas come before an opening one. Looks at lines
    /// that start before `until`, or within [`SPAN`].
    pub(super) fn next_start_line(
        &mut self,
        start: usize,
        until: Option<usize>,
    ) -> Result<Option<usize>, Error> {
        let Layout::Indented(indent) = self.layout else { return Ok(None) };
        let mut from = start;
        loop {
            let bytes = self.cursor.bytes();
            let end = until.unwrap_or(bytes.len()).min(bytes.len());
            // A line that begins with more blanks than records do starts none.
            let Some(newline) = lines::shallow(bytes, from.min(end), end, indent + 1) else {
                if until.is_some() || self.cursor.eof() || end - start > SPAN {
                    return Ok(None);
                }
                from = end;
                self.cursor.grow()?;
                continue;
            };
            if let Some(at) = self.starts_line(newline, indent, until)? {
                return Ok(Some(at));
            }
            from = newline + 1;
        }
    }

    pub(super) fn starts_line(
        &mut self,
        newline: usize,
        indent: usize,
        until: Option<usize>,
    ) -> Result<Option<usize>, Error> {
        let mut i = newline + 1;
        let mut blank = true;
        while until.is_none_or(|until| i < until) {
            match self.cursor.byte(i)? {
                Some(b' ' | b'\t' | b'\r' | RECORD_SEPARATOR) => {}
                Some(b'}' | b']' | b',') if i - newline - 1 <= indent || !blank => blank = false,
                Some(b'{' | b'[') if i - newline - 1 <= indent || !blank => {
                    self.cursor.byte(i + 1)?;
                    let bytes = self.cursor.bytes();
                    // What is left of a lost brace beside a closing one is no record.
                    let empty =
                        matches!(bytes[i + 1..], [b'}' | b']', ..]) && !self.profile.owns(&bytes[i..i + 2]);
                    return Ok((!empty).then_some(i));
                }
                // A scalar, where this file has such records.
                Some(b) if blank && i - newline - 1 <= indent => {
                    let known = Class::of(b).is_some_and(|class| self.profile.knows_class(class));
                    return Ok((known && self.profile.records() > 0).then_some(i));
                }
                _ => return Ok(None),
            }
            i += 1;
        }
        Ok(None)
    }
}
