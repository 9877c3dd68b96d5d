//! Rows of the history: written when a load begins, goes on, ends, fails or is undone.

use super::stat::stat_or_nulls;
use super::{Catalog, Content, or_null};
use crate::error::{Error, Failure};
use crate::pg::executor::snapshot::{self, Row, Snapshot};
use crate::pg::executor::{array, own_statement};
use crate::pg::memory::context::Context;
use crate::pg::processes::{user, wake};
use crate::pg::strings::text;
use crate::pg::{self, Oid};
use crate::stat::FileStat;
use loader_core::stream::Damage;
use loader_core::tally::Tally;
use pgrx::datum::{DatumWithOid, TimestampWithTimeZone};
use pgrx::prelude::*;
use std::collections::HashMap;

/// What has become of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Parts of the file are loaded.
    Running,
    /// All of the file is loaded.
    Loaded,
    /// All of the file is loaded that could be decompressed.
    Salvaged,
    /// An error stopped the load.
    Failed,
}

impl Status {
    /// The status of the load of a file that was read to its end.
    pub fn at_end(damage: Damage) -> Self {
        if damage.hurt > 0 { Status::Salvaged } else { Status::Loaded }
    }

    /// Whether nothing of the file is left to be loaded.
    pub fn is_whole(self) -> bool {
        matches!(self, Status::Loaded | Status::Salvaged)
    }

    /// The name that results and history use.
    pub fn name(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Loaded => "loaded",
            Status::Salvaged => "salvaged",
            Status::Failed => "failed",
        }
    }
}

/// What is the same for a load from its start to its end.
pub struct Load<'a> {
    pub id: i64,
    pub content: Content<'a>,
    pub file_path: &'a [u8],
    pub chunk: i32,
    /// The option values of the call, as a JSON object in the encoding of the database.
    pub options: &'a [u8],
    pub loaded_by: Oid,
    pub started_at: TimestampWithTimeZone,
    /// The offset in the stream where the load begins.
    pub start_offset: u64,
    /// If this is a retry: the load whose rejects it loads.
    pub retry_of: Option<i64>,
    /// The load without whose rows this one is not all of the file. It is undone with that one.
    pub builds_on: Option<i64>,
}

/// A file as it lay on disk when it was opened.
#[derive(Clone, Copy)]
pub struct FileOnDisk<'a> {
    pub stat: FileStat,
    pub hash: &'a [u8; 32],
}

/// The file of a load, as it was read.
#[derive(Clone, Copy, Default)]
pub struct FileState<'a> {
    /// `None` where it could not be opened.
    pub on_disk: Option<FileOnDisk<'a>>,
    pub format: &'a str,
    pub compression: &'a str,
    /// `None` where it was not found out.
    pub encoding: Option<&'static str>,
    /// Of delimited text: a JSON object in the encoding of the database.
    pub dialect: Option<&'a [u8]>,
}

/// How far a load is, and what its last step added.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub status: Status,
    /// How many rows this step inserted or updated, …
    pub rows: u64,
    /// … how many of these it updated, …
    pub rows_updated: u64,
    /// … and how many it did not write, because a newer row with their key was written.
    pub rows_superseded: u64,
    /// The ledger of this step.
    pub ledger: Tally,
    /// How many records lie before that place in the stream, bad ones counted too.
    pub records: u64,
    /// How many newlines lie before it.
    pub lines: u64,
    /// See [`loader_core::split::ResumePoint`].
    pub splitter_state: u64,
    /// The offset of the last record, if that is bad: the file may have been read while it was being
    /// written.
    pub open_offset: Option<u64>,
    /// SQLSTATE and message of the error that stopped the load.
    pub error: Option<(&'a str, &'a str)>,
}

