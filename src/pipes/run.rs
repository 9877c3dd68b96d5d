//! A run of a pipeline: looks at its files, loads those that are ready, batch by batch, and writes down
//! what came of it.

mod end;

use super::batch;
use super::decide::{Verdict, backoff};
use super::look::{Look, SeenFile, look};
use super::look_digest::LookDigest;
use super::notice::{self, Event};
use super::options::arguments_of;
use super::outcome::{self, BatchOutcome};
use super::start::{Scheduler, UNENDED_RUN};
use crate::access::{self, FoundFile};
use crate::bulk::{BulkArguments, FileHook, Scope, load_list};
use crate::catalog::{Catalog, Pipeline, PipelineKey, Sight};
use crate::error::{Error, Failure, PipelineError};
use crate::pg;
use crate::pg::executor::subtransaction::contain;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::{clock, user};
use crate::pg::relations::relation;
use crate::pg::strings::{message, text};
use crate::stat::FileStat;
use loader_core::memory;
use pgrx::PgLogLevel;
use pgrx::datum::TimestampWithTimeZone;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Files that are written down at a time.
const BATCH: usize = 10_000;

/// What a run has come to so far.
pub(super) struct Run {
    pub(super) pipeline: Pipeline,
    scheduler: Scheduler,
    started_at: TimestampWithTimeZone,
    clock: Instant,
    loaded: u64,
    skipped: u64,
    failed: u64,
    /// Files that had not failed before as they are, and how many of those failed, see [`BatchOutcome`].
    fresh: u64,
    fresh_failed: u64,
    rows: u64,
    rejects: u64,
    bytes: u64,
    /// The first file that failed, and what a call is to fail with.
    file_failure: Option<Failure>,
    error: Option<Error>,
    /// What ended the run as a whole.
    failure: Option<RunFailure>,
    batches: u64,
    batches_failed: u64,
    batch_failure: Option<Failure>,
    failed_batches: i32,
    /// When on_batch is to be tried again, if it has failed.
    batch_wait: Option<Duration>,
    sight: Option<Sight>,
    /// How long it is until another file is ready.
    ready_in: Duration,
    /// Somebody has paused, changed or dropped the pipeline.
    stopped: bool,
    /// What the run before this one has seen, and then what this one has, if all files were loaded.
    all_loaded: LookDigest,
    /// It is written down that something has begun which may take the server down.
    begun: bool,
}

/// When on_batch may be run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    AfterBatch,
    AtEnd,
}

/// What ended a run as a whole.
struct RunFailure {
    failure: Failure,
    /// It will not pass by itself: the pipeline is suspended.
    is_lasting: bool,
}

/// How a run ended.
pub(super) struct End {
    /// How long it is until the next one.
    pub(super) wait: Duration,
    /// What a call of it fails with.
    pub(super) error: Option<Error>,
    /// What it has seen, if all files were loaded.
    pub(super) all_loaded: LookDigest,
}

/// What is the same for all batches of a run.
struct RunScope {
    arguments: BulkArguments,
    scope: Scope,
}

impl Run {
    /// One that begins.
    pub(super) fn new(pipeline: Pipeline, scheduler: Scheduler, all_loaded: LookDigest) -> Self {
        Run {
            scheduler,
            started_at: pg::now(),
            clock: Instant::now(),
            loaded: 0,
            skipped: 0,
            failed: 0,
            fresh: 0,
            fresh_failed: 0,
            rows: 0,
            rejects: 0,
            bytes: 0,
            file_failure: None,
            error: None,
            failure: None,
            batches: 0,
            batches_failed: 0,
            batch_failure: None,
            failed_batches: pipeline.failed_batches,
            batch_wait: None,
            sight: None,
            ready_in: pipeline.definition.poll,
            stopped: false,
            begun: false,
            all_loaded,
            pipeline,
        }
    }

    fn key(&self) -> &PipelineKey {
        &self.pipeline.key
    }

