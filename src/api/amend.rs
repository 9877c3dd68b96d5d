//! What is done to loads that are over.

use super::arguments::required;
use crate::amend::{self, Force, Mended, Retried};
use crate::error::Error;
use pgrx::prelude::*;

/// `undo_load(load_id, force)`.
#[pg_extern(sql = false)]
fn undo_load_v3(load_id: Option<i64>, force: Option<bool>) -> i64 {
    let undo = || {
        let force = if required("force", force)? { Force::Yes } else { Force::No };
        amend::undo(required("load_id", load_id)?, force)
    };
    undo().unwrap_or_else(|error: Error| error.raise()) as i64
}

/// `mend_reject(load_id, byte_offset, new_text)`.
#[pg_extern(sql = false)]
fn mend_reject(load_id: Option<i64>, byte_offset: Option<i64>, new_text: Option<&[u8]>) {
    let mend = || amend::mend(required("load_id", load_id)?, required("byte_offset", byte_offset)?, new_text);
    mend().unwrap_or_else(|error: Error| error.raise())
}

/// `mend_rejects(load_id, error_type, expression)`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn mend_rejects(
    load_id: Option<i64>,
    error_type: Option<&[u8]>,
    expression: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(rejects_mended, i64),
        name!(rejects_still_bad, i64),
        name!(rejects_unchanged, i64),
        name!(rejects_truncated, i64),
    ),
> {
    let mend =
        || amend::mend_all(required("load_id", load_id)?, error_type, required("expression", expression)?);
    let Mended { mended, still_bad, unchanged, truncated } =
        mend().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once((mended as i64, still_bad as i64, unchanged as i64, truncated as i64))
}

/// `retry_rejects(load_id)`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn retry_rejects(
    load_id: Option<i64>,
) -> TableIterator<
    'static,
    (
        name!(load_id, Option<i64>),
        name!(status, &'static str),
        name!(rows_loaded, i64),
        name!(rows_rejected, i64),
    ),
> {
    let retry = || amend::retry(required("load_id", load_id)?);
    let Retried { load_id, rows_loaded, rows_rejected } =
        retry().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once((load_id, "loaded", rows_loaded as i64, rows_rejected as i64))
}
