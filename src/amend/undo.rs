//! `undo_load`: takes back what a load brought.

use super::{gone, hold, target};
use crate::catalog::{Catalog, Past};
use crate::error::{AmendError, Error};
use crate::pg;
use crate::pg::strings::message::{count, tell};
use crate::sink;
use pgrx::PgLogLevel;

/// What is done if the rows with a load's number are more or fewer than it inserted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// That is an error: other rows may have been given the number, or some were deleted.
    No,
    /// All rows with the number are deleted.
    Yes,
}

/// Deletes the rows of a load and its rejects, and those of the loads that build
/// on it: its retries, and those that went on where it ended, under whatever path. The rejects
/// that they resolved wait again. Returns how many rows were deleted.
pub fn undo(load_id: i64, force: Force) -> Result<u64, Error> {
    pg::prevent_during_recovery(c"undo_load");
    let catalog = Catalog::open()?;
    let past = hold(&catalog, load_id)?;
    let mut loads = vec![past.id];
    let mut brought = past.rows_there;
    let mut updated = past.rows_updated;
    for follower in catalog.followers(past.id)? {
        if follower.is_partial {
            // It may go on under another path, which the first one does not keep unclaimed.
            hold(&catalog, follower.id)?;
        }
        loads.push(follower.id);
        brought += follower.rows;
        updated += follower.updated;
    }
    if updated > 0 {
        return Err(AmendError::HasUpdated { load_id, rows: updated as u64 }.into());
    }
    let deleted = delete_rows(&past, &loads, brought)?;
    if deleted != brought as u64 && force == Force::No {
        return Err(AmendError::RowsDiffer { load_id, brought: brought as u64, there: deleted }.into());
    }
    catalog.delete_rejects(&loads)?;
    catalog.mark_undone(&loads)?;
    if deleted != brought as u64 {
        report(load_id, brought as u64, deleted);
    }
    Ok(deleted)
}

/// Undoes the loads of a file that are still in force, so that the file can be loaded
/// in their place.
pub fn undo_all(loads: &[i64]) -> Result<(), Error> {
    for &load_id in loads {
        match undo(load_id, Force::No) {
            // Undone together with the load that it built on.
            Ok(_) | Err(Error::Amend(AmendError::Undone(_))) => {}
            // It is there, but another role's.
            Err(Error::Amend(AmendError::NoLoad(_))) => {
                return Err(AmendError::ReplacesOthers(load_id).into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A load that brought no row can be undone whatever became of its table.
fn delete_rows(past: &Past, loads: &[i64], brought: i64) -> Result<u64, Error> {
    match target(past).and_then(|table| sink::remove(table, loads)) {
        Err(
            Error::NoTable(_) | Error::Amend(AmendError::NoLineage { .. } | AmendError::TargetGone { .. }),
        ) if brought == 0 => Ok(0),
        Err(Error::NoTable(_)) => Err(gone(past)),
        deleted => deleted,
    }
}

fn report(load_id: i64, brought: u64, deleted: u64) {
    tell(
        PgLogLevel::NOTICE,
        format!(
            "load {load_id} brought {}, {} deleted",
            count(brought, "row", "rows"),
            count(deleted, "was", "were")
        ),
        (deleted < brought).then(|| {
            "The others had been deleted or changed, or were kept by a trigger or policy.".to_string()
        }),
        None,
    );
}
