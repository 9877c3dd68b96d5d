//! What a record is by its quotes, told from a text alone.

use super::Dialect;
use super::walk::{Reading, Stop, close, walk};
use crate::memory::OutOfMemory;

/// What a record is by its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// It ends before this index, behind which a line ends.
    pub(super) end: usize,
    /// So many fields were found.
    pub(super) fields: usize,
    /// What was found behind them.
    pub(super) stop: Stop,
    /// No line ends in it.
    pub(super) one_line: bool,
}

impl Read {
    /// The same with indexes that count from the start of the record, which is at `start`.
    #[inline]
    pub(super) fn relative(self, start: usize) -> Read {
        Read { end: self.end - start, stop: self.stop.map(|at| at - start), ..self }
    }

    /// The same of a record at `start`, where the indexes count from its start.
    #[inline]
    pub(super) fn shifted(self, start: usize) -> Read {
        Read { end: self.end + start, stop: self.stop.map(|at| at + start), ..self }
    }
}

impl Dialect {
    /// Reads the line `start..end` of a text as if it were by itself.
    #[inline]
    pub(super) fn read_line(&self, text: &[u8], start: usize, end: usize) -> Result<Read, OutOfMemory> {
        let line = &text[start..end];
        let (mut fields, mut stop) = (0, Stop::End);
        match self.quote {
            Some(quote) if memchr::memchr(quote, line).is_some() => {
                stop = self.count(&text[..end], (start, None), &mut fields)?;
            }
            _ => fields = self.count_delimiters(line) + 1,
        }
        Ok(Read { end, fields, stop, one_line: true })
    }

    /// Reads a record on behind its first line, at the end of which a quote is not closed, as
    /// far as the text goes. `is_whole`: nothing follows it. `None` if the record goes on.
    pub(super) fn read_on_within(
        &self,
        text: &[u8],
        read: Read,
        is_whole: bool,
    ) -> Result<Option<Read>, OutOfMemory> {
        let mut read = read;
        while let Stop::Open(open) = read.stop {
            match self.read_step_within(text, read, open, is_whole)? {
                Some(next) => read = next,
                None => return Ok(None),
            }
            if read.stop == Stop::Open(open) {
                break;
            }
        }
        Ok(Some(read))
    }

    /// Reads on to the end of the line on which the quote at `open` is closed; to the end of
    /// the text if it is not, and nothing follows that.
    pub(super) fn read_step_within(
        &self,
        text: &[u8],
        mut read: Read,
        open: usize,
        is_whole: bool,
    ) -> Result<Option<Read>, OutOfMemory> {
        read.one_line = false;
        let Some((closing, _)) = close(text, self, Reading::default(), open + 1) else {
            read.end = Dialect::text_end(text, open, text.len());
            return Ok(is_whole.then_some(read));
        };
        let end = match self.find_line_end(text, closing) {
            Some(end) => end,
            None if is_whole => text.len(),
            None => return Ok(None),
        };
        read.end = Dialect::text_end(text, closing, end);
        read.stop = self.count(&text[..read.end], (closing, Some(open + 1)), &mut read.fields)?;
        Ok(Some(read))
    }

    /// Counts fields.
    #[inline]
    pub(super) fn count(
        &self,
        text: &[u8],
        from: (usize, Option<usize>),
        fields: &mut usize,
    ) -> Result<Stop, OutOfMemory> {
        walk(text, self, Reading::default(), from, |_| {
            *fields += 1;
            Ok(())
        })
    }
}
