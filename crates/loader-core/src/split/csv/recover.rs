//! What a record is that cannot be told by its quotes alone.
//!
//! A line that is a record by itself is one, and so is a record over several lines whose quotes
//! and number of fields are right, in which no line is a record by itself. Where this does not
//! hold, or where a line of the right number of fields has values that do not fit and what
//! follows it is broken, the lines ahead are looked at, at most [`MOST_LINES`] and [`REACH`]
//! bytes of them. If the next ones are records, just one line is broken. Otherwise all ways to
//! cut the lines into records and rejects are [weighed](super::weigh):
//!
//! * A reject is dear, so the way with the fewest mistakes is taken.
//! * Several lines are one reject only where one mistake explains them: a quote lost or too
//!   many in a field that goes over lines, a delimiter lost or too many in such a record, a line
//!   end in a field without quotes. The end of such a record is told by the fields that follow
//!   the lost quote: so many, and of such kinds, as are missing in its first line.
//! * A line that is a record by itself is not thrown away lightly, and least where its values
//!   fit columns in a way that text would not.
//! * A quoted field may hold any text, and lines that look like records too. But the more lines
//!   in it are records of just this file (the right number of fields, numbers and dates where
//!   the file has them), the likelier a quote is lost; more so in a column that has no line ends
//!   in the head of the file.
//! * In a column where this is a habit, such lines say nothing. A record with such lines is one,
//!   too, if its first line or its last one has too few fields to be a record that lost a quote.
//!
//! A quote that is not closed within [`REACH`] is looked for further, up to the largest size of
//! a record, unless the lines that would be in its field are records.

use super::ahead::{Line, MOST_LINES, REACH, Viewer};
use super::nested::Lines;
use super::read::Read;
use super::reading::Reached;
use super::splitter::Splitter;
use super::walk::Stop;
use super::weigh::{Part, swallowed, weigh};
use crate::stream::{Error, Source};

/// So many records behind a broken line show that just that line is broken.
const ENOUGH: usize = 3;

/// What a record is.
pub(super) enum Decision {
    /// As it reads by its quotes. There may be a fault in it.
    Read(Read),
    /// A reject that ends before the index, with the fault of what was read.
    Reject(usize, Read),
    /// It is larger than it may be.
    TooLarge,
}

impl<S: Source> Splitter<S> {
    /// Decides what begins at `start`; `line` is what its first line is by itself.
    #[cold]
    pub(super) fn decide(&mut self, start: usize, line: Read) -> Result<Decision, Error> {
        self.cursor.byte(start + REACH)?;
        let to = self.cursor.bytes().len().min(start + REACH);
        let is_whole = self.cursor.eof() && to == self.cursor.bytes().len();
        let mut is_right = false;
        if let Stop::Open(_) = line.stop {
            let text = &self.cursor.bytes()[..to];
            match self.options.dialect.read_on_within(text, line, is_whole)? {
                Some(read) if self.is_sound(start, &line, &read)? => return Ok(Decision::Read(read)),
                Some(read) => is_right = read.stop == Stop::End,
                None if self.swallows_records(&line, to)? => {}
                None => match self.read_on(start, line, self.options.max_record_size)? {
                    Reached::TooFar => return Ok(Decision::TooLarge),
                    Reached::End(read) if self.fault(start, &read)?.is_none() => {
                        return Ok(Decision::Read(read));
                    }
                    Reached::End(_) => {}
                },
            }
        }
        let is_bad = line.stop != Stop::End || line.fields != self.options.width;
        if is_bad && !is_right && self.goes_on(line.end, to, is_whole)? {
            return Ok(Decision::Reject(line.end, line));
        }
        self.weigh(start, line, to, is_whole)
    }