    /// Does all of it. What goes wrong as a whole is a part of how it ends.
    pub(super) fn run_to_end(&mut self, transactions: &mut Transactions) -> Result<End, Error> {
        let all = |transactions: &mut Transactions| self.all(transactions).map_err(Failure::from);
        if let Err(failure) = transactions.contain(all, Failure::from) {
            transactions.roll_back();
            self.fail(failure);
        }
        self.end(transactions)
    }

    /// The run as a whole has failed.
    fn fail(&mut self, failure: Failure) {
        let is_lasting = !failure.may_pass();
        self.failure = Some(RunFailure { failure, is_lasting });
    }

    /// Loads all that is ready.
    fn all(&mut self, transactions: &mut Transactions) -> Result<(), Error> {
        let Some((scope, look)) = self.look_at_all(transactions)? else { return Ok(()) };
        let mut ready = ready_files(look)?;
        let most = usize::try_from(self.pipeline.definition.max_files).unwrap_or(1).max(1);
        while !ready.is_empty() && self.failure.is_none() && !self.stopped {
            let batch: Vec<ReadyFile> = ready.drain(..most.min(ready.len())).collect();
            self.load_batch(batch, &scope, transactions)?;
            self.tell_batch(Moment::AfterBatch, transactions)?;
        }
        if let Some(sight) = &mut self.sight {
            sight.files_pending = ready.len() as u64;
            sight.bytes_pending = ready.iter().map(|file| file.stat.size).sum();
            let oldest = ready.iter().map(|file| file.stat.mtime_micros()).min();
            sight.oldest_pending = oldest.map(pg::timestamp_from_unix);
        }
        self.tell_batch(Moment::AtEnd, transactions)
    }

    /// Looks at the files, and writes down which of them settle.
    fn look_at_all(&mut self, transactions: &mut Transactions) -> Result<Option<(RunScope, Look)>, Error> {
        transactions.begin();
        let catalog = Catalog::open_kept()?;
        let scope = match contain(|| self.open_scope().map_err(Failure::from), Failure::from) {
            Ok(scope) => scope,
            Err(failure) => {
                transactions.roll_back();
                self.fail(failure);
                return Ok(None);
            }
        };
        let before = std::mem::take(&mut self.all_loaded);
        let looks =
            || look(&catalog, &self.pipeline, &scope.arguments, &scope.scope, &before).map_err(Failure::from);
        let look = match contain(looks, Failure::from) {
            Ok(look) => look,
            Err(failure) => {
                transactions.roll_back();
                // A directory that cannot be read now may be back later.
                self.failure = Some(RunFailure { failure, is_lasting: false });
                return Ok(None);
            }
        };
        if !catalog.keep_pipeline(self.key())? {
            transactions.commit();
            self.stopped = true;
            return Ok(None);
        }
        self.sight = Some(Sight { files_seen: look.files.len() as u64, ..Sight::default() });
        self.all_loaded.clone_from(&look.all_loaded);
        let mut settling = Vec::new();
        for file in &look.files {
            match (file.verdict, file.stat) {
                (Verdict::Settling { new: true, ready_in }, Some(stat)) => {
                    self.ready_in = self.ready_in.min(ready_in);
                    memory::push(&mut settling, (file.path.as_slice(), stat))?;
                }
                (Verdict::Settling { ready_in: wait, .. } | Verdict::Waiting(wait), _) => {
                    self.ready_in = self.ready_in.min(wait);
                }
                _ => {}
            }
        }
        for some in settling.chunks(BATCH) {
            pg::check_for_interrupts();
            catalog.put_settling(self.key(), some)?;
        }
        for some in look.outdated.chunks(BATCH) {
            let paths: Vec<&[u8]> = some.iter().map(Vec::as_slice).collect();
            catalog.forget_files(self.key(), &paths)?;
        }
        transactions.commit();
        Ok(Some((scope, look)))
    }

    /// Checks what may have changed since the last run: rights, the table, its columns.
    fn open_scope(&self) -> Result<RunScope, Error> {
        let definition = &self.pipeline.definition;
        access::require_file_role()?;
        access::require_known_directories()?;
        if !user::may_log_in(self.pipeline.owner) {
            return Err(PipelineError::MayNotLogIn(text::show(&user::name(self.pipeline.owner))).into());
        }
        if relation::row_type(definition.target) != self.pipeline.target_type {
            return Err(PipelineError::NoTarget {
                name: text::show(&self.pipeline.key.name),
                target: text::show(&self.pipeline.target_name),
            }
            .into());
        }
        let arguments = arguments_of(definition)?;
        let scope = Scope::open(&arguments)?;
        Ok(RunScope { arguments, scope })
    }

