//! Runs are started: by a call, or by the clock in a worker.

use super::look_digest::LookDigest;
use super::run::{End, Run};
use super::{due, own_pipeline};
use crate::catalog::{Catalog, Pipeline, PipelineState};
use crate::error::{Error, PipelineError};
use crate::pg;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::lock::Held;
use crate::pg::processes::session::is_set_for_owner_or_database;
use crate::pg::processes::{user, wake};
use crate::pg::strings::{message, text};
use pgrx::PgLogLevel;
use std::time::Duration;

/// What a run counts for that began to load and never came to an end: the server, or its process, was
/// ended. And one in which files were loaded all the same.
pub(super) const UNENDED_RUN: i32 = 4;
const UNENDED_RUN_WITH_ROWS: i32 = 1;

/// Pipelines whose runs come to this are suspended: five times in a row the same went wrong, or
/// twenty times something did.
const MOST_UNENDED: i32 = 5 * UNENDED_RUN;

/// The setting with which transactions begin that may write nothing.
const READ_ONLY: &str = "default_transaction_read_only";

/// While the server is read-only as a whole, a pipeline is looked at no more often than this.
const READ_ONLY_PAUSE: Duration = Duration::from_secs(60);

/// Who starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    Launcher,
    Call,
}

impl Scheduler {
    /// Its name in the views.
    pub fn name(self) -> &'static str {
        match self {
            Scheduler::Launcher => "launcher",
            Scheduler::Call => "call",
        }
    }
}

/// What whoever started a run has to know of it.
pub struct RunEnd {
    /// How long it is until the next run.
    pub wait: Duration,
    /// Another session runs it at this moment: there was no run.
    pub elsewhere: bool,
    /// Which files the pipeline waits for, in the database's encoding.
    pub pattern: Vec<u8>,
    /// What the run has seen, if all files were loaded, for the next one.
    pub all_loaded: LookDigest,
}

impl RunEnd {
    /// There was no run.
    fn without_run(pipeline: &Pipeline, wait: Duration) -> Self {
        let pattern = pipeline.definition.pattern.clone();
        RunEnd { wait, elsewhere: false, pattern, all_loaded: LookDigest::default() }
    }
}

/// Runs a pipeline in a background worker that is logged in as its owner; `None` where it is not
/// active any more. What goes wrong is written to the state of the pipeline. No transaction is open
/// before and after. `all_loaded` is what the run before has seen, if that is known.
pub fn run_in_worker(
    name: &[u8],
    all_loaded: &LookDigest,
    transactions: &mut Transactions,
) -> Result<Option<RunEnd>, Error> {
    match hindrance(name, transactions)? {
        Hindrance::None => {}
        Hindrance::Suspended => return Ok(None),
        Hindrance::NotNow(end) => return Ok(Some(end)),
    }
    let (pipeline, claim) = match begin(name, transactions) {
        Ok(begun) => begun,
        Err(error) => {
            transactions.roll_back();
            return match error {
                Error::Pipeline(PipelineError::NotFound(_) | PipelineError::Stopped { .. }) => Ok(None),
                error => Err(error),
            };
        }
    };
    if claim.is_none() {
        let wait = pipeline.definition.poll;
        return Ok(Some(RunEnd { elsewhere: true, ..RunEnd::without_run(&pipeline, wait) }));
    }
    let mut run = Run::new(pipeline, Scheduler::Launcher, all_loaded.clone());
    let End { wait, all_loaded, .. } = run.run_to_end(transactions)?;
    drop(claim);
    Ok(Some(RunEnd { wait, elsewhere: false, pattern: run.pipeline.definition.pattern, all_loaded }))
}

/// What keeps a pipeline from being run by a worker.
enum Hindrance {
    None,
    /// It does so for good: the pipeline is suspended.
    Suspended,
    /// It may pass by itself.
    NotNow(RunEnd),
}

/// Looks for settings with which sessions of the owner begin, and in which nothing can be run. Those of the
/// role and of the database are there until somebody changes them; a server that is read-only as a whole
/// may be so for a short time.
fn hindrance(name: &[u8], transactions: &mut Transactions) -> Result<Hindrance, Error> {
    transactions.begin();
    if user::has_stayed_itself() && !pg::transaction_is_read_only() {
        transactions.commit();
        return Ok(Hindrance::None);
    }
    let catalog = Catalog::open_kept()?;
    let own = catalog.pipeline(name).filter(|pipeline| {
        let is_active = pipeline.is_at_home && pipeline.state == PipelineState::Active;
        is_active && user::has_logged_in_as(pipeline.owner)
    });
    let hindrance = match own {
        Some(mut pipeline) => match lasting_hindrance(&pipeline) {
            Some(reason) => {
                pg::allow_writing();
                due::suspend(&catalog, &mut pipeline, &reason)?;
                Hindrance::Suspended
            }
            None if pg::transaction_is_read_only() => {
                tell_read_only(&pipeline);
                let wait = pipeline.definition.poll.max(READ_ONLY_PAUSE);
                Hindrance::NotNow(RunEnd::without_run(&pipeline, wait))
            }
            None => Hindrance::None,
        },
        None => Hindrance::None,
    };
    transactions.commit();
    Ok(hindrance)
}

