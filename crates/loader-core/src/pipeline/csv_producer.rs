//! Batches of the records of delimited text.

use super::batch::{Batch, RecordOutcome, RecordPosition};
use super::producer::{BYTES, Producer, hand_out, most_records};
use crate::split::csv::Splitter;
use crate::split::{Assumption, FileFormat, Item, ResumePoint, Split};
use crate::stream::{Error, Source};

/// Records of delimited text, as they stand in the stream.
pub(super) struct CsvProducer<S: Source> {
    splitter: Splitter<S>,
    /// The most records of a batch.
    records: usize,
    /// An error that has to wait until what came before it is handed out.
    failed: Option<Error>,
}

impl<S: Source> CsvProducer<S> {
    /// Goes on where the splitter stands. Of each record a row of so many cells is made.
    pub(super) fn new(splitter: Splitter<S>, cells: usize) -> Self {
        let records = most_records(cells);
        CsvProducer { splitter, records, failed: None }
    }

    /// Fills the batch as far as the splitter goes; the inner error is what ended that.
    fn fill_up(&mut self, batch: &mut Batch) -> Result<Result<(), Error>, Error> {
        while batch.entries.len() < self.records && batch.text.len() < BYTES {
            let item = match self.splitter.next() {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            match item {
                Item::Record(record) => {
                    let place = RecordPosition::of(&record);
                    let text = batch.keep(record.bytes)?;
                    batch.push(place, RecordOutcome::Text { text, undecided: false })?;
                }
                Item::Reject(reject) => batch.push_reject(&reject)?,
            }
        }
        Ok(Ok(()))
    }
}

impl<S: Source + Send> Producer<S> for CsvProducer<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let filled = self.fill_up(batch);
        batch.end = self.splitter.mark();
        hand_out(batch, filled?, &mut self.failed)
    }

    fn mark(&mut self) -> ResumePoint {
        self.splitter.mark()
    }

    fn is_splittable(&self) -> bool {
        self.splitter.is_splittable()
    }

    fn records_before_seek(&self) -> u64 {
        self.splitter.records_before_seek()
    }

    fn format(&self) -> FileFormat {
        FileFormat::Csv
    }

    fn assumption(&self) -> Assumption {
        self.splitter.assumption()
    }

    fn into_source(self: Box<Self>) -> S {
        self.splitter.into_source()
    }
}
