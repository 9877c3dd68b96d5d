//! A stream that begins with an object and ends inside of it: a document around records that
//! is still being written, or was cut off. What lies in it is no record of the stream.

use super::Format;
use super::framing::BOM;
use super::outcome::Attempt;
use super::splitter::Splitter;
use crate::fault::FaultKind;
use crate::json::scan::{Progress, Scanner, Spot};
use crate::split::Reader;
use crate::stream::{Error, Source};

/// The message about such an object if other objects or arrays lie in it.
const WRAPPER: &str = "the file ends inside the record; if the records lie in an array inside of it, name that \
                       with records_path";

impl<S: Source, R: Reader> Splitter<S, R> {
    /// The first value of the stream at `start`, if it is such an object, in which no record
    /// was found. One that starts as the records of this file do is a record that lost its
    /// end.
    pub(super) fn attempt_unended(&mut self, start: usize) -> Result<Option<Attempt>, Error> {
        let asked = matches!(self.options.format, Some(Format::NewlineDelimited | Format::Array));
        // Without a head there is nothing to compare it with: that is being looked at.
        let first = self.ledger.records() == 0 && self.learned_to > 0 && self.cursor.offset(0) == 0;
        if !first || asked || self.wrapper.is_some() || self.cursor.bytes()[start] != b'{' {
            return Ok(None);
        }
        let before = &self.cursor.bytes()[..start];
        if !before.strip_prefix(BOM).unwrap_or(before).trim_ascii().is_empty()
            || (self.profile.records() > 0 && self.opens(start)?)
        {
            return Ok(None);
        }
        let mut scanner = Scanner::new(false);
        let mut from = start;
        loop {
            match scanner.scan(self.cursor.bytes(), from, self.cursor.eof()) {
                Progress::More(at) if at - start <= self.options.max_record_size => {
                    from = at;
                    self.cursor.grow()?;
                }
                Progress::Broken(Spot { kind: FaultKind::Truncated, at, what })
                    if at >= self.cursor.bytes().len() =>
                {
                    let what = if scanner.deepest() > 1 { WRAPPER } else { what };
                    let end = self.trim(self.cursor.bytes().len());
                    let spot = Spot { kind: FaultKind::Truncated, at, what };
                    return Ok(Some(Attempt::Spoiled { end, spot }));
                }
                Progress::OutOfMemory(error) => return Err(error.into()),
                Progress::Done(_) | Progress::More(_) | Progress::Broken(_) => return Ok(None),
            }
        }
    }
}
