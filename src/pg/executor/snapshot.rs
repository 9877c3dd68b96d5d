//! Queries with a snapshot of one's choice.

use super::nesting;
use super::own_statement::Arguments;
use crate::pg::strings::text;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use std::marker::PhantomData;

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
        nesting::within_transaction(|| {
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
        })
    }
}

/// One row of a SELECT, lent for as long as the query's result is there.
pub struct Row<'a> {
    values: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
    result: PhantomData<&'a pg_sys::SPITupleTable>,
}

impl Row<'_> {
    /// A row of a result, by its index.
    ///
    /// # Safety
    /// The result has so many rows, and is there as long as the value.
    pub(in crate::pg) unsafe fn of(table: &pg_sys::SPITupleTable, index: usize) -> Self {
        // SAFETY: by contract.
        let values = unsafe { *table.vals.add(index) };
        Row { values, descriptor: table.tupdesc, result: PhantomData }
    }

    /// Whether it has one column, of type text.
    pub(in crate::pg) fn is_one_text(&self) -> bool {
        // SAFETY: the descriptor is that of a result that is there as long as this value.
        unsafe {
            (*self.descriptor).natts == 1 && pg_sys::SPI_gettypeid(self.descriptor, 1) == pg_sys::TEXTOID
        }
    }

    /// The value of a column, from 1, which is of one of these types.
    fn datum(&self, column: usize, types: &[pg_sys::Oid]) -> Option<pg_sys::Datum> {
        let column = column as i32;
        let mut is_null = false;
        // SAFETY: row and descriptor are those of a result that is there as long as this
        // value; a number without a column has no type.
        let (kind, value) = unsafe {
            let kind = pg_sys::SPI_gettypeid(self.descriptor, column);
            assert!(types.contains(&kind), "a column of another type");
            (kind, pg_sys::SPI_getbinval(self.values, self.descriptor, column, &raw mut is_null))
        };
        debug_assert_ne!(kind, pg_sys::InvalidOid);
        (!is_null).then_some(value)
    }

    /// A bigint column, from 1.
    pub fn bigint(&self, column: usize) -> Option<i64> {
        self.datum(column, &[pg_sys::INT8OID]).map(|datum| datum.value() as i64)
    }

    /// A text or bytea column, from 1, that is short.
    pub fn bytes(&self, column: usize) -> Option<Vec<u8>> {
        self.try_bytes(column, 0).unwrap_or_default()
    }

    /// A text or bytea column, from 1, with room for so many bytes more. An error is the
    /// size that was asked for.
    pub fn try_bytes(&self, column: usize, more: usize) -> Result<Option<Vec<u8>>, usize> {
        let Some(datum) = self.datum(column, &[pg_sys::TEXTOID, pg_sys::BYTEAOID]) else { return Ok(None) };
        let mut copy = Vec::new();
        // SAFETY: text and bytea have the same representation, and the column is one; the
        // plain form is read before it is given back, if it is another than the row's.
        unsafe {
            let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
            let plain = pg_sys::pg_detoast_datum_packed(stored);
            let bytes = pgrx::varlena_to_byte_slice(plain);
            let size = bytes.len() + more;
            let reserved = copy.try_reserve_exact(size);
            if reserved.is_ok() {
                copy.extend_from_slice(bytes);
            }
            if plain != stored {
                pg_sys::pfree(plain.cast());
            }
            reserved.map_err(|_| size)?;
        }
        Ok(Some(copy))
    }
}

/// Hands each row of a SELECT, in the database's encoding, to `take`.
pub fn select(
    snapshot: Snapshot,
    query: impl AsRef<[u8]>,
    arguments: &[DatumWithOid<'_>],
    take: impl FnMut(&Row<'_>),
) {
    let query = text::c_string(query.as_ref());
    let Arguments { mut types, mut values, nulls } = Arguments::of(arguments);
    let execute = || {
        // SAFETY: the arrays have one entry for each argument; a read-only execution uses the active
        // snapshot.
        unsafe {
            pg_sys::SPI_execute_with_args(
                query.as_ptr(),
                arguments.len() as i32,
                types.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_ptr(),
                true,
                0,
            )
        }
    };
    snapshot.within(|| rows_of_select(execute, take));
}

/// Hands the rows of a SELECT that `execute` executes to `take`. It returns the code of SPI.
pub(super) fn rows_of_select(execute: impl FnOnce() -> i32, mut take: impl FnMut(&Row<'_>)) {
    // SAFETY: what is connected is finished. On an error the server takes the connection down with the
    // transaction. The rows are read before.
    unsafe {
        pg_sys::SPI_connect();
        let code = execute();
        assert_eq!(code, pg_sys::SPI_OK_SELECT as i32, "a SELECT of ours failed");
        let table = &*pg_sys::SPI_tuptable;
        for index in 0..pg_sys::SPI_processed as usize {
            take(&Row::of(table, index));
        }
        pg_sys::SPI_finish();
    }
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
