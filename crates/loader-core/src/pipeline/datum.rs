//! From text to a datum: jsonb, and compressed where the table would have it so.

use super::batch::{Batch, Form, KEPT, Span};
use super::control::Control;
use crate::framing::{Reader, Value};
use crate::input::Error;
use crate::jsonb::Encoder;
use crate::memory;
use crate::toast::{CompressError, Compressor, Method};

/// Datums start at multiples of this, as the server's allocator would have it.
const ALIGNMENT: usize = 8;

/// Values longer than `above` bytes, header included, are compressed by `method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The method that the server would use.
    pub method: Method,
    /// The longest value that is left alone.
    pub above: usize,
}

/// Makes the datums of a batch what they are to be.
pub(super) struct Maker {
    encoder: Encoder,
    compressor: Compressor,
    compression: Option<Compression>,
    packed: Vec<u8>,
}

impl Maker {
    pub(super) fn new(compression: Option<Compression>) -> Self {
        Maker { encoder: Encoder::new(), compressor: Compressor::new(), compression, packed: Vec::new() }
    }

    /// Makes datums of texts, but for those that the server has to decide, and
    /// compresses long ones. With `check` the texts are kept beside them. Returns
    /// whether that was done to most of the batch.
    pub(super) fn complete(
        &mut self,
        batch: &mut Batch,
        check: bool,
        control: &Control,
    ) -> Result<bool, Error> {
        let encoded = self.encode(batch, check, control)?;
        let all = batch.values.len();
        let compressed = match self.compression {
            Some(compression) => self.compress(batch, compression, control)?,
            None => 0,
        };
        Ok(2 * (encoded + compressed) > all)
    }

    /// Makes datums of texts; returns of how many bytes.
    fn encode(&mut self, batch: &mut Batch, check: bool, control: &Control) -> Result<usize, Error> {
        let mut bytes_encoded = 0;
        let Batch { entries, values, text: texts, .. } = batch;
        for entry in entries {
            let Form::Text { text, doubtful: false } = entry.form else { continue };
            if control.is_stopped() {
                return Err(Error::Stopped);
            }
            let bytes = &texts[text.at..text.at + text.length];
            bytes_encoded += bytes.len();
            let at = pad(values)?;
            let end = self.encoder.encode(bytes, 0, true, values)?;
            let value = Span { at, length: values.len() - at };
            entry.form = match end {
                Some(end) if end == bytes.len() && check => Form::Checked { value, text },
                Some(end) if end == bytes.len() => Form::Value(value),
                _ => {
                    values.truncate(at);
                    Form::Text { text, doubtful: true }
                }
            };
        }
        Ok(bytes_encoded)
    }

    /// Compresses long values; returns how many bytes of them there were. All go
    /// to another buffer: those of texts stand behind the others here, wherever in
    /// the file they were.
    fn compress(
        &mut self,
        batch: &mut Batch,
        compression: Compression,
        control: &Control,
    ) -> Result<usize, Error> {
        let Compression { method, above } = compression;
        let lengths = batch.entries.iter().filter_map(|entry| entry.form.value()).map(|value| value.length);
        let long = lengths.filter(|&length| length > above).sum();
        if long == 0 {
            return Ok(0);
        }
        let stop = || control.is_stopped();
        let Batch { entries, values, .. } = batch;
        let packed = &mut self.packed;
        packed.clear();
        for entry in entries {
            let (Form::Value(value) | Form::Checked { value, .. }) = &mut entry.form else { continue };
            let datum = &values[value.at..value.at + value.length];
            let at = pad(packed)?;
            let smaller = datum.len() > above
                && self.compressor.compress(datum, method, packed, &stop).map_err(explain)?;
            if !smaller {
                memory::append(packed, datum)?;
            }
            *value = Span { at, length: packed.len() - at };
        }
        std::mem::swap(values, packed);
        if packed.capacity() > KEPT {
            *packed = Vec::new();
        }
        Ok(long)
    }
}

/// Makes the datum of a record while the splitter looks for its end, so that a
/// good record is gone through once only.
#[derive(Default)]
pub(super) struct Quick {
    encoder: Encoder,
    /// Records are read by this from now on.
    active: bool,
    /// Datums; what lies behind `kept` is of the record that was read last.
    values: Vec<u8>,
    kept: usize,
    last: usize,
}

impl Quick {
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

impl Reader for Quick {
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

/// Zero bytes up to where a datum may start.
fn pad(out: &mut Vec<u8>) -> Result<usize, Error> {
    let at = out.len().next_multiple_of(ALIGNMENT);
    memory::resize(out, at, 0)?;
    Ok(at)
}

fn explain(error: CompressError) -> Error {
    match error {
        CompressError::OutOfMemory(bytes) => Error::OutOfMemory(bytes),
        CompressError::Stopped => Error::Stopped,
    }
}
