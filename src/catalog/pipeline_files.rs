//! Files of pipelines that are an exception: those that settle, are tried again, are quarantined or
//! skipped. All others are either in the history or new.

use super::pipelines::{PipelineKey, or_null_text};
use super::stat::stat_or_nulls;
use super::{Catalog, or_null};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::array;
use crate::pg::executor::snapshot::{self, Row, Snapshot};
use crate::pg::memory::context::Context;
use crate::pg::processes::{clock, user};
use crate::pg::relations::storage;
use crate::pg::strings::text;
use crate::stat::FileStat;
use loader_core::memory;
use pgrx::datum::DatumWithOid;
use std::borrow::Cow;
use std::time::Duration;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionState {
    /// It was seen, and is looked at again before it is loaded.
    Settling,
    /// It has failed and is tried again.
    Retrying,
    /// It has failed too often.
    Quarantined,
    /// It is passed over.
    Skipped,
}

/// A file that is an exception.
#[derive(Clone, Debug)]
pub struct Exception {
    /// As it is kept, see [`as_text`].
    pub path: Vec<u8>,
    pub state: ExceptionState,
    /// What the file system said of it then; `None` where it is an exception whatever it becomes.
    pub stat: Option<FileStat>,
    /// When it was so first, and when it is to be tried again, in nanoseconds since the system was
    /// booted; `None` where that was another boot.
    pub times: Option<(i64, i64)>,
    pub attempts: i32,
    pub reason: Option<Vec<u8>>,
}

/// An attempt that failed.
pub struct FailedAttempt<'a> {
    pub path: &'a [u8],
    pub stat: &'a FileStat,
    pub attempts: i32,
    /// How long it is until the next one; `None` where there is to be none.
    pub wait: Option<Duration>,
    pub failure: &'a Failure,
    pub load_id: i64,
}

/// A file that is passed over because of a load.
pub struct SkippedFile<'a> {
    pub path: &'a [u8],
    pub stat: &'a FileStat,
    pub load_id: i64,
}

/// SQL that says whether the pipeline of the first two parameters is still there.
macro_rules! if_there {
    () => {
        concat!("EXISTS (SELECT FROM loader.pipelines_data AS p", of_pipeline!(), " FOR KEY SHARE)")
    };
}

/// SQL that puts a new exception in the place of the one that there may be of the file. What the INSERT
/// does not name has its default.
macro_rules! replace_exception {
    () => {
        " ON CONFLICT (pipeline, path) DO UPDATE SET state = excluded.state, file_size = excluded.file_size,
            file_device = excluded.file_device, file_inode = excluded.file_inode,
            file_mtime_ns = excluded.file_mtime_ns, file_ctime_ns = excluded.file_ctime_ns,
            boot = excluded.boot, since_ns = excluded.since_ns, due_ns = excluded.due_ns,
            attempts = excluded.attempts, next_attempt = excluded.next_attempt,
            error_sqlstate = excluded.error_sqlstate, error_message = excluded.error_message,
            reason = excluded.reason, load_id = excluded.load_id, set_by = excluded.set_by,
            changed_at = excluded.changed_at"
    };
}