    /// Weighs what the lines from `start` on, before `to`, can be.
    fn weigh(&mut self, start: usize, line: Read, to: usize, is_whole: bool) -> Result<Decision, Error> {
        let text = &self.cursor.bytes()[..to];
        let Splitter { options, profile, fields, lines, .. } = self;
        let mut viewer = Viewer { text, options, profile, scratch: fields };
        lines.clear();
        // Where no line ends in a field, a record that has no quote open goes on in the next
        // line at most.
        let is_short = line.stop == Stop::End && !profile.has_broken();
        viewer.lines(start, if is_short { ENOUGH } else { MOST_LINES }, is_whole, lines)?;
        Ok(match weigh(&mut viewer, lines, is_whole)? {
            Some(Part::Record(read)) => Decision::Read(read),
            Some(Part::Reject(end, read)) => Decision::Reject(end, read.unwrap_or(line)),
            None => Decision::Reject(line.end, line),
        })
    }

    /// Whether a record over several lines is one beyond doubt.
    fn is_sound(&mut self, start: usize, line: &Read, read: &Read) -> Result<bool, Error> {
        if self.fault(start, read)?.is_some() {
            return Ok(false);
        }
        let text = &self.cursor.bytes()[..read.end];
        let Splitter { options, profile, fields, lines, .. } = self;
        let mut viewer = Viewer { text, options, profile, scratch: fields };
        // Two quotes are lost only where the first line and the last one are as long as records.
        let ends = Lines { start, first_end: line.end, end: read.end }.fields_of_ends(text, &options.dialect);
        if !profile.is_nesting(line.fields) && ends.0.min(ends.1) >= options.width {
            lines.clear();
            viewer.lines(start, MOST_LINES, true, lines)?;
            if lines.iter().skip(1).any(|line| swallowed(line) > 0) {
                return Ok(false);
            }
        }
        Ok(viewer.fits_record(start, read.end)?)
    }

    /// Whether a value of the record `start..end` does not fit.
    #[cold]
    pub(super) fn is_contrary(&mut self, start: usize, end: usize) -> Result<bool, Error> {
        let Splitter { options, profile, fields, cursor, .. } = self;
        let mut viewer = Viewer { text: cursor.bytes(), options, profile, scratch: fields };
        Ok(!viewer.fits_record(start, end)?)
    }

    /// Whether the first value of the record `start..end` does not fit.
    pub(super) fn begins_contrary(&mut self, start: usize, end: usize) -> Result<bool, Error> {
        let Splitter { options, profile, fields, cursor, .. } = self;
        let mut viewer = Viewer { text: cursor.bytes(), options, profile, scratch: fields };
        Ok(!viewer.first_fits(start, end)?)
    }

    /// Whether lines between the first line of a record and `to` are records, so that a quote
    /// before them is lost.
    fn swallows_records(&mut self, line: &Read, to: usize) -> Result<bool, Error> {
        if self.profile.is_nesting(line.fields) {
            return Ok(false);
        }
        let lines = self.view(line.end, to, MOST_LINES, false)?;
        let (mut records, mut others) = (0, 0);
        for line in lines.iter().filter(|line| !line.is_blank) {
            if swallowed(line) > 0 {
                records += 1;
            } else {
                others += 1;
            }
        }
        Ok(records >= 2 && records >= others)
    }

    /// Whether the next lines behind `from` are records that fit, as many as there are.
    fn goes_on(&mut self, from: usize, to: usize, is_whole: bool) -> Result<bool, Error> {
        let mut records = 0;
        let lines = self.view(from, to, 2 * ENOUGH, is_whole)?;
        let lines_end = lines.len() < 2 * ENOUGH;
        for line in lines.iter().filter(|line| !line.is_blank) {
            if !line.fits_whole() {
                return Ok(false);
            }
            records += 1;
            if records == ENOUGH {
                break;
            }
        }
        Ok(records == ENOUGH || (is_whole && lines_end))
    }

    /// The next lines behind the end of one at `from`.
    fn view(&mut self, from: usize, to: usize, most: usize, is_whole: bool) -> Result<&[Line], Error> {
        let text = &self.cursor.bytes()[..to];
        let Splitter { options, profile, fields, lines, .. } = self;
        lines.clear();
        let start = options.dialect.find_line_end(text, from).map_or(to, |end| end + 1);
        Viewer { text, options, profile, scratch: fields }.lines(start, most, is_whole, lines)?;
        Ok(lines)
    }
}
