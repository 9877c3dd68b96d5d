//! From text to a datum at the end of a buffer: jsonb, and compressed where the
//! table would have it so.

use super::batch::{Batch, Form, Span};
use super::control::Control;
use crate::framing::{Reader, Value};
use crate::input::Error;
use crate::jsonb::Encoder;
use crate::toast::{CompressError, Compressor, Method};

/// Datums start at multiples of this, as the server's allocator would have it.
const ALIGNMENT: usize = 8;

/// What the table would compress by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How.
    pub method: Method,
    /// Datums longer than this, in bytes with their header.
    pub above: usize,
}

/// Makes datums.
pub(super) struct Maker {
    encoder: Encoder,
    compressor: Compressor,
    compression: Option<Compression>,
    compressed: Vec<u8>,
}

impl Maker {
    pub(super) fn new(compression: Option<Compression>) -> Self {
        Maker { encoder: Encoder::new(), compressor: Compressor::new(), compression, compressed: Vec::new() }
    }

    /// Appends the datum of the value that starts at `start`, uncompressed;
    /// `None` where that is not to be decided here.
    fn encode(
        &mut self,
        text: &[u8],
        start: usize,
        eof: bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<Value>, Error> {
        let end = self.encoder.encode(text, start, eof, out).map_err(|error| Error::OutOfMemory(error.0))?;
        let (deepest, spans_lines) = (self.encoder.deepest(), self.encoder.spans_lines());
        Ok(end.map(|end| Value { end, deepest, spans_lines }))
    }

    /// Compresses the datum that `out` ends with, from `at` on, if the table
    /// would, and returns where it lies.
    fn compress(&mut self, at: usize, out: &mut Vec<u8>, control: &Control) -> Result<Span, Error> {
        if let Some(Compression { method, above }) = self.compression
            && out.len() - at > above
        {
            self.compressed.clear();
            let stop = || control.is_stopped();
            let smaller = self.compressor.compress(&out[at..], method, &mut self.compressed, &stop);
            if smaller.map_err(explain)? {
                out.truncate(at);
                out.extend_from_slice(&self.compressed);
            }
        }
        Ok(Span { at, length: out.len() - at })
    }

    /// Appends the datum of a record's whole text; `None` where the server has
    /// to decide.
    fn append(&mut self, text: &[u8], out: &mut Vec<u8>, control: &Control) -> Result<Option<Span>, Error> {
        let at = pad(out)?;
        match self.encode(text, 0, true, out)? {
            Some(value) if value.end == text.len() => self.compress(at, out, control).map(Some),
            _ => {
                out.truncate(at);
                Ok(None)
            }
        }
    }
}

impl Maker {
    /// Makes datums of the texts of a batch, but for those that the server has
    /// to decide.
    pub(super) fn complete(
        &mut self,
        batch: &mut Batch,
        check: bool,
        control: &Control,
    ) -> Result<(), Error> {
        for entry in &mut batch.entries {
            let Form::Text { text, doubtful: false } = entry.form else { continue };
            if control.is_stopped() {
                return Err(Error::Stopped);
            }
            let bytes = &batch.text[text.at..text.at + text.length];
            entry.form = match self.append(bytes, &mut batch.values, control)? {
                Some(value) if check => Form::Checked { value, text },
                Some(value) => Form::Value(value),
                None => Form::Text { text, doubtful: true },
            };
        }
        Ok(())
    }
}

/// Makes the datum of a record while the splitter looks for its end, so that a
/// good record is gone through once only.
pub(super) struct Quick {
    maker: Maker,
    /// Records are to be read by this at all.
    active: bool,
    /// Datums; what lies behind `kept` is of the record that was read last.
    values: Vec<u8>,
    kept: usize,
    last: usize,
}

impl Quick {
    pub(super) fn new(maker: Maker, active: bool) -> Self {
        Quick { maker, active, values: Vec::new(), kept: 0, last: 0 }
    }

    /// Exchanges the buffer for an empty one.
    pub(super) fn swap(&mut self, values: &mut Vec<u8>) {
        self.values.truncate(self.kept);
        std::mem::swap(&mut self.values, values);
        self.kept = self.values.len();
    }

    /// Keeps the datum of the record that was read last.
    pub(super) fn keep(&mut self, control: &Control) -> Result<Span, Error> {
        let span = self.maker.compress(self.last, &mut self.values, control)?;
        self.kept = self.values.len();
        Ok(span)
    }

    /// Bytes of the datums that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.kept
    }
}

impl Reader for Quick {
    fn read(&mut self, bytes: &[u8], start: usize, eof: bool) -> Result<Option<Value>, Error> {
        if !self.active {
            return Ok(None);
        }
        self.values.truncate(self.kept);
        self.last = pad(&mut self.values)?;
        self.maker.encode(bytes, start, eof, &mut self.values)
    }
}

/// Zero bytes up to where a datum may start.
fn pad(out: &mut Vec<u8>) -> Result<usize, Error> {
    let at = out.len().next_multiple_of(ALIGNMENT);
    out.try_reserve(ALIGNMENT).map_err(|_| Error::OutOfMemory(at))?;
    out.resize(at, 0);
    Ok(at)
}

fn explain(error: CompressError) -> Error {
    match error {
        CompressError::OutOfMemory(bytes) => Error::OutOfMemory(bytes),
        CompressError::Stopped => Error::Stopped,
    }
}
