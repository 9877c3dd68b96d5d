//! Records that are larger than they may be are passed over, and held in memory only as far as
//! a record may be large.

use super::lines::LineEnd;
use super::splitter::Splitter;
use super::walk::Stop;
use crate::fault::{Fault, FaultKind};
use crate::split::Item;
use crate::stream::{Error, Source};

/// Whether a byte at the end of a reject is framing.
fn is_framing(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

impl<S: Source> Splitter<S> {
    /// Passes over the record at `start`, which is too large, and rejects it.
    #[cold]
    pub(super) fn pass_over(&mut self, start: usize) -> Result<Item<'_>, Error> {
        self.ledger.frame(&mut self.cursor, start);
        let to = self.cursor.bytes().len().min(start + self.options.max_record_size);
        self.ledger.pass(&mut self.cursor, to, self.switches, is_framing)?;
        self.pass_on()
    }

    /// Goes on with a record that is too large, up to the next line that is a record by itself.
    pub(super) fn pass_on(&mut self) -> Result<Item<'_>, Error> {
        let at = self.ledger.passed_from().map_or(0, |before| before.offset);
        let what = "the record is larger than \"loader.max_record_size\"";
        let fault = Fault { kind: FaultKind::TooLarge, at, what };
        while self.pass_line()? {
            let start = self.cursor.position();
            let LineEnd::At(end) = self.line_end(start, self.options.max_record_size)? else { continue };
            let read = self.options.dialect.read_line(self.cursor.bytes(), start, end)?;
            if end > start && read.stop == Stop::End && self.fault(start, &read)?.is_none() {
                break;
            }
        }
        let end = self.cursor.position();
        self.reject(end, end, fault)
    }

    /// Passes over the rest of a line and its end, in pieces. Returns whether it has an end.
    fn pass_line(&mut self) -> Result<bool, Error> {
        loop {
            let at = self.cursor.position();
            let bytes = self.cursor.bytes();
            let found = self.options.dialect.find_line_end(bytes, at);
            let to = found.map_or(bytes.len(), |end| end + 1);
            self.ledger.pass(&mut self.cursor, to, self.switches, is_framing)?;
            if found.is_some() {
                return Ok(true);
            }
            if self.cursor.eof() {
                return Ok(false);
            }
            self.cursor.grow()?;
        }
    }
}
