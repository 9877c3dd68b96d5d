//! The finisher of a pipeline that is to find a schema.

use super::batch::{Batch, RecordOutcome};
use super::control::Control;
use super::finisher::BatchFinisher;
use super::options::Observing;
use crate::encode::{JsonText, RecordForm};
use crate::infer::Strings;
use crate::stream::Error;

/// Observes the records of batches. Those that are not the server's to decide are taken out of
/// their batch: what is left, bad ones and doubtful ones, is the backend's to look at.
pub(super) struct Observer {
    form: RecordForm,
    json: JsonText,
    observing: Observing,
}

impl Observer {
    pub(super) fn new(form: RecordForm, observing: Observing) -> Self {
        Observer { form, json: JsonText::default(), observing }
    }
}

impl BatchFinisher for Observer {
    fn finish(&mut self, batch: &mut Batch, control: &Control) -> Result<bool, Error> {
        let Observer { form, json, observing } = self;
        let Observing { observations, records_before, last } = &*observing;
        let strings = Strings::of(form);
        observations.with(|observations| {
            for entry in &batch.entries {
                let RecordOutcome::Text { text, undecided: false } = entry.outcome else { continue };
                if control.is_stopped() {
                    return Err(Error::Stopped);
                }
                if entry.place.number <= *last {
                    let Some(record) = form.json(batch.text(text), json)? else { continue };
                    observations.observe(records_before + entry.place.number, record, strings)?;
                }
            }
            Ok(())
        })?;
        batch.entries.retain(|entry| {
            entry.place.number <= *last
                && !matches!(entry.outcome, RecordOutcome::Text { undecided: false, .. })
        });
        // Keys stand beside entries.
        batch.keys.clear();
        Ok(true)
    }
}
