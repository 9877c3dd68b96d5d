//! `undo_load`: takes back what a load brought.

use super::{gone, hold, target};
use crate::catalog::{Catalog, Past};
use crate::error::Error;
use crate::sink;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// Deletes the rows of a load and of its retries, and its rejects; where it is a
/// retry itself, the rejects that it resolved wait again. Returns how many rows
/// were deleted.
pub fn undo(load_id: i64) -> Result<u64, Error> {
    let catalog = Catalog::open()?;
    let past = hold(&catalog, load_id)?;
    let mut loads = vec![past.id];
    let mut brought = past.rows_loaded;
    for (retry, rows) in catalog.retries(past.id)? {
        loads.push(retry);
        brought += rows;
    }
    let deleted = delete_rows(&past, &loads, brought)?;
    match past.retry_of {
        Some(original) => catalog.reopen_rejects(original, past.id)?,
        None => catalog.delete_rejects(past.id)?,
    }
    catalog.forget(&loads)?;
    if deleted != brought as u64 {
        report(load_id, brought, deleted);
    }
    Ok(deleted)
}

/// A load that brought no row can be undone whatever became of its table.
fn delete_rows(past: &Past, loads: &[i64], brought: i64) -> Result<u64, Error> {
    match target(past).and_then(|table| sink::remove(table, loads)) {
        Err(
            Error::NoLineage { .. }
            | Error::NoTable(_)
            | Error::TargetGone { .. }
            | Error::TargetUnclear { .. },
        ) if brought == 0 => Ok(0),
        Err(Error::NoTable(_)) => Err(gone(past)),
        deleted => deleted,
    }
}

fn report(load_id: i64, brought: i64, deleted: u64) {
    ErrorReport::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("load {load_id} brought {brought} rows, {deleted} were deleted"),
        "loader",
    )
    .set_detail("Others had been deleted or changed, or are kept by a trigger or policy of the table.")
    .report(PgLogLevel::NOTICE);
}
