//! Runs of pipelines, and the loads that their hooks have not been told of.

use super::pipelines::{Pipeline, PipelineKey};
use super::{Catalog, or_null};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::array;
use crate::pg::executor::snapshot::{self, Snapshot, select_bigint};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use crate::pg::strings::text;
use loader_core::memory;
use pgrx::datum::TimestampWithTimeZone;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    Succeeded,
    /// Some files have failed.
    FailedFiles,
    /// The run as a whole has.
    Failed,
}

impl RunStatus {
    fn name(self) -> &'static str {
        match self {
            RunStatus::Succeeded => "succeeded",
            RunStatus::FailedFiles => "failed_files",
            RunStatus::Failed => "failed",
        }
    }
}

/// A run that is over.
pub struct RunRow<'a> {
    pub scheduler: &'static str,
    pub started_at: TimestampWithTimeZone,
    pub status: RunStatus,
    pub loaded: u64,
    pub skipped: u64,
    pub failed: u64,
    pub rows: u64,
    pub rejects: u64,
    pub bytes: u64,
    /// What ended it, or the error of the first file that failed.
    pub failure: Option<&'a Failure>,
    /// How often on_batch was run, how often it failed, and the last error of that.
    pub batches: u64,
    pub batches_failed: u64,
    pub batch_failure: Option<&'a Failure>,
}

impl Catalog {
    /// Writes down a run, and forgets those of more than thirty days ago.
    pub fn add_run(&self, pipeline: &Pipeline, run: &RunRow<'_>) -> Result<(), Error> {
        const STATEMENT: &str =
            "INSERT INTO loader.pipeline_runs_data (pipeline, home, owner, owner_name, scheduler,
                started_at, finished_at, status, files_loaded, files_skipped, files_failed, rows_loaded,
                rows_rejected, bytes_read, error_sqlstate, error_message, batches, batches_failed,
                batch_sqlstate, batch_error)
            VALUES ($1, $2, $3, $4::pg_catalog.name, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                $18, $19, $20)";
        const FORGET: &str = "DELETE FROM loader.pipeline_runs_data AS r
            WHERE r.pipeline OPERATOR(pg_catalog.=) $1
              AND r.started_at OPERATOR(pg_catalog.<) ($2 OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => 30))";
        let arguments = [
            text::parameter(&pipeline.key.name),
            self.origin.as_str().into(),
            pipeline.owner.into(),
            text::parameter(&user::name(pipeline.owner)),
            run.scheduler.into(),
            run.started_at.into(),
            pg::now().into(),
            run.status.name().into(),
            (run.loaded as i64).into(),
            (run.skipped as i64).into(),
            (run.failed as i64).into(),
            (run.rows as i64).into(),
            (run.rejects as i64).into(),
            (run.bytes as i64).into(),
            or_null(run.failure.map(|failure| failure.code.as_str())),
            or_null(run.failure.map(|failure| failure.message.as_str())),
            (run.batches as i64).into(),
            (run.batches_failed as i64).into(),
            or_null(run.batch_failure.map(|failure| failure.code.as_str())),
            or_null(run.batch_failure.map(|failure| failure.message.as_str())),
        ];
        self.change(STATEMENT, &arguments)?;
        self.change(FORGET, &[text::parameter(&pipeline.key.name), pg::now().into()]).map(|_| ())
    }

    /// Notes that on_batch of a pipeline is to be told of a load, unless the pipeline, or its hook, has gone
    /// while the file was loaded.
    pub fn add_to_batch(&self, key: &PipelineKey, load_id: i64) -> Result<(), Error> {
        const STATEMENT: &str = concat!(
            "INSERT INTO loader.pipeline_batches_data (pipeline, load_id)
            SELECT p.name, $3 FROM loader.pipelines_data AS p",
            of_pipeline!(),
            " AND p.on_batch IS NOT NULL ON CONFLICT DO NOTHING"
        );
        let arguments = [text::parameter(&key.name), key.generation.into(), load_id.into()];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// Whether there is a load that on_batch of a pipeline has not been told of.
    pub fn has_batch(&self, pipeline: &[u8]) -> bool {
        const QUERY: &str = "SELECT 1::pg_catalog.int8 FROM loader.pipeline_batches_data AS b
            WHERE b.pipeline OPERATOR(pg_catalog.=) $1 LIMIT 1";
        let arguments = [text::parameter(pipeline)];
        user::run_as(self.owner, || select_bigint(Snapshot::Latest, QUERY, &arguments)).is_some()
    }

    /// The loads that on_batch of a pipeline has not been told of, in order.
    pub fn batch(&self, pipeline: &[u8]) -> Result<Vec<i64>, Error> {
        const QUERY: &str = "SELECT b.load_id FROM loader.pipeline_batches_data AS b
            WHERE b.pipeline OPERATOR(pg_catalog.=) $1";
        let mut loads = Vec::new();
        let mut outcome = Ok(());
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &[text::parameter(pipeline)], |row| {
                if outcome.is_ok() {
                    outcome = memory::push(&mut loads, row.bigint(1).unwrap_or(0));
                }
            });
        });
        outcome?;
        loads.sort_unstable();
        Ok(loads)
    }

    /// on_batch has been told of these loads.
    pub fn forget_batch(&self, pipeline: &[u8], loads: &[i64]) -> Result<(), Error> {
        const STATEMENT: &str = "DELETE FROM loader.pipeline_batches_data AS b
            WHERE b.pipeline OPERATOR(pg_catalog.=) $1 AND b.load_id OPERATOR(pg_catalog.=) ANY ($2)";
        let memory = Context::new(c"loader loads", 8 * 1024);
        let arguments = [text::parameter(pipeline), array::bigints(&memory, loads)];
        self.change(STATEMENT, &arguments).map(|_| ())
    }

    /// on_batch of a pipeline is no more: nobody is to be told of anything.
    pub fn forget_batches(&self, pipeline: &[u8]) -> Result<(), Error> {
        const STATEMENT: &str =
            "DELETE FROM loader.pipeline_batches_data AS b WHERE b.pipeline OPERATOR(pg_catalog.=) $1";
        self.change(STATEMENT, &[text::parameter(pipeline)]).map(|_| ())
    }
}
