//! Queries with a snapshot of one's choice.

use super::nesting;
use super::own_statement::Arguments;
use crate::pg::strings::text;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;

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

/// The rows of a result, one after the other.
pub(in crate::pg) struct Rows<'a> {
    result: &'a pg_sys::SPITupleTable,
    types: Vec<pg_sys::Oid>,
    /// Of the row that is lent.
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

impl<'a> Rows<'a> {
    /// Those of a result.
    ///
    /// # Safety
    /// The result is whole.
    pub(in crate::pg) unsafe fn of(result: &'a pg_sys::SPITupleTable) -> Self {
        // SAFETY: by contract; a result has a descriptor, and that so many columns.
        let types: Vec<pg_sys::Oid> = unsafe {
            (1..=(*result.tupdesc).natts)
                .map(|column| pg_sys::SPI_gettypeid(result.tupdesc, column))
                .collect()
        };
        Rows {
            result,
            values: vec![pg_sys::Datum::null(); types.len()],
            nulls: vec![true; types.len()],
            types,
        }
    }

    /// Lends a row, by its index.
    pub(in crate::pg) fn get(&mut self, index: usize) -> Row<'_> {
        assert!(index < self.result.numvals as usize, "no such row");
        // SAFETY: there is such a row, and the arrays have an entry for each column.
        unsafe {
            let row = *self.result.vals.add(index);
            let (values, nulls) = (self.values.as_mut_ptr(), self.nulls.as_mut_ptr());
            pg_sys::heap_deform_tuple(row, self.result.tupdesc, values, nulls);
        }
        Row { types: &self.types, values: &self.values, nulls: &self.nulls }
    }
}

/// One row of a SELECT, lent for as long as the query's result is there.
pub struct Row<'a> {
    types: &'a [pg_sys::Oid],
    values: &'a [pg_sys::Datum],
    nulls: &'a [bool],
}

impl Row<'_> {
    /// Whether it has one column, of type text.
    pub(in crate::pg) fn is_one_text(&self) -> bool {
        self.types == [pg_sys::TEXTOID]
    }

    /// The value of a column, from 1, which is of one of these types.
    fn datum(&self, column: usize, types: &[pg_sys::Oid]) -> Option<pg_sys::Datum> {
        assert!(types.contains(&self.types[column - 1]), "a column of another type");
        (!self.nulls[column - 1]).then_some(self.values[column - 1])
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
        let mut rows = Rows::of(&*pg_sys::SPI_tuptable);
        for index in 0..pg_sys::SPI_processed as usize {
            take(&rows.get(index));
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
