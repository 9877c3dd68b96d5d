//! Loads that are over, and what can be done about them: taken back, their
//! rejects mended and loaded after all. In the caller's transaction and, as far
//! as the target is concerned, with the caller's rights. Reads no file.

mod expression;
mod mend;
mod record_form;
mod retry;
mod undo;

pub use expression::{Mended, mend_all};
pub use mend::mend;
pub use retry::{Retried, retry};
pub use undo::{Force, undo, undo_all};

use crate::catalog::{Catalog, Past, RowLock};
use crate::error::{AmendError, Error};
use crate::pg::Oid;
use crate::pg::strings::text;

/// A load that is the caller's to amend, kept from everybody else to the end of
/// the transaction.
fn hold(catalog: &Catalog, load_id: i64) -> Result<Past, Error> {
    // First whether it is the caller's at all, who need not know what others are at.
    let past = catalog.past(load_id, RowLock::No)?.ok_or(AmendError::NoLoad(load_id))?;
    if !catalog.keep_past_unclaimed(&past) {
        return Err(AmendError::LoadUnderWay(load_id).into());
    }
    let past = catalog.past(load_id, RowLock::ForUpdate)?.ok_or(AmendError::NoLoad(load_id))?;
    if past.is_undone { Err(AmendError::Undone(load_id).into()) } else { Ok(past) }
}

/// The table that a load went into.
fn target(past: &Past) -> Result<Oid, Error> {
    past.target.ok_or_else(|| gone(past))
}

/// The error if that table is gone.
fn gone(past: &Past) -> Error {
    AmendError::TargetGone { table: text::show(&past.target_name), load_id: past.id }.into()
}
