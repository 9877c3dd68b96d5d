//! DELETE of what loads brought: as the caller, with triggers, row level
//! security and all.

use super::lineage::{self, LOAD_ID};
use crate::error::{AmendError, Error};
use crate::pg::Oid;
use crate::pg::executor::array;
use crate::pg::memory::context::Context;
use crate::pg::relations::relation::{self, Kind};
use crate::pg::strings::text;
use pgrx::prelude::*;

/// Deletes the rows of these loads from the table and returns how many it were.
pub fn remove(table: Oid, loads: &[i64]) -> Result<u64, Error> {
    relation::lock_for_writing(table);
    // It may have gone while the lock was waited for.
    let (Some(name), Some(quoted)) = (relation::name(table), relation::quoted_name(table)) else {
        return Err(Error::NoTable(table.to_u32()));
    };
    if matches!(relation::kind(table), None | Some(Kind::Other)) {
        return Err(Error::NoTable(table.to_u32()));
    }
    if lineage::find(table, LOAD_ID).is_err() {
        return Err(AmendError::NoLineage { table: text::show(&name) }.into());
    }
    let mut sql = b"DELETE FROM ".to_vec();
    sql.extend_from_slice(&quoted);
    sql.extend_from_slice(b" WHERE _load_id OPERATOR(pg_catalog.=) ANY ($1)");
    let sql = text::c_string(&sql);
    let memory = Context::new(c"loader undo", 8 * 1024);
    let loads = array::bigints(&memory, loads);
    let rows = Spi::connect_mut(|client| client.update(&*sql, None, &[loads]).map(|rows| rows.len()))?;
    Ok(rows as u64)
}
