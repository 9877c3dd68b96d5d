//! The only place that names the tables of the schema `loader`. They are
//! written as their owner, so that a loading role needs no right on them and
//! cannot forge them.

/// SQL that says whether a row `h` of the history is about a target: the very relation,
/// not another one to which its name or its OID has come since. Rows that were written
/// elsewhere are not: [`Catalog::adopt`] takes them over first.
macro_rules! of_target {
    ($oid:literal, $kind:literal, $home:literal) => {
        concat!(
            "h.home OPERATOR(pg_catalog.=) ",
            $home,
            " AND h.target_oid OPERATOR(pg_catalog.=) ",
            $oid,
            " AND h.target_type OPERATOR(pg_catalog.=) ",
            $kind
        )
    };
}

/// SQL that says whether a load `h` is one of a content, whatever its file: into the same column, of the
/// same records, in force, and no retry.
macro_rules! of_content {
    ($column:literal, $oid:literal, $kind:literal, $home:literal, $records_path:literal) => {
        concat!(
            "h.target_column OPERATOR(pg_catalog.=) ",
            $column,
            " AND ",
            of_target!($oid, $kind, $home),
            " AND COALESCE(h.records_path, ''::pg_catalog.text) OPERATOR(pg_catalog.=) ",
            $records_path,
            " AND ",
            in_force!(),
            " AND h.retry_of IS NULL"
        )
    };
}

/// SQL for the loads of a path, found by the index of paths. OFFSET keeps other conditions out: where the
/// planner knows little of the table it would walk through all loads of the target for each path.
macro_rules! loads_of_path {
    ($path:literal) => {
        concat!(
            "(SELECT p.* FROM loader.load_history_data AS p WHERE p.file_path OPERATOR(pg_catalog.=) ",
            $path,
            " OFFSET 0)"
        )
    };
}

/// SQL for an interval of so many microseconds.
macro_rules! interval {
    ($parameter:literal) => {
        concat!(
            "pg_catalog.make_interval(secs => ",
            $parameter,
            "::pg_catalog.float8 OPERATOR(pg_catalog./) 1e6::pg_catalog.float8)"
        )
    };
}

/// SQL for the pipeline `p` of a key, the first two parameters.
macro_rules! of_pipeline {
    () => {
        " WHERE p.name OPERATOR(pg_catalog.=) $1 AND p.generation OPERATOR(pg_catalog.=) $2"
    };
}

/// SQL that says whether a load `h` is in force: neither undone nor gone with the rows of
/// a table that was emptied. As the condition of the index by target has it.
macro_rules! in_force {
    () => {
        "h.emptied_at IS NULL AND h.status OPERATOR(pg_catalog.<>) 'undone'::pg_catalog.text"
    };
}

/// SQL that says whether the file of a row `h` lies on disk as it did then: if that
/// was written down.
macro_rules! same_stat {
    ($size:literal, $device:literal, $inode:literal, $mtime:literal, $ctime:literal) => {
        concat!(
            "COALESCE(h.file_size OPERATOR(pg_catalog.=) ",
            $size,
            " AND h.file_device OPERATOR(pg_catalog.=) ",
            $device,
            " AND h.file_inode OPERATOR(pg_catalog.=) ",
            $inode,
            " AND h.file_mtime_ns OPERATOR(pg_catalog.=) ",
            $mtime,
            " AND h.file_ctime_ns OPERATOR(pg_catalog.=) ",
            $ctime,
            ", false)"
        )
    };
}

mod adopt;
mod amend;
mod claims;
mod earlier;
mod emptied;
mod loads;
mod mended;
mod pipeline_changes;
mod pipeline_files;
mod pipeline_runs;
mod pipeline_schedule;
mod pipelines;
mod saved_dialect;
mod saved_options;
mod stat;
mod unmended;

pub use amend::{Past, Retry, RowLock};
pub use claims::{Claimed, turn};
pub use earlier::{Earlier, Kin};
pub use loads::{FileOnDisk, FileState, Load, Position, Status, Step};
pub use mended::MendedReject;
pub use pipeline_files::{Exception, ExceptionState, FailedAttempt, LONGEST_PATH, SkippedFile, as_text};
pub use pipeline_runs::{RunRow, RunStatus};
pub use pipeline_schedule::{AfterRun, AtEnd, Sight};
pub use pipelines::{Definition, OnPipelineFileError, Pipeline, PipelineFormat, PipelineKey, PipelineState};
pub use saved_options::SavedOptions;
pub use stat::FileOfPath;
pub use unmended::UnmendedReject;

use crate::error::Error;
use crate::pg::executor::snapshot::Snapshot;
use crate::pg::executor::{array, own_statement};
use crate::pg::processes::user;
use crate::pg::relations::relation;
use crate::pg::{self, Oid};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use std::borrow::Cow;

/// The tables and their owner.
pub struct Catalog {
    owner: Oid,
    /// Where OIDs of the history name what they name here: see [`pg::origin`].
    origin: String,
}

