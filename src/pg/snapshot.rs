//! Queries with a snapshot of one's choice.

use pgrx::datum::DatumWithOid;
use pgrx::{FromDatum, pg_sys};
use std::ffi::CStr;

/// Which rows a query sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// Those that this transaction sees: at this moment in READ COMMITTED, at
    /// its start in the levels above.
    Transaction,
    /// Those that are committed at this moment, whatever the level.
    Latest,
}

impl Snapshot {
    /// Runs `body` with the snapshot as the active one. An error in it aborts
    /// the (sub)transaction, which drops the snapshot.
    pub fn within<R>(self, body: impl FnOnce() -> R) -> R {
        // SAFETY: what is pushed is popped.
        unsafe {
            pg_sys::PushActiveSnapshot(match self {
                Snapshot::Transaction => pg_sys::GetTransactionSnapshot(),
                Snapshot::Latest => pg_sys::GetLatestSnapshot(),
            });
        }
        let result = body();
        // SAFETY: see above.
        unsafe { pg_sys::PopActiveSnapshot() };
        result
    }
}

/// The bigint that a SELECT of one row and column returns, NULL being `None`.
pub fn select_bigint(snapshot: Snapshot, query: &CStr, arguments: &[DatumWithOid<'_>]) -> Option<i64> {
    let mut types: Vec<_> = arguments.iter().map(DatumWithOid::oid).collect();
    let mut values: Vec<_> =
        arguments.iter().map(|a| a.datum().map_or(pg_sys::Datum::null(), |d| d.sans_lifetime())).collect();
    let nulls: Vec<_> =
        arguments.iter().map(|a| if a.datum().is_some() { b' ' } else { b'n' } as std::ffi::c_char).collect();
    snapshot.within(|| {
        // SAFETY: the arrays have one entry for each argument; a read-only
        // execution uses the active snapshot. On an error the server takes the
        // connection down with the transaction.
        unsafe {
            pg_sys::SPI_connect();
            let code = pg_sys::SPI_execute_with_args(
                query.as_ptr(),
                arguments.len() as i32,
                types.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_ptr(),
                true,
                1,
            );
            assert_eq!(code, pg_sys::SPI_OK_SELECT as i32, "a SELECT of ours failed");
            let mut found = None;
            if pg_sys::SPI_processed > 0 {
                let table = &*pg_sys::SPI_tuptable;
                let mut is_null = false;
                let value = pg_sys::SPI_getbinval(*table.vals, table.tupdesc, 1, &mut is_null);
                found = i64::from_datum(value, is_null);
            }
            pg_sys::SPI_finish();
            found
        }
    })
}
