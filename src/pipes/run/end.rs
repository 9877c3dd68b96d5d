//! The end of a run: what it came to is written down, and when the next one is due.

use super::{End, Run, RunFailure};
use crate::catalog::{AfterRun, AtEnd, Catalog, OnPipelineFileError, PipelineState, RunRow, RunStatus};
use crate::error::{Error, HookError};
use crate::pg::executor::transaction::Transactions;
use crate::pg::strings::{message, text};
use crate::pipes::decide::backoff;
use crate::pipes::notice::{self, Event};
use crate::settings::{self, LogLoads};
use pgrx::PgLogLevel;
use std::time::Duration;

/// After so many runs in a row that took new files, of which every single one failed, something else
/// than a file is wrong.
const MOST_FAILED_RUNS: i32 = 3;

impl Run {
    /// Writes down what the run came to, and when the next one is due.
    pub(super) fn end(&mut self, transactions: &mut Transactions) -> Result<End, Error> {
        transactions.begin();
        let catalog = Catalog::open_kept()?;
        let definition = &self.pipeline.definition;
        let all_failed = self.fresh > 0 && self.fresh_failed == self.fresh && self.loaded == 0;
        let failed_runs = match all_failed {
            true => self.pipeline.failed_runs.saturating_add(1),
            false if self.loaded > 0 || self.fresh > self.fresh_failed => 0,
            false => self.pipeline.failed_runs,
        };
        let broken = self.failure.as_ref().is_some_and(|failure| !failure.is_lasting);
        let broken_runs = if broken { self.pipeline.broken_runs.saturating_add(1) } else { 0 };
        let mut wait = definition.poll.min(self.ready_in);
        if let Some(batch_wait) = self.batch_wait {
            wait = wait.min(batch_wait);
        }
        if broken {
            wait = backoff(definition.retry_delay, definition.retry_max, broken_runs).max(definition.poll);
        }
        let status = match (&self.failure, self.failed) {
            (Some(_), _) => RunStatus::Failed,
            (None, 0) => RunStatus::Succeeded,
            (None, _) => RunStatus::FailedFiles,
        };
        let whole = self.failure.as_ref().map(|failure| &failure.failure);
        let failure = whole.or(self.file_failure.as_ref());
        if status != RunStatus::Succeeded || self.loaded + self.skipped > 0 || self.batches > 0 {
            let row = RunRow {
                scheduler: self.scheduler.name(),
                started_at: self.started_at,
                status,
                loaded: self.loaded,
                skipped: self.skipped,
                failed: self.failed,
                rows: self.rows,
                rejects: self.rejects,
                bytes: self.bytes,
                failure,
                batches: self.batches,
                batches_failed: self.batches_failed,
                batch_failure: self.batch_failure.as_ref(),
            };
            catalog.add_run(&self.pipeline, &row)?;
            if settings::log_loads() != LogLoads::off {
                message::tell(PgLogLevel::LOG, self.words(), None, None);
            }
        }
        let error = failure.or(self.batch_failure.as_ref()).map(|failure| failure.message.as_str());
        let after = AfterRun {
            scheduler: self.scheduler.name(),
            started_at: self.started_at,
            wait,
            sight: self.sight,
            loaded: self.loaded > 0,
            failed_runs,
            broken_runs,
            error,
        };
        match catalog.end_run(&self.pipeline, &after)? {
            AtEnd::Unchanged => self.change_state(&catalog, failed_runs)?,
            // What this run says is about what the pipeline was: the next one sees what it is now.
            AtEnd::Changed => wait = Duration::ZERO,
            AtEnd::Gone => {}
        }
        transactions.commit();
        let all_loaded = std::mem::take(&mut self.all_loaded);
        Ok(End { wait, error: self.error_of_call(), all_loaded })
    }

    /// Suspends the pipeline where it cannot go on, and says where it goes on again.
    fn change_state(&self, catalog: &Catalog, failed_runs: i32) -> Result<(), Error> {
        let (name, channel) = (&self.key().name, self.pipeline.definition.notify.as_deref());
        let reason = match &self.failure {
            Some(failure) if failure.is_lasting => failure.failure.message.clone(),
            None if failed_runs >= MOST_FAILED_RUNS => {
                format!("every file of {MOST_FAILED_RUNS} runs in a row failed")
            }
            _ => {
                let had_trouble = self.pipeline.broken_runs > 0 || self.pipeline.failed_runs > 0;
                if had_trouble && self.failure.is_none() && failed_runs == 0 {
                    notice::tell(name, channel, &Event::Recovered);
                }
                return Ok(());
            }
        };
        if catalog.stop_pipeline(self.key(), PipelineState::Suspended, Some(reason.as_bytes()))? {
            notice::tell(name, channel, &Event::Suspended { reason: &reason });
        }
        Ok(())
    }

    /// What a call of the run fails with.
    fn error_of_call(&mut self) -> Option<Error> {
        if let Some(RunFailure { failure, .. }) = self.failure.take() {
            return Some(Error::Worker(failure));
        }
        let raises = self.pipeline.definition.on_file_error == OnPipelineFileError::Raise;
        let batch_failure = self.batch_failure.take();
        let batch_error = batch_failure.map(|failure| Error::from(HookError { hook: "on_batch", failure }));
        let all = self.loaded + self.skipped + self.failed;
        let files_error = self.error.take().map(|error| match error {
            // The error of the first batch that had some, about all of them.
            Error::FilesFailed { path, first, .. } => {
                let hint = "loader.pipeline_files and loader.load_history have the errors of the files.";
                Error::FilesFailed { failed: self.failed, files: all, path, first, hint: Some(hint.into()) }
            }
            error => error,
        });
        files_error.or(batch_error).filter(|_| raises)
    }

    /// All of it in a line.
    pub(in crate::pipes) fn words(&self) -> String {
        format!(
            "pipeline \"{}\": {} loaded, {} skipped, {} failed; {}, {} in {:.3} s",
            text::show(&self.key().name),
            message::count(self.loaded, "file", "files"),
            self.skipped,
            self.failed,
            message::count(self.rows, "row", "rows"),
            message::count(self.rejects, "reject", "rejects"),
            self.clock.elapsed().as_secs_f64()
        )
    }
}
