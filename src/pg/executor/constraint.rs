//! Constraints that are checked at the end of a transaction.

use super::snapshot::{Snapshot, select_bigint};
use pgrx::prelude::*;
use pgrx::spi::SpiError;

/// Whether the database has any constraint or trigger that can be deferred.
pub fn any_deferrable() -> bool {
    let query = "SELECT 1::pg_catalog.int8 FROM pg_catalog.pg_trigger AS t WHERE t.tgdeferrable LIMIT 1";
    select_bigint(Snapshot::Transaction, query, &[]).is_some()
}

/// Checks what was deferred now; raises what the end of the transaction would have.
pub fn check_deferred() -> Result<(), SpiError> {
    Spi::run("SET CONSTRAINTS ALL IMMEDIATE")
}
