//! The rejects of a load that nobody has mended, for an expression that mends them. As
//! with those of a retry, code of users runs between two fetches: they are fetched by their
//! keys, some at a time, and never through a cursor.

use super::Catalog;
use super::mended::{AT_A_TIME, lock};
use crate::error::{Error, RecordPosition};
use crate::pg;
use crate::pg::executor::array;
use crate::pg::executor::snapshot::{self, Row, Snapshot, select_bigint};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use crate::pg::strings::text;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use std::collections::VecDeque;

/// SQL that says whether a reject `r` of the load `$1` waits for its mending, and is of the
/// kind `$2`, if there is one.
macro_rules! waits {
    () => {
        "r.load_id OPERATOR(pg_catalog.=) $1
         AND ($2::pg_catalog.text IS NULL OR r.error_type OPERATOR(pg_catalog.=) $2)
         AND r.mended IS NULL AND r.resolved_by IS NULL"
    };
}

/// A reject with all of its bytes. Texts are in the database's encoding.
pub struct UnmendedReject {
    pub place: RecordPosition,
    pub error_type: Vec<u8>,
    pub message: Vec<u8>,
    pub raw: Vec<u8>,
}

/// Rejects that nobody has mended, handed out one by one.
pub struct Unmended<'a> {
    catalog: &'a Catalog,
    load_id: i64,
    error_type: Option<&'a [u8]>,
    /// The offset of the last reject that was fetched.
    last: i64,
    fetched: VecDeque<UnmendedReject>,
}

impl Catalog {
    /// The rejects of a load, of one kind or of all, that are neither mended nor resolved
    /// and have all of their bytes, in file order. Others cannot change one from the moment
    /// on when it is fetched. The caller has asked [`Catalog::past`] whose they are.
    pub fn unmended<'a>(&'a self, load_id: i64, error_type: Option<&'a [u8]>) -> Unmended<'a> {
        Unmended { catalog: self, load_id, error_type, last: -1, fetched: VecDeque::new() }
    }

    /// How many of the rejects that wait to be mended lack some of their bytes.
    pub fn count_truncated(&self, load_id: i64, error_type: Option<&[u8]>) -> u64 {
        const QUERY: &str = concat!(
            "SELECT pg_catalog.count(*) FROM loader.rejects_data AS r WHERE ",
            waits!(),
            " AND r.raw_truncated"
        );
        let arguments = [load_id.into(), or_null(error_type)];
        let count = user::run_as(self.owner, || select_bigint(Snapshot::Latest, QUERY, &arguments));
        count.unwrap_or_default() as u64
    }

    /// Puts texts beside the raw bytes of rejects, in the order of their offsets. Returns how
    /// many were neither mended nor resolved until then.
    pub fn mend_all(&self, load_id: i64, texts: &[(i64, Vec<u8>)]) -> Result<u64, Error> {
        const STATEMENT: &str = "UPDATE loader.rejects_data AS r
            SET mended = $3[pg_catalog.array_position($2, r.byte_offset)], mended_at = $4
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.=) ANY ($2)
              AND r.mended IS NULL AND r.resolved_by IS NULL";
        let memory = Context::new(c"loader mendings", 8 * 1024);
        let (offsets, texts): (Vec<i64>, Vec<&[u8]>) =
            texts.iter().map(|(offset, text)| (*offset, text.as_slice())).unzip();
        let arguments = [
            load_id.into(),
            array::bigints(&memory, &offsets),
            array::database_texts(&memory, &texts),
            pg::now().into(),
        ];
        Ok(user::run_as(self.owner, || {
            Spi::connect_mut(|client| {
                client.update(STATEMENT, None, &arguments).map(|rows| rows.len() as u64)
            })
        })?)
    }
}

impl Unmended<'_> {
    /// The next reject.
    pub fn next(&mut self) -> Result<Option<UnmendedReject>, Error> {
        // What is locked can be changed by this transaction, before its bytes are asked for.
        while self.fetched.is_empty() {
            let Some(keys) = user::run_as(self.catalog.owner, || self.lock())? else { return Ok(None) };
            self.last = keys.last().copied().unwrap_or(self.last);
            user::run_as(self.catalog.owner, || self.fetch(&keys))?;
        }
        Ok(self.fetched.pop_front())
    }

    /// Locks the next rejects, and returns the offsets of those that are to be fetched, or `None`
    /// if there are no more.
    fn lock(&self) -> Result<Option<Vec<i64>>, Error> {
        const QUERY: &str = concat!(
            "SELECT r.byte_offset, pg_catalog.octet_length(r.raw)::pg_catalog.int8
             FROM loader.rejects_data AS r WHERE ",
            waits!(),
            " AND NOT r.raw_truncated AND r.byte_offset OPERATOR(pg_catalog.>) $3
             ORDER BY r.byte_offset USING OPERATOR(pg_catalog.<) LIMIT $4 FOR UPDATE"
        );
        lock(QUERY, &[self.load_id.into(), or_null(self.error_type), self.last.into(), AT_A_TIME.into()])
    }

    /// Fetches rejects that are locked.
    fn fetch(&mut self, keys: &[i64]) -> Result<(), Error> {
        const QUERY: &str = concat!(
            "SELECT r.record_no, r.line, r.byte_offset, r.byte_length, r.error_type, r.message, r.raw
             FROM loader.rejects_data AS r WHERE ",
            waits!(),
            " AND r.byte_offset OPERATOR(pg_catalog.=) ANY ($3)
             ORDER BY r.byte_offset USING OPERATOR(pg_catalog.<)"
        );
        let memory = Context::new(c"loader unmended", 8 * 1024);
        let arguments = [self.load_id.into(), or_null(self.error_type), array::bigints(&memory, keys)];
        let fetched = &mut self.fetched;
        let mut failed = None;
        snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| match read(row) {
            Ok(reject) => fetched.push_back(reject),
            Err(size) => failed = Some(size),
        });
        failed.map_or(Ok(()), |size| Err(Error::OutOfMemory(size)))
    }
}

/// Reads a reject from its row. If there is no memory for it, the error is the size in bytes that
/// was asked for.
fn read(row: &Row<'_>) -> Result<UnmendedReject, usize> {
    let number = |column| row.bigint(column).unwrap_or_default() as u64;
    let bytes = |column| row.try_bytes(column, 0).map(Option::unwrap_or_default);
    Ok(UnmendedReject {
        place: RecordPosition { number: number(1), line: number(2), offset: number(3), length: number(4) },
        error_type: bytes(5)?,
        message: bytes(6)?,
        raw: bytes(7)?,
    })
}

fn or_null(error_type: Option<&[u8]>) -> DatumWithOid<'static> {
    error_type.map_or_else(DatumWithOid::null::<String>, text::parameter)
}
