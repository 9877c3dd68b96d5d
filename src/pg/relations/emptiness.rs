//! Whether a table has a row.

use super::relation::quoted_name;
use super::{distribution, storage};
use crate::pg::executor::snapshot::{self, Snapshot};
use crate::pg::executor::subtransaction;
use crate::pg::processes::user;
use crate::pg::{Oid, check_for_interrupts};
use pgrx::pg_sys;

/// Whether a table has no row that this transaction sees, whatever the rights and policies
/// on it. It counts as not empty where that cannot be told: where it, or anything below it,
/// keeps its rows on another server or is no table. Other servers are not asked: rows of
/// a transaction that is in doubt there are invisible, and to ask would be part of what
/// the transaction does there.
///
/// Partitions are not locked, and one of which the server stores no page is not even opened:
/// there may be thousands of them.
pub fn is_empty(relation: Oid) -> bool {
    let Some(top) = Class::of(relation) else { return false };
    if !matches!(top.kind, pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE) {
        return false;
    }
    let distributed = distribution::tables();
    let mut same_owner = true;
    for member in storage::partitions(relation) {
        check_for_interrupts();
        // One that is gone has no rows.
        let Some(class) = Class::of(member) else { continue };
        let has_none = match class.kind {
            _ if distributed.contains(&member) => false,
            pg_sys::RELKIND_PARTITIONED_TABLE => true,
            pg_sys::RELKIND_RELATION => has_no_page(member, &class) || has_no_row(member),
            _ => false,
        };
        if !has_none {
            return false;
        }
        same_owner &= class.owner == top.owner;
    }
    // Partitions are all there is to a partitioned table. Some extensions make a table
    // with inheritance, and keep rows elsewhere.
    top.kind == pg_sys::RELKIND_PARTITIONED_TABLE
        // The planner may run what the owner of an inheriting table has put into its
        // indexes.
        || same_owner && query_is_empty(relation, top.owner)
}

fn query_is_empty(relation: Oid, owner: Oid) -> bool {
    let Some(name) = quoted_name(relation) else { return false };
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

/// What the catalog says of a relation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Class {
    kind: u8,
    owner: Oid,
    /// It is a heap, and neither of one session nor one of the few whose file is noted
    /// elsewhere.
    is_plain_heap: bool,
    tablespace: Oid,
    file: Oid,
}

impl Class {
    /// `None` where there is none.
    fn of(relation: Oid) -> Option<Self> {
        // SAFETY: a look-up; the tuple is released after its fields were copied.
        unsafe {
            let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relation.into());
            if tuple.is_null() {
                return None;
            }
            let form = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
            let class = Class {
                kind: form.relkind as u8,
                owner: form.relowner,
                is_plain_heap: form.relam == pg_sys::HEAP_TABLE_AM_OID
                    && form.relpersistence as u8 != pg_sys::RELPERSISTENCE_TEMP
                    && form.relfilenode != Oid::INVALID,
                tablespace: form.reltablespace,
                file: form.relfilenode,
            };
            pg_sys::ReleaseSysCache(tuple);
            Some(class)
        }
    }
}

/// Whether the server stores no page of a table, which need not be locked. A table that is
/// rewritten gets another file, and the old one is emptied after that was announced: an empty
/// file is the table's own if it still is after a look at the announcements.
fn has_no_page(table: Oid, class: &Class) -> bool {
    if !class.is_plain_heap {
        return false;
    }
    // SAFETY: looks at a file by its name, and lets go of it. It may be gone.
    let is_empty = unsafe {
        let file = open(class);
        let fork = pg_sys::ForkNumber::MAIN_FORKNUM;
        let is_empty = pg_sys::smgrexists(file, fork) && pg_sys::smgrnblocks(file, fork) == 0;
        pg_sys::smgrclose(file);
        is_empty
    };
    if is_empty {
        // SAFETY: no tuple of the catalog cache is in use.
        unsafe { pg_sys::AcceptInvalidationMessages() };
    }
    is_empty && Class::of(table).is_some_and(|now| now == *class)
}

/// The file of a plain heap. Another file may lie under its name when that is done with.
///
/// # Safety
/// What is returned is closed before anything else is done.
unsafe fn open(class: &Class) -> pg_sys::SMgrRelation {
    // SAFETY: plain variables of this single-threaded process; opening makes an entry in a
    // table of this process.
    unsafe {
        let tablespace = match class.tablespace {
            Oid::INVALID => pg_sys::MyDatabaseTableSpace,
            tablespace => tablespace,
        };
        #[cfg(feature = "pg15")]
        let file = pg_sys::smgropen(
            pg_sys::RelFileNode { spcNode: tablespace, dbNode: pg_sys::MyDatabaseId, relNode: class.file },
            pg_sys::InvalidBackendId,
        );
        #[cfg(not(feature = "pg15"))]
        let locator =
            pg_sys::RelFileLocator { spcOid: tablespace, dbOid: pg_sys::MyDatabaseId, relNumber: class.file };
        #[cfg(feature = "pg16")]
        let file = pg_sys::smgropen(locator, pg_sys::InvalidBackendId);
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        let file = pg_sys::smgropen(locator, pg_sys::INVALID_PROC_NUMBER);
        file
    }
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

/// Whether a scan of a table finds no row; one that is gone has none.
fn has_no_row(table: Oid) -> bool {
    Snapshot::Transaction.within(|| {
        let lock = pg_sys::AccessShareLock as i32;
        // SAFETY: everything that is opened is closed; on an error the server's
        // resource owner does it.
        unsafe {
            let relation = pg_sys::try_table_open(table, lock);
            if relation.is_null() {
                return true;
            }
            let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
            let scan = begin_scan(relation);
            let found =
                pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            pg_sys::table_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            // The locks of thousands would not fit into the server's table of them.
            pg_sys::table_close(relation, lock);
            !found
        }
    })
}