impl Catalog {
    /// Writes a load for the first time.
    pub fn begin(&self, load: &Load<'_>, file: &FileState<'_>, step: &Step<'_>) {
        const STATEMENT: &str = "INSERT INTO loader.load_history_data (
            load_id, target, target_oid, target_column, records_path, file_path, file_size, file_mtime,
            content_hash, format, compression, chunk, options, status, rows_loaded, rows_rejected,
            stream_bytes, bytes_loaded, bytes_rejected, bytes_framing, loaded_by, loaded_by_name,
            started_at, finished_at, start_offset, records, lines, splitter_state, error_sqlstate,
            error_message, retry_of, open_offset, home, target_type, file_device, file_inode,
            file_mtime_ns, file_ctime_ns, bytes_prefix, encoding,
            rows_updated, rows_superseded, dialect, rows_tolerated, builds_on)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, pg_catalog.jsonb_in(pg_catalog.textout($13)), $14, $15, $16,
            $17, $18, $19, $20, $21, $22::pg_catalog.name, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33,
            $34, $35, $36, $37, $38, $39, $40, $41, $42, pg_catalog.jsonb_in(pg_catalog.textout($43)), $44, $45)";
        let [device, inode, mtime_ns, ctime_ns] = file.settled_stat();
        let arguments = [
            load.id.into(),
            text::parameter(load.content.target_name),
            load.content.target.into(),
            text::parameter(load.content.column),
            or_null(load.content.records_path),
            text::parameter(load.file_path),
            or_null(file.size()),
            or_null(file.mtime()),
            or_null(file.hash()),
            file.format.into(),
            file.compression.into(),
            load.chunk.into(),
            text::parameter(load.options),
            step.status.name().into(),
            (step.rows as i64).into(),
            (step.ledger.rejects as i64).into(),
            (step.ledger.stream_bytes as i64).into(),
            (step.ledger.bytes_loaded as i64).into(),
            (step.ledger.bytes_rejected as i64).into(),
            (step.ledger.bytes_framing as i64).into(),
            load.loaded_by.into(),
            text::parameter(&user::name(load.loaded_by)),
            load.started_at.into(),
            or_null((step.status != Status::Running).then(pg::now)),
            (load.start_offset as i64).into(),
            (step.records as i64).into(),
            (step.lines as i64).into(),
            (step.splitter_state as i64).into(),
            or_null(step.error.map(|(code, _)| code)),
            or_null(step.error.map(|(_, message)| message)),
            or_null(load.retry_of),
            or_null(step.open_offset.map(|offset| offset as i64)),
            self.origin.as_str().into(),
            load.content.target_type.into(),
            device,
            inode,
            mtime_ns,
            ctime_ns,
            (step.ledger.bytes_prefix as i64).into(),
            or_null(file.encoding),
            (step.rows_updated as i64).into(),
            (step.rows_superseded as i64).into(),
            file.dialect.map_or_else(DatumWithOid::null::<String>, text::parameter),
            (step.ledger.tolerated as i64).into(),
            or_null(load.builds_on),
        ];
        user::run_as(self.owner, || own_statement::run(STATEMENT, &arguments));
    }

    /// Writes how far a load is now that stood at `from`. Returns `false` if it does not stand
    /// there any more, because another process goes on with it.
    pub fn advance(&self, id: i64, from: u64, file: &FileState<'_>, step: &Step<'_>) -> bool {
        const STATEMENT: &str = "UPDATE loader.load_history_data AS h SET
            status = $3,
            rows_loaded = h.rows_loaded OPERATOR(pg_catalog.+) $4,
            rows_rejected = h.rows_rejected OPERATOR(pg_catalog.+) $5,
            stream_bytes = h.stream_bytes OPERATOR(pg_catalog.+) $6,
            bytes_loaded = h.bytes_loaded OPERATOR(pg_catalog.+) $7,
            bytes_rejected = h.bytes_rejected OPERATOR(pg_catalog.+) $8,
            bytes_framing = h.bytes_framing OPERATOR(pg_catalog.+) $9,
            bytes_prefix = h.bytes_prefix OPERATOR(pg_catalog.+) $26, encoding = COALESCE($27, h.encoding),
            dialect = COALESCE(pg_catalog.jsonb_in(pg_catalog.textout($30)), h.dialect),
            rows_updated = h.rows_updated OPERATOR(pg_catalog.+) $28,
            rows_superseded = h.rows_superseded OPERATOR(pg_catalog.+) $29,
            rows_tolerated = h.rows_tolerated OPERATOR(pg_catalog.+) $31,
            records = $10, lines = $11, splitter_state = $12,
            file_size = COALESCE($13, h.file_size), file_mtime = COALESCE($14, h.file_mtime),
            content_hash = COALESCE($15, h.content_hash), format = $16, compression = $17,
            error_sqlstate = $18, error_message = $19, finished_at = $20, open_offset = $21,
            file_device = CASE WHEN $15 IS NULL THEN h.file_device ELSE $22 END,
            file_inode = CASE WHEN $15 IS NULL THEN h.file_inode ELSE $23 END,
            file_mtime_ns = CASE WHEN $15 IS NULL THEN h.file_mtime_ns ELSE $24 END,
            file_ctime_ns = CASE WHEN $15 IS NULL THEN h.file_ctime_ns ELSE $25 END
            WHERE h.load_id OPERATOR(pg_catalog.=) $1
              AND h.start_offset OPERATOR(pg_catalog.+) h.stream_bytes OPERATOR(pg_catalog.=) $2
              AND h.emptied_at IS NULL
              AND h.status OPERATOR(pg_catalog.=) ANY (ARRAY['running', 'failed']::pg_catalog.text[])";
        let [device, inode, mtime_ns, ctime_ns] = file.settled_stat();
        let arguments = [
            id.into(),
            (from as i64).into(),
            step.status.name().into(),
            (step.rows as i64).into(),
            (step.ledger.rejects as i64).into(),
            (step.ledger.stream_bytes as i64).into(),
            (step.ledger.bytes_loaded as i64).into(),
            (step.ledger.bytes_rejected as i64).into(),
            (step.ledger.bytes_framing as i64).into(),
            (step.records as i64).into(),
            (step.lines as i64).into(),
            (step.splitter_state as i64).into(),
            or_null(file.size()),
            or_null(file.mtime()),
            or_null(file.hash()),
            file.format.into(),
            file.compression.into(),
            or_null(step.error.map(|(code, _)| code)),
            or_null(step.error.map(|(_, message)| message)),
            or_null((step.status != Status::Running).then(pg::now)),
            or_null(step.open_offset.map(|offset| offset as i64)),
            device,
            inode,
            mtime_ns,
            ctime_ns,
            (step.ledger.bytes_prefix as i64).into(),
            or_null(file.encoding),
            (step.rows_updated as i64).into(),
            (step.rows_superseded as i64).into(),
            file.dialect.map_or_else(DatumWithOid::null::<String>, text::parameter),
            (step.ledger.tolerated as i64).into(),
        ];
        user::run_as(self.owner, || own_statement::run(STATEMENT, &arguments)) == 1
    }

    /// Writes what stopped a load. The load stays where it is.
    pub fn fail(&self, id: i64, error: (&str, &str)) -> Result<(), Error> {
        const STATEMENT: &str = "UPDATE loader.load_history_data AS h
            SET status = 'failed', error_sqlstate = $2, error_message = $3, finished_at = $4
            WHERE h.load_id OPERATOR(pg_catalog.=) $1
              AND h.status OPERATOR(pg_catalog.=) ANY (ARRAY['running', 'failed']::pg_catalog.text[])";
        let arguments = [id.into(), error.0.into(), error.1.into(), pg::now().into()];
        Ok(user::run_as(self.owner, || Spi::run_with_args(STATEMENT, &arguments))?)
    }

    /// How far a load is at this moment; `None` if its status is none of these.
    pub fn position(&self, id: i64, states: &[Status]) -> Option<Position> {
        const QUERY: &str = "SELECT h.start_offset OPERATOR(pg_catalog.+) h.stream_bytes, h.records, h.lines,
                   h.splitter_state, h.rows_rejected, h.rows_loaded
            FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) $1 AND h.status OPERATOR(pg_catalog.=) ANY ($2)
              AND h.emptied_at IS NULL";
        let states: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let mut found = None;
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &[id.into(), states.into()], |row| {
                found = Some(Position::of(row, 1));
            });
        });
        found
    }

    /// Gives rejects their true numbers, which were counted from the start of a
    /// range that begins at `from`.
    pub fn shift_rejects(&self, id: i64, from: u64, records: u64, lines: u64) -> Result<(), Error> {
        const STATEMENT: &str = "UPDATE loader.rejects_data AS r
            SET record_no = r.record_no OPERATOR(pg_catalog.+) $3, line = r.line OPERATOR(pg_catalog.+) $4
            WHERE r.load_id OPERATOR(pg_catalog.=) $1 AND r.byte_offset OPERATOR(pg_catalog.>=) $2";
        let arguments = [id.into(), (from as i64).into(), (records as i64).into(), (lines as i64).into()];
        Ok(user::run_as(self.owner, || Spi::run_with_args(STATEMENT, &arguments))?)
    }

    /// The errors that stopped these loads, by the loads' numbers.
    pub fn failures(&self, loads: &[i64]) -> HashMap<i64, Failure> {
        const QUERY: &str = "SELECT h.load_id, h.error_sqlstate, h.error_message
            FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1) AND h.error_message IS NOT NULL";
        let memory = Context::new(c"loader loads", 8 * 1024);
        let mut found = HashMap::new();
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &[array::bigints(&memory, loads)], |row| {
                let shown = |column| row.bytes(column).map(|bytes| text::show(&bytes)).unwrap_or_default();
                found.insert(row.bigint(1).unwrap_or(0), Failure { code: shown(2), message: shown(3) });
            });
        });
        found
    }

    /// Keeps others from undoing a load, or building on it, to the end of the
    /// transaction; `false` where it is not loaded any more.
    pub fn lock_if_loaded(&self, id: i64) -> Result<bool, Error> {
        const QUERY: &str = "SELECT 1 FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) $1
              AND h.status OPERATOR(pg_catalog.=) ANY (ARRAY['loaded', 'salvaged']::pg_catalog.text[])
              AND h.emptied_at IS NULL FOR UPDATE";
        let found = user::run_as(self.owner, || {
            Spi::connect_mut(|client| client.update(QUERY, None, &[id.into()]).map(|rows| rows.len()))
        })?;
        Ok(found == 1)
    }

    /// Which of these loads do not count any more.
    pub fn undone(&self, loads: &[i64]) -> Vec<i64> {
        const QUERY: &str = "SELECT h.load_id FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1)
              AND h.status OPERATOR(pg_catalog.=) 'undone'::pg_catalog.text";
        let memory = Context::new(c"loader loads", 8 * 1024);
        let arguments = [array::bigints(&memory, loads)];
        let mut found = Vec::new();
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| found.extend(row.bigint(1)));
        });
        found
    }

    /// Marks loads as undone: nothing of them is left in the table. Why one failed is
    /// forgotten, unless it is the load of a role whose rights the caller lacks: that role may
    /// not have read it yet.
    pub fn mark_undone(&self, loads: &[i64]) -> Result<(), Error> {
        const ROLES: &str = "SELECT DISTINCT h.loaded_by::pg_catalog.int8 FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1) AND h.error_message IS NOT NULL";
        const STATEMENT: &str = "UPDATE loader.load_history_data AS h SET status = 'undone',
            error_sqlstate = CASE WHEN h.loaded_by OPERATOR(pg_catalog.<>) ALL ($2) THEN h.error_sqlstate END,
            error_message = CASE WHEN h.loaded_by OPERATOR(pg_catalog.<>) ALL ($2) THEN h.error_message END
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1)";
        if loads.is_empty() {
            return Ok(());
        }
        wake::count_loads_gone();
        let caller = user::current();
        let memory = Context::new(c"loader loads", 8 * 1024);
        user::run_as(self.owner, || {
            let mut roles = Vec::new();
            snapshot::select(Snapshot::Latest, ROLES, &[array::bigints(&memory, loads)], |row| {
                roles.extend(row.bigint(1).map(|role| Oid::from(role as u32)));
            });
            roles.retain(|&role| user::has_rights_of(caller, role));
            Ok(Spi::run_with_args(STATEMENT, &[array::bigints(&memory, loads), roles.into()])?)
        })
    }
}

