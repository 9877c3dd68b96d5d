//! Queries with a snapshot of one's choice.

use pgrx::datum::DatumWithOid;
use pgrx::{FromDatum, pg_sys};

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

/// One row of a SELECT.
pub struct Row {
    values: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl Row {
    fn datum(&self, column: usize) -> Option<pg_sys::Datum> {
        let mut is_null = false;
        // SAFETY: the row is there as long as its query's result.
        let value =
            unsafe { pg_sys::SPI_getbinval(self.values, self.descriptor, column as i32, &raw mut is_null) };
        (!is_null).then_some(value)
    }

    /// A bigint column, from 1.
    pub fn bigint(&self, column: usize) -> Option<i64> {
        self.datum(column).map(|datum| datum.value() as i64)
    }

    /// A text or bytea column, from 1.
    pub fn bytes(&self, column: usize) -> Option<Vec<u8>> {
        let datum = self.datum(column)?;
        // SAFETY: text and bytea have the same representation, and the column is one.
        unsafe { <&[u8]>::from_datum(datum, false) }.map(<[u8]>::to_vec)
    }
}

/// Hands each row of a SELECT, in the database's encoding, to `take`.
pub fn select(
    snapshot: Snapshot,
    query: impl AsRef<[u8]>,
    arguments: &[DatumWithOid<'_>],
    mut take: impl FnMut(&Row),
) {
    let query = super::text::c_string(query.as_ref());
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
                0,
            );
            assert_eq!(code, pg_sys::SPI_OK_SELECT as i32, "a SELECT of ours failed");
            let table = &*pg_sys::SPI_tuptable;
            for index in 0..pg_sys::SPI_processed as usize {
                take(&Row { values: *table.vals.add(index), descriptor: table.tupdesc });
            }
            pg_sys::SPI_finish();
        }
    })
}

/// The bigint that a SELECT of one row and column returns, NULL being `None`.
pub fn select_bigint(
    snapshot: Snapshot,
    query: impl AsRef<[u8]>,
    arguments: &[DatumWithOid<'_>],
) -> Option<i64> {
    let mut found = None;
    select(snapshot, query, arguments, |row| found = row.bigint(1));
    found
}