impl Catalog {
    /// The exceptions of a pipeline, in the order of their paths. One that was skipped for a load that
    /// is not in force any more is none.
    pub fn exceptions(&self, pipeline: &[u8]) -> Result<Vec<Exception>, Error> {
        const QUERY: &str = concat!(
            "SELECT f.path, f.state, f.file_size, f.file_device, f.file_inode, f.file_mtime_ns, f.file_ctime_ns,
                CASE WHEN f.boot OPERATOR(pg_catalog.=) $2 THEN f.since_ns END, f.due_ns,
                f.attempts::pg_catalog.int8, f.reason
            FROM loader.pipeline_files_data AS f
            WHERE f.pipeline OPERATOR(pg_catalog.=) $1
              AND (f.state OPERATOR(pg_catalog.<>) 'skipped'::pg_catalog.text OR f.load_id IS NULL
                   OR EXISTS (SELECT FROM loader.load_history_data AS h
                              WHERE h.load_id OPERATOR(pg_catalog.=) f.load_id AND ",
            in_force!(),
            "))"
        );
        let arguments = [text::parameter(pipeline), clock::boot().into()];
        let mut exceptions = Vec::new();
        let mut outcome = Ok(());
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| {
                if outcome.is_ok() {
                    outcome = memory::push(&mut exceptions, exception_of(row));
                }
            });
        });
        outcome?;
        exceptions.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(exceptions)
    }

    /// Writes down that files are as they are from now on.
    pub fn put_settling(&self, key: &PipelineKey, files: &[(&[u8], FileStat)]) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "INSERT INTO loader.pipeline_files_data AS f (pipeline, path, state, file_size, file_device, file_inode,
                file_mtime_ns, file_ctime_ns, boot, since_ns, changed_at)
            SELECT $1, n.path, 'settling', n.size, n.device, n.inode, n.mtime_ns, n.ctime_ns, $9, $10, $11
            FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),
                            pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8))
                 AS n(path, size, device, inode, mtime_ns, ctime_ns)
            WHERE ",
            if_there!(),
            replace_exception!()
        );
        let memory = Context::new(c"loader files", 8 * 1024);
        let mut arguments = self.of_files(key, files, &memory);
        arguments.extend([clock::boot().into(), clock::since_boot().into(), pg::now().into()]);
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Has files passed over as they are, for loads, or, where there are none, for that reason.
    pub fn put_skipped(
        &self,
        key: &PipelineKey,
        files: &[SkippedFile<'_>],
        reason: &str,
    ) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "INSERT INTO loader.pipeline_files_data AS f (pipeline, path, state, file_size, file_device, file_inode,
                file_mtime_ns, file_ctime_ns, boot, since_ns, changed_at, load_id, reason)
            SELECT $1, n.path, 'skipped', n.size, n.device, n.inode, n.mtime_ns, n.ctime_ns, $9, $10, $11,
                NULLIF(n.load_id, 0), $13
            FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),
                            pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($12))
                 AS n(path, size, device, inode, mtime_ns, ctime_ns, load_id)
            WHERE ",
            if_there!(),
            replace_exception!()
        );
        let memory = Context::new(c"loader files", 8 * 1024);
        let stats = memory::collect(files.iter().map(|file| (file.path, *file.stat)))?;
        let loads = memory::collect(files.iter().map(|file| file.load_id))?;
        let mut arguments = self.of_files(key, &stats, &memory);
        arguments.extend([clock::boot().into(), clock::since_boot().into(), pg::now().into()]);
        arguments.extend([array::bigints(&memory, &loads), reason.into()]);
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Writes down that a file has failed.
    pub fn put_failed(&self, key: &PipelineKey, attempt: &FailedAttempt<'_>) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "INSERT INTO loader.pipeline_files_data AS f (pipeline, path, state, file_size, file_device, file_inode,
                file_mtime_ns, file_ctime_ns, boot, since_ns, due_ns, attempts, next_attempt, error_sqlstate,
                error_message, load_id, changed_at, reason)
            SELECT $1, $3, CASE WHEN $4 IS NULL THEN 'quarantined' ELSE 'retrying' END, $5, $6, $7, $8, $9, $10, $11,
                COALESCE($11 OPERATOR(pg_catalog.+) $4, 0), $12,
                $13 OPERATOR(pg_catalog.+) pg_catalog.make_interval(
                    secs => $4::pg_catalog.float8 OPERATOR(pg_catalog./) 1e9::pg_catalog.float8),
                $14, $15, NULLIF($16, 0), $13, $17
            WHERE ",
            if_there!(),
            replace_exception!()
        );
        let wait = attempt.wait.map(|wait| i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX / 2));
        let [device, inode, mtime_ns, ctime_ns] = stat_or_nulls(Some(attempt.stat));
        let times = if attempt.attempts == 1 { "it has failed" } else { "it has failed again" };
        let arguments = [
            text::parameter(&key.name),
            key.generation.into(),
            text::parameter(&as_text(attempt.path)),
            or_null(wait),
            (attempt.stat.size as i64).into(),
            device,
            inode,
            mtime_ns,
            ctime_ns,
            clock::boot().into(),
            clock::since_boot().into(),
            attempt.attempts.into(),
            pg::now().into(),
            attempt.failure.code.as_str().into(),
            attempt.failure.message.as_str().into(),
            attempt.load_id.into(),
            if wait.is_none() { "it has failed too often" } else { times }.into(),
        ];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Forgets exceptions: the files are loaded, or gone. Their paths are given as they are kept.
    pub fn forget_files(&self, key: &PipelineKey, texts: &[&[u8]]) -> Result<(), Error> {
        const STATEMENT: &str = "DELETE FROM loader.pipeline_files_data AS f
            WHERE f.pipeline OPERATOR(pg_catalog.=) $1 AND f.path OPERATOR(pg_catalog.=) ANY ($2)";
        let memory = Context::new(c"loader files", 8 * 1024);
        let arguments = [text::parameter(&key.name), array::database_texts(&memory, texts)];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Has a file passed over, whatever becomes of it.
    pub fn skip_file(&self, key: &PipelineKey, path: &[u8], reason: Option<&[u8]>) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "INSERT INTO loader.pipeline_files_data AS f (pipeline, path, state, boot, since_ns,
                changed_at, reason, set_by)
            VALUES ($1, $2, 'skipped', $3, $4, $5, $6, $7::pg_catalog.name)",
            replace_exception!()
        );
        let arguments = [
            text::parameter(&key.name),
            text::parameter(path),
            clock::boot().into(),
            clock::since_boot().into(),
            pg::now().into(),
            or_null_text(reason),
            text::parameter(&user::name(user::current())),
        ];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Has a file that is an exception tried at the next run, as if it had never failed; `false` where it
    /// is none, or only settles.
    pub fn retry_file(&self, key: &PipelineKey, path: &[u8]) -> Result<bool, Error> {
        const RETRY: &str = "UPDATE loader.pipeline_files_data AS f SET state = 'retrying', due_ns = 0, attempts = 0,
                next_attempt = $3, reason = NULL, load_id = NULL, set_by = $4::pg_catalog.name, changed_at = $3
            WHERE f.pipeline OPERATOR(pg_catalog.=) $1 AND f.path OPERATOR(pg_catalog.=) $2
              AND f.state OPERATOR(pg_catalog.<>) 'settling'::pg_catalog.text AND f.file_inode IS NOT NULL";
        // What was never looked at settles first.
        const FORGET: &str = "DELETE FROM loader.pipeline_files_data AS f
            WHERE f.pipeline OPERATOR(pg_catalog.=) $1 AND f.path OPERATOR(pg_catalog.=) $2
              AND f.file_inode IS NULL";
        let of = || [text::parameter(&key.name), text::parameter(path)];
        let [name, file] = of();
        let role = text::parameter(&user::name(user::current()));
        Ok(self.change(RETRY, &[name, file, pg::now().into(), role])? == 1
            || self.change(FORGET, &of())? == 1)
    }

    /// The first parameters of statements about many files.
    fn of_files<'a>(
        &self,
        key: &PipelineKey,
        files: &[(&[u8], FileStat)],
        memory: &'a Context,
    ) -> Vec<DatumWithOid<'a>> {
        let column = |value: fn(&FileStat) -> i64| {
            let values: Vec<i64> = files.iter().map(|(_, stat)| value(stat)).collect();
            array::bigints(memory, &values)
        };
        let paths: Vec<_> = files.iter().map(|(path, _)| as_text(path)).collect();
        let paths: Vec<&[u8]> = paths.iter().map(AsRef::as_ref).collect();
        vec![
            text::parameter(&key.name),
            key.generation.into(),
            array::database_texts(memory, &paths),
            column(|stat| stat.size as i64),
            column(|stat| stat.device as i64),
            column(|stat| stat.inode as i64),
            column(|stat| stat.mtime_ns),
            column(|stat| stat.ctime_ns),
        ]
    }
}

