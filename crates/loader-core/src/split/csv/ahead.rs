//! The lines from a record on, each looked at as if it were by itself.

use super::Dialect;
use super::field::{Field, has_width};
use super::options::Options;
use super::profile::{Fits, Profile};
use super::read::Read;
use super::walk::{Reading, Stop, walk};
use crate::memory::{self, OutOfMemory};

/// So far is looked ahead, from the start of a record. Bytes.
pub(super) const REACH: usize = 64 * 1024;

/// So many lines are looked at.
pub(super) const MOST_LINES: usize = 20;

/// So many quotes of a line are tried as the end of a field.
const MOST_QUOTES: usize = 8;

/// So many fields behind a quote are too many to be told.
const TAILS: usize = u64::BITS as usize;

/// A line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: usize,
    /// Its text ends before this index.
    pub(super) end: usize,
    /// What it is if a record begins with it.
    pub(super) read: Read,
    /// How its fields fit, as many as there are.
    pub(super) fits: Fits,
    /// It is a record by itself.
    pub(super) is_record: bool,
    /// It has as many delimiters as a record, whatever its quotes say.
    pub(super) has_delimiters: bool,
    /// Nothing stands in it, or a comment.
    pub(super) is_blank: bool,
    /// Which numbers of fields that fit the last columns stand behind one of its quotes, if
    /// that one closes a field: a bit for each number below [`TAILS`].
    tails: u64,
}

impl Line {
    /// A record by itself, and all its fields fit.
    pub(super) fn fits_whole(&self) -> bool {
        self.is_record && self.fits.contrary == 0
    }

    /// As many delimiters as a record has, and nothing that does not fit.
    pub(super) fn seems_whole(&self) -> bool {
        self.has_delimiters && self.read.fields > 1 && self.fits.contrary == 0
    }

    /// As many delimiters as a record has, and what can be told of its fields fits; only its
    /// quotes are wrong.
    pub(super) fn nearly_fits(&self) -> bool {
        !self.is_record && self.has_delimiters && self.fits.strong > 0 && self.fits.contrary == 0
    }

    /// Whether so many fields, which fit the last columns, stand behind a quote that closes a
    /// field.
    pub(super) fn closes_before(&self, fields: usize) -> bool {
        fields < TAILS && self.tails & (1 << fields) != 0
    }
}

/// What looks at lines.
pub(super) struct Viewer<'a> {
    /// The text in which they lie.
    pub(super) text: &'a [u8],
    pub(super) options: &'a Options,
    pub(super) profile: &'a Profile,
    pub(super) scratch: &'a mut Vec<Field>,
}

impl Viewer<'_> {
    /// Looks at the line that begins at `start`, and is whole.
    pub(super) fn line(&mut self, start: usize, end: usize) -> Result<Line, OutOfMemory> {
        let dialect = &self.options.dialect;
        let (text, width) = (self.text, self.options.width);
        let end = Dialect::text_end(text, start, end);
        self.scratch.clear();
        let scratch = &mut *self.scratch;
        let stop = walk(&text[..end], dialect, Reading::default(), (start, None), |field| {
            memory::push(scratch, field)
        })?;
        // Of a field that a stray quote ends nothing is known.
        let known = scratch.len() - usize::from(matches!(stop, Stop::Behind(_)));
        let read = Read { end, fields: scratch.len(), stop, one_line: true };
        let fits = self.profile.fits(text, &scratch[..known.min(width)], 0);
        let is_record = stop == Stop::End && has_width(scratch, width, self.options.surplus);
        let line = &text[start..end];
        let mut tails = 0;
        if !is_record && let Some(quote) = dialect.quote {
            for at in memchr::memchr_iter(quote, line).take(MOST_QUOTES) {
                tails |= self.tail(start + at, end)?;
            }
        }
        let has_delimiters = is_record || dialect.count_delimiters(line) + 1 == width;
        let is_comment = dialect.comment.is_some_and(|comment| line.first() == Some(&comment));
        let is_blank = is_comment || line.iter().all(|b| matches!(b, b' ' | b'\t'));
        Ok(Line { start, end, read, fits, is_record, has_delimiters, is_blank, tails })
    }

    /// The bit for the number of fields behind the quote at `quote`, if that closes a field.
    fn tail(&mut self, quote: usize, end: usize) -> Result<u64, OutOfMemory> {
        self.scratch.clear();
        let scratch = &mut *self.scratch;
        let from = (quote, Some(quote));
        let stop = walk(&self.text[..end], &self.options.dialect, Reading::default(), from, |field| {
            memory::push(scratch, field)
        })?;
        let fields = scratch.len().saturating_sub(1);
        let is_first = scratch.first().is_some_and(|field| field.end == quote);
        if stop != Stop::End || !is_first || fields >= self.options.width || fields >= TAILS {
            return Ok(0);
        }
        let fits = self.profile.fits(self.text, &scratch[1..], self.options.width - fields);
        Ok(if fits.contrary == 0 { 1 << fields } else { 0 })
    }

    /// Whether the last `count` fields of the line `start..end`, told by its delimiters, fit
    /// the last columns.
    pub(super) fn ends_with(&mut self, start: usize, end: usize, count: usize) -> Result<bool, OutOfMemory> {
        let delimiter = self.options.dialect.delimiter.bytes();
        let line = &self.text[start..end];
        let mut at = line.len();
        for _ in 0..count {
            match memchr::memmem::rfind(&line[..at], delimiter) {
                Some(found) => at = found,
                None => return Ok(false),
            }
        }
        if count == 0 {
            return Ok(true);
        }
        self.scratch.clear();
        let scratch = &mut *self.scratch;
        let from = (start + at + delimiter.len(), None);
        let stop = walk(&self.text[..end], &self.options.dialect, Reading::default(), from, |field| {
            memory::push(scratch, field)
        })?;
        if stop != Stop::End || scratch.len() != count {
            return Ok(false);
        }
        Ok(self.profile.fits(self.text, scratch, self.options.width - count).contrary == 0)
    }

    /// Whether all values of the record `start..end` fit.
    pub(super) fn fits_record(&mut self, start: usize, end: usize) -> Result<bool, OutOfMemory> {
        self.fit_first(start, end, usize::MAX)
    }

    /// Whether the first value of the record `start..end` fits.
    pub(super) fn first_fits(&mut self, start: usize, end: usize) -> Result<bool, OutOfMemory> {
        self.fit_first(start, end, 1)
    }

    /// Whether up to `most` first values of the record `start..end` fit.
    fn fit_first(&mut self, start: usize, end: usize, most: usize) -> Result<bool, OutOfMemory> {
        self.scratch.clear();
        let scratch = &mut *self.scratch;
        walk(&self.text[..end], &self.options.dialect, Reading::default(), (start, None), |field| {
            memory::push(scratch, field)
        })?;
        let values = &scratch[..scratch.len().min(most)];
        Ok(self.profile.fits(self.text, values, 0).contrary == 0)
    }

    /// Looks at the lines from `start` on that end in the text; `is_whole`: nothing follows it.
    pub(super) fn lines(
        &mut self,
        start: usize,
        most: usize,
        is_whole: bool,
        to: &mut Vec<Line>,
    ) -> Result<(), OutOfMemory> {
        let mut at = start;
        while at < self.text.len() && to.len() < most {
            let end = match self.options.dialect.find_line_end(self.text, at) {
                Some(end) => end,
                None if is_whole => self.text.len(),
                None => break,
            };
            let line = self.line(at, end)?;
            memory::push(to, line)?;
            at = end + 1;
        }
        Ok(())
    }
}
