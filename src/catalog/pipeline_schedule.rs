//! When pipelines are due, and what their runs leave behind in them.

use super::pipelines::{Pipeline, PipelineKey, micros, oid};
use super::{Catalog, or_null};
use crate::error::Error;
use crate::pg::executor::snapshot::{self, Snapshot, select_bigint};
use crate::pg::processes::{clock, user};
use crate::pg::strings::text;
use crate::pg::{self, Oid};
use pgrx::datum::TimestampWithTimeZone;
use std::time::Duration;

/// A pipeline and when it is due.
#[derive(Clone, Debug)]
pub struct DuePipeline {
    pub name: Vec<u8>,
    pub owner: Oid,
    /// In nanoseconds since the system was booted.
    pub due_ns: i64,
}

/// A pipeline that nobody can run.
#[derive(Clone, Debug)]
pub struct OrphanedPipeline {
    pub name: Vec<u8>,
    /// The channel that is told of it.
    pub notify: Option<Vec<u8>>,
}

/// What a run has found, for the view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight {
    pub files_seen: u64,
    pub files_pending: u64,
    pub bytes_pending: u64,
    /// When the oldest of them was last written to.
    pub oldest_pending: Option<TimestampWithTimeZone>,
}

/// What a run leaves behind in its pipeline.
#[derive(Clone, Debug)]
pub struct AfterRun<'a> {
    pub scheduler: &'static str,
    pub started_at: TimestampWithTimeZone,
    /// How long it is until the next run.
    pub wait: Duration,
    pub sight: Option<Sight>,
    pub loaded: bool,
    pub failed_runs: i32,
    pub broken_runs: i32,
    pub error: Option<&'a str>,
}

/// What a pipeline is at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// What it was when the run began.
    Unchanged,
    /// Somebody has changed, stopped, resumed or hurried it since.
    Changed,
    /// Somebody has dropped it.
    Gone,
}

