//! One load, from the call to the row in the history:
//! input → framing → encode → chunk → insert → record. What comes before the
//! chunk happens in the threads of a [`Pipeline`].

mod account;
mod beside;
mod booking;
mod decide;
mod dialect;
mod earlier;
mod emptied;
mod file;
mod file_loader;
mod judge;
mod options;
mod raw_bytes;
mod rejects;
mod report;
mod validate;
mod waiting;

pub use account::PartResult;
pub use booking::Sink;
pub use decide::{Decision, Fronts, StartPoint, decide, loaded};
pub use earlier::known_by_stat;
pub use emptied::forget_if_emptied;
pub use file::{FileSource, explain};
pub use file_loader::{FileLoader, FinishedStream, LeftOut, Part, Setup};
pub use judge::{Values, Verdict};
pub use options::{
    IfEmptied, IfLoaded, LoadArguments, LoadOptions, OnError, RawInputOptions, RawOptions, on_error_of,
};
pub use report::{at_least_once, damaged, left_out as tell_left_out, log_line};
pub use waiting::{Same, in_the_way, tell as tell_waiting};

use crate::access;
use crate::amend;
use crate::catalog::{Catalog, Content, FileOnDisk, Load, Status};
use crate::error::Error;
use crate::formats::RawFormat;
use crate::pg;
use crate::pg::memory::allocator;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::processes::progress::{self, Report};
use crate::settings;
use crate::sink::{Insert, Placement, Target};
use loader_core::stream::Decoded;
use std::time::{Duration, Instant};

/// What `load_json_file` returns.
pub struct Outcome {
    /// The number of the load; `None` if nothing of it stays.
    pub load_id: Option<i64>,
    pub status: &'static str,
    pub rows_loaded: u64,
    /// What those rows are.
    pub written: RowCounts,
    pub rows_rejected: u64,
    /// How many of the rejects are no records, but text and the like between records.
    pub between: u64,
    pub bytes_read: u64,
    pub elapsed: Duration,
}

/// What became of rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowCounts {
    pub inserted: u64,
    pub updated: u64,
    /// Those that were not written, because a newer row with their key was.
    pub superseded: u64,
}

/// Loads a file. The order of the checks is part of the contract: nothing is
/// learned about a path before the role is known to be allowed to read files,
/// and no file is opened for a table that could not take it.
pub fn run(arguments: &LoadArguments<'_>) -> Result<Outcome, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    Context::new(c"loader", RESERVE).within(|| {
        if arguments.options.validate { validate::run(|| load(arguments)) } else { load(arguments) }
    })
}

fn load(arguments: &LoadArguments<'_>) -> Result<Outcome, Error> {
    let clock = Instant::now();
    let started_at = pg::now();
    pg::prevent_during_recovery(match arguments.options.format {
        RawFormat::Csv(_) => c"load_csv_file",
        RawFormat::Json(_) | RawFormat::Either(..) => c"load_json_file",
    });
    access::require_file_role()?;
    let options = LoadOptions::of(&arguments.options)?;
    let target = Target::lock(arguments.table, arguments.target_column, options.records(), &options.columns)?;
    if options.if_loaded == IfLoaded::Replace && target.placement() == Placement::Distributed {
        return Err(Error::ReplaceDistributed { table: target.shown });
    }
    let mut insert = Insert::prepare(&target, &options.columns)?;
    let catalog = Catalog::open()?;
    let target_name = target.quoted_name()?;

    let mut source = FileSource::hashing(access::open(&access::tidy(arguments.path))?);
    let shown = source.opened().shown.clone();
    let content = Content {
        target: target.oid,
        target_type: target.row_type,
        target_name: &target_name,
        column: target.route.column(),
        file_size: source.opened().size(),
        records_path: options.format.records_path(),
    };
    Report::new(target.oid, content.file_size).show(0);
    let start = match earlier::find(&catalog, &target, &content, &mut source, &options)? {
        Decision::Load(start) => start,
        not_loaded => {
            progress::end();
            let load_id = report::not_loaded(&shown, &target.shown, not_loaded)?;
            return Ok(Outcome {
                load_id: Some(load_id),
                status: "skipped",
                rows_loaded: 0,
                written: RowCounts::default(),
                rows_rejected: 0,
                between: 0,
                bytes_read: 0,
                elapsed: clock.elapsed(),
            });
        }
    };

    report::at_least_once(&target, &options.columns);
    amend::undo_all(&start.replaces)?;
    if let Some(base) = start.goes_on_from
        && !catalog.lock_if_loaded(base)?
    {
        return Err(Error::LoadedConcurrently { path: shown, table: target.shown });
    }
    let load_id = catalog.next_load_id();
    let mut sink = Sink { target: &target, insert: &mut insert, catalog: &catalog };
    let FinishedStream { part, source, first, between, left_out, .. } =
        take_in(source, load_id, &start, &options, &mut sink)
            .map_err(|error| error.of_load(start.goes_on_from.unwrap_or(load_id)))?;
    let damage = source.damage();
    let status = Status::at_end(damage);
    let source = source.source();
    let load = Load {
        id: load_id,
        content,
        file_path: &source.opened().path,
        chunk: arguments.options.chunk,
        options: &options.to_json(),
        loaded_by: pg::processes::user::current(),
        started_at,
        start_offset: start.position.offset,
        retry_of: None,
        builds_on: start.needs(),
    };
    let on_disk = FileOnDisk { stat: *source.opened().stat(), hash: &source.hash() };
    catalog.begin(&load, &part.file(Some(on_disk)), &part.step(status));
    if let Some((earlier, offset)) = start.resolves {
        catalog.resolve(earlier, &[offset as i64], load_id)?;
    }

    let ledger = part.ledger;
    let outcome = Outcome {
        load_id: Some(load_id),
        status: status.name(),
        rows_loaded: part.rows,
        written: RowCounts {
            inserted: part.rows - part.updated,
            updated: part.updated,
            superseded: part.superseded,
        },
        rows_rejected: ledger.rejects,
        between,
        bytes_read: ledger.stream_bytes,
        elapsed: clock.elapsed(),
    };
    report::damaged(&shown, damage);
    report::left_out(&format!("file \"{shown}\""), &target.shown, &left_out);
    if options.validate {
        report::validated(&shown, &target_name, &outcome, ledger.records, &first);
    } else {
        report::loaded(&shown, &target_name, load_id, &outcome, ledger.records, options.on_error);
    }
    Ok(outcome)
}

/// Loads the file into the table, from the place on where the load begins.
fn take_in(
    source: FileSource,
    load_id: i64,
    start: &StartPoint,
    options: &LoadOptions,
    sink: &mut Sink<'_>,
) -> Result<FinishedStream, Error> {
    let shown = source.opened().shown.clone();
    let setup = Setup {
        load_id,
        report: Some(Report { load_id, ..Report::new(sink.target.oid, source.opened().size()) }),
        options,
        part: Part { resume_at: start.position.offset, range: None },
        continues: start.goes_on_from,
        passes: start.passes_first.then_some(start.position.offset),
        threads: settings::parse_threads(),
        any_good: false,
        rejected: 0,
    };
    let decoded = Decoded::new(source, &options.input).map_err(|error| explain(error, &shown))?;
    let mut loader = FileLoader::open(decoded, sink.target, &setup)?;
    while loader.load_batch(sink)? {}
    loader.finish(sink, true)
}
