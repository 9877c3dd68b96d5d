//! Makes the datum of a record while the splitter looks for its end, so that a good record is
//! gone through once only.

use crate::encode::jsonb::Encoder;
use crate::encode::{Span, pad};
use crate::split::{Reader, Value};
use crate::stream::Error;

/// A reader that makes datums of what it takes.
#[derive(Default)]
pub(super) struct FusedEncoder {
    encoder: Encoder,
    /// Records are read by this from now on.
    active: bool,
    /// Datums; what lies behind `kept` is of the record that was read last.
    values: Vec<u8>,
    kept: usize,
    last: usize,
}

impl FusedEncoder {
    /// Has records read by this from now on.
    pub(super) fn activate(&mut self) {
        self.active = true;
    }

    /// Exchanges the buffer for another.
    pub(super) fn swap(&mut self, values: &mut Vec<u8>) {
        self.values.truncate(self.kept);
        std::mem::swap(&mut self.values, values);
        self.kept = self.values.len();
    }

    /// Keeps the datum of the record that was read last.
    pub(super) fn keep(&mut self) -> Span {
        self.kept = self.values.len();
        Span { at: self.last, length: self.kept - self.last }
    }

    /// Bytes of the datums that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.kept
    }
}

impl Reader for FusedEncoder {
    fn read(&mut self, bytes: &[u8], start: usize, eof: bool) -> Result<Option<Value>, Error> {
        if !self.active {
            return Ok(None);
        }
        self.values.truncate(self.kept);
        self.last = pad(&mut self.values)?;
        let end = self.encoder.encode(bytes, start, eof, &mut self.values)?;
        let (deepest, spans_lines) = (self.encoder.deepest(), self.encoder.spans_lines());
        Ok(end.map(|end| Value { end, deepest, spans_lines }))
    }
}
