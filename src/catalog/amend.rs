//! What is done to loads that are over: looked up, undone, mended, retried. The
//! caller may do so to the loads of roles whose rights it has.

use super::Catalog;
use crate::error::{AmendError, Error};
use crate::pg::executor::snapshot::Snapshot;
use crate::pg::executor::{array, own_statement};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use crate::pg::strings::text;
use crate::pg::{self, Oid};
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

/// A load of the past.
pub struct Past {
    pub id: i64,
    /// The relation that it went into; `None` where that is gone.
    pub target: Option<Oid>,
    /// What the target was called, with its schema, quoted.
    pub target_name: Vec<u8>,
    pub column: Vec<u8>,
    pub file_path: Vec<u8>,
    pub is_undone: bool,
    /// How many of its rows are in the table; none once the table was found empty.
    pub rows_there: i64,
    /// Whether the current role is the one that made it, and not only one with its rights.
    pub is_own: bool,
    /// How many rows of the table it has updated.
    pub rows_updated: i64,
    /// If it was a retry: the load whose rejects it loaded.
    pub retry_of: Option<i64>,
    /// Whether its records are the values of an object.
    pub keyed: bool,
    /// The hash of its file, if that could be read.
    pub content_hash: Option<Vec<u8>>,
}

/// Whether the row of a load is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RowLock {
    No,
    /// Others cannot amend the load, to the end of the transaction.
    ForUpdate,
}

/// What a retry loaded.
pub struct Retry {
    pub id: i64,
    pub original: i64,
    /// Mended texts that became records, and their bytes.
    pub records: u64,
    pub bytes: u64,
    pub rows_loaded: u64,
    /// How many of these it updated.
    pub rows_updated: u64,
    pub started_at: TimestampWithTimeZone,
}

/// A load that builds on another one.
pub struct Follower {
    pub id: i64,
    /// How many of its rows are in the table.
    pub rows: i64,
    /// How many rows it has updated.
    pub updated: i64,
    /// It was begun, and has not come to the end of its file.
    pub is_partial: bool,
}

/// Who made a load, by what its row says.
struct Maker {
    /// The row was written here, and its OIDs are ours.
    is_of_this_origin: Option<bool>,
    role: Option<Oid>,
    name: Option<Vec<u8>>,
}

impl Maker {
    /// Whether the current role is that role.
    fn is_current_role(&self) -> bool {
        self.is_of_this_origin == Some(true) && self.role == Some(user::current())
    }

    /// Whether the caller has the rights of that role.
    fn is_the_caller_s(&self) -> bool {
        let role = self.role.unwrap_or(Oid::INVALID);
        may_amend(self.is_of_this_origin.unwrap_or_default(), role, self.name.as_deref().unwrap_or_default())
    }
}

