//! What is done to loads that are over: looked up, undone, mended, retried. The
//! caller may do so to the loads of roles that it is a member of.

use super::{Catalog, named, of_target};
use crate::error::{Error, Place};
use crate::pg::memory::Context;
use crate::pg::{self, Oid, array, relation, text, user};
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError};

/// A load of the past.
pub struct Past {
    pub id: i64,
    pub target: Whereabouts,
    /// What the target was called, with its schema, quoted.
    pub target_name: Vec<u8>,
    pub column: Vec<u8>,
    pub file_path: Vec<u8>,
    pub is_undone: bool,
    pub rows_loaded: i64,
    /// The load whose rejects it loaded.
    pub retry_of: Option<i64>,
    /// The hash of its file, if that could be read.
    pub content_hash: Option<Vec<u8>>,
}

/// What has become of a load's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It is there: by its OID or, where that is one of another database, as after a
    /// restore, or names nothing any more, by its name.
    Known(Oid),
    /// It is not known whose its OID is, and that and its name lead to two tables.
    Unclear,
    /// Neither leads to a table.
    Gone,
}

impl Whereabouts {
    /// By an OID that is `ours`, or may be one of another database.
    fn of(by_oid: Option<Oid>, ours: bool, by_name: Option<Oid>) -> Self {
        match (by_oid, by_name) {
            (Some(one), Some(other)) if one != other && !ours => Whereabouts::Unclear,
            (Some(oid), _) | (None, Some(oid)) => Whereabouts::Known(oid),
            (None, None) => Whereabouts::Gone,
        }
    }
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
    pub started_at: TimestampWithTimeZone,
}

