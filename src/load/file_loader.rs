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

/// A chunk is also closed when its values come from so many batches, with few in
/// each: most of them is rejects then.
const CHUNK_BATCHES: usize = 64;

/// Where records go: open in the transaction that is under way.
pub struct Sink<'a> {
    pub target: &'a Target,
    pub insert: &'a mut Insert,
    pub catalog: &'a Catalog,
}

/// Which part of a stream is taken in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// What ends at or before this offset was loaded earlier.
    pub resume_at: u64,
    /// Only a range of the stream.
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
    /// What is shown of it while it is under way, if anything is.
    pub report: Option<Report>,
    pub options: &'a LoadOptions,
    pub part: Part,
    /// A good record at this offset is passed over: it is in the table.
    pub passes: Option<u64>,
    /// Threads that parse.
    pub threads: usize,
    /// Good records were seen in an earlier part of the file.
    pub any_good: bool,
    /// Bad records of earlier parts.
    pub rejected: u64,
}

/// One stream on its way into the table.
pub struct FileLoader {
    /// The first field, because it is dropped first: the threads are stopped before what they use
    /// goes.
    _stop: AtExit,
    pipeline: Pipeline<Decoded<FileSource>>,
    values: Values,
    /// Batches whose values the chunk holds, without them.
    emptied: Vec<Batch>,
    /// Where the records of the chunk came from.
    places: Vec<RecordPosition>,
    rejects: RejectLog,
    account: Account,
    /// Whether the bytes of the file are those of the stream.
    plain: bool,
    /// Whether there was a good record at all; a trigger may have suppressed it.
    any_good: bool,
    /// Where the batches that were taken end.
    mark: ResumePoint,
    /// Where the last record begins, if it is bad.
    open_offset: Option<u64>,
    control: Arc<Control>,
    shown: String,
    load_id: i64,
    report: Option<Shown>,
    /// At so many rows, or bytes, a chunk is closed.
    chunk_rows: usize,
    chunk_bytes: usize,
    raw_limit: usize,
    passes: Option<u64>,
}

/// The end of a stream.
pub struct FinishedStream {
    /// What its last part came to.
    pub part: PartResult,
    /// The file.
    pub source: Decoded<FileSource>,
    /// What the run took for granted about the place where it began.
    pub assumption: Assumption,
    /// The first bad records of a validation.
    pub first: Vec<(RecordPosition, Fault)>,
    /// Rejects that are text and the like between records.
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
            target: if server.is_utf8() {
                pipeline::Target::Jsonb { check: settings::verify(), toast: target.compression() }
            } else {
                pipeline::Target::Text
            },
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

    /// Takes in the next batch; `false` at the end. Its last rows may wait for
    /// [`FileLoader::flush_part`].
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

    /// Brings everything that was taken to where it belongs, and says what that was
    /// since it was done last.
    pub fn flush_part(&mut self, sink: &mut Sink<'_>) -> Result<PartResult, Error> {
        self.flush(sink)?;
        self.account
            .close(self.mark, self.rejects.count(), self.open_offset)
            .ok_or_else(|| Error::Unbalanced { path: self.shown.clone() })
    }

    /// Does as [`FileLoader::flush_part`] when [`FileLoader::load_batch`] has returned `false`, and hands
    /// back what is left then.
    /// Fails if the file is not what it was; `whole` says that its end is reached.
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

    /// Bytes of the file that are read, as it lies on disk.
    pub fn bytes_read(&self) -> u64 {
        self.control.bytes_read()
    }

    /// Bytes of the stream that were taken since [`FileLoader::flush_part`].
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

    /// Puts a record where it belongs.
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
