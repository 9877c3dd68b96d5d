//! One load, from the call to the row in the history:
//! input → framing → encode → chunk → insert → record.

mod earlier;
mod encode;
mod file;
mod options;
mod rejects;
mod report;

pub use options::Call;

use crate::access;
use crate::catalog::{Catalog, Content, Load};
use crate::error::{Error, Place};
use crate::pg::chunk::Chunk;
use crate::pg::memory::Context;
use crate::pg::{self, context, progress};
use crate::settings;
use crate::sink::{Insert, Target};
use encode::Encoder;
use file::{FileSource, explain};
use loader_core::framing::{self, Item, Splitter};
use loader_core::input::{Compression, Decoded};
use options::Options;
use rejects::RejectLog;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// A chunk is closed when its values take so many bytes, however many rows it
/// has: so memory follows the records, not the file. Larger gains nothing.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;

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
    Context::new(c"loader", RESERVE).within(|| load(call))
}

fn load(call: &Call<'_>) -> Result<Outcome, Error> {
    let clock = Instant::now();
    let started_at = pg::now();
    access::require_file_role()?;
    let options = Options::of(call)?;
    let target = Target::lock(call.table, call.target_column)?;
    let insert = Insert::prepare(&target)?;
    let encoder = Encoder::new()?;
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
    let splitter = Splitter::new(
        decoded,
        framing::Options {
            format: options.format,
            max_record_size: settings::max_record_size(),
            raw_limit: settings::reject_raw_limit(),
        },
    )
    .map_err(|error| explain(error, &shown))?;

    let mut run = Run {
        splitter,
        encoder,
        chunk: Chunk::new(),
        places: Vec::new(),
        rejects: RejectLog::new(load_id, &options),
        insert,
        rows_loaded: 0,
        any_good: false,
        target: &target,
        catalog: &catalog,
        shown: &shown,
        file_size: content.file_size,
        chunk_rows: options.chunk,
    };
    run.go_through()?;

    let content_hash = run.splitter.source_mut().source_mut().finish()?;
    let tally = *run.splitter.tally();
    let source = run.splitter.source().source();
    // A plain file is the stream itself.
    let all_read = compression != Compression::None || tally.stream_bytes == source.bytes_read();
    if !tally.balances() || !all_read || tally.rejects != run.rejects.count() {
        return Err(Error::Unbalanced { path: shown });
    }
    catalog.record(&Load {
        id: load_id,
        content,
        file_path: &source.opened().path,
        file_mtime: pg::timestamp_from_unix(source.opened().mtime_micros()),
        content_hash: &content_hash,
        format: run.splitter.format().name(),
        compression: compression.name(),
        chunk: call.chunk,
        options: &options.to_json(),
        rows_loaded: run.rows_loaded,
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
        rows_loaded: run.rows_loaded,
        rows_rejected: tally.rejects,
        bytes_read: tally.stream_bytes,
        elapsed: clock.elapsed(),
    };
    report::loaded(&shown, &target_name, &outcome, tally.records, options.on_error);
    Ok(outcome)
}

/// The part of a load that goes through the file.
struct Run<'a> {
    splitter: Splitter<Decoded<FileSource>>,
    encoder: Encoder,
    chunk: Chunk,
    /// Where the records of the chunk came from.
    places: Vec<Place>,
    rejects: RejectLog,
    insert: Insert,
    rows_loaded: u64,
    /// Whether there was a good record at all; a trigger may have suppressed it.
    any_good: bool,
    target: &'a Target,
    catalog: &'a Catalog,
    shown: &'a str,
    file_size: u64,
    chunk_rows: usize,
}

impl Run<'_> {
    fn go_through(&mut self) -> Result<(), Error> {
        let raw_limit = settings::reject_raw_limit();
        loop {
            let overruled = match self.splitter.next().map_err(|error| explain(error, self.shown))? {
                None => break,
                Some(Item::Record(record)) => {
                    let length = record.bytes.len() as u64;
                    let place =
                        Place { number: record.number, line: record.line, offset: record.offset, length };
                    let describe = |line: &mut dyn Write| {
                        write!(
                            line,
                            "loading \"{}\" into table \"{}\": {place}",
                            self.shown, self.target.shown
                        )
                    };
                    let encoded =
                        context::with_context(&describe, || self.encoder.encode(&record, &mut self.chunk));
                    match encoded? {
                        Ok(()) => {
                            self.places.try_reserve(1).map_err(|_| {
                                Error::OutOfMemory((self.places.len() + 1) * size_of::<Place>())
                            })?;
                            self.places.push(place);
                            self.any_good = true;
                            None
                        }
                        Err(fault) => {
                            let raw = &record.bytes[..record.bytes.len().min(raw_limit)];
                            self.rejects.add(self.shown, place, fault, raw, self.any_good)?;
                            Some(length)
                        }
                    }
                }
                Some(Item::Reject(reject)) => {
                    let place = Place {
                        number: reject.number,
                        line: reject.line,
                        offset: reject.offset,
                        length: reject.length,
                    };
                    self.rejects.add(self.shown, place, reject.fault, reject.raw, self.any_good)?;
                    None
                }
            };
            if let Some(length) = overruled {
                self.splitter.overrule(length);
            }
            if self.rejects.is_full() {
                self.rejects.write(self.catalog)?;
            }
            if self.chunk.len() >= self.chunk_rows || self.chunk.bytes() >= CHUNK_BYTES {
                self.insert_chunk()?;
            }
        }
        self.insert_chunk()?;
        self.rejects.write(self.catalog)
    }

    fn insert_chunk(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.rows_loaded += self.insert.run(self.target, self.shown, &self.chunk, &self.places)?;
        self.chunk.clear();
        self.places.clear();
        // A trigger whose subtransaction was rolled back ended the report.
        progress::start(self.target.oid, self.file_size);
        progress::bytes_processed(self.splitter.source().source().bytes_read());
        progress::tuples_processed(self.rows_loaded);
        Ok(())
    }
}