impl Catalog {
    /// The load of that number, if it is the caller's to amend.
    pub fn past(&self, load_id: i64, lock: RowLock) -> Result<Option<Past>, Error> {
        let query = format!(
            "SELECT
                (SELECT c.oid FROM pg_catalog.pg_class AS c
                 WHERE c.oid OPERATOR(pg_catalog.=) h.target_oid
                   AND COALESCE(h.home OPERATOR(pg_catalog.=) $3,
                                c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,p,v,f}}'::pg_catalog.\"char\"[]))),
                h.home IS NOT NULL,
                ({}),
                pg_catalog.convert_to(h.target, pg_catalog.getdatabaseencoding()),
                pg_catalog.convert_to(h.target_column, pg_catalog.getdatabaseencoding()),
                pg_catalog.convert_to(h.file_path, pg_catalog.getdatabaseencoding()),
                h.status OPERATOR(pg_catalog.=) 'undone'::pg_catalog.text,
                h.rows_loaded,
                h.retry_of,
                h.content_hash
            FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) $1
              AND pg_catalog.pg_has_role($2, h.loaded_by, 'MEMBER')
            {}",
            named("h"),
            match lock {
                RowLock::No => "",
                RowLock::ForUpdate => "FOR UPDATE OF h",
            }
        );
        let arguments = [load_id.into(), user::current().into(), self.home.as_str().into()];
        self.as_owner(|client| {
            let rows = client.update(&query, Some(1), &arguments)?;
            if rows.is_empty() {
                return Ok(None);
            }
            let row = rows.first();
            Ok(Some(Past {
                id: load_id,
                target: Whereabouts::of(row.get(1)?, row.get(2)?.unwrap_or_default(), row.get(3)?),
                target_name: row.get(4)?.unwrap_or_default(),
                column: row.get(5)?.unwrap_or_default(),
                file_path: row.get(6)?.unwrap_or_default(),
                is_undone: row.get(7)?.unwrap_or_default(),
                rows_loaded: row.get(8)?.unwrap_or_default(),
                retry_of: row.get(9)?,
                content_hash: row.get(10)?,
            }))
        })
    }

    /// Numbers and rows of the loads that build on one and are still in force,
    /// locked: its retries, those that went on where it stopped when its file had
    /// grown, and their retries.
    pub fn followers(&self, past: &Past) -> Result<Vec<(i64, i64)>, Error> {
        // Into the table of that one or, if it is not known any more, into what was one.
        let same_table = |row: &str, other: &str| {
            format!(
                "({} OR ({row}.target_oid OPERATOR(pg_catalog.=) {other}.target_oid
                         AND COALESCE({row}.home, ''::pg_catalog.text) OPERATOR(pg_catalog.=)
                             COALESCE({other}.home, ''::pg_catalog.text)))",
                of_target(row, "$2", "$3", "$4")
            )
        };
        let query = format!(
            "SELECT h.load_id, h.rows_loaded FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.>) $1
              AND h.status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text
              AND EXISTS (SELECT FROM loader.load_history_data AS p
                          WHERE p.load_id OPERATOR(pg_catalog.=) $1
                            AND p.retry_of IS NULL
                            AND p.file_path OPERATOR(pg_catalog.=) h.file_path
                            AND {}
                            AND p.target_column OPERATOR(pg_catalog.=) h.target_column
                            AND COALESCE(p.records_path, ''::pg_catalog.text) OPERATOR(pg_catalog.=)
                                COALESCE(h.records_path, ''::pg_catalog.text))
              AND NOT EXISTS (SELECT FROM loader.load_history_data AS n
                              WHERE n.load_id OPERATOR(pg_catalog.>) $1
                                AND n.load_id OPERATOR(pg_catalog.<) h.load_id
                                AND n.retry_of IS NULL
                                AND n.status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text
                                AND n.start_offset OPERATOR(pg_catalog.=) 0
                                AND h.start_offset OPERATOR(pg_catalog.>) 0
                                AND n.file_path OPERATOR(pg_catalog.=) h.file_path
                                AND {})
              AND (h.start_offset OPERATOR(pg_catalog.>) 0
                   OR h.retry_of OPERATOR(pg_catalog.=) $1
                   OR EXISTS (SELECT FROM loader.load_history_data AS o
                              WHERE o.load_id OPERATOR(pg_catalog.=) h.retry_of
                                AND o.load_id OPERATOR(pg_catalog.>) $1
                                AND o.start_offset OPERATOR(pg_catalog.>) 0))
            ORDER BY h.load_id FOR UPDATE OF h",
            same_table("h", "p"),
            same_table("n", "h")
        );
        let target = match past.target {
            Whereabouts::Known(oid) => relation::quoted_name(oid).map(|name| (oid, name)),
            Whereabouts::Unclear | Whereabouts::Gone => None,
        };
        let arguments = [
            past.id.into(),
            target.as_ref().map_or_else(DatumWithOid::null::<Oid>, |(oid, _)| (*oid).into()),
            target.as_ref().map_or_else(DatumWithOid::null::<&str>, |(_, name)| text::parameter(name)),
            self.home.as_str().into(),
        ];
        self.as_owner(|client| {
            let mut followers = Vec::new();
            for row in client.update(&query, None, &arguments)? {
                let id = row.get::<i64>(1)?.unwrap_or_default();
                followers.push((id, row.get::<i64>(2)?.unwrap_or_default()));
            }
            Ok(followers)
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

    /// Puts a text beside the raw bytes of a reject that is the caller's to mend
    /// and not resolved, or takes it away. `false` where there is none such.
    pub fn mend(&self, load_id: i64, byte_offset: i64, text: Option<&[u8]>) -> Result<bool, Error> {
        const STATEMENT: &str = "UPDATE loader.rejects_data AS r
            SET mended = $3, mended_at = CASE WHEN $3 IS NOT NULL THEN $4 END
            FROM loader.load_history_data AS h
            WHERE r.load_id OPERATOR(pg_catalog.=) $1
              AND r.byte_offset OPERATOR(pg_catalog.=) $2
              AND r.resolved_by IS NULL
              AND h.load_id OPERATOR(pg_catalog.=) $1
              AND pg_catalog.pg_has_role($5, h.loaded_by, 'MEMBER')";
        let text = text.map_or_else(DatumWithOid::null::<String>, text::parameter);
        let arguments = [load_id.into(), byte_offset.into(), text, pg::now().into(), user::current().into()];
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

    /// The mended rejects of a load that are not resolved, in file order, each
    /// locked as it is handed out.
    pub fn mended(&self, load_id: i64) -> Result<Mended, Error> {
        const QUERY: &str = "SELECT r.record_no, r.line, r.byte_offset, r.byte_length,
                pg_catalog.convert_to(r.mended, pg_catalog.getdatabaseencoding())
            FROM loader.rejects_data AS r
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.mended IS NOT NULL AND r.resolved_by IS NULL
            ORDER BY r.byte_offset FOR UPDATE";
        let cursor = self.as_owner(|client| {
            Ok(client.try_open_cursor_mut(QUERY, &[load_id.into()])?.detach_into_name())
        })?;
        Ok(Mended { cursor, owner: self.owner })
    }

    /// Marks rejects of a load as resolved, unless they were before.
    pub fn set_resolved(&self, load_id: i64, byte_offsets: &[i64], retry: i64) -> Result<(), Error> {
        const STATEMENT: &str = "UPDATE loader.rejects_data AS r SET resolved_by = $3
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.=) ANY ($2)
              AND r.resolved_by IS NULL";
        let memory = Context::new(c"loader offsets", 8 * 1024);
        let arguments = [load_id.into(), array::bigints(&memory, byte_offsets), retry.into()];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Writes the row of a retry: what it says of the file is the original's.
    pub fn record_retry(&self, retry: &Retry) -> Result<(), Error> {
        const STATEMENT: &str = "INSERT INTO loader.load_history_data (
            load_id, target, target_oid, target_column, file_path, file_size, file_mtime, content_hash,
            format, compression, chunk, options, status, rows_loaded, rows_rejected, stream_bytes,
            bytes_loaded, bytes_rejected, bytes_framing, loaded_by, loaded_by_name, started_at, finished_at,
            records_path, records, retry_of, home)
            SELECT $1, h.target, h.target_oid, h.target_column, h.file_path, h.file_size, h.file_mtime,
                h.content_hash, h.format, h.compression, h.chunk, '{\"retry\": true}'::pg_catalog.jsonb,
                'loaded', $3, 0, $4, $4, 0, 0, $5, $6::pg_catalog.name, $7, $8, h.records_path, $9, h.load_id, h.home
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
        ];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Runs a statement of ours and returns how many rows it was about.
    fn change(&self, statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<usize, Error> {
        self.as_owner(|client| Ok(client.update(statement, None, arguments)?.len()))
    }

    fn as_owner<R>(&self, body: impl FnOnce(&mut SpiClient<'_>) -> Result<R, SpiError>) -> Result<R, Error> {
        Ok(user::run_as(self.owner, || Spi::connect_mut(body))?)
    }
}

/// Mended rejects, handed out one by one, however large they are.
pub struct Mended {
    cursor: String,
    owner: Oid,
}

impl Mended {
    /// Where the next one lies in its file, and its text in the database's encoding.
    pub fn next(&mut self) -> Result<Option<(Place, Vec<u8>)>, Error> {
        let next = || {
            Spi::connect_mut(|client| {
                let mut cursor = client.find_cursor(&self.cursor)?;
                let rows = cursor.fetch(1)?;
                if rows.is_empty() {
                    // Dropping it closes it.
                    return Ok::<_, SpiError>(None);
                }
                let row = rows.first();
                let number = |column| -> Result<u64, SpiError> {
                    Ok(row.get::<i64>(column)?.unwrap_or_default() as u64)
                };
                let place =
                    Place { number: number(1)?, line: number(2)?, offset: number(3)?, length: number(4)? };
                let text = row.get::<Vec<u8>>(5)?.unwrap_or_default();
                cursor.detach_into_name();
                Ok(Some((place, text)))
            })
        };
        Ok(user::run_as(self.owner, next)?)
    }
}
