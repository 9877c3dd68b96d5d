//! The second half of the work on a batch: what needs no more of the stream than the batch
//! itself. Each thread does it for its own batches.

use super::batch::{Batch, KEPT, RecordOutcome};
use super::control::Control;
use crate::encode::jsonb::Encoder;
use crate::encode::{JsonText, RecordForm, Span, pad};
use crate::memory;
use crate::stream::Error;
use crate::toast::{CompressError, Compressor, Method};

/// Values longer than `above` bytes, header included, are compressed by `method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToastPolicy {
    /// The method that the server would use.
    pub method: Method,
    /// The longest value that is left alone.
    pub above: usize,
}

/// Finishes batches. Called once a batch.
pub(super) trait BatchFinisher: Send {
    /// Makes of the texts of a batch what is to be stored. Returns whether that was done to
    /// most of the batch.
    fn finish(&mut self, batch: &mut Batch, control: &Control) -> Result<bool, Error>;
}

/// Makes datums of texts: jsonb, and compressed where the table would have it so.
pub(super) struct JsonbFinisher {
    form: RecordForm,
    json: JsonText,
    encoder: Encoder,
    compressor: Compressor,
    toast: Option<ToastPolicy>,
    /// Texts are kept beside their datums.
    keep_texts: bool,
    packed: Vec<u8>,
}

impl JsonbFinisher {
    /// With `keep_texts`, texts are kept beside their datums.
    pub(super) fn new(form: RecordForm, toast: Option<ToastPolicy>, keep_texts: bool) -> Self {
        let (encoder, compressor) = (Encoder::new(), Compressor::new());
        JsonbFinisher {
            form,
            json: JsonText::default(),
            encoder,
            compressor,
            toast,
            keep_texts,
            packed: Vec::new(),
        }
    }

    /// Makes datums of texts; returns of how many bytes.
    fn encode(&mut self, batch: &mut Batch, control: &Control) -> Result<usize, Error> {
        let mut bytes_encoded = 0;
        let Batch { entries, values, text: texts, .. } = batch;
        for entry in entries {
            let RecordOutcome::Text { text, undecided: false } = entry.outcome else { continue };
            if control.is_stopped() {
                return Err(Error::Stopped);
            }
            let bytes = &texts[text.at..text.at + text.length];
            bytes_encoded += bytes.len();
            let at = pad(values)?;
            let Some(json) = self.form.json(bytes, &mut self.json)? else { continue };
            let end = self.encoder.encode(json, 0, true, values)?;
            let value = Span { at, length: values.len() - at };
            entry.outcome = match end {
                Some(end) if end == json.len() && self.keep_texts => RecordOutcome::WithText { value, text },
                Some(end) if end == json.len() => RecordOutcome::Value(value),
                _ => {
                    values.truncate(at);
                    RecordOutcome::Text { text, undecided: true }
                }
            };
        }
        Ok(bytes_encoded)
    }

    /// Compresses long values; returns how many bytes of them there were. All go
    /// to another buffer: those of texts stand behind the others here, wherever in
    /// the file they were.
    fn compress(&mut self, batch: &mut Batch, toast: ToastPolicy, control: &Control) -> Result<usize, Error> {
        let ToastPolicy { method, above } = toast;
        let lengths =
            batch.entries.iter().filter_map(|entry| entry.outcome.value()).map(|value| value.length);
        let long = lengths.filter(|&length| length > above).sum();
        if long == 0 {
            return Ok(0);
        }
        let stop = || control.is_stopped();
        let Batch { entries, values, .. } = batch;
        let packed = &mut self.packed;
        packed.clear();
        for entry in entries {
            let (RecordOutcome::Value(value) | RecordOutcome::WithText { value, .. }) = &mut entry.outcome
            else {
                continue;
            };
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

impl BatchFinisher for JsonbFinisher {
    /// What the server has to decide stays as it is.
    fn finish(&mut self, batch: &mut Batch, control: &Control) -> Result<bool, Error> {
        let encoded = self.encode(batch, control)?;
        let all = batch.values.len();
        let compressed = match self.toast {
            Some(toast) => self.compress(batch, toast, control)?,
            None => 0,
        };
        Ok(2 * (encoded + compressed) > all)
    }
}

fn explain(error: CompressError) -> Error {
    match error {
        CompressError::OutOfMemory(bytes) => Error::OutOfMemory(bytes),
        CompressError::Stopped => Error::Stopped,
    }
}
