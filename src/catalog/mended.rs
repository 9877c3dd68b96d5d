//! The mended rejects of a load, for a retry. They are fetched by their keys, some at a
//! time, and never through a cursor: code of the target runs between two fetches, and
//! anybody's code in a session can put a query of its own in the place of a cursor.

use super::Catalog;
use crate::error::{AmendError, Error, RecordPosition};
use crate::pg::executor::array;
use crate::pg::executor::snapshot::{self, Snapshot};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::SpiError;
use std::collections::VecDeque;

/// At most this many rejects are locked at a time.
pub(super) const AT_A_TIME: i64 = 200;

/// Texts are fetched together as long as they have no more bytes than this. A longer one is
/// fetched alone.
const TOGETHER: u64 = 1024 * 1024;

/// A mended reject. Texts are in the database's encoding.
pub struct MendedReject {
    /// The position of the reject in its file.
    pub place: RecordPosition,
    /// The text that is loaded in its place; the buffer has room for one more byte.
    pub text: Vec<u8>,
    /// Its key, if the records are the values of an object.
    pub key: Option<Vec<u8>>,
}

/// Mended rejects, handed out one by one.
pub struct Mended<'a> {
    catalog: &'a Catalog,
    load_id: i64,
    /// The offset of the last reject that was fetched.
    last: i64,
    fetched: VecDeque<MendedReject>,
}

impl Catalog {
    /// The mended rejects of a load that are not resolved, in file order. Others cannot
    /// change one from the moment on when it is fetched.
    pub fn mended(&self, load_id: i64) -> Mended<'_> {
        Mended { catalog: self, load_id, last: -1, fetched: VecDeque::new() }
    }

    /// Marks rejects of a load as resolved by a retry. Fails where one of them is already,
    /// or is gone: code of the target that runs in a retry may retry or undo as well.
    pub fn set_resolved(&self, load_id: i64, byte_offsets: &[i64], retry: i64) -> Result<(), Error> {
        let resolved = self.resolve(load_id, byte_offsets, retry)?;
        if resolved == byte_offsets.len() {
            Ok(())
        } else {
            Err(AmendError::RetriedMeanwhile(load_id).into())
        }
    }

    /// Marks those of these rejects as resolved by a load that are there and not resolved.
    /// Returns how many they are: of what was ignored, none was kept.
    pub fn resolve(&self, load_id: i64, byte_offsets: &[i64], by: i64) -> Result<usize, Error> {
        const STATEMENT: &str = "UPDATE loader.rejects_data AS r SET resolved_by = $3
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.=) ANY ($2)
              AND r.resolved_by IS NULL";
        let memory = Context::new(c"loader offsets", 8 * 1024);
        let arguments = [load_id.into(), array::bigints(&memory, byte_offsets), by.into()];
        Ok(user::run_as(self.owner, || {
            Spi::connect_mut(|client| client.update(STATEMENT, None, &arguments).map(|rows| rows.len()))
        })?)
    }
}

impl Mended<'_> {
    /// The next reject.
    pub fn next(&mut self) -> Result<Option<MendedReject>, Error> {
        // What is locked can be changed by this transaction, before its text is asked for.
        while self.fetched.is_empty() {
            let Some(keys) = user::run_as(self.catalog.owner, || self.lock())? else { return Ok(None) };
            self.last = keys.last().copied().unwrap_or(self.last);
            user::run_as(self.catalog.owner, || self.fetch(&keys))?;
        }
        Ok(self.fetched.pop_front())
    }

    /// Locks the next rejects, and returns the offsets of those whose texts are to be fetched, or
    /// `None` if there are no more.
    fn lock(&self) -> Result<Option<Vec<i64>>, Error> {
        const QUERY: &str = "SELECT r.byte_offset, pg_catalog.octet_length(r.mended)::pg_catalog.int8
            FROM loader.rejects_data AS r
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.>) $2
              AND r.mended IS NOT NULL AND r.resolved_by IS NULL
            ORDER BY r.byte_offset LIMIT $3 FOR UPDATE";
        lock(QUERY, &[self.load_id.into(), self.last.into(), AT_A_TIME.into()])
    }

    /// Fetches the texts of rejects that are locked.
    fn fetch(&mut self, keys: &[i64]) -> Result<(), Error> {
        const QUERY: &str = "SELECT r.record_no, r.line, r.byte_offset, r.byte_length, r.mended, r.record_key
            FROM loader.rejects_data AS r
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.=) ANY ($2)
              AND r.mended IS NOT NULL AND r.resolved_by IS NULL
            ORDER BY r.byte_offset USING OPERATOR(pg_catalog.<)";
        let memory = Context::new(c"loader mended", 8 * 1024);
        let arguments = [self.load_id.into(), array::bigints(&memory, keys)];
        let fetched = &mut self.fetched;
        let mut failed = None;
        snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| {
            let number = |column| row.bigint(column).unwrap_or_default() as u64;
            let place =
                RecordPosition { number: number(1), line: number(2), offset: number(3), length: number(4) };
            let text = row.try_bytes(5, 1).map(Option::unwrap_or_default);
            match text.and_then(|text| Ok(MendedReject { place, text, key: row.try_bytes(6, 0)? })) {
                Ok(reject) => fetched.push_back(reject),
                Err(size) => failed = Some(size),
            }
        });
        failed.map_or(Ok(()), |size| Err(Error::OutOfMemory(size)))
    }
}

/// Runs a query that locks rejects, no more than [`AT_A_TIME`], and has their offsets and
/// their sizes. Returns the offsets of the first ones, as many as have a bounded size together;
/// `None` where there are none.
pub(super) fn lock(query: &str, arguments: &[DatumWithOid<'_>]) -> Result<Option<Vec<i64>>, Error> {
    let (mut keys, mut bytes) = (Vec::with_capacity(AT_A_TIME as usize), 0);
    Spi::connect_mut(|client| {
        for row in client.update(query, None, arguments)? {
            bytes += row.get::<i64>(2)?.unwrap_or_default() as u64;
            if bytes > TOGETHER && !keys.is_empty() {
                break;
            }
            keys.push(row.get::<i64>(1)?.unwrap_or_default());
        }
        Ok::<_, SpiError>(())
    })?;
    Ok(Some(keys).filter(|keys| !keys.is_empty()))
}
