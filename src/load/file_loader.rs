//! The records of one stream on their way into the table: batch → chunk →
//! INSERT, and what is bad to the rejects. Knows nothing of transactions and of
//! the history: whoever drives it says when to stop, and writes down how far it is.

use super::account::{Account, PartResult, ReadAs};
use super::beside::Beside;
use super::booking::{Booking, Sink};
use super::dialect;
use super::file::{FileSource, explain};
use super::judge::{Values, Verdict};
use super::options::{LoadOptions, OnError};
use super::raw_bytes::{Pieces, RawBytes};
use super::rejects::{Bad, RejectLog};
use crate::catalog::Catalog;
use crate::error::{ColumnError, Error, RecordPosition, RejectReason};
use crate::pg;
use crate::pg::executor::chunk::Chunk;
use crate::pg::executor::key_order::{KeyOrder, Resolved};
use crate::pg::memory::allocator;
use crate::pg::processes::progress::{self, Report, Shown};
use crate::pg::processes::thread::AtExit;
use crate::pg::strings::text;
use crate::settings;
use crate::sink::{Route, Rows, Target, Upsert};
use crate::values::{RowMaker, Server};
use loader_core::encode::{JsonText, RecordForm};
use loader_core::pipeline::{self, Batch, Control, Pipeline, RecordOutcome};
use loader_core::split::{Assumption, Range, ResumePoint};
use loader_core::stream::Decoded;
use std::sync::Arc;

/// A chunk is also closed when its values come from this many batches, or when these have so many
/// bytes. There are few values in each of them then, because most of their records are rejects.
const CHUNK_BATCHES: usize = 64;
const CHUNK_BATCHES_BYTES: usize = 16 * 1024 * 1024;

/// It is closed, too, when so many bytes of its records are kept beside the values, which may be
/// compressed.
const CHUNK_RAW_BYTES: usize = 16 * 1024 * 1024;

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
    /// The load that has read the file before, if this one goes on from there.
    pub continues: Option<i64>,
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
    /// How records went into the table when the load began.
    route: Route,
    /// If rows are found by their keys: what finds those of a chunk that have the same.
    key_order: Option<KeyOrder>,
    /// The batches whose values the chunk holds now; they are filled again once it is inserted.
    emptied: Vec<Batch>,
    /// How many bytes they have, and their values.
    emptied_bytes: usize,
    /// What is held of the records of the chunk beside their values.
    beside: Beside,
    rejects: RejectLog,
    account: Account,
    /// Whether the bytes of the file are those of the stream.
    plain: bool,
    on_error: OnError,
    /// Whether a record was inserted at all, even one that a trigger has suppressed.
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
    pub first: Vec<(RecordPosition, RejectReason)>,
    /// The number of rejects that are no records, but text and the like between them.
    pub between: u64,
    /// What was left out where fields went to columns.
    pub left_out: LeftOut,
}

/// What was left out of records that were loaded.
#[derive(Default)]
pub struct LeftOut {
    /// Fields that no column takes, some of them.
    pub fields: Vec<String>,
    /// How many values were replaced by NULL.
    pub values: u64,
}

impl LeftOut {
    /// Adds another. A field may be named twice then.
    pub fn add(&mut self, other: LeftOut) {
        self.fields.extend(other.fields);
        self.values += other.values;
    }
}

