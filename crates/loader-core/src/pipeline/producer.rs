//! The splitter's side: a batch of records at a time.

use super::batch::{Batch, Form, Place};
use super::datum::Quick;
use super::options::Options;
use crate::framing::{self, Item, Record, Reject, Splitter};
use crate::input::{Error, Source};

/// A batch is closed when it has so many bytes: small enough to stay in a
/// core's cache between the thread that makes it and the backend.
const BYTES: usize = 256 * 1024;

/// … or so many records.
const RECORDS: usize = 4096;

/// Cuts batches off the stream.
pub(super) struct Producer<S: Source> {
    pub(super) splitter: Splitter<S, Quick>,
    /// Texts are kept beside values.
    check: bool,
    /// An error that has to wait until what came before it is handed out.
    failed: Option<Error>,
}

impl<S: Source> Producer<S> {
    /// Begins where `options` say.
    pub(super) fn new(source: S, framing: framing::Options, options: &Options) -> Result<Self, Error> {
        let mut splitter = Splitter::with_reader(source, framing, Quick::default())?;
        if let Some(range) = options.range {
            splitter.start_at(range.start)?;
        }
        if options.skip_to > 0 {
            splitter.skip_to(options.skip_to)?;
        }
        splitter.stop_at(options.range.map_or(u64::MAX, |range| range.end));
        // Several threads share out the datums; for one it is less work to make
        // each while the end of the record is looked for.
        if options.native && options.threads <= 1 {
            splitter.reader_mut().activate();
        }
        Ok(Producer { splitter, check: options.check, failed: None })
    }

    /// Fills an empty batch with the next records. `Ok(false)` at the end of the
    /// stream, when there is nothing to fill it with. Values are made here where
    /// the splitter's reader is active, and are texts where it is not.
    ///
    /// An error of the splitter comes after the records before it. Where there is no
    /// memory to keep a record, the batch is lost: it must not seem to end behind it.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> Result<bool, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.splitter.reader_mut().swap(&mut batch.values);
        let filled = self.fill_up(batch);
        batch.end = self.splitter.mark();
        self.splitter.reader_mut().swap(&mut batch.values);
        match filled? {
            Err(error) if batch.entries.is_empty() => Err(error),
            result => {
                self.failed = result.err();
                Ok(!batch.entries.is_empty())
            }
        }
    }

    /// Fills the batch as far as the splitter goes; the inner error is what ended that.
    fn fill_up(&mut self, batch: &mut Batch) -> Result<Result<(), Error>, Error> {
        let keyed = self.splitter.is_keyed();
        while batch.entries.len() < RECORDS && batch.text.len() + self.splitter.reader().bytes() < BYTES {
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
                    let (number, offset, line) = (record.number, record.offset, record.line);
                    let place = Place { number, line, offset, length: record.bytes.len() as u64 };
                    let (read, doubtful) = (record.read && !record.doubtful, record.doubtful);
                    let text = if !read || self.check { Some(batch.keep(record.bytes)?) } else { None };
                    let value = if read { Some(self.splitter.reader_mut().keep()) } else { None };
                    let form = match (value, text) {
                        (Some(value), Some(text)) => Form::Checked { value, text },
                        (Some(value), None) => Form::Value(value),
                        (None, text) => Form::Text { text: text.unwrap_or_default(), doubtful },
                    };
                    batch.push(place, form)?;
                }
                Item::Reject(reject) => {
                    let (number, offset, line) = (reject.number, reject.offset, reject.line);
                    let place = Place { number, line, offset, length: reject.length };
                    let raw = batch.keep(reject.raw)?;
                    batch.push(place, Form::Reject { fault: reject.fault, raw })?;
                }
            }
        }
        Ok(Ok(()))
    }
}
