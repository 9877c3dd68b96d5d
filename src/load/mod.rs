//! One load, from the call to the row in the history:
//! input → framing → encode → chunk → insert → record. What comes before the
//! chunk happens in the threads of a [`Pipeline`].

mod earlier;
mod file;
mod options;
mod rejects;
mod report;
mod server;

pub use options::Call;

use crate::access;
use crate::catalog::{Catalog, Content, Load};
use crate::error::{Error, Place};
use crate::pg::chunk::Chunk;
use crate::pg::memory::Context;
use crate::pg::thread::AtExit;
use crate::pg::{self, allocator, context, progress};
use crate::settings;
use crate::sink::{Insert, Target};
use file::{FileSource, explain};
use loader_core::fault::Fault;
use loader_core::framing;
use loader_core::input::{Compression, Decoded};
use loader_core::pipeline::{self, Batch, Control, Entry, Form, Pipeline, Span};
use options::Options;
use rejects::RejectLog;
use server::Server;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// A chunk is closed when its values take so many bytes, however many rows it
/// has: so memory follows the records, not the file. Larger gains nothing.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// … or when its values come from so many batches, with few in each: most of
/// them is rejects then.
const CHUNK_BATCHES: usize = 64;

/// Memory that a load begins with. It needs little of it: the rest is there for
/// what is kept of an error, when the server has no more to give.
const RESERVE: usize = 64 * 1024;

/// What `load_json_file` returns.
pub struct Outcome {
    pub load_id: i64,
    pub status: &'static str,
    pub rows_loaded: u64,
    pub rows_rejected: u64,
    pub bytes_read: u64,
    pub elapsed: Duration,
}

/// Loads a file. The order of the checks is part of the contract: nothing is
/// learned about a path before the role is known to be allowed to read files,
/// and no file is opened for a table that could not take it.
pub fn run(call: &Call<'_>) -> Result<Outcome, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    Context::new(c"loader", RESERVE).within(|| load(call))
}

fn load(call: &Call<'_>) -> Result<Outcome, Error> {
    let clock = Instant::now();
    let started_at = pg::now();
    access::require_file_role()?;
    let options = Options::of(call)?;
    let target = Target::lock(call.table, call.target_column)?;
    let insert = Insert::prepare(&target)?;
    let server = Server::new()?;
    let catalog = Catalog::open()?;
    let target_name = target.quoted_name()?;

    let mut source = FileSource::new(access::open(call.path)?);
    let shown = source.opened().shown.clone();
    let content = Content {
        target: target.oid,
        target_name: &target_name,
        column: &target.column,
        file_size: source.opened().size(),
    };
    progress::start(target.oid, content.file_size);
    if let Some(load_id) = earlier::find(&catalog, &target, &content, &mut source, options.if_loaded)? {
        progress::end();
        report::skipped(&shown, &target.shown, load_id);
        return Ok(Outcome {
            load_id,
            status: "skipped",
            rows_loaded: 0,
            rows_rejected: 0,
            bytes_read: 0,
            elapsed: clock.elapsed(),
        });
    }

    let load_id = catalog.next_load_id()?;
    let decoded = Decoded::new(source, options.compression).map_err(|error| explain(error, &shown))?;
    let compression = decoded.compression();
    let options_of_framing = framing::Options {
        format: options.format,
        max_record_size: settings::max_record_size(),
        raw_limit: settings::reject_raw_limit(),
    };
    let options_of_pipeline = pipeline::Options {
        threads: settings::parse_threads(),
        native: server.is_utf8(),
        check: settings::verify(),
        compression: target.compression(),
    };
    let control = decoded.source().control().clone();
    let mut pipeline = Pipeline::new(decoded, options_of_framing, options_of_pipeline, control.clone())
        .map_err(|error| explain(error, &shown))?;
    let crew = pipeline.crew().clone();
    let _stop = AtExit::new(move || crew.stop());
    pg::thread::without_signals(|| pipeline.start());

    let mut run = Run {
        pipeline,
        server,
        chunk: Chunk::new(),
        emptied: Vec::new(),
        places: Vec::new(),
        rejects: RejectLog::new(load_id, &options),
        insert,
        rows_loaded: 0,
        refused: Refused::default(),
        any_good: false,
        target: &target,
        catalog: &catalog,
        control: &control,
        shown: &shown,
        file_size: content.file_size,
        chunk_rows: options.chunk,
        raw_limit: settings::reject_raw_limit(),
    };
    run.go_through()?;

    let Run { pipeline, rejects, rows_loaded, refused, .. } = run;
    let mut ended = pipeline.finish();
    let mut tally = ended.tally;
    tally.overrule(refused.records, refused.bytes);
    let source = ended.source.source_mut();
    let content_hash = source.finish()?;
    // A plain file is the stream itself.
    let all_read = compression != Compression::None || tally.stream_bytes == source.bytes_read();
    if !tally.balances() || !all_read || tally.rejects != rejects.count() {
        return Err(Error::Unbalanced { path: shown });
    }
    catalog.record(&Load {
        id: load_id,
        content,
        file_path: &source.opened().path,
        file_mtime: pg::timestamp_from_unix(source.opened().mtime_micros()),
        content_hash: &content_hash,
        format: ended.format.name(),
        compression: compression.name(),
        chunk: call.chunk,
        options: &options.to_json(),
        rows_loaded,
        rows_rejected: tally.rejects,
        stream_bytes: tally.stream_bytes,
        bytes_loaded: tally.bytes_loaded,
        bytes_rejected: tally.bytes_rejected,
        bytes_framing: tally.bytes_framing,
        loaded_by: pg::user::current(),
        started_at,
    })?;
    progress::end();

    let outcome = Outcome {
        load_id,
        status: "loaded",
        rows_loaded,
        rows_rejected: tally.rejects,
        bytes_read: tally.stream_bytes,
        elapsed: clock.elapsed(),
    };
    report::loaded(&shown, &target_name, &outcome, tally.records, options.on_error);
    Ok(outcome)
}

