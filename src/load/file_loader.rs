//! The records of one stream on their way into the table: batch → chunk →
//! INSERT, and what is bad to the rejects. Knows nothing of transactions and of
//! the history: whoever drives it says when to stop, and writes down how far it is.

use super::account::{Account, PartResult, ReadAs};
use super::file::{FileSource, explain};
use super::judge::{Values, Verdict};
use super::options::LoadOptions;
use super::rejects::{Bad, RejectLog};
use super::server::Server;
use crate::catalog::Catalog;
use crate::error::{Error, RecordPosition};
use crate::pg;
use crate::pg::executor::chunk::Chunk;
use crate::pg::memory::allocator;
use crate::pg::processes::progress::{self, Report, Shown};
use crate::pg::processes::thread::AtExit;
use crate::pg::strings::text;
use crate::settings;
use crate::sink::{Insert, Target};
use loader_core::fault::Fault;
use loader_core::pipeline::{self, Batch, Control, Pipeline, RecordOutcome};
use loader_core::split::json;
use loader_core::split::{Assumption, Range, ResumePoint};
use loader_core::stream::Decoded;
use std::sync::Arc;

/// A chunk is also closed when its values come from this many batches. There are few values in
/// each of them then, because most of their records are rejects.
const CHUNK_BATCHES: usize = 64;

/// Where records go. All of it is open in the transaction that is under way.
pub struct Sink<'a> {
    pub target: &'a Target,
    pub insert: &'a mut Insert,
    pub catalog: &'a Catalog,
}

/// Which part of a stream is loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Records that end at or before this offset were loaded earlier.
    pub resume_at: u64,
    /// If only a range of the stream is loaded: which.
    pub range: Option<Range>,
}

impl Part {
    fn begins_the_stream(&self) -> bool {
        self.resume_at == 0 && self.range.is_none()
    }
}

/// What [`FileLoader::open`] has to know beside the file.
pub struct Setup<'a> {
    pub load_id: i64,
    /// The progress that is shown of the load, if any is.
    pub report: Option<Report>,
    pub options: &'a LoadOptions,
    pub part: Part,
    /// A good record at this offset is passed over, because it is in the table already.
    pub passes: Option<u64>,
    /// The number of threads that parse.
    pub threads: usize,
    /// Whether an earlier part of the file had good records.
    pub any_good: bool,
    /// The number of bad records in earlier parts.
    pub rejected: u64,
}

/// One stream on its way into the table.
pub struct FileLoader {
    /// The first field, because it is dropped first: the threads are stopped before what they use
    /// goes.
    _stop: AtExit,
    pipeline: Pipeline<Decoded<FileSource>>,
    values: Values,
    /// The batches whose values the chunk holds now; they are filled again once it is inserted.
    emptied: Vec<Batch>,
    /// The positions in the stream of the records of the chunk.
    places: Vec<RecordPosition>,
    rejects: RejectLog,
    account: Account,
    /// Whether the bytes of the file are those of the stream.
    plain: bool,
    /// Whether there was a good record at all, even one that a trigger has suppressed.
    any_good: bool,
    /// The place behind the last batch that was loaded.
    mark: ResumePoint,
    /// The offset of the last record, if that is bad.
    open_offset: Option<u64>,
    control: Arc<Control>,
    shown: String,
    load_id: i64,
    report: Option<Shown>,
    /// A chunk is closed when it has this many rows, or this many bytes.
    chunk_rows: usize,
    chunk_bytes: usize,
    raw_limit: usize,
    passes: Option<u64>,
}

/// What is left of a stream at its end.
pub struct FinishedStream {
    /// What its last part came to.
    pub part: PartResult,
    /// The file.
    pub source: Decoded<FileSource>,
    /// What the run took for granted about the place where it began.
    pub assumption: Assumption,
    /// The first bad records of a validation.
    pub first: Vec<(RecordPosition, Fault)>,
    /// The number of rejects that are no records, but text and the like between them.
    pub between: u64,
}