impl FileLoader {
    /// Looks at the head of the stream and starts the threads.
    pub fn open(mut source: Decoded<FileSource>, target: &Target, setup: &Setup<'_>) -> Result<Self, Error> {
        source.source_mut().show_progress(setup.report.is_some());
        let shown = source.source().opened().shown.clone();
        let control = source.source().control().clone();
        let (compression, encoding, plain) = (source.compression(), source.encoding(), source.is_plain());
        let server = Server::new()?;
        let raw_bytes = match setup.options.on_error {
            // A retry needs what was kept of the document, too.
            OnError::Reject if plain && setup.options.format.is_record_whole() => {
                RawBytes::InFile(source.source().opened().file.clone())
            }
            OnError::Reject => RawBytes::Kept(Pieces::default()),
            OnError::Stop | OnError::Ignore => RawBytes::Unneeded,
        };
        let format = &setup.options.format;
        let format = match setup.continues {
            Some(load_id) if format.has_dialect() => {
                let saved = Catalog::open()?.saved_dialect(load_id)?;
                format.with_dialect(saved.as_ref().map(|saved| &saved.dialect))
            }
            _ => format.clone(),
        };
        let framing = format
            .framing(source, &setup.options.input, settings::reject_raw_limit())
            .map_err(|error| explain(error, &shown))?;
        let form = framing.form();
        let upsert = Upsert::of(target, &setup.options.columns)?;
        let key_order = upsert.as_ref().and_then(|upsert| upsert.key_order(&target.route));
        let columns = &setup.options.columns;
        let rows = RowMaker::for_target(&shown, target, columns, upsert.as_ref(), &form, server.is_utf8())?;
        if let (true, Some(rows), RecordForm::Delimited(delimited)) = (format.matches_header(), &rows, &form)
        {
            rows.require_header(delimited.names())?;
        }
        let made = match &rows {
            Some(rows) => {
                pipeline::Target::Columns { columns: rows.plan().clone(), check: server.verifies() }
            }
            None => {
                let keep_texts = matches!(raw_bytes, RawBytes::Kept(_));
                server.pipeline_target(target.compression(), keep_texts)
            }
        };
        let options = pipeline::Options {
            threads: setup.threads,
            target: made,
            resume_at: setup.part.resume_at,
            range: setup.part.range,
        };
        let mut pipeline =
            Pipeline::of(framing, options, control.clone()).map_err(|error| explain(error, &shown))?;
        let mark = pipeline.begin();
        // What lies before the first record is of the first part.
        let from = if setup.part.begins_the_stream() { ResumePoint::default() } else { mark };
        let read_as =
            ReadAs { format: pipeline.format(), compression, encoding, dialect: dialect::to_json(&form)? };
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
            values: Values {
                server,
                chunk: Chunk::of(target.route.types()),
                rows,
                form,
                json: JsonText::default(),
            },
            route: target.route.clone(),
            key_order,
            emptied: Vec::new(),
            emptied_bytes: 0,
            beside: Beside::new(
                raw_bytes,
                setup.options.on_error == OnError::Reject,
                settings::reject_raw_limit(),
            ),
            rejects: RejectLog::new(setup.load_id, setup.options, setup.rejected),
            account,
            plain,
            on_error: setup.options.on_error,
            any_good: setup.any_good,
            mark,
            open_offset: None,
            control,
            shown,
            load_id: setup.load_id,
            report,
            chunk_rows: setup.options.chunk,
            chunk_bytes: target.full_chunk(),
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
            self.emptied_bytes += batch.bytes();
            self.values.chunk.hold(std::mem::take(&mut batch.values)).map_err(Error::OutOfMemory)?;
        }
        for index in 0..batch.entries.len() {
            self.put(sink, &batch, index)?;
            if self.rejects.is_full() {
                self.rejects.write(sink.catalog);
            }
            if self.is_full() {
                self.insert_chunk(sink)?;
            }
        }
        self.mark = batch.end;
        if has_values {
            self.emptied.push(batch);
        } else {
            self.pipeline.recycle(batch);
        }
        if self.emptied.len() >= CHUNK_BATCHES || self.emptied_bytes >= CHUNK_BATCHES_BYTES {
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
        let left_out = self.take_left_out();
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
                    left_out,
                })
            }
            None => Err(Error::Unbalanced { path: self.shown }),
        }
    }

    /// What was left out since the last call.
    pub fn take_left_out(&mut self) -> LeftOut {
        let Some(rows) = &mut self.values.rows else { return LeftOut::default() };
        LeftOut { fields: rows.plan().take_ignored(), values: std::mem::take(&mut rows.set_null) }
    }

    fn flush(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        self.insert_chunk(sink)?;
        self.rejects.write(sink.catalog);
        Ok(())
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
    fn put(&mut self, sink: &mut Sink<'_>, batch: &Batch, index: usize) -> Result<(), Error> {
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
                let bad = Bad { place, reason: fault.into(), raw: batch.text(raw), key };
                return self.reject(sink, bad);
            }
            Verdict::Refused(reason, text) => {
                self.account.refuse(place.length);
                let bad = Bad { place, reason, raw: self.beside.cut(batch.text(text)), key };
                return self.reject(sink, bad);
            }
        }
        self.beside.push(batch, entry, key)?;
        if sink.target.lineage.key {
            let key = key.map(|key| text::from_utf8(key, false)).transpose().map_err(Error::OutOfMemory)?;
            self.values.chunk.push_key(key.flatten().as_deref()).map_err(Error::OutOfMemory)?;
        }
        self.open_offset = None;
        Ok(())
    }

    /// Books a bad record.
    fn reject(&mut self, sink: &mut Sink<'_>, bad: Bad<'_>) -> Result<(), Error> {
        if !self.any_good && self.rejects.is_hopeless_next() {
            // It depends on those before it, if they can be inserted.
            self.insert_chunk(sink)?;
        }
        self.rejects.add(&self.shown, bad, self.any_good)
    }

    /// Whether it is time to insert the chunk.
    fn is_full(&self) -> bool {
        let chunk = &self.values.chunk;
        chunk.len() >= self.chunk_rows
            || chunk.bytes() >= self.chunk_bytes
            || self.beside.len() >= CHUNK_RAW_BYTES
    }

    /// Puts the rows of the chunk into the order in which they are written.
    fn resolve_keys(&mut self) -> Result<Resolved, Error> {
        let Some(key_order) = &mut self.key_order else {
            return Ok(Resolved { main: self.values.chunk.len(), ..Resolved::default() });
        };
        let resolved = key_order.resolve(&self.values.chunk).map_err(Error::OutOfMemory)?;
        self.values.chunk.keep(&resolved.order).map_err(Error::OutOfMemory)?;
        self.beside.keep(&resolved.order)?;
        Ok(resolved)
    }

    fn insert_chunk(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        if !self.values.chunk.is_empty() {
            self.insert_rows(sink)?;
        }
        // The batch in hand has kept its place; those before it can be filled again. Where all of their
        // records were bad, they have left something behind, too.
        for (values, batch) in self.values.chunk.clear().zip(self.emptied.drain(..)) {
            self.pipeline.recycle(Batch { values, ..batch });
        }
        self.emptied_bytes = 0;
        self.beside.clear();
        Ok(())
    }

    fn insert_rows(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        if !self.route.fits(&sink.target.route) {
            return Err(ColumnError::TargetChanged(sink.target.shown.clone()).into());
        }
        if let Some(rows) = self.values.rows.as_ref().filter(|rows| !self.any_good && rows.none_fits()) {
            return Err(ColumnError::NoFieldFits {
                path: self.shown.clone(),
                table: sink.target.shown.clone(),
                fields: rows.plan().take_ignored(),
            }
            .into());
        }
        let resolved = self.resolve_keys()?;
        let rejected = self.rejects.count();
        let rows = Rows {
            load_id: self.load_id,
            file: &self.shown,
            chunk: &self.values.chunk,
            places: &self.beside.places,
        };
        let mut booking = Booking {
            stops: self.on_error == OnError::Stop,
            losers: &resolved.losers,
            again: Vec::new(),
            beside: &self.beside,
            rejects: &mut self.rejects,
            account: &mut self.account,
            any_good: &mut self.any_good,
            shown: &self.shown,
            catalog: sink.catalog,
        };
        let mut written = booking.insert(sink, rows, 0..resolved.main)?;
        let mut given = resolved.main;
        for &end in &resolved.passes {
            written += booking.insert(sink, rows, given..end)?;
            given = end;
        }
        let mut passed_over: usize = resolved.losers.iter().map(|(_, losers)| losers.len()).sum();
        for row in std::mem::take(&mut booking.again).into_iter().flatten() {
            written += booking.insert(sink, rows, row..row + 1)?;
            given += 1;
            passed_over -= 1;
        }
        // The statements have left out those whose key was in the table, and those that a trigger has
        // suppressed. Of a query nobody knows how many rows it might have had.
        let superseded = match &self.key_order {
            None => 0,
            Some(_) => {
                let refused = self.rejects.count() - rejected;
                let left_out = (given as u64).saturating_sub(refused + written.inserted + written.updated);
                left_out + passed_over as u64
            }
        };
        self.account.write(written, superseded);
        if let Some(Shown(report)) = &mut self.report {
            report.rows += written.inserted + written.updated;
            report.rejects = self.rejects.count();
            // A trigger whose subtransaction was rolled back ended it.
            report.show(self.control.bytes_read());
        }
        Ok(())
    }
}
