//! What stands before the first record: a byte order mark, lines that are passed over, and the
//! header.

use super::lines::LineEnd;
use super::profile::HEAD;
use super::progress::{Begin, Next};
use super::reading::Reached;
use super::splitter::Splitter;
use super::walk::Stop;
use crate::memory;
use crate::stream::{Error, Source};

/// The UTF-8 byte order mark.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A header is at most so long. Bytes.
const LONGEST_HEADER: usize = 1024 * 1024;

impl<S: Source> Splitter<S> {
    /// Passes what stands before the first record. Returns whether a record may follow: not at
    /// the place to stop, nor at the end of the stream.
    pub(super) fn begin(&mut self) -> Result<bool, Error> {
        loop {
            if self.cursor.here() < self.begin.to {
                let to = self.cursor.index(self.begin.to.min(self.stop));
                let to = to.max(self.cursor.position());
                self.ledger.frame(&mut self.cursor, to);
                if self.cursor.here() < self.begin.to {
                    return Ok(false);
                }
            }
            let at = self.cursor.position();
            match self.begin.next {
                Next::Record => return Ok(true),
                Next::Mark => {
                    self.cursor.byte(at + BOM.len() - 1)?;
                    if self.cursor.bytes()[at..].starts_with(BOM) {
                        self.begin.to = self.cursor.offset(at + BOM.len());
                    }
                    self.begin.next = Next::Skip(self.options.dialect.skip);
                }
                Next::Skip(0) => self.begin.next = Next::Header(self.options.dialect.header),
                Next::Skip(left) => {
                    if !self.skip_line()? {
                        return Ok(false);
                    }
                    self.begin.next = Next::Skip(left - 1);
                }
                Next::Header(0) => {
                    self.learn()?;
                    self.begin.next = Next::Record;
                }
                Next::Header(left) => {
                    let Some(end) = self.header_line(left == 1)? else { return Ok(false) };
                    self.begin = Begin { to: self.cursor.offset(end), next: Next::Header(left - 1) };
                }
            }
        }
    }

    /// Learns what records look like, from those at hand.
    fn learn(&mut self) -> Result<(), Error> {
        let at = self.cursor.position();
        self.cursor.byte(at + HEAD)?;
        let bytes = self.cursor.bytes();
        let is_whole = self.cursor.eof() && bytes.len() <= at + HEAD;
        let text = &bytes[at..bytes.len().min(at + HEAD)];
        self.profile.learn(text, is_whole, &self.options.dialect, self.options.width)?;
        Ok(())
    }

    /// Passes a line and its end, in pieces if it is long. Returns whether it did end before
    /// the place to stop.
    fn skip_line(&mut self) -> Result<bool, Error> {
        loop {
            let (at, stop) = (self.cursor.position(), self.cursor.index(self.stop));
            let bytes = self.cursor.bytes();
            if let Some(end) = self.options.dialect.find_line_end(bytes, at) {
                let is_pair = bytes[end] == b'\r' && self.cursor.byte(end + 1)? == Some(b'\n');
                let behind = end + 1 + usize::from(is_pair);
                self.ledger.frame(&mut self.cursor, behind.min(stop).max(at));
                self.cursor.release();
                return Ok(behind <= stop);
            }
            let to = bytes.len().min(stop).max(at);
            self.ledger.frame(&mut self.cursor, to);
            if to >= stop || self.cursor.eof() {
                return Ok(false);
            }
            self.cursor.release();
            self.cursor.grow()?;
        }
    }

    /// The end of the next line of the header, which is kept if it is the last.
    fn header_line(&mut self, is_last: bool) -> Result<Option<usize>, Error> {
        let Some(start) = self.skip_blank_lines(false)? else { return Ok(None) };
        let end = match self.line_end(start, LONGEST_HEADER)? {
            LineEnd::At(end) => end,
            // What follows is read as records are.
            LineEnd::TooFar => return Ok(Some(start)),
        };
        let mut read = self.options.dialect.read_line(self.cursor.bytes(), start, end)?;
        if let Stop::Open(_) = read.stop
            && let Reached::End(whole) = self.read_on(start, read, LONGEST_HEADER)?
            && whole.stop == Stop::End
        {
            read = whole;
        }
        if is_last {
            let line = self.cursor.bytes()[start..read.end].trim_ascii();
            memory::append(&mut self.header, line)?;
        }
        Ok(Some(read.end))
    }
}
