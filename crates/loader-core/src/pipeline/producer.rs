//! The first half of the work on a batch: cutting it off the stream. Whoever does it has the
//! stream to itself.

use super::batch::{Batch, RecordOutcome, RecordPosition};
use super::fused::FusedEncoder;
use crate::split::json::Splitter;
use crate::split::{Assumption, FileFormat, Item, Record, Reject, ResumePoint, Split};
use crate::stream::{Error, Source};

/// A batch is closed when it has this many bytes, few enough to stay in a core's cache between
/// the thread that makes it and the backend, …
pub(super) const BYTES: usize = 256 * 1024;

/// … or this many records, …
const RECORDS: usize = 4096;

/// … or so many records that their rows have this many cells.
const CELLS: usize = 64 * 1024;

/// The most records of a batch, of each of which a row of so many cells is made.
pub(super) fn most_records(cells: usize) -> usize {
    (CELLS / cells.max(1)).clamp(1, RECORDS)
}

/// Hands out a batch that was filled until something ended that: an error waits in `failed` until
/// what came before it is handed out.
pub(super) fn hand_out(
    batch: &Batch,
    filled: Result<(), Error>,
    failed: &mut Option<Error>,
) -> Result<bool, Error> {
    match filled {
        Err(error) if batch.entries.is_empty() => Err(error),
        result => {
            *failed = result.err();
            Ok(!batch.entries.is_empty())
        }
    }
}

/// Cuts batches off a stream that comes from `S`. Called once a batch.
pub(super) trait Producer<S>: Send {
    /// Fills an empty batch with the next records. `Ok(false)` at the end of the
    /// stream, when there is nothing to fill it with.
    ///
    /// An error of the splitter comes after the records before it. Where there is no
    /// memory to keep a record, the batch is lost: it must not seem to end behind it.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, Error>;

    /// The place behind the last batch.
    fn mark(&mut self) -> ResumePoint;

    /// Whether the stream can be split in ranges, if its source can be read from any place.
    fn is_splittable(&self) -> bool;

    /// How many records each range reads from the start of the stream before it jumps.
    fn records_before_seek(&self) -> u64;

    /// The format that was asked for, or found.
    fn format(&self) -> FileFormat;

    /// What the run took for granted about the place where it began.
    fn assumption(&self) -> Assumption;

    /// Gives the source back.
    fn into_source(self: Box<Self>) -> S;
}

/// Records of JSON. Values are made here where the splitter's reader is active, and are texts
/// where it is not.
pub(super) struct JsonProducer<S: Source> {
    splitter: Splitter<S, FusedEncoder>,
    /// Texts are kept beside values.
    keep_texts: bool,
    /// The most records of a batch.
    records: usize,
    /// An error that has to wait until what came before it is handed out.
    failed: Option<Error>,
}

impl<S: Source> JsonProducer<S> {
    /// Goes on where the splitter stands. With `keep_texts`, texts are kept beside values. Of each
    /// record a row of so many cells is made.
    pub(super) fn new(splitter: Splitter<S, FusedEncoder>, keep_texts: bool, cells: usize) -> Self {
        let records = most_records(cells);
        JsonProducer { splitter, keep_texts, records, failed: None }
    }

    /// Fills the batch as far as the splitter goes; the inner error is what ended that.
    fn fill_up(&mut self, batch: &mut Batch) -> Result<Result<(), Error>, Error> {
        let keyed = self.splitter.is_keyed();
        while batch.entries.len() < self.records && batch.text.len() + self.splitter.reader().bytes() < BYTES
        {
            let item = match self.splitter.next() {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            if keyed {
                let (Item::Record(Record { key, .. }) | Item::Reject(Reject { key, .. })) = item;
                batch.push_key(key)?;
            }
            match item {
                Item::Record(record) => {
                    let place = RecordPosition::of(&record);
                    let undecided = record.undecided;
                    let read = record.read && !undecided && record.kept.is_empty();
                    let text = match read && !self.keep_texts {
                        true => None,
                        false => Some(batch.keep_with(record.kept, record.bytes)?),
                    };
                    let value = if read { Some(self.splitter.reader_mut().keep()) } else { None };
                    let outcome = match (value, text) {
                        (Some(value), Some(text)) => RecordOutcome::WithText { value, text },
                        (Some(value), None) => RecordOutcome::Value(value),
                        (None, text) => RecordOutcome::Text { text: text.unwrap_or_default(), undecided },
                    };
                    batch.push(place, outcome)?;
                }
                Item::Reject(reject) => batch.push_reject(&reject)?,
            }
        }
        Ok(Ok(()))
    }
}

impl<S: Source + Send> Producer<S> for JsonProducer<S> {
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.splitter.reader_mut().swap(&mut batch.values);
        let filled = self.fill_up(batch);
        batch.end = self.splitter.mark();
        self.splitter.reader_mut().swap(&mut batch.values);
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
        FileFormat::Json(self.splitter.format())
    }

    fn assumption(&self) -> Assumption {
        self.splitter.assumption()
    }

    fn into_source(self: Box<Self>) -> S {
        self.splitter.into_source()
    }
}