impl FileLoader {
    /// Looks at the head of the stream and starts the threads.
    pub fn open(mut source: Decoded<FileSource>, target: &Target, setup: &Setup<'_>) -> Result<Self, Error> {
        source.source_mut().show_progress(setup.report.is_some());
        let shown = source.source().opened().shown.clone();
        let control = source.source().control().clone();
        let (compression, encoding, plain) = (source.compression(), source.encoding(), source.is_plain());
        let server = Server::new()?;
        let framing = json::Options {
            format: setup.options.format,
            records_path: setup.options.records_path.clone(),
            line_prefix: setup.options.line_prefix.clone(),
            max_record_size: settings::max_record_size(),
            raw_limit: settings::reject_raw_limit(),
        };
        let options = pipeline::Options {
            threads: setup.threads,
            target: server.pipeline_target(target.compression()),
            resume_at: setup.part.resume_at,
            range: setup.part.range,
        };
        let mut pipeline = Pipeline::new(source, framing, options, control.clone())
            .map_err(|error| explain(error, &shown))?;
        let mark = pipeline.begin();
        // What lies before the first record is of the first part.
        let from = if setup.part.begins_the_stream() { ResumePoint::default() } else { mark };
        let read_as = ReadAs { format: pipeline.format(), compression, encoding };
        let account = Account::new(read_as, from, setup.rejected);
        let parse_threads = pipeline.parse_threads().clone();
        let stop = AtExit::new(move || parse_threads.stop());
        pg::processes::thread::without_signals(|| {
            pipeline.start(&mut || pg::processes::thread::has_room(pipeline::STACK))
        });
        let report = setup.report.map(Shown);
        if let Some(Shown(report)) = &report {
            report.show(control.bytes_read());
        }
        Ok(FileLoader {
            _stop: stop,
            pipeline,
            values: Values { server, chunk: Chunk::new() },
            emptied: Vec::new(),
            places: Vec::new(),
            rejects: RejectLog::new(setup.load_id, setup.options, setup.rejected),
            account,
            plain,
            any_good: setup.any_good,
            mark,
            open_offset: None,
            control,
            shown,
            load_id: setup.load_id,
            report,
            chunk_rows: setup.options.chunk,
            chunk_bytes: target.full_chunk(),
            raw_limit: settings::reject_raw_limit(),
            passes: setup.passes,
        })
    }

    /// Loads the next batch and returns `true`, or `false` at the end of the stream. Its last rows
    /// may stay in the chunk until [`FileLoader::flush_part`].
    pub fn load_batch(&mut self, sink: &mut Sink<'_>) -> Result<bool, Error> {
        let next = self.pipeline.next(&mut pg::check_for_interrupts);
        let Some(mut batch) = next.map_err(|error| explain(error, &self.shown))? else { return Ok(false) };
        pg::check_for_interrupts();
        allocator::refill().map_err(Error::OutOfMemory)?;
        if self.report.is_some() {
            progress::bytes_processed(self.control.bytes_read());
        }
        let has_values = !batch.values.is_empty();
        if has_values {
            self.values.chunk.hold(std::mem::take(&mut batch.values)).map_err(Error::OutOfMemory)?;
        }
        for index in 0..batch.entries.len() {
            self.put(sink, &batch, index)?;
            if self.rejects.is_full() {
                self.rejects.write(sink.catalog)?;
            }
            if self.values.chunk.len() >= self.chunk_rows || self.values.chunk.bytes() >= self.chunk_bytes {
                self.insert_chunk(sink)?;
            }
        }
        self.mark = batch.end;
        if has_values {
            self.emptied.push(batch);
        } else {
            self.pipeline.recycle(batch);
        }
        if self.emptied.len() >= CHUNK_BATCHES {
            self.insert_chunk(sink)?;
        }
        Ok(true)
    }

    /// Inserts the rows and writes the rejects that are still held back. Returns what the part
    /// of the stream since the last call came to.
    pub fn flush_part(&mut self, sink: &mut Sink<'_>) -> Result<PartResult, Error> {
        self.flush(sink)?;
        self.account
            .close(self.mark, self.rejects.count(), self.open_offset)
            .ok_or_else(|| Error::Unbalanced { path: self.shown.clone() })
    }

