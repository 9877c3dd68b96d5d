//! One file on its way through the threads, record by record.

use super::options::ReadOptions;
use crate::access;
use crate::error::{Error, RecordPosition};
use crate::load::{FileSource, OnError, Server, Values, Verdict, damaged, explain};
use crate::pg;
use crate::pg::memory::allocator;
use crate::pg::memory::lent::Lent;
use crate::pg::processes::thread::AtExit;
use crate::pg::strings::text::Shared;
use crate::settings;
use loader_core::fault::Fault;
use loader_core::pipeline::{self, Batch, Entry, ParseThreads, Pipeline};
use loader_core::split::json;
use loader_core::stream::Decoded;
use std::sync::Arc;

/// A call that wants no more records than this is not worth a thread.
const FEW: u64 = 1_000;

/// One record.
pub struct Row {
    pub file: Lent,
    pub place: RecordPosition,
    /// `None` for a bad one.
    pub data: Option<Lent>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// An open file, and how far it has been read.
pub struct Reading {
    /// Until the pipeline goes, which stops its threads itself.
    _stop: AtExit,
    pipeline: Pipeline<Decoded<FileSource>>,
    parse_threads: Arc<ParseThreads>,
    /// The batch in hand, but for its values, which the chunk holds.
    batch: Batch,
    /// Entries of it that are done with.
    done: usize,
    shown: String,
    name: Shared,
    on_error: OnError,
    refused: Refused,
}

/// Records that the splitter found good and the server did not.
#[derive(Default)]
struct Refused {
    records: u64,
    bytes: u64,
}

impl Reading {
    /// Opens a file of which no more than `wanted` records are asked for.
    pub fn open(
        path: &[u8],
        options: &ReadOptions,
        wanted: Option<u64>,
        server: &Server,
    ) -> Result<Self, Error> {
        let opened = access::open(path)?;
        let shown = opened.shown.clone();
        let size = opened.size();
        let few = wanted.is_some_and(|wanted| wanted <= FEW);
        let source = FileSource::new(opened);
        let control = source.control().clone();
        let decoded = Decoded::new(source, &options.input).map_err(|error| explain(error, &shown))?;
        let framing = json::Options {
            format: options.format,
            records_path: options.records_path.clone(),
            line_prefix: options.line_prefix.clone(),
            max_record_size: settings::max_record_size(),
            raw_limit: 0,
        };
        let how = pipeline::Options {
            threads: if few { 0 } else { settings::threads_for(size, settings::parse_threads()) },
            target: if server.is_utf8() {
                pipeline::Target::Jsonb { check: settings::verify(), toast: None }
            } else {
                pipeline::Target::Text
            },
            resume_at: 0,
            range: None,
        };
        let mut pipeline =
            Pipeline::new(decoded, framing, how, control).map_err(|error| explain(error, &shown))?;
        let parse_threads = pipeline.parse_threads().clone();
        let stop = AtExit::new({
            let parse_threads = parse_threads.clone();
            move || parse_threads.stop()
        });
        pg::processes::thread::without_signals(|| {
            pipeline.start(&mut || pg::processes::thread::has_room(pipeline::STACK))
        });
        Ok(Reading {
            _stop: stop,
            pipeline,
            parse_threads,
            batch: Batch::default(),
            done: 0,
            shown,
            name: Shared::new(path),
            on_error: options.on_error,
            refused: Refused::default(),
        })
    }

    /// Ends the reading; there will be no more records.
    pub fn stop(&self) {
        self.parse_threads.stop();
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
        self.pipeline.recycle(done);
        self.done = 0;
        pg::check_for_interrupts();
        allocator::refill().map_err(Error::OutOfMemory)?;
        let next = self.pipeline.next(&mut pg::check_for_interrupts);
        let Some(mut batch) = next.map_err(|error| explain(error, &self.shown))? else { return Ok(false) };
        values.chunk.hold(std::mem::take(&mut batch.values)).map_err(Error::OutOfMemory)?;
        self.batch = batch;
        Ok(true)
    }

    fn row(&mut self, entry: Entry, values: &mut Values) -> Result<Option<Row>, Error> {
        let place = entry.place;
        let fault = match values.judge(&self.shown, None, &self.batch, &entry)? {
            Verdict::Good => None,
            Verdict::Bad(fault, _) => Some(fault),
            Verdict::Refused(fault, _) => {
                self.refused.records += 1;
                self.refused.bytes += place.length;
                Some(fault)
            }
        };
        let data = match (fault, self.on_error) {
            (None, _) => values.chunk.last(),
            (Some(_), OnError::Reject) => None,
            (Some(_), OnError::Ignore) => return Ok(None),
            (Some(fault), OnError::Stop) => {
                return Err(Error::BadRecord { path: self.shown.clone(), place, fault });
            }
        };
        Ok(Some(Row { file: self.name.value(), place, data, fault }))
    }

    /// Fails if the file is not what it was, or if not all of it was accounted
    /// for. Called at its end.
    pub fn finish(self) -> Result<(), Error> {
        let Reading { pipeline, shown, refused, .. } = self;
        let mut ended = pipeline.finish();
        ended.tally.overrule(refused.records, refused.bytes);
        let (plain, damage) = (ended.source.is_plain(), ended.source.damage());
        let source = ended.source.source_mut();
        // Behind a compressed stream there may be bytes that are not read.
        if plain {
            source.check()?
        } else {
            source.opened().check_same()?
        }
        damaged(&shown, damage);
        if ended.tally.balances() && (!plain || ended.tally.stream_bytes == source.bytes_read()) {
            Ok(())
        } else {
            Err(Error::Unbalanced { path: shown })
        }
    }
}