/// The longest text of a path that is kept as it is: it has to fit into the index, of whose pages an entry
/// may take a third, beside the name of its pipeline.
pub const LONGEST_PATH: usize = storage::PAGE / 3 - 250;

/// A path as it is kept: no two have the same text. One that is no text of the database is spelled out,
/// and of one that is too long a hash stands before its end.
pub fn as_text(path: &[u8]) -> Cow<'_, [u8]> {
    let text = text::spell(path);
    if text.len() <= LONGEST_PATH {
        return text;
    }
    // No path has a NUL byte: the sign of it is in no text that is spelled out.
    let mut short = format!("/\\x00{}...", blake3::hash(path).to_hex()).into_bytes();
    let left = LONGEST_PATH - short.len();
    short.extend_from_slice(text::tail(&text, left));
    short.into()
}

fn exception_of(row: &Row<'_>) -> Exception {
    let number = |column| row.bigint(column);
    let stat = number(5).map(|inode| {
        FileStat::remembered(
            number(4).unwrap_or(0) as u64,
            inode as u64,
            number(3).unwrap_or(0) as u64,
            number(6).unwrap_or(0),
            number(7).unwrap_or(0),
        )
    });
    Exception {
        path: row.bytes(1).unwrap_or_default(),
        state: match row.bytes(2).as_deref() {
            Some(b"settling") => ExceptionState::Settling,
            Some(b"retrying") => ExceptionState::Retrying,
            Some(b"skipped") => ExceptionState::Skipped,
            _ => ExceptionState::Quarantined,
        },
        stat,
        times: number(8).map(|since| (since, number(9).unwrap_or(0))),
        attempts: number(10).unwrap_or(0) as i32,
        reason: row.bytes(11),
    }
}