    /// Loads some files, and writes down what came of them.
    fn load_batch(
        &mut self,
        batch: Vec<ReadyFile>,
        scope: &RunScope,
        transactions: &mut Transactions,
    ) -> Result<(), Error> {
        let Some(batch) = self.look_again(batch, transactions)? else { return Ok(()) };
        if batch.is_empty() {
            return Ok(());
        }
        let definition = &self.pipeline.definition;
        let found = |file: &ReadyFile| FoundFile { path: file.path.clone(), stat: Some(file.stat) };
        let files = memory::collect(batch.iter().map(found))?;
        let hook = FileHook {
            pipeline: self.key().clone(),
            on_file: definition.on_file.clone(),
            search_path: definition.search_path.clone(),
            in_batches: definition.on_batch.is_some(),
            settle: definition.settle,
        };
        let pattern = definition.pattern.clone();
        let plan = (scope.arguments.clone(), hook);
        let result = load_list(&files, &pattern, &scope.scope, definition.workers, plan, transactions)?;
        transactions.begin();
        let catalog = Catalog::open_kept()?;
        let outcome = outcome::write_down(&catalog, &self.pipeline, &batch, &result.files)?;
        if self.pipeline.definition.on_batch.is_none() {
            self.end_loading(&catalog)?;
        }
        transactions.commit();
        self.count(&outcome);
        self.rows += result.totals.rows;
        self.rejects += result.totals.rejects;
        self.bytes += result.totals.stream_bytes;
        self.error = self.error.take().or(result.failed);
        if let Some(failure) = result.failure {
            self.fail(failure);
        }
        Ok(())
    }

    /// The files that still are what they were when they were looked at; the others settle anew.
    /// `None` where the pipeline is not to go on.
    fn look_again(
        &mut self,
        batch: Vec<ReadyFile>,
        transactions: &mut Transactions,
    ) -> Result<Option<Vec<ReadyFile>>, Error> {
        transactions.begin();
        let catalog = Catalog::open_kept()?;
        if !catalog.keep_pipeline(self.key())? {
            transactions.commit();
            self.stopped = true;
            return Ok(None);
        }
        let paths: Vec<Vec<u8>> = batch.iter().map(|file| file.path.clone()).collect();
        let stats = access::stats(&paths)?;
        let settles = !self.pipeline.definition.settle.is_zero();
        let mut same = Vec::new();
        let mut changed = Vec::new();
        for (file, stat) in batch.into_iter().zip(stats) {
            match stat {
                Some(stat) if !settles || stat.is_same(&file.stat) => {
                    memory::push(&mut same, ReadyFile { stat, ..file })?;
                }
                Some(stat) => memory::push(&mut changed, (file.path, stat))?,
                // It has gone.
                None => {}
            }
        }
        if !changed.is_empty() {
            self.ready_in = self.ready_in.min(self.pipeline.definition.settle);
            let changed: Vec<_> = changed.iter().map(|(path, stat)| (path.as_slice(), *stat)).collect();
            catalog.put_settling(self.key(), &changed)?;
        }
        if !same.is_empty() {
            self.begin_loading(&catalog, transactions)?;
        }
        transactions.commit();
        Ok(Some(same))
    }

    /// Writes down that files are loaded, or a hook is run, from now on: should that take the server down,
    /// nobody else remembers it.
    fn begin_loading(&mut self, catalog: &Catalog, transactions: &mut Transactions) -> Result<(), Error> {
        if !self.begun {
            let unended = self.pipeline.unended.saturating_add(UNENDED_RUN);
            catalog.begin_loading(self.key(), unended, self.pipeline.unended_bytes)?;
            transactions.keep_through_crashes();
            self.begun = true;
        }
        Ok(())
    }

