//! What Citus says of tables in its own catalogs, where it is installed. They lie in
//! pg_catalog, where only a superuser can make a table.

use super::relation;
use crate::pg::Oid;
use pgrx::pg_sys;
use std::collections::HashSet;
use std::ffi::CStr;

/// Each table that Citus keeps: its rows are in shards, here or on other nodes, and the
/// table itself is a shell without rows.
const TABLES: (&CStr, &CStr) = (c"pg_dist_partition", c"logicalrelid");

/// The number of this node; the coordinator's is 0.
const NODE: (&CStr, &CStr) = (c"pg_dist_local_group", c"groupid");

/// Whether Citus keeps the rows of this table.
pub fn is_distributed(table: Oid) -> bool {
    let mut found = false;
    scan(TABLES, |value| {
        found = value == table.to_u32();
        !found
    });
    found
}

/// All tables whose rows Citus keeps.
pub fn tables() -> HashSet<Oid> {
    let mut found = HashSet::new();
    scan(TABLES, |value| {
        found.insert(Oid::from(value));
        true
    });
    found
}

/// Whether this is a node of Citus that is not its coordinator.
pub fn is_worker_node() -> bool {
    let mut is_worker = false;
    scan(NODE, |group| {
        is_worker = group != 0;
        !is_worker
    });
    is_worker
}

/// Hands the values of a column, of four bytes each, to `take` until that returns `false`.
/// Does nothing where there is no such table, or it is made otherwise. The caller needs
/// no right on it: nothing of it is shown.
fn scan((table, column): (&CStr, &CStr), mut take: impl FnMut(u32) -> bool) {
    let oid = relation::in_schema(c"pg_catalog", table);
    if oid == Oid::INVALID || relation::kind(oid) != Some(relation::Kind::Table) {
        return;
    }
    // SAFETY: look-ups; the column is of a type of four bytes that is passed by value, and
    // the tuple and its descriptor are there until the scan and the table are closed. On
    // an error the server's resource owner closes them.
    unsafe {
        let number = pg_sys::get_attnum(oid, column.as_ptr());
        let kind = if number > 0 { pg_sys::get_atttype(oid, number) } else { Oid::INVALID };
        if ![pg_sys::REGCLASSOID, pg_sys::OIDOID, pg_sys::INT4OID].contains(&kind) {
            return;
        }
        let number = i32::from(number);
        let relation = pg_sys::table_open(oid, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::systable_beginscan(
            relation,
            Oid::INVALID,
            false,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        let descriptor = (*relation).rd_att;
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            if !pg_sys::heap_attisnull(tuple, number, descriptor)
                && !take(pg_sys::nocachegetattr(tuple, number, descriptor).value() as u32)
            {
                break;
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
    }
}
