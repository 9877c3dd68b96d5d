//! Pipelines.

use super::arguments::{require_commits, required};
use crate::bulk;
use crate::error::Error;
use crate::pg::Oid;
use crate::pg::executor::{object, procedure};
use crate::pipes::{self, Change};
use pgrx::AnyElement;
use pgrx::datum::Interval;
use pgrx::prelude::*;

fn done(outcome: Result<(), Error>) {
    outcome.unwrap_or_else(|error| error.raise());
}

/// `create_pipeline(name, pattern, "table", ...)`.
#[allow(clippy::too_many_arguments)]
#[pg_extern(sql = false)]
fn create_pipeline(
    name: Option<&[u8]>,
    pattern: Option<&[u8]>,
    table: Option<Oid>,
    format: Option<&[u8]>,
    poll: Option<Interval>,
    settle: Option<Interval>,
    existing: Option<&[u8]>,
    workers: Option<i32>,
    max_files: Option<i32>,
    max_attempts: Option<i32>,
    retry_delay: Option<Interval>,
    retry_max: Option<Interval>,
    on_file_error: Option<&[u8]>,
    on_file: Option<&[u8]>,
    on_batch: Option<&[u8]>,
    notify: Option<&[u8]>,
    enabled: Option<bool>,
    options: Option<AnyElement>,
) {
    let create = || {
        let change = Change {
            pattern: Some(required("pattern", pattern)?),
            table: Some(required("table", table)?),
            format: Some(required("format", format)?),
            poll: Some(required("poll", poll)?.as_micros()),
            settle: Some(required("settle", settle)?.as_micros()),
            workers: Some(required("workers", workers)?),
            max_files: Some(required("max_files", max_files)?),
            max_attempts: Some(required("max_attempts", max_attempts)?),
            retry_delay: Some(required("retry_delay", retry_delay)?.as_micros()),
            retry_max: Some(required("retry_max", retry_max)?.as_micros()),
            on_file_error: Some(required("on_file_error", on_file_error)?),
            on_file,
            on_batch,
            notify,
            options: Some(object::as_text(&required("options", options)?)),
        };
        let (existing, enabled) = (required("existing", existing)?, required("enabled", enabled)?);
        pipes::create(required("name", name)?, existing, enabled, &change)
    };
    done(create());
}

/// `alter_pipeline(name, ...)`.
#[allow(clippy::too_many_arguments)]
#[pg_extern(sql = false)]
fn alter_pipeline(
    name: Option<&[u8]>,
    pattern: Option<&[u8]>,
    table: Option<Oid>,
    format: Option<&[u8]>,
    poll: Option<Interval>,
    settle: Option<Interval>,
    workers: Option<i32>,
    max_files: Option<i32>,
    max_attempts: Option<i32>,
    retry_delay: Option<Interval>,
    retry_max: Option<Interval>,
    on_file_error: Option<&[u8]>,
    on_file: Option<&[u8]>,
    on_batch: Option<&[u8]>,
    notify: Option<&[u8]>,
    options: Option<AnyElement>,
) {
    let micros = |span: Option<Interval>| span.map(|span| span.as_micros());
    let change = Change {
        pattern,
        table,
        format,
        poll: micros(poll),
        settle: micros(settle),
        workers,
        max_files,
        max_attempts,
        retry_delay: micros(retry_delay),
        retry_max: micros(retry_max),
        on_file_error,
        on_file,
        on_batch,
        notify,
        options: options.map(|options| object::as_text(&options)),
    };
    done(required("name", name).and_then(|name| pipes::alter(name, &change)));
}

/// `pause_pipeline(name, reason)`.
#[pg_extern(sql = false)]
fn pause_pipeline(name: Option<&[u8]>, reason: Option<&[u8]>) {
    done(required("name", name).and_then(|name| pipes::pause(name, reason)));
}

/// `resume_pipeline(name)`.
#[pg_extern(sql = false)]
fn resume_pipeline(name: Option<&[u8]>) {
    done(required("name", name).and_then(pipes::resume));
}

/// `drop_pipeline(name, if_exists)`.
#[pg_extern(sql = false)]
fn drop_pipeline(name: Option<&[u8]>, if_exists: Option<bool>) {
    let drop = || pipes::drop_pipeline(required("name", name)?, required("if_exists", if_exists)?);
    done(drop());
}

/// `skip_file(name, path, reason)`.
#[pg_extern(sql = false)]
fn skip_file(name: Option<&[u8]>, path: Option<&[u8]>, reason: Option<&[u8]>) {
    let skip = || pipes::skip_file(required("name", name)?, required("path", path)?, reason);
    done(skip());
}

/// `retry_file(name, path)`.
#[pg_extern(sql = false)]
fn retry_file(name: Option<&[u8]>, path: Option<&[u8]>) {
    let retry = || pipes::retry_file(required("name", name)?, required("path", path)?);
    done(retry());
}

/// `preview_pipeline(name)`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn preview_pipeline(
    name: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(path, Vec<u8>),
        name!(size, Option<i64>),
        name!(verdict, &'static str),
        name!(reason, Option<String>),
    ),
> {
    let files = required("name", name).and_then(pipes::preview);
    let files = files.unwrap_or_else(|error: Error| error.raise());
    TableIterator::new(files.into_iter().map(|file| {
        let size = file.size.map(|size| size as i64);
        (file.path, size, file.verdict, file.reason)
    }))
}

/// `CALL run_pipeline(name)`.
pub fn run_pipeline(call: &procedure::ProcedureCall) {
    bulk::forget_last();
    done(require_commits(call, "run_pipeline").and_then(|()| {
        let name = required("name", call.text(0))?;
        pipes::call(&name)
    }));
}

/// `CALL run_pipelines()`.
pub fn run_pipelines(call: &procedure::ProcedureCall) {
    bulk::forget_last();
    done(require_commits(call, "run_pipelines").and_then(|()| pipes::call_all()));
}