    /// Writes down that it has not.
    fn end_loading(&mut self, catalog: &Catalog) -> Result<(), Error> {
        if std::mem::take(&mut self.begun) {
            catalog.end_loading(self.key())?;
            self.pipeline.unended = 0;
            self.pipeline.unended_bytes = None;
        }
        Ok(())
    }

    fn count(&mut self, outcome: &BatchOutcome) {
        self.loaded += outcome.loaded;
        self.skipped += outcome.skipped;
        self.failed += outcome.failed;
        self.fresh += outcome.fresh;
        self.fresh_failed += outcome.fresh_failed;
        self.ready_in = self.ready_in.min(outcome.ready_in);
        if self.file_failure.is_none() {
            self.file_failure.clone_from(&outcome.first_failure);
        }
    }

    /// Runs on_batch for the loads that it has not been told of: after files were loaded, and at the end
    /// of a run that has loaded none if it is time to try again.
    fn tell_batch(&mut self, moment: Moment, transactions: &mut Transactions) -> Result<(), Error> {
        let Some(on_batch) = self.pipeline.definition.on_batch.clone() else { return Ok(()) };
        if self.failure.is_some() || self.batch_wait.is_some() {
            return Ok(());
        }
        if self.loaded == 0 {
            let left = self.pipeline.batch_due_ns.saturating_sub(clock::since_boot());
            if moment == Moment::AfterBatch {
                return Ok(());
            }
            if let Some(left) = u64::try_from(left).ok().filter(|&left| left > 0) {
                self.batch_wait = Some(Duration::from_nanos(left));
                return Ok(());
            }
        }
        if !self.begun {
            transactions.begin();
            let catalog = Catalog::open_kept()?;
            if catalog.has_batch(&self.key().name) {
                self.begin_loading(&catalog, transactions)?;
            }
            transactions.commit();
        }
        let Some(told) = batch::tell(&self.pipeline, &on_batch, transactions)? else { return Ok(()) };
        self.batches += 1;
        transactions.begin();
        let catalog = Catalog::open_kept()?;
        self.end_loading(&catalog)?;
        let definition = &self.pipeline.definition;
        let channel = definition.notify.as_deref();
        match told {
            Ok(()) if self.failed_batches == 0 => {}
            Ok(()) => {
                self.failed_batches = 0;
                catalog.note_batches(self.key(), 0, 0)?;
                notice::tell(&self.key().name, channel, &Event::Recovered);
            }
            Err(failure) => {
                self.failed_batches = self.failed_batches.saturating_add(1);
                let wait = backoff(definition.retry_delay, definition.retry_max, self.failed_batches);
                let wait_ns = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
                let due = clock::since_boot().saturating_add(wait_ns);
                catalog.note_batches(self.key(), self.failed_batches, due)?;
                let words = format!(
                    "on_batch of pipeline \"{}\" failed: {}",
                    text::show(&self.key().name),
                    failure.message
                );
                message::tell(PgLogLevel::WARNING, words, None, None);
                notice::tell(&self.key().name, channel, &Event::HookFailed { sqlstate: &failure.code });
                self.batches_failed += 1;
                self.batch_failure = Some(failure);
                self.batch_wait = Some(wait);
            }
        }
        transactions.commit();
        Ok(())
    }
}

/// A file that is to be loaded.
pub(super) struct ReadyFile {
    pub path: Vec<u8>,
    pub stat: FileStat,
    /// How often it has failed as it is; `None` where it was not tried.
    pub attempts: Option<i32>,
    /// It is known as an exception.
    pub is_exception: bool,
}

/// The files that are ready. Those that have failed come last: they are in nobody's way.
fn ready_files(look: Look) -> Result<VecDeque<ReadyFile>, Error> {
    let ready = |file: SeenFile| match (file.verdict, file.stat) {
        (Verdict::Ready { attempts }, Some(stat)) => {
            Some(ReadyFile { path: file.path, stat, attempts, is_exception: file.is_exception })
        }
        _ => None,
    };
    let mut files = memory::collect(look.files.into_iter().filter_map(ready))?;
    files.sort_by_key(|file| file.attempts.is_some());
    Ok(files.into())
}
