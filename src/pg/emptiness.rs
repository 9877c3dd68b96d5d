//! Whether a table has a row.

use super::relation::{Kind, kind, owner, quoted_name};
use super::snapshot::{self, Snapshot};
use super::{Oid, list, subtransaction, user};
use pgrx::pg_sys;

/// Whether a table has no row that this transaction sees, whatever the rights
/// and policies on it. Where that cannot be told, it counts as not empty. Tables
/// that inherit from it are looked at too, and what a query says: some keep their
/// rows elsewhere.
pub fn is_empty(relation: Oid) -> bool {
    if !matches!(kind(relation), Some(Kind::Table | Kind::Partitioned)) {
        return false;
    }
    let heaps_are_empty = inheritors(relation).into_iter().all(|partition| match kind(partition) {
        Some(Kind::Table) => table_is_empty(partition),
        Some(Kind::Partitioned) => true,
        _ => false,
    });
    heaps_are_empty && query_is_empty(relation)
}

fn query_is_empty(relation: Oid) -> bool {
    let (Some(owner), Some(name)) = (owner(relation), quoted_name(relation)) else { return false };
    let mut query = b"SELECT 1::pg_catalog.int8 FROM ".to_vec();
    query.extend_from_slice(&name);
    query.extend_from_slice(b" LIMIT 1");
    let look = || {
        user::run_as(owner, || match snapshot::select_bigint(Snapshot::Transaction, &query, &[]) {
            None => Ok(()),
            Some(_) => Err(()),
        })
    };
    // An owner need not be able to read the table.
    subtransaction::contain(look, |_| ()).is_ok()
}

/// A table and all that inherit from it, its partitions among them, locked as for reading.
fn inheritors(relation: Oid) -> Vec<Oid> {
    let lock = pg_sys::AccessShareLock as i32;
    // SAFETY: a list of OIDs in the current context.
    unsafe { list::oids(pg_sys::find_all_inheritors(relation, lock, std::ptr::null_mut())) }
}

/// A scan of the whole relation, as the active snapshot has it.
///
/// # Safety
/// The relation is open, and a snapshot is active.
unsafe fn begin_scan(relation: pg_sys::Relation) -> pg_sys::TableScanDesc {
    // SAFETY: by contract. No keys; since 19, no options either.
    unsafe {
        let (snapshot, keys) = (pg_sys::GetActiveSnapshot(), std::ptr::null_mut());
        #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18"))]
        return pg_sys::table_beginscan(relation, snapshot, 0, keys);
        #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18")))]
        return pg_sys::table_beginscan(relation, snapshot, 0, keys, 0);
    }
}

fn table_is_empty(table: Oid) -> bool {
    Snapshot::Transaction.within(|| {
        // SAFETY: everything that is opened is closed; on an error the server's
        // resource owner does it.
        unsafe {
            let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
            let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
            let scan = begin_scan(relation);
            let found =
                pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            pg_sys::table_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
            !found
        }
    })
}