impl Catalog {
    /// The active pipelines of this database whose owner may log in, or those of one owner.
    pub fn due_pipelines(&self, owner: Option<Oid>) -> Vec<DuePipeline> {
        const QUERY: &str = "SELECT p.name, p.owner::pg_catalog.int8,
                CASE WHEN p.boot OPERATOR(pg_catalog.=) $2 THEN p.due_ns ELSE 0 END
            FROM loader.pipelines_data AS p
            JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) p.owner AND r.rolcanlogin
            WHERE p.state OPERATOR(pg_catalog.=) 'active'::pg_catalog.text
              AND p.home OPERATOR(pg_catalog.=) $1
              AND ($3 IS NULL OR p.owner OPERATOR(pg_catalog.=) $3)
            ORDER BY 3 USING OPERATOR(pg_catalog.<)";
        let arguments = [self.origin.as_str().into(), clock::boot().into(), or_null(owner)];
        let mut due = Vec::new();
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| {
                due.push(DuePipeline {
                    name: row.bytes(1).unwrap_or_default(),
                    owner: oid(row, 2),
                    due_ns: row.bigint(3).unwrap_or(0),
                });
            });
        });
        due
    }

    /// Suspends the pipelines whose owner is gone or may not log in: nobody can run them.
    pub fn suspend_orphans(&self) -> Result<Vec<OrphanedPipeline>, Error> {
        const STATEMENT: &str = "UPDATE loader.pipelines_data AS p
            SET state = 'suspended', last_error_at = $2,
                reason = CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                                           WHERE r.oid OPERATOR(pg_catalog.=) p.owner)
                              THEN 'its owner may not log in' ELSE 'its owner does not exist' END
            WHERE p.state OPERATOR(pg_catalog.=) 'active'::pg_catalog.text
              AND p.home OPERATOR(pg_catalog.=) $1
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                              WHERE r.oid OPERATOR(pg_catalog.=) p.owner AND r.rolcanlogin)
            RETURNING pg_catalog.convert_to(p.name, pg_catalog.getdatabaseencoding()),
                pg_catalog.convert_to(p.notify, pg_catalog.getdatabaseencoding())";
        self.as_owner(|client| {
            let rows = client.update(STATEMENT, None, &[self.origin.as_str().into(), pg::now().into()])?;
            let mut orphans = Vec::new();
            for row in rows {
                orphans.push(OrphanedPipeline { name: row.get(1)?.unwrap_or_default(), notify: row.get(2)? });
            }
            Ok(orphans)
        })
    }

    /// Writes what a run has found, and when the next one is due. Where somebody has changed the pipeline
    /// since the run began, that it is due at once stays, and so does what was forgotten of failures.
    pub fn end_run(&self, pipeline: &Pipeline, run: &AfterRun<'_>) -> Result<AtEnd, Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p
            SET boot = $3, due_ns = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17 THEN $4 ELSE 0 END,
                next_run = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17
                                THEN $5 OPERATOR(pg_catalog.+) ",
            interval!("$6"),
            " ELSE p.next_run END, scheduler = $7, last_run = $8,
                batch_due_ns = CASE WHEN p.boot OPERATOR(pg_catalog.=) $3 THEN p.batch_due_ns ELSE 0 END,
                files_seen = COALESCE($9, p.files_seen), files_pending = COALESCE($10, p.files_pending),
                bytes_pending = COALESCE($11, p.bytes_pending),
                oldest_pending = CASE WHEN $9 IS NULL THEN p.oldest_pending ELSE $12 END,
                last_loaded = CASE WHEN $13 THEN $5 ELSE p.last_loaded END,
                failed_runs = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17 THEN $14
                                   ELSE LEAST(p.failed_runs, $14) END,
                broken_runs = CASE WHEN p.changes OPERATOR(pg_catalog.=) $17 THEN $15
                                   ELSE LEAST(p.broken_runs, $15) END,
                unended = 0, unended_bytes = NULL,
                last_error = COALESCE($16, p.last_error),
                last_error_at = CASE WHEN $16 IS NULL THEN p.last_error_at ELSE $5 END",
            of_pipeline!(),
            " RETURNING (p.changes OPERATOR(pg_catalog.<>) $17)::pg_catalog.int4"
        );
        let key = &pipeline.key;
        let sight = run.sight.as_ref();
        let wait = i64::try_from(run.wait.as_nanos()).unwrap_or(i64::MAX);
        let arguments = [
            text::parameter(&key.name),
            key.generation.into(),
            clock::boot().into(),
            clock::since_boot().saturating_add(wait).into(),
            pg::now().into(),
            micros(run.wait).into(),
            run.scheduler.into(),
            run.started_at.into(),
            or_null(sight.map(|sight| sight.files_seen as i64)),
            or_null(sight.map(|sight| sight.files_pending as i64)),
            or_null(sight.map(|sight| sight.bytes_pending as i64)),
            or_null(sight.and_then(|sight| sight.oldest_pending)),
            run.loaded.into(),
            run.failed_runs.into(),
            run.broken_runs.into(),
            or_null(run.error),
            pipeline.changes.into(),
        ];
        self.as_owner(|client| {
            let mut rows = client.update(STATEMENT, None, &arguments)?;
            let changed = rows.next().map(|row| row.get::<i32>(1)).transpose()?.flatten();
            Ok(match changed {
                None => AtEnd::Gone,
                Some(0) => AtEnd::Unchanged,
                Some(_) => AtEnd::Changed,
            })
        })
    }

    /// Writes down that a run begins to load: what the runs count for that did not end, should this one
    /// not, and how many bytes the loads into the target have.
    pub fn begin_loading(&self, key: &PipelineKey, unended: i32, bytes: Option<i64>) -> Result<(), Error> {
        const STATEMENT: &str =
            concat!("UPDATE loader.pipelines_data AS p SET unended = $3, unended_bytes = $4", of_pipeline!());
        let arguments = [text::parameter(&key.name), key.generation.into(), unended.into(), or_null(bytes)];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Writes down that what a run has begun is over, however it ended.
    pub fn end_loading(&self, key: &PipelineKey) -> Result<(), Error> {
        self.begin_loading(key, 0, None)
    }

    /// Bytes of all loads into the target of a pipeline that are in force, whoever has loaded them.
    pub fn bytes_of_target(&self, pipeline: &Pipeline) -> i64 {
        const QUERY: &str = concat!(
            "SELECT COALESCE(pg_catalog.sum(h.stream_bytes), 0)::pg_catalog.int8
            FROM loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND ",
            in_force!()
        );
        let arguments =
            [pipeline.definition.target.into(), pipeline.target_type.into(), self.origin.as_str().into()];
        user::run_as(self.owner, || select_bigint(Snapshot::Latest, QUERY, &arguments)).unwrap_or(0)
    }

    /// Writes how often on_batch has failed in a row, and when it is to be tried again.
    pub fn note_batches(&self, key: &PipelineKey, failed: i32, due_ns: i64) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "UPDATE loader.pipelines_data AS p
            SET failed_batches = $3, batch_due_ns = $4, boot = $5,
                due_ns = CASE WHEN p.boot OPERATOR(pg_catalog.=) $5 THEN p.due_ns ELSE 0 END",
            of_pipeline!()
        );
        let arguments = [
            text::parameter(&key.name),
            key.generation.into(),
            failed.into(),
            due_ns.into(),
            clock::boot().into(),
        ];
        self.change(STATEMENT, &arguments).map(|_| ())
    }
}