impl Catalog {
    /// The load of that number, if it is the caller's to amend.
    pub fn past(&self, load_id: i64, lock: RowLock) -> Result<Option<Past>, Error> {
        self.adopt()?;
        let query = format!(
            "SELECT
                (SELECT c.oid FROM pg_catalog.pg_class AS c
                 WHERE c.oid OPERATOR(pg_catalog.=) h.target_oid
                   AND c.reltype OPERATOR(pg_catalog.=) h.target_type
                   AND h.home OPERATOR(pg_catalog.=) $2),
                pg_catalog.convert_to(h.target, pg_catalog.getdatabaseencoding()),
                pg_catalog.convert_to(h.target_column, pg_catalog.getdatabaseencoding()),
                pg_catalog.convert_to(h.file_path, pg_catalog.getdatabaseencoding()),
                h.status OPERATOR(pg_catalog.=) 'undone'::pg_catalog.text,
                CASE WHEN h.emptied_at IS NULL THEN h.rows_loaded ELSE 0 END,
                h.retry_of,
                h.content_hash,
                h.home OPERATOR(pg_catalog.=) $2,
                h.loaded_by,
                pg_catalog.convert_to(h.loaded_by_name::pg_catalog.text, pg_catalog.getdatabaseencoding()),
                h.records_path OPERATOR(pg_catalog.~~) '%.*'::pg_catalog.text,
                h.rows_updated
            FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) $1
            {}",
            match lock {
                RowLock::No => "",
                RowLock::ForUpdate => "FOR UPDATE OF h",
            }
        );
        let arguments = [load_id.into(), self.origin.as_str().into()];
        let found = self.as_owner(|client| {
            let rows = client.update(&query, Some(1), &arguments)?;
            if rows.is_empty() {
                return Ok(None);
            }
            let row = rows.first();
            let past = Past {
                id: load_id,
                target: row.get(1)?,
                target_name: row.get(2)?.unwrap_or_default(),
                column: row.get(3)?.unwrap_or_default(),
                file_path: row.get(4)?.unwrap_or_default(),
                is_undone: row.get(5)?.unwrap_or_default(),
                rows_there: row.get(6)?.unwrap_or_default(),
                retry_of: row.get(7)?,
                content_hash: row.get(8)?,
                keyed: row.get(12)?.unwrap_or_default(),
                rows_updated: row.get(13)?.unwrap_or_default(),
                is_own: false,
            };
            let maker = Maker { is_of_this_origin: row.get(9)?, role: row.get(10)?, name: row.get(11)? };
            Ok(Some((past, maker)))
        })?;
        Ok(found.and_then(|(past, maker)| {
            let is_own = maker.is_current_role();
            maker.is_the_caller_s().then_some(Past { is_own, ..past })
        }))
    }

    /// Whether the caller has the rights of the role that made a load, by what its row says.
    pub fn may_amend(&self, origin: &[u8], loaded_by: Oid, loaded_by_name: &[u8]) -> bool {
        may_amend(origin == self.origin.as_bytes(), loaded_by, loaded_by_name)
    }

    /// The origin of rows that are written here.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Numbers of the loads that build on one, in force or not: its retries, those that went on where it
    /// ended when its file had grown, and in the same way those that build on these. Also those that this
    /// transaction does not see.
    fn chain(&self, load_id: i64) -> Vec<i64> {
        // Each step by its own index, see `earlier_loads`.
        const QUERY: &str = "WITH RECURSIVE chain AS (
                SELECT $1 AS load_id
                UNION
                SELECT next.load_id FROM chain AS c CROSS JOIN LATERAL (
                    (SELECT b.load_id FROM loader.load_history_data AS b
                     WHERE b.builds_on OPERATOR(pg_catalog.=) c.load_id OFFSET 0)
                    UNION ALL
                    (SELECT r.load_id FROM loader.load_history_data AS r
                     WHERE r.retry_of OPERATOR(pg_catalog.=) c.load_id OFFSET 0)) AS next)
            SELECT c.load_id FROM chain AS c WHERE c.load_id OPERATOR(pg_catalog.<>) $1";
        let mut chain = Vec::new();
        user::run_as(self.owner, || {
            own_statement::select(Snapshot::Latest, QUERY, &[load_id.into()], |row| {
                chain.extend(row.bigint(1));
            });
        });
        chain.sort_unstable();
        chain
    }

    /// The loads that build on one and are still in force, locked. An error where the caller may not
    /// undo one of them, or the transaction does not see one. The caller has locked the one.
    pub fn followers(&self, load_id: i64) -> Result<Vec<Follower>, Error> {
        let mut chain = self.chain(load_id);
        let followers = loop {
            if pg::transaction_has_one_snapshot() && !self.sees(&chain) {
                return Err(AmendError::FollowedConcurrently(load_id).into());
            }
            let followers = self.lock_in_force(&chain)?;
            // A load that builds on one of them may have been committed while its lock was waited for.
            let now = self.chain(load_id);
            if now == chain {
                break followers;
            }
            chain = now;
        };
        let own = |(follower, maker): (Follower, Maker)| {
            if maker.is_the_caller_s() {
                Ok(follower)
            } else {
                Err(AmendError::FollowedByOthers { load_id, follower: follower.id }.into())
            }
        };
        followers.into_iter().map(own).collect()
    }

    /// Those of the loads that are in force, each with who made it. Others cannot amend them, or build on
    /// them, to the end of the transaction.
    fn lock_in_force(&self, loads: &[i64]) -> Result<Vec<(Follower, Maker)>, Error> {
        const QUERY: &str = "SELECT h.load_id, CASE WHEN h.emptied_at IS NULL THEN h.rows_loaded ELSE 0 END,
                   h.home OPERATOR(pg_catalog.=) $2, h.loaded_by,
                   pg_catalog.convert_to(h.loaded_by_name::pg_catalog.text, pg_catalog.getdatabaseencoding()),
                   h.rows_updated,
                   h.status OPERATOR(pg_catalog.=) ANY (ARRAY['running', 'failed']::pg_catalog.text[])
            FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1)
              AND h.status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text
            ORDER BY h.load_id FOR UPDATE OF h";
        if loads.is_empty() {
            return Ok(Vec::new());
        }
        let memory = Context::new(c"loader loads", 8 * 1024);
        let arguments = [array::bigints(&memory, loads), self.origin.as_str().into()];
        self.as_owner(|client| {
            let mut locked = Vec::new();
            for row in client.update(QUERY, None, &arguments)? {
                let follower = Follower {
                    id: row.get(1)?.unwrap_or_default(),
                    rows: row.get(2)?.unwrap_or_default(),
                    updated: row.get(6)?.unwrap_or_default(),
                    is_partial: row.get(7)?.unwrap_or_default(),
                };
                let maker = Maker { is_of_this_origin: row.get(3)?, role: row.get(4)?, name: row.get(5)? };
                locked.push((follower, maker));
            }
            Ok(locked)
        })
    }

    /// Deletes the rejects of loads, and has those that they resolved wait again.
    pub fn delete_rejects(&self, loads: &[i64]) -> Result<(), Error> {
        const DELETE: &str =
            "DELETE FROM loader.rejects_data AS r WHERE r.load_id OPERATOR(pg_catalog.=) ANY ($1)";
        const REOPEN: &str = "UPDATE loader.rejects_data AS r SET resolved_by = NULL
            WHERE r.resolved_by OPERATOR(pg_catalog.=) ANY ($1)";
        let memory = Context::new(c"loader undo", 8 * 1024);
        self.change(DELETE, &[array::bigints(&memory, loads)])?;
        self.change(REOPEN, &[array::bigints(&memory, loads)]).map(|_| ())
    }

    /// Puts a text beside the raw bytes of a reject that is not resolved, or takes it away.
    /// `false` where there is none such. The caller has asked [`Catalog::past`] whose it is.
    pub fn mend(&self, load_id: i64, byte_offset: i64, text: Option<&[u8]>) -> Result<bool, Error> {
        const STATEMENT: &str = "UPDATE loader.rejects_data AS r
            SET mended = $3, mended_at = CASE WHEN $3 IS NOT NULL THEN $4 END
            WHERE r.load_id OPERATOR(pg_catalog.=) $1
              AND r.byte_offset OPERATOR(pg_catalog.=) $2
              AND r.resolved_by IS NULL";
        let text = text.map_or_else(DatumWithOid::null::<String>, text::parameter);
        let arguments = [load_id.into(), byte_offset.into(), text, pg::now().into()];
        Ok(self.change(STATEMENT, &arguments)? == 1)
    }

    /// The load that resolved a reject.
    pub fn resolved_by(&self, load_id: i64, byte_offset: i64) -> Result<Option<i64>, Error> {
        const QUERY: &str = "SELECT pg_catalog.max(r.resolved_by) FROM loader.rejects_data AS r
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.=) $2";
        self.as_owner(|client| {
            client.update(QUERY, Some(1), &[load_id.into(), byte_offset.into()])?.first().get_one()
        })
    }

    /// Writes the row of a retry: what it says of the file is the original's.
    pub fn record_retry(&self, retry: &Retry) -> Result<(), Error> {
        const STATEMENT: &str = "INSERT INTO loader.load_history_data (
            load_id, target, target_oid, target_column, file_path, file_size, file_mtime, content_hash,
            format, compression, chunk, options, status, rows_loaded, rows_rejected, stream_bytes,
            bytes_loaded, bytes_rejected, bytes_framing, loaded_by, loaded_by_name, started_at, finished_at,
            records_path, records, retry_of, home, target_type, encoding, rows_updated)
            SELECT $1, h.target, h.target_oid, h.target_column, h.file_path, h.file_size, h.file_mtime,
                h.content_hash, h.format, h.compression, h.chunk, '{\"retry\": true}'::pg_catalog.jsonb,
                'loaded', $3, 0, $4, $4, 0, 0, $5, $6::pg_catalog.name, $7, $8, h.records_path, $9, h.load_id, h.home, h.target_type, h.encoding, $10
            FROM loader.load_history_data AS h WHERE h.load_id OPERATOR(pg_catalog.=) $2";
        let role = user::current();
        let arguments = [
            retry.id.into(),
            retry.original.into(),
            (retry.rows_loaded as i64).into(),
            (retry.bytes as i64).into(),
            role.into(),
            text::parameter(&user::name(role)),
            retry.started_at.into(),
            pg::now().into(),
            (retry.records as i64).into(),
            (retry.rows_updated as i64).into(),
        ];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Runs a statement of ours and returns how many rows it was about.
    pub(super) fn change(&self, statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize, Error> {
        self.as_owner(|client| Ok(client.update(statement, None, arguments)?.len()))
    }

    pub(super) fn as_owner<R>(
        &self,
        body: impl FnOnce(&mut SpiClient<'_>) -> Result<R, SpiError>,
    ) -> Result<R, Error> {
        Ok(user::run_as(self.owner, || Spi::connect_mut(body))?)
    }
}

/// Where the row was written elsewhere, the role's name says who it is.
fn may_amend(is_of_this_origin: bool, loaded_by: Oid, loaded_by_name: &[u8]) -> bool {
    let role = if is_of_this_origin { loaded_by } else { user::named(loaded_by_name) };
    user::has_rights_of(user::current(), role)
}