    /// Ends the load of the stream, after [`FileLoader::load_batch`] has returned `false`: flushes
    /// its last part, and fails if the file has changed meanwhile. `whole` says that the end of
    /// the file is reached.
    pub fn finish(mut self, sink: &mut Sink<'_>, whole: bool) -> Result<FinishedStream, Error> {
        self.flush(sink)?;
        let mut ended = self.pipeline.finish();
        let source = ended.source.source_mut();
        if whole {
            source.check()?
        } else {
            source.opened().check_same()?
        }
        // A plain file is the stream itself.
        let all_read = !(whole && self.plain) || ended.end.offset == source.bytes_read();
        let part = self.account.close(ended.end, self.rejects.count(), self.open_offset);
        match part.filter(|_| all_read) {
            Some(part) => {
                let first = self.rejects.first().to_vec();
                Ok(FinishedStream {
                    part,
                    source: ended.source,
                    assumption: ended.assumption,
                    first,
                    between: self.rejects.between(),
                })
            }
            None => Err(Error::Unbalanced { path: self.shown }),
        }
    }

    fn flush(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        self.insert_chunk(sink)?;
        self.rejects.write(sink.catalog)
    }

    /// How many bytes of the file, as it lies on disk, are read.
    pub fn bytes_read(&self) -> u64 {
        self.control.bytes_read()
    }

    /// How many bytes of the stream were loaded since the last [`FileLoader::flush_part`].
    pub fn bytes_taken(&self) -> u64 {
        self.mark.offset.saturating_sub(self.account.from().offset)
    }

    /// Whether the stream can be split in ranges.
    pub fn is_splittable(&self) -> bool {
        self.plain && self.pipeline.is_splittable()
    }

    /// How many records each range reads from the start of the stream before it jumps.
    pub fn records_before_seek(&self) -> u64 {
        self.pipeline.records_before_seek()
    }

    /// Adds a record to the chunk, or to the rejects.
    fn put(&mut self, sink: &Sink<'_>, batch: &Batch, index: usize) -> Result<(), Error> {
        let (entry, key) = (&batch.entries[index], batch.key(index));
        let place = entry.place;
        self.open_offset = Some(place.offset);
        if self.passes.take() == Some(place.offset) && !matches!(entry.outcome, RecordOutcome::Reject { .. })
        {
            self.open_offset = None;
            return Ok(());
        }
        match self.values.judge(&self.shown, Some(&sink.target.shown), batch, entry)? {
            Verdict::Good => {}
            Verdict::Bad(fault, raw) => {
                let bad = Bad { place, fault, raw: batch.text(raw), key };
                return self.rejects.add(&self.shown, &bad, self.any_good);
            }
            Verdict::Refused(fault, text) => {
                self.account.refuse(place.length);
                let raw = batch.text(text);
                let raw = &raw[..raw.len().min(self.raw_limit)];
                return self.rejects.add(&self.shown, &Bad { place, fault, raw, key }, self.any_good);
            }
        }
        self.places
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory((self.places.len() + 1) * size_of::<RecordPosition>()))?;
        self.places.push(place);
        if sink.target.lineage.key {
            let key = key.map(|key| text::from_utf8(key, false)).transpose().map_err(Error::OutOfMemory)?;
            self.values.chunk.push_key(key.flatten().as_deref()).map_err(Error::OutOfMemory)?;
        }
        self.open_offset = None;
        self.any_good = true;
        Ok(())
    }

    fn insert_chunk(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        if self.values.chunk.is_empty() {
            return Ok(());
        }
        let rows =
            sink.insert.run(sink.target, self.load_id, &self.shown, &self.values.chunk, &self.places)?;
        self.account.insert(rows);
        // The batch in hand has kept its place; those before it can be filled again.
        for (values, batch) in self.values.chunk.clear().zip(self.emptied.drain(..)) {
            self.pipeline.recycle(Batch { values, ..batch });
        }
        self.places.clear();
        if let Some(Shown(report)) = &mut self.report {
            report.rows += rows;
            report.rejects = self.rejects.count();
            // A trigger whose subtransaction was rolled back ended it.
            report.show(self.control.bytes_read());
        }
        Ok(())
    }
}
