//! Pipelines as they are defined, and what has become of each.

use super::Catalog;
use crate::pg::Oid;
use crate::pg::executor::snapshot::{self, Row, Snapshot};
use crate::pg::processes::{clock, user};
use crate::pg::strings::text;
use pgrx::datum::DatumWithOid;
use std::time::Duration;

/// What the user says of a pipeline. Texts are in the database's encoding.
#[derive(Clone, Debug)]
pub struct Definition {
    pub pattern: Vec<u8>,
    pub target: Oid,
    pub format: PipelineFormat,
    pub poll: Duration,
    pub settle: Duration,
    pub workers: i32,
    pub max_files: i32,
    pub max_attempts: i32,
    pub retry_delay: Duration,
    pub retry_max: Duration,
    pub on_file_error: OnPipelineFileError,
    pub on_file: Option<Vec<u8>>,
    pub on_batch: Option<Vec<u8>>,
    pub notify: Option<Vec<u8>>,
    /// A jsonb object, as text.
    pub options: Vec<u8>,
    /// The search_path of the hooks.
    pub search_path: Vec<u8>,
}

/// What the files of a pipeline are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineFormat {
    Json,
    Csv,
}

impl PipelineFormat {
    pub const WORDS: [(&'static str, PipelineFormat); 2] =
        [("json", PipelineFormat::Json), ("csv", PipelineFormat::Csv)];

    pub(super) fn name(self) -> &'static str {
        name(&Self::WORDS, self)
    }
}

/// What a run does about files that have failed, beside trying them again and leaving them alone in
/// the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPipelineFileError {
    /// Nothing.
    Quarantine,
    /// A call fails at its end.
    Raise,
}

impl OnPipelineFileError {
    pub const WORDS: [(&'static str, OnPipelineFileError); 2] =
        [("quarantine", OnPipelineFileError::Quarantine), ("raise", OnPipelineFileError::Raise)];

    pub(super) fn name(self) -> &'static str {
        name(&Self::WORDS, self)
    }
}

/// Whether a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineState {
    Active,
    /// Somebody has paused it, or it came from another database.
    Paused,
    /// It cannot run.
    Suspended,
}

impl PipelineState {
    const WORDS: [(&'static str, PipelineState); 3] = [
        ("active", PipelineState::Active),
        ("paused", PipelineState::Paused),
        ("suspended", PipelineState::Suspended),
    ];

    /// The word of the views.
    pub fn name(self) -> &'static str {
        name(&Self::WORDS, self)
    }
}

/// Which pipeline of a name it is: one may be dropped and another created while a run is under way.
#[derive(Clone, Debug)]
pub struct PipelineKey {
    pub name: Vec<u8>,
    pub generation: i64,
}

/// A pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub key: PipelineKey,
    pub definition: Definition,
    /// It was defined here: its OIDs are valid.
    pub is_at_home: bool,
    pub owner: Oid,
    pub owner_name: Vec<u8>,
    /// Name of the target when it was defined, with its schema, quoted; and its row type.
    pub target_name: Vec<u8>,
    pub target_type: Oid,
    pub state: PipelineState,
    pub reason: Option<Vec<u8>>,
    /// Runs in a row that took files, of which each failed.
    pub failed_runs: i32,
    /// Runs in a row that could not look for files.
    pub broken_runs: i32,
    /// Times in a row that on_batch failed, and when it is to be tried again, in nanoseconds since
    /// the system was booted.
    pub failed_batches: i32,
    pub batch_due_ns: i64,
    /// How often somebody has changed, stopped, resumed or hurried it.
    pub changes: i64,
    /// What runs in a row count for that began to load and never came to an end, and how many bytes the
    /// loads into the target had before the last of them, if that is known.
    pub unended: i32,
    pub unended_bytes: Option<i64>,
}

