//! The databases of the cluster, for a process that is connected to none of them.

use crate::pg::Oid;
use pgrx::pg_sys;

/// The databases that sessions may connect to, without those that a DROP DATABASE has left half
/// behind. To be called where no transaction is open, by a process that is connected to no database.
pub fn connectable() -> Vec<Oid> {
    let mut databases = Vec::new();
    // SAFETY: as the server's own launchers do: the scan of a shared catalog has a transaction of its
    // own, and tuples are looked at while they are the scan's current ones. The memory context, which
    // the transaction changes, is set back.
    unsafe {
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::StartTransactionCommand();
        pg_sys::GetTransactionSnapshot();
        let catalog = pg_sys::table_open(pg_sys::DatabaseRelationId, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::table_beginscan_catalog(catalog, 0, std::ptr::null_mut());
        loop {
            let tuple = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if tuple.is_null() {
                break;
            }
            let database = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>();
            let is_whole = database.datconnlimit != pg_sys::DATCONNLIMIT_INVALID_DB;
            if database.datallowconn && is_whole {
                databases.push(database.oid);
            }
        }
        pg_sys::table_endscan(scan);
        pg_sys::table_close(catalog, pg_sys::AccessShareLock as i32);
        pg_sys::CommitTransactionCommand();
        pg_sys::MemoryContextSwitchTo(before);
        pg_sys::pgstat_report_stat(false);
    }
    databases
}

/// Whether somebody wants to be alone with the database: to drop it, rename it, move it or copy it.
/// The server waits for its sessions to end, for five seconds; those of clients it leaves alone.
pub fn is_wanted_alone(database: Oid) -> bool {
    let tag = pg_sys::LOCKTAG {
        locktag_field1: pg_sys::InvalidOid.to_u32(),
        locktag_field2: pg_sys::DatabaseRelationId.to_u32(),
        locktag_field3: database.to_u32(),
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    };
    let mut count = 0;
    // SAFETY: looks at the server's table of locks; the list, which the server has allocated, is given back.
    // Sessions take the lock in this mode while they connect, and let go of it before anything else.
    unsafe {
        let holders =
            pg_sys::GetLockConflicts(&raw const tag, pg_sys::RowExclusiveLock as i32, &raw mut count);
        pg_sys::pfree(holders.cast());
    }
    count > 0
}
