//! What the extension knows.

use crate::bulk;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::pg;
use crate::pg::Oid;
use crate::pg::processes::wake;
use crate::pg::strings::text;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use std::ffi::CStr;

/// `loader.copy_grants(old, new)`, which only update scripts make for themselves.
#[pg_extern(sql = false)]
fn copy_grants(old: Oid, new: Oid) {
    pg::relations::grants::copy(old, new).map_err(Error::from).unwrap_or_else(|error| error.raise())
}

/// `loader.home()`.
#[pg_extern(sql = false)]
fn loader_home() -> String {
    Catalog::open().unwrap_or_else(|error| error.raise()).origin().to_string()
}

/// `loader.scheduler()`.
#[pg_extern(sql = false)]
fn loader_scheduler() -> &'static str {
    wake::scheduler()
}

/// `loader.may_amend(home, loaded_by, loaded_by_name)`.
#[pg_extern(sql = false)]
fn loader_may_amend(home: &[u8], loaded_by: Oid, loaded_by_name: &CStr) -> bool {
    let catalog = Catalog::open().unwrap_or_else(|error| error.raise());
    catalog.may_amend(home, loaded_by, loaded_by_name.to_bytes())
}

/// The row of `loader.last_call`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn last_call() -> TableIterator<
    'static,
    (
        name!(started_at, TimestampWithTimeZone),
        name!(finished_at, TimestampWithTimeZone),
        name!(files, i64),
        name!(files_loaded, i64),
        name!(files_skipped, i64),
        name!(files_failed, i64),
        name!(rows_loaded, i64),
        name!(rows_rejected, i64),
        name!(bytes_read, i64),
        name!(mb_per_second, Option<f64>),
        name!(load_ids, Option<Vec<i64>>),
    ),
> {
    TableIterator::new(bulk::last().into_iter().map(|last| {
        let totals = &last.summary.totals;
        (
            last.started_at,
            last.finished_at,
            totals.files as i64,
            totals.loaded as i64,
            totals.skipped as i64,
            totals.failed as i64,
            totals.rows as i64,
            totals.rejects as i64,
            totals.stream_bytes as i64,
            last.summary.rate(),
            last.load_ids,
        )
    }))
}

/// `loader.raw_text(raw, truncated)`: text of the database, handed over as its bytes.
#[pg_extern(sql = false)]
fn raw_text(raw: &[u8], truncated: bool) -> Option<Vec<u8>> {
    text::from_utf8(raw, truncated).unwrap_or_else(|bytes| Error::OutOfMemory(bytes).raise())
}
