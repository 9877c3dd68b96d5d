//! The finisher of a pipeline whose records become rows.

use super::batch::{Batch, RecordOutcome};
use super::control::Control;
use super::finisher::BatchFinisher;
use crate::encode::RecordForm;
use crate::encode::columns::{Columns, Encoded, MatchError, RowEncoder};
use crate::memory::OutOfMemory;
use crate::stream::Error;
use std::sync::Arc;

/// Makes rows of the texts of batches. What the server has to decide stays as it is.
pub(super) struct RowFinisher {
    form: RecordForm,
    columns: Arc<Columns>,
    /// Made with the first batch, where a lack of memory can be told of.
    encoder: Option<Box<dyn RowEncoder>>,
    check: bool,
}

impl RowFinisher {
    /// With `check`, beside each cell there is the text that it was made of.
    pub(super) fn new(form: RecordForm, columns: Arc<Columns>, check: bool) -> Self {
        RowFinisher { form, columns, encoder: None, check }
    }
}

impl BatchFinisher for RowFinisher {
    fn finish(&mut self, batch: &mut Batch, control: &Control) -> Result<bool, Error> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            None => self.encoder.insert(self.form.rows(self.columns.clone()).map_err(explain)?),
        };
        let Batch { entries, values, cells, text: texts, .. } = batch;
        for entry in entries {
            let RecordOutcome::Text { text, undecided: false } = entry.outcome else { continue };
            if control.is_stopped() {
                return Err(Error::Stopped);
            }
            let first = cells.len();
            let record = &texts[text.at..text.at + text.length];
            entry.outcome = match encoder.encode(record, self.check, cells, values).map_err(explain)? {
                Encoded::Row => RecordOutcome::Row { first, text },
                Encoded::NotAnObject => RecordOutcome::NotAnObject { text },
            };
        }
        Ok(true)
    }
}

fn explain(error: MatchError) -> Error {
    match error {
        MatchError::Mismatch(mismatch) => Error::Mismatch(mismatch),
        MatchError::OutOfMemory(OutOfMemory(bytes)) => Error::OutOfMemory(bytes),
    }
}
