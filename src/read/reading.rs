//! One file, record by record.

use super::options::ReadOptions;
use super::stream::{FileStream, Refused};
use crate::error::{ContentError, Error, RecordPosition};
use crate::load::{OnError, Values, Verdict};
use crate::pg::memory::lent::Lent;
use crate::pg::strings::text::Shared;
use crate::values::Server;
use loader_core::encode::RecordForm;
use loader_core::fault::Fault;
use loader_core::pipeline::{Batch, Entry};

/// One record.
pub struct Row {
    pub file: Lent,
    pub place: RecordPosition,
    /// `None` for a bad one.
    pub data: Option<Lent>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// An open file, and how far its records were handed out.
pub struct Reading {
    stream: FileStream,
    /// The batch in hand, but for its values, which the chunk holds.
    batch: Batch,
    /// Entries of it that are done with.
    done: usize,
    name: Shared,
    on_error: OnError,
    refused: Refused,
}

impl Reading {
    /// Opens a file of which no more than `wanted` records are asked for.
    pub fn open(
        path: &[u8],
        options: &ReadOptions,
        wanted: Option<u64>,
        server: &Server,
    ) -> Result<Self, Error> {
        Ok(Reading {
            stream: FileStream::open(path, options, wanted, server.pipeline_target(None, false))?,
            batch: Batch::default(),
            done: 0,
            name: Shared::new(path),
            on_error: options.on_error,
            refused: Refused::default(),
        })
    }

    /// What the texts of records are.
    pub fn form(&self) -> RecordForm {
        self.stream.form.clone()
    }

    /// Ends the reading; there will be no more records.
    pub fn stop(&self) {
        self.stream.stop();
    }

    /// The next record that makes a row.
    pub fn next(&mut self, values: &mut Values) -> Result<Option<Row>, Error> {
        loop {
            while let Some(&entry) = self.batch.entries.get(self.done) {
                self.done += 1;
                if let Some(row) = self.row(entry, values)? {
                    return Ok(Some(row));
                }
            }
            if !self.next_batch(values)? {
                return Ok(None);
            }
        }
    }

    fn next_batch(&mut self, values: &mut Values) -> Result<bool, Error> {
        let done =
            Batch { values: values.chunk.release().unwrap_or_default(), ..std::mem::take(&mut self.batch) };
        self.stream.recycle(done);
        self.done = 0;
        let Some(mut batch) = self.stream.next()? else { return Ok(false) };
        values.chunk.hold(std::mem::take(&mut batch.values)).map_err(Error::OutOfMemory)?;
        self.batch = batch;
        Ok(true)
    }

    fn row(&mut self, entry: Entry, values: &mut Values) -> Result<Option<Row>, Error> {
        let place = entry.place;
        let fault = match values.judge(&self.stream.shown, None, &self.batch, &entry)? {
            Verdict::Good => None,
            Verdict::Bad(fault, _) => Some(fault),
            Verdict::Refused(reason, _) => {
                self.refused.records += 1;
                self.refused.bytes += place.length;
                reason.fault
            }
        };
        let data = match (fault, self.on_error) {
            (None, _) => values.chunk.last(),
            (Some(_), OnError::Reject) => None,
            (Some(_), OnError::Ignore) => return Ok(None),
            (Some(fault), OnError::Stop) => {
                return Err(ContentError::BadRecord {
                    path: self.stream.shown.clone(),
                    place,
                    reason: Box::new(fault.into()),
                }
                .into());
            }
        };
        Ok(Some(Row { file: self.name.value(), place, data, fault }))
    }

    /// Fails if the file is not what it was, or if not all of it was accounted
    /// for. Called at its end.
    pub fn finish(self) -> Result<(), Error> {
        self.stream.finish(&self.refused)
    }
}