/// Why nothing can be run in sessions of the owner until somebody changes a setting.
fn lasting_hindrance(pipeline: &Pipeline) -> Option<String> {
    if !user::is_logged_in_as(pipeline.owner) {
        let role = text::show(&user::name(user::current()));
        return Some(format!("sessions of its owner begin as role \"{role}\", because of a setting"));
    }
    let is_read_only = pg::transaction_is_read_only() && is_set_for_owner_or_database(READ_ONLY);
    is_read_only.then(|| format!("transactions of its owner are read-only: {READ_ONLY} is on"))
}

/// Says that a pipeline is not run, because the server as a whole is read-only.
fn tell_read_only(pipeline: &Pipeline) {
    let name = text::show(&pipeline.key.name);
    let words = format!("pipeline \"{name}\" is not run: {READ_ONLY} is on");
    message::tell(PgLogLevel::WARNING, words, None, None);
}

/// Runs a pipeline for a call. Raises nothing for a file that failed, unless that is wanted.
pub fn run_in_call(name: &[u8], transactions: &mut Transactions) -> Result<(), Error> {
    let (pipeline, Some(claim)) = begin(name, transactions)? else {
        let name = text::show(name);
        let words = format!("pipeline \"{name}\" is being run by another session, skipping");
        message::tell(PgLogLevel::NOTICE, words, None, None);
        return Ok(());
    };
    let mut run = Run::new(pipeline, Scheduler::Call, LookDigest::default());
    let end = run.run_to_end(transactions)?;
    drop(claim);
    // It may have come to run it meanwhile, and gone again.
    wake::launcher();
    message::tell(PgLogLevel::NOTICE, run.words(), None, None);
    match end.error {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The pipeline, and what keeps others from running it; `None` where another session runs it. Fails
/// where the caller is not its owner, or it is not active.
fn begin(name: &[u8], transactions: &mut Transactions) -> Result<(Pipeline, Option<Held>), Error> {
    transactions.begin();
    let catalog = Catalog::open_kept()?;
    let pipeline = own_pipeline(&catalog, name)?;
    require_active(&pipeline)?;
    if !user::is_logged_in_as(pipeline.owner) {
        return Err(PipelineError::NotTheOwner {
            name: text::show(name),
            owner: text::show(&pipeline.owner_name),
        }
        .into());
    }
    let claim = catalog.try_claim_run(&pipeline.key);
    // It may have been changed until the claim was had.
    let mut pipeline = own_pipeline(&catalog, name)?;
    require_active(&pipeline)?;
    if claim.is_some() && pipeline.unended > 0 {
        count_unended(&catalog, &mut pipeline)?;
    }
    transactions.commit();
    require_active(&pipeline)?;
    Ok((pipeline, claim))
}

/// The run before this one did not end. Where that has happened too often the pipeline is suspended.
fn count_unended(catalog: &Catalog, pipeline: &mut Pipeline) -> Result<(), Error> {
    let bytes = catalog.bytes_of_target(pipeline);
    if pipeline.unended_bytes.is_some_and(|before| bytes > before) {
        pipeline.unended -= UNENDED_RUN - UNENDED_RUN_WITH_ROWS;
    }
    pipeline.unended_bytes = Some(bytes);
    if pipeline.unended >= MOST_UNENDED {
        due::suspend(catalog, pipeline, "its last runs did not end; the server's log has the reason")?;
    }
    Ok(())
}

fn require_active(pipeline: &Pipeline) -> Result<(), Error> {
    let (state, reason) = match (pipeline.is_at_home, pipeline.state) {
        (false, _) => ("paused", Some("it was defined in another database".to_string())),
        (true, PipelineState::Active) => return Ok(()),
        (true, state) => (state.name(), pipeline.reason.as_deref().map(text::show)),
    };
    Err(PipelineError::Stopped { name: text::show(&pipeline.key.name), state, reason }.into())
}