/// What makes two loads the same.
pub struct Content<'a> {
    /// OID of the target, and of its row type.
    pub target: Oid,
    pub target_type: Oid,
    /// Name of the target with its schema, quoted.
    pub target_name: &'a [u8],
    /// Column of the target.
    pub column: &'a [u8],
    /// Bytes of the file as it lies on disk.
    pub file_size: u64,
    /// Path of the array in the file that holds the records, if it is not the
    /// file itself.
    pub records_path: Option<&'a str>,
}

/// Rejects, column by column.
#[derive(Default)]
pub struct Rejects {
    pub record_no: Vec<i64>,
    pub byte_offset: Vec<i64>,
    pub byte_length: Vec<i64>,
    pub line: Vec<i64>,
    pub error_type: Vec<Cow<'static, str>>,
    pub sqlstate: Vec<Cow<'static, str>>,
    pub message: Vec<Cow<'static, str>>,
    pub raw: Vec<Vec<u8>>,
    pub raw_truncated: Vec<bool>,
    /// In the database's encoding.
    pub record_key: Vec<Option<Vec<u8>>>,
    /// The same.
    pub column_name: Vec<Option<Vec<u8>>>,
}

impl Rejects {
    /// Makes room for one more; an error is the size that was asked for.
    pub fn reserve(&mut self) -> Result<(), usize> {
        fn one<T>(column: &mut Vec<T>) -> Result<(), usize> {
            column.try_reserve(1).map_err(|_| (column.len() + 1) * size_of::<T>())
        }
        one(&mut self.record_no)?;
        one(&mut self.byte_offset)?;
        one(&mut self.byte_length)?;
        one(&mut self.line)?;
        one(&mut self.error_type)?;
        one(&mut self.sqlstate)?;
        one(&mut self.message)?;
        one(&mut self.raw)?;
        one(&mut self.raw_truncated)?;
        one(&mut self.record_key)?;
        one(&mut self.column_name)
    }
}

impl Catalog {
    /// Finds the tables' owner.
    pub fn open() -> Result<Self, Error> {
        let history = relation::in_schema(c"loader", c"load_history_data");
        let owner = relation::owner(history).ok_or(Error::NoTable(history.to_u32()))?;
        Ok(Catalog { owner, origin: pg::origin(history) })
    }

    /// The same, and keeps others from dropping the extension to the end of the transaction. Of those who
    /// use several of the tables in a transaction and DROP EXTENSION, which locks all of them, one would be
    /// the victim of a deadlock. This lock comes before all of these: whoever waits for it has none of them.
    pub fn open_kept() -> Result<Self, Error> {
        if !relation::keep_extension(c"loader") {
            return Err(Error::NoExtension);
        }
        Catalog::open()
    }

    /// Draws the number of a load.
    pub fn next_load_id(&self) -> i64 {
        const QUERY: &str = "SELECT pg_catalog.nextval('loader.load_id_seq'::pg_catalog.regclass)";
        let mut id = None;
        user::run_as(self.owner, || {
            own_statement::select(Snapshot::Latest, QUERY, &[], |row| id = row.bigint(1));
        });
        id.expect("nextval returns a number")
    }

    /// Writes rejects of a load. The arrays are all of one length and stand in
    /// the target list, where they are taken apart row by row: in FROM each
    /// would be written out first, to disk beyond work_mem.
    pub fn add_rejects(&self, load_id: i64, rejects: Rejects) {
        const STATEMENT: &str = "INSERT INTO loader.rejects_data (
            load_id, record_no, byte_offset, byte_length, line, error_type, sqlstate, message, raw, raw_truncated,
            record_key, column_name)
            SELECT $1, pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4),
                pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8),
                pg_catalog.unnest($9), pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12)";
        let memory = pg::memory::context::Context::new(c"loader rejects", 8 * 1024);
        let arguments = [
            load_id.into(),
            array::bigints(&memory, &rejects.record_no),
            array::bigints(&memory, &rejects.byte_offset),
            array::bigints(&memory, &rejects.byte_length),
            array::bigints(&memory, &rejects.line),
            array::texts(&memory, &rejects.error_type),
            array::texts(&memory, &rejects.sqlstate),
            array::texts(&memory, &rejects.message),
            array::byteas(&memory, &rejects.raw),
            array::booleans(&memory, &rejects.raw_truncated),
            array::nullable_texts(&memory, &rejects.record_key),
            array::nullable_texts(&memory, &rejects.column_name),
        ];
        drop(rejects);
        user::run_as(self.owner, || own_statement::run(STATEMENT, &arguments));
    }
}

/// A parameter that may be NULL.
fn or_null<'a, T: IntoDatum + Into<DatumWithOid<'a>>>(value: Option<T>) -> DatumWithOid<'a> {
    value.map_or_else(DatumWithOid::null::<T>, Into::into)
}