const COLUMNS: &str = "p.generation, (p.home OPERATOR(pg_catalog.=) $1)::pg_catalog.int4::pg_catalog.int8,
    p.owner::pg_catalog.int8, p.owner_name::pg_catalog.text, p.target, p.target_oid::pg_catalog.int8,
    p.target_type::pg_catalog.int8, p.pattern, p.format,
    (pg_catalog.date_part('epoch', p.poll) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    (pg_catalog.date_part('epoch', p.settle) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    p.workers::pg_catalog.int8, p.max_files::pg_catalog.int8, p.max_attempts::pg_catalog.int8,
    (pg_catalog.date_part('epoch', p.retry_delay) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    (pg_catalog.date_part('epoch', p.retry_max) OPERATOR(pg_catalog.*) 1e6::pg_catalog.float8)::pg_catalog.int8,
    p.on_file_error, p.on_file, p.on_batch, p.notify, p.options::pg_catalog.text, p.search_path, p.state, p.reason,
    p.failed_runs::pg_catalog.int8, p.broken_runs::pg_catalog.int8, p.failed_batches::pg_catalog.int8,
    CASE WHEN p.boot OPERATOR(pg_catalog.=) $2 THEN p.batch_due_ns ELSE 0 END,
    p.name, p.changes, p.unended::pg_catalog.int8, p.unended_bytes";

impl Catalog {
    /// The pipeline of that name.
    pub fn pipeline(&self, name: &[u8]) -> Option<Pipeline> {
        let query = format!(
            "SELECT {COLUMNS} FROM loader.pipelines_data AS p WHERE p.name OPERATOR(pg_catalog.=) $3"
        );
        let arguments = [self.origin.as_str().into(), clock::boot().into(), text::parameter(name)];
        let mut found = None;
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, query, &arguments, |row| found = Some(pipeline_of(row)));
        });
        found
    }
}

fn meaning<T: Copy>(words: &[(&str, T)], word: &[u8], otherwise: T) -> T {
    words.iter().find(|(other, _)| other.as_bytes() == word).map_or(otherwise, |(_, meaning)| *meaning)
}

fn pipeline_of(row: &Row<'_>) -> Pipeline {
    let text = |column| row.bytes(column).unwrap_or_default();
    let number = |column| row.bigint(column).unwrap_or(0);
    let duration = |column| Duration::from_micros(u64::try_from(number(column)).unwrap_or(0));
    Pipeline {
        key: PipelineKey { name: text(29), generation: number(1) },
        is_at_home: number(2) == 1,
        owner: oid(row, 3),
        owner_name: text(4),
        target_name: text(5),
        target_type: oid(row, 7),
        definition: Definition {
            target: oid(row, 6),
            pattern: text(8),
            format: meaning(&PipelineFormat::WORDS, &text(9), PipelineFormat::Json),
            poll: duration(10),
            settle: duration(11),
            workers: number(12) as i32,
            max_files: number(13) as i32,
            max_attempts: number(14) as i32,
            retry_delay: duration(15),
            retry_max: duration(16),
            on_file_error: meaning(&OnPipelineFileError::WORDS, &text(17), OnPipelineFileError::Quarantine),
            on_file: row.bytes(18),
            on_batch: row.bytes(19),
            notify: row.bytes(20),
            options: text(21),
            search_path: text(22),
        },
        state: meaning(&PipelineState::WORDS, &text(23), PipelineState::Suspended),
        reason: row.bytes(24),
        failed_runs: number(25) as i32,
        broken_runs: number(26) as i32,
        failed_batches: number(27) as i32,
        batch_due_ns: number(28),
        changes: number(30),
        unended: number(31) as i32,
        unended_bytes: row.bigint(32),
    }
}

pub(super) fn oid(row: &Row<'_>, column: usize) -> Oid {
    Oid::from(row.bigint(column).unwrap_or(0) as u32)
}

/// A duration, as the statements take it that make an interval of it.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn name<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    crate::words::name_of(words, value).unwrap_or_default()
}

pub(super) fn or_null_text(text: Option<&[u8]>) -> DatumWithOid<'static> {
    text.map_or_else(DatumWithOid::null::<String>, text::parameter)
}