/// How far a load is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The offset in the stream.
    pub offset: u64,
    /// How many records lie before it, bad ones counted too.
    pub records: u64,
    /// How many newlines lie before it.
    pub lines: u64,
    /// See [`loader_core::split::ResumePoint`].
    pub splitter_state: u64,
    /// How many bad records there are so far.
    pub rejects: u64,
    /// How many rows were inserted so far.
    pub rows: u64,
}

impl Position {
    /// Whether any record so far was good; a trigger may have suppressed its row.
    pub fn any_good(&self) -> bool {
        self.records > self.rejects
    }

    /// From six columns of a row: offset, records, lines, splitter_state, rejects, rows.
    pub(super) fn of(row: &Row<'_>, first: usize) -> Self {
        let column = |index: usize| row.bigint(first + index).unwrap_or(0) as u64;
        Position {
            offset: column(0),
            records: column(1),
            lines: column(2),
            splitter_state: column(3),
            rejects: column(4),
            rows: column(5),
        }
    }
}

impl FileState<'_> {
    fn size(&self) -> Option<i64> {
        self.on_disk.map(|file| file.stat.size as i64)
    }

    fn mtime(&self) -> Option<TimestampWithTimeZone> {
        self.on_disk.map(|file| pg::timestamp_from_unix(file.stat.mtime_micros()))
    }

    fn hash(&self) -> Option<&[u8]> {
        self.on_disk.map(|file| file.hash.as_slice())
    }

    /// What the file system said of the file, if a later load may recognise the file by it.
    fn settled_stat(&self) -> [DatumWithOid<'static>; 4] {
        stat_or_nulls(self.on_disk.as_ref().map(|file| &file.stat).filter(|stat| stat.is_settled()))
    }
}
