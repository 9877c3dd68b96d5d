//! The worker that runs one pipeline, in a session that logged in as the pipeline's owner.

use super::messages::{RunAnswer, RunRequest};
use super::report;
use crate::access;
use crate::bulk::mailbox::Mailbox;
use crate::error::Error;
use crate::pg::executor::transaction::Transactions;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::memory::shared::Segment;
use crate::pg::processes::{session, worker};
use crate::pipes;

/// So many directories of a pipeline are watched. Files in others are found when it is due.
const DIRECTORIES: usize = 256;

/// Bytes of an answer beside the directories, and beside the path of each.
const BESIDE: usize = 64;

/// What the worker does. An error ends it without an answer.
pub fn run(segment: Segment) {
    let Some(mailbox) = Mailbox::of(segment) else { return report::other_version() };
    let Some(request) = mailbox.request::<RunRequest>() else { return report::other_version() };
    session::log_in(request.database, request.owner);
    worker::report_activity(&[b"running pipeline ", &request.name[..]].concat());
    let mut transactions = Transactions::of_worker();
    let memory = Context::new(c"loader pipeline", RESERVE);
    let answer = memory.within(|| run_pipeline(&request, mailbox.room(), &mut transactions));
    mailbox.answer(&answer.unwrap_or_else(|error| error.raise()));
}

/// Runs it, if the database has the extension, or has it still. There is room for an answer of so
/// many bytes.
fn run_pipeline(
    request: &RunRequest,
    room: usize,
    transactions: &mut Transactions,
) -> Result<RunAnswer, Error> {
    if !is_installed(transactions) {
        return Ok(RunAnswer::default());
    }
    let end = match pipes::run_in_worker(&request.name, &request.all_loaded, transactions) {
        Ok(Some(end)) => end,
        Ok(None) => return Ok(RunAnswer::default()),
        Err(Error::NoExtension) => {
            transactions.roll_back();
            return Ok(RunAnswer::default());
        }
        Err(error) => return Err(error),
    };
    let mut directories = access::directories(&end.pattern, DIRECTORIES)?;
    let mut left = room.saturating_sub(BESIDE);
    directories.retain(|directory| {
        let size = directory.path.len() + BESIDE;
        let fits = size <= left;
        if fits {
            left -= size;
        }
        fits
    });
    Ok(RunAnswer { wait: Some(end.wait), elsewhere: end.elsewhere, directories, all_loaded: end.all_loaded })
}

fn is_installed(transactions: &mut Transactions) -> bool {
    transactions.begin();
    let is_installed = pipes::is_installed();
    transactions.commit();
    is_installed
}
