//! Batches of the records of delimited text.

use super::batch::{Batch, RecordOutcome, RecordPosition};
use super::producer::{BYTES, CELLS, Producer, RECORDS};
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
        let records = (CELLS / cells.max(1)).clamp(1, RECORDS);
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
                    let (number, offset, line) = (record.number, record.offset, record.line);
                    let place = RecordPosition { number, line, offset, length: record.length };
                    let text = batch.keep(record.bytes)?;
                    batch.push(place, RecordOutcome::Text { text, undecided: false })?;
                }
                Item::Reject(reject) => {
                    let (number, offset, line) = (reject.number, reject.offset, reject.line);
                    let place = RecordPosition { number, line, offset, length: reject.length };
                    let raw = batch.keep(reject.raw)?;
                    batch.push(place, RecordOutcome::Reject { fault: reject.fault, raw })?;
                }
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
        match filled? {
            Err(error) if batch.entries.is_empty() => Err(error),
            result => {
                self.failed = result.err();
                Ok(!batch.entries.is_empty())
            }
        }
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
