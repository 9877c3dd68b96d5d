//! `mend_reject`: a text that is to be loaded in place of a reject's bytes.

use crate::catalog::{Catalog, RowLock};
use crate::error::{AmendError, Error};
use crate::pg;

/// Stores the text, or takes it away. Whether it is JSON is asked when it is
/// loaded.
pub fn mend(load_id: i64, byte_offset: i64, text: Option<&[u8]>) -> Result<(), Error> {
    pg::prevent_during_recovery(c"mend_reject");
    let catalog = Catalog::open()?;
    to_mend(&catalog, load_id)?;
    if catalog.mend(load_id, byte_offset, text)? {
        return Ok(());
    }
    Err(match catalog.resolved_by(load_id, byte_offset)? {
        Some(retry) => AmendError::Resolved { load_id, byte_offset, retry }.into(),
        None => AmendError::NoReject { load_id, byte_offset }.into(),
    })
}

/// Fails where the load is not the caller's to mend, or was undone.
pub(super) fn to_mend(catalog: &Catalog, load_id: i64) -> Result<(), Error> {
    let past = catalog.past(load_id, RowLock::No)?.ok_or(AmendError::NoLoad(load_id))?;
    if past.is_undone { Err(AmendError::Undone(load_id).into()) } else { Ok(()) }
}
