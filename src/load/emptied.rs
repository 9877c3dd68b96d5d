//! Finds out whether the target was emptied, and then marks the loads into it as gone, so
//! that their files are loaded again.

use crate::catalog::Catalog;
use crate::error::Error;
use crate::pg::executor::subtransaction;
use crate::sink::Target;

/// Marks the loads into a table that has no row any more as gone. Where it cannot be told
/// whether it has one, it counts as if it had.
pub fn forget_if_emptied(catalog: &Catalog, target: &Target) -> Result<(), Error> {
    if !catalog.has_brought_rows(target.oid, target.row_type) || !target.is_empty() {
        return Ok(());
    }
    // The loads are marked first: what another commits meanwhile is not among them, but its
    // rows are in the table.
    let marked = subtransaction::all_or_nothing(|| {
        catalog.mark_emptied(target.oid, target.row_type).map_err(Some)?;
        if target.is_empty() { Ok(()) } else { Err(None) }
    });
    match marked {
        Ok(()) | Err(None) => Ok(()),
        Err(Some(error)) => Err(error),
    }
}
