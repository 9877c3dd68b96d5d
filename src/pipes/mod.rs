//! Pipelines: files that keep coming are loaded as they come, each exactly once. What is defined,
//! which files wait, and the run that loads them; who starts it is no concern of this layer.

mod batch;
mod decide;
mod define;
mod due;
mod files;
mod look;
mod look_digest;
mod notice;
mod options;
mod outcome;
mod preview;
mod run;
mod start;

pub use decide::is_unfinished;
pub use define::{Change, alter, create, drop_pipeline, pause, resume};
pub use due::{Due, due, is_installed, suspend_broken, suspend_without_login};
pub use files::{retry_file, skip_file};
pub use look_digest::LookDigest;
pub use preview::preview;
pub use start::run_in_worker;

use crate::bulk;
use crate::catalog::{Catalog, Pipeline};
use crate::error::{Error, PipelineError};
use crate::pg;
use crate::pg::executor::transaction::Transactions;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::memory::shared::Segment;
use crate::pg::processes::user;
use crate::pg::strings::text;

/// What a worker of a session runs.
pub fn work(segment: Segment, number: usize) {
    match number {
        batch::CALL_WORKER => batch::work(segment),
        slot => bulk::work(segment, slot),
    }
}

/// `CALL run_pipeline(name)`.
pub fn call(name: &[u8]) -> Result<(), Error> {
    within_procedure(c"run_pipeline", |transactions| start::run_in_call(name, transactions))
}

/// `CALL run_pipelines()`: all pipelines of the caller that are due. Those that nobody can run any more are
/// suspended, whosever they are. One that fails keeps none of the
/// others from running; the first such error is what the call fails with at its end.
pub fn call_all() -> Result<(), Error> {
    within_procedure(c"run_pipelines", |transactions| {
        transactions.begin();
        suspend_without_login()?;
        let due = due::of_owner(&Catalog::open_kept()?, Some(user::current()));
        transactions.commit();
        let mut first = None;
        for due in due.into_iter().filter(|due| due.wait.is_zero()) {
            if let Err(error) = start::run_in_call(&due.name, transactions) {
                transactions.roll_back();
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    })
}

fn within_procedure(
    name: &'static std::ffi::CStr,
    body: impl FnOnce(&mut Transactions) -> Result<(), Error>,
) -> Result<(), Error> {
    pg::prevent_if_read_only(name);
    // First, so that it outlives what the transactions bring.
    let memory = Context::new(c"loader", RESERVE);
    let mut transactions = Transactions::of_procedure();
    memory.within(|| body(&mut transactions))?;
    transactions.finish();
    Ok(())
}

/// The pipeline of that name, if the current role has the rights of its owner.
fn own_pipeline(catalog: &Catalog, name: &[u8]) -> Result<Pipeline, Error> {
    let found = catalog.pipeline(name).filter(|pipeline| may_amend(catalog, pipeline));
    found.ok_or_else(|| PipelineError::NotFound(text::show(name)).into())
}

/// Whether the current role has the rights of the owner.
fn may_amend(catalog: &Catalog, pipeline: &Pipeline) -> bool {
    let home = if pipeline.is_at_home { catalog.origin() } else { "" };
    catalog.may_amend(home.as_bytes(), pipeline.owner, &pipeline.owner_name)
}
