//! Reads files to find out what fields their records have. Nothing is kept of the records but
//! that.

use crate::access;
use crate::error::{Error, SchemaError};
use crate::load::{Values, Verdict};
use crate::pg;
use crate::pg::memory::allocator;
use crate::pg::strings::message::{count, tell};
use crate::read::{FileStream, ReadOptions, Refused};
use loader_core::encode::RecordForm;
use loader_core::infer::{Observations, SharedObservations, Strings};
use loader_core::pipeline::{Batch, Observing, RecordOutcome, Target};
use pgrx::PgLogLevel;
use std::sync::Arc;

/// What was observed of the files of one pattern, or of one file.
struct Survey {
    /// The pattern or the file, ready to be shown.
    shown: String,
    observations: Arc<SharedObservations>,
    values: Values,
    /// Records of files that are done with, bad ones counted too.
    records: u64,
    rejected: u64,
}

/// Observes the records of all files of a pattern, or the first `sample` of them, bad ones
/// counted too. The order of the checks is that of a load: the role was asked for before the
/// options were read.
pub fn survey(pattern: &[u8], options: &ReadOptions, sample: Option<u64>) -> Result<Observations, Error> {
    let files = access::expand(pattern)?;
    if files.is_empty() {
        return Err(Error::NoMatch(pg::strings::text::show(pattern)));
    }
    survey_files(pattern, &files, options, sample)
}

/// The same for one file. Its path is no pattern.
pub fn survey_file(path: &[u8], options: &ReadOptions) -> Result<Observations, Error> {
    survey_files(path, &[path], options, None)
}

fn survey_files(
    name: &[u8],
    files: &[impl AsRef<[u8]>],
    options: &ReadOptions,
    sample: Option<u64>,
) -> Result<Observations, Error> {
    let shown = pg::strings::text::show(name);
    let values = Values::of_documents()?;
    let mut survey = Survey { shown, observations: Arc::default(), values, records: 0, rejected: 0 };
    for path in files {
        let wanted = sample.map(|sample| sample - survey.records);
        if wanted == Some(0) {
            break;
        }
        allocator::refill().map_err(Error::OutOfMemory)?;
        survey.file(path.as_ref(), options, wanted)?;
    }
    let Survey { shown, observations, rejected, .. } = survey;
    let observations = observations.take()?;
    if observations.has_too_many() {
        return Err(SchemaError::TooManyFields(shown).into());
    }
    tell_of_others(&shown, rejected, &observations);
    Ok(observations)
}

impl Survey {
    /// Observes no more than `wanted` records of a file.
    fn file(&mut self, path: &[u8], options: &ReadOptions, wanted: Option<u64>) -> Result<(), Error> {
        let last = wanted.unwrap_or(u64::MAX);
        let target = if self.values.server.is_utf8() {
            let observations = self.observations.clone();
            Target::Schema(Observing { observations, records_before: self.records, last })
        } else {
            Target::Text
        };
        let mut stream = FileStream::open(path, options, wanted, target)?;
        self.values.form = stream.form.clone();
        if let RecordForm::Delimited(delimited) = &stream.form {
            // A file may have a header and no record.
            let number = self.records + 1;
            self.observations.with(|observations| match delimited.has_header() {
                true => observations.announce(number, delimited.names()),
                false => observations.announce_nameless(number, delimited.names()),
            })?;
        }
        let (mut refused, mut records) = (Refused::default(), 0);
        while let Some(batch) = stream.next()? {
            self.batch(&stream.shown, &batch, last, &mut refused)?;
            records = batch.end.records;
            stream.recycle(batch);
            if records >= last {
                stream.stop();
                self.records += last;
                return Ok(());
            }
        }
        self.records += records;
        stream.finish(&refused)
    }

    /// Looks at what is left of a batch: bad records, and those that the server decides about.
    fn batch(&mut self, file: &str, batch: &Batch, last: u64, refused: &mut Refused) -> Result<(), Error> {
        for entry in batch.entries.iter().filter(|entry| entry.place.number <= last) {
            let verdict = self.values.judge(file, None, batch, entry)?;
            // The value was the verdict's alone.
            drop(self.values.chunk.clear());
            match verdict {
                Verdict::Good => {
                    let RecordOutcome::Text { text, .. } = entry.outcome else { continue };
                    let number = self.records + entry.place.number;
                    let Values { form, json, .. } = &mut self.values;
                    let strings = Strings::of(form);
                    if let Some(record) = form.json(batch.text(text), json)? {
                        self.observations
                            .with(|observations| observations.observe(number, record, strings))?;
                    }
                }
                Verdict::Bad(..) => self.rejected += 1,
                Verdict::Refused(..) => {
                    self.rejected += 1;
                    refused.records += 1;
                    refused.bytes += entry.place.length;
                }
            }
        }
        if self.observations.has_too_many() {
            return Err(SchemaError::TooManyFields(self.shown.clone()).into());
        }
        Ok(())
    }
}

/// Says of which records nothing was learned.
fn tell_of_others(pattern: &str, rejected: u64, observations: &Observations) {
    let looked_at = observations.records() + rejected;
    let of = format!("of {} of \"{pattern}\"", count(looked_at, "record", "records"));
    if rejected > 0 {
        tell(PgLogLevel::NOTICE, format!("{rejected} {of} would be rejected"), None, None);
    }
    let others = observations.not_objects();
    if others > 0 {
        let no_fields = Some("Only objects have fields.".to_string());
        tell(PgLogLevel::NOTICE, format!("{others} {of} are not objects"), no_fields, None);
    }
}