/// Records that the splitter found good and the server did not.
#[derive(Default)]
struct Refused {
    records: u64,
    bytes: u64,
}

/// The part of a load that goes through the file.
struct Run<'a> {
    pipeline: Pipeline<Decoded<FileSource>>,
    server: Server,
    chunk: Chunk,
    /// Batches whose values the chunk holds, without them.
    emptied: Vec<Batch>,
    /// Where the records of the chunk came from.
    places: Vec<Place>,
    rejects: RejectLog,
    insert: Insert,
    rows_loaded: u64,
    refused: Refused,
    /// Whether there was a good record at all; a trigger may have suppressed it.
    any_good: bool,
    target: &'a Target,
    catalog: &'a Catalog,
    control: &'a Control,
    shown: &'a str,
    file_size: u64,
    chunk_rows: usize,
    raw_limit: usize,
}

impl Run<'_> {
    fn go_through(&mut self) -> Result<(), Error> {
        while let Some(mut batch) =
            self.pipeline.next(&mut pg::check_for_interrupts).map_err(|error| explain(error, self.shown))?
        {
            pg::check_for_interrupts();
            allocator::refill().map_err(Error::OutOfMemory)?;
            progress::bytes_processed(self.control.bytes_read());
            let has_values = !batch.values.is_empty();
            if has_values {
                self.chunk.hold(std::mem::take(&mut batch.values)).map_err(Error::OutOfMemory)?;
            }
            for entry in &batch.entries {
                self.take(&batch, entry)?;
                if self.rejects.is_full() {
                    self.rejects.write(self.catalog)?;
                }
                if self.chunk.len() >= self.chunk_rows || self.chunk.bytes() >= CHUNK_BYTES {
                    self.insert_chunk()?;
                }
            }
            if has_values {
                self.emptied.push(batch);
            } else {
                self.pipeline.recycle(batch);
            }
            if self.emptied.len() >= CHUNK_BATCHES {
                self.insert_chunk()?;
            }
        }
        self.insert_chunk()?;
        self.rejects.write(self.catalog)
    }

    /// Puts a record where it belongs.
    fn take(&mut self, batch: &Batch, entry: &Entry) -> Result<(), Error> {
        let place = entry.place;
        self.chunk.reserve().map_err(Error::OutOfMemory)?;
        match entry.form {
            Form::Value(value) => self.chunk.push_held(value.at, value.length),
            Form::Checked { value, text } => {
                self.check(batch, place, value, text)?;
                self.chunk.push_held(value.at, value.length);
            }
            Form::Text { text, doubtful } => {
                let (server, chunk) = (&mut self.server, &mut self.chunk);
                let encoded = within_record(self.shown, self.target, place, || {
                    server.encode(batch, text, doubtful, chunk)
                });
                if let Err((kind, what)) = encoded? {
                    self.refused.records += 1;
                    self.refused.bytes += place.length;
                    let fault = Fault { kind, at: place.offset, what };
                    let raw = batch.text(text);
                    let raw = &raw[..raw.len().min(self.raw_limit)];
                    return self.rejects.add(self.shown, place, fault, raw, self.any_good);
                }
            }
            Form::Reject { fault, raw } => {
                return self.rejects.add(self.shown, place, fault, batch.text(raw), self.any_good);
            }
        }
        self.places
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory((self.places.len() + 1) * size_of::<Place>()))?;
        self.places.push(place);
        self.any_good = true;
        Ok(())
    }

    /// Fails if a value is not what the server makes of its record.
    fn check(&mut self, batch: &Batch, place: Place, value: Span, text: Span) -> Result<(), Error> {
        let chunk = &mut self.chunk;
        let same = within_record(self.shown, self.target, place, || {
            batch.c_text(text).is_some_and(|text| chunk.agrees(value.at, value.length, text))
        });
        if same { Ok(()) } else { Err(Error::Differs { path: self.shown.to_string(), place }) }
    }

    fn insert_chunk(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.rows_loaded += self.insert.run(self.target, self.shown, &self.chunk, &self.places)?;
        // The batch in hand has kept its place; those before it can be filled again.
        for (values, batch) in self.chunk.clear().zip(self.emptied.drain(..)) {
            self.pipeline.recycle(Batch { values, ..batch });
        }
        self.places.clear();
        // A trigger whose subtransaction was rolled back ended the report.
        progress::start(self.target.oid, self.file_size);
        progress::bytes_processed(self.control.bytes_read());
        progress::tuples_processed(self.rows_loaded);
        Ok(())
    }
}

/// Runs `body`; an error that the server raises meanwhile names the record.
fn within_record<R>(file: &str, target: &Target, place: Place, body: impl FnOnce() -> R) -> R {
    let describe =
        |line: &mut dyn Write| write!(line, "loading \"{file}\" into table \"{}\": {place}", target.shown);
    context::with_context(&describe, body)
}
