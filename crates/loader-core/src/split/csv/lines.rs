//! Where lines end.

use super::Dialect;
use super::splitter::Splitter;
use crate::stream::{Error, Source};

/// Where a line ends.
pub(super) enum LineEnd {
    /// Its text ends before this index.
    At(usize),
    /// Not within so many bytes as were to be looked at.
    TooFar,
}

impl<S: Source> Splitter<S> {
    /// The end of the line with the byte at `from`, if it has not more than `limit` bytes from
    /// there on.
    #[inline]
    pub(super) fn line_end(&mut self, from: usize, limit: usize) -> Result<LineEnd, Error> {
        let mut at = from;
        loop {
            let bytes = self.cursor.bytes();
            let found = self.options.dialect.find_line_end(bytes, at);
            let end = match found {
                Some(end) => end,
                None if self.cursor.eof() => bytes.len(),
                None if bytes.len() - from > limit => return Ok(LineEnd::TooFar),
                None => {
                    at = bytes.len();
                    self.cursor.grow()?;
                    continue;
                }
            };
            let end = Dialect::text_end(bytes, from, end);
            return Ok(if end - from > limit { LineEnd::TooFar } else { LineEnd::At(end) });
        }
    }
}
