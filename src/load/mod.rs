//! One load, from the call to the row in the history:
//! input → framing → encode → chunk → insert → record. What comes before the
//! chunk happens in the threads of a [`Pipeline`].

mod earlier;
mod file;
mod intake;
mod judge;
mod options;
mod rejects;
mod report;
mod server;
mod validate;

pub use file::{FileSource, explain};
pub use intake::{Gain, Intake, Part, Setup, Sink};
pub use judge::{Values, Verdict};
pub use options::{
    Call, IfLoaded, OnError, Options, compression_of, format_of, on_error_of, records_path_of, word,
};
pub use report::log_line;
pub use server::Server;

use crate::access;
use crate::catalog::{Catalog, Content, FileState, Load, Status, Step};
use crate::error::Error;
use crate::pg::memory::Context;
use crate::pg::progress::{self, Report};
use crate::pg::{self, allocator};
use crate::settings;
use crate::sink::{Insert, Target};
use loader_core::framing::Mark;
use loader_core::input::{Compression, Decoded};
use std::time::{Duration, Instant};

/// Memory that a load begins with. It needs little of it: the rest is there for
/// what is kept of an error, when the server has no more to give.
pub const RESERVE: usize = 64 * 1024;

/// What `load_json_file` returns.
pub struct Outcome {
    /// None where nothing stays.
    pub load_id: Option<i64>,
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
    Context::new(c"loader", RESERVE)
        .within(|| if call.validate { validate::run(|| load(call)) } else { load(call) })
}

fn load(call: &Call<'_>) -> Result<Outcome, Error> {
    let clock = Instant::now();
    let started_at = pg::now();
    access::require_file_role()?;
    let options = Options::of(call)?;
    let target = Target::lock(call.table, call.target_column)?;
    let mut insert = Insert::prepare(&target)?;
    let catalog = Catalog::open()?;
    let target_name = target.quoted_name()?;

    let mut source = FileSource::hashing(access::open(&access::tidy(call.path))?);
    let shown = source.opened().shown.clone();
    let content = Content {
        target: target.oid,
        target_name: &target_name,
        column: &target.column,
        file_size: source.opened().size(),
        records_path: options.records_path(),
    };
    Report::new(target.oid, content.file_size).show(0);
    if let Some(load_id) = earlier::find(&catalog, &target, &content, &mut source, options.if_loaded)? {
        progress::end();
        report::skipped(&shown, &target.shown, load_id);
        return Ok(Outcome {
            load_id: Some(load_id),
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
    let setup = Setup {
        load_id,
        leader: 0,
        options: &options,
        part: Part::default(),
        passes: None,
        threads: settings::parse_threads(),
        any_good: false,
        rejected: 0,
        rows: 0,
    };
    let mut intake = Intake::open(decoded, &target, &setup)?;
    let mut sink = Sink { target: &target, insert: &mut insert, catalog: &catalog };
    while intake.take(&mut sink)? {}
    intake.flush(&mut sink)?;

    let gain = intake.gain();
    let rejected = intake.rejects().count();
    let open_offset = intake.open_offset();
    let first = intake.rejects().first().to_vec();
    let mut ended = intake.finish();
    let ledger = gain.ledger(&Mark::default(), &ended.end);
    let source = ended.source.source_mut();
    let content_hash = source.finish()?;
    // A plain file is the stream itself.
    let all_read = compression != Compression::None || ledger.stream_bytes == source.bytes_read();
    if !ledger.balances() || !all_read || ledger.rejects != rejected {
        return Err(Error::Unbalanced { path: shown });
    }
    let mtime = pg::timestamp_from_unix(source.opened().mtime_micros());
    let file = FileState {
        known: Some((content.file_size, mtime, &content_hash)),
        format: ended.format.name(),
        compression: compression.name(),
    };
    let step = Step {
        status: Status::Loaded,
        rows: gain.rows,
        ledger,
        records: ended.end.records,
        lines: ended.end.line,
        overread: ended.end.overread,
        open_offset,
        error: None,
    };
    let load = Load {
        id: load_id,
        content,
        file_path: &source.opened().path,
        chunk: call.chunk,
        options: &options.to_json(),
        loaded_by: pg::user::current(),
        started_at,
        start_offset: 0,
        retry_of: None,
    };
    catalog.begin(&load, &file, &step)?;
    progress::end();

    let outcome = Outcome {
        load_id: Some(load_id),
        status: "loaded",
        rows_loaded: gain.rows,
        rows_rejected: ledger.rejects,
        bytes_read: ledger.stream_bytes,
        elapsed: clock.elapsed(),
    };
    if options.validate {
        report::validated(&shown, &target_name, &outcome, ledger.records, &first);
    } else {
        report::loaded(&shown, &target_name, load_id, &outcome, ledger.records, options.on_error);
    }
    Ok(outcome)
}
