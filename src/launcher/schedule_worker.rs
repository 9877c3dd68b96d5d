//! The worker that asks a database when its pipelines are due. It connects as the superuser that
//! the cluster was made with, runs statements of ours alone, and ends.

use super::messages::{DuePipeline, ScheduleAnswer, ScheduleRequest};
use super::report;
use crate::bulk::mailbox::Mailbox;
use crate::error::Error;
use crate::pg::executor::transaction::Transactions;
use crate::pg::memory::shared::Segment;
use crate::pg::processes::session;
use crate::pipes;

/// What the worker does. An error ends it without an answer.
pub fn run(segment: Segment) {
    let Some(mailbox) = Mailbox::of(segment) else { return report::other_version() };
    let Some(request) = mailbox.request::<ScheduleRequest>() else { return report::other_version() };
    session::log_in_as_superuser(request.database);
    let mut transactions = Transactions::of_worker();
    transactions.begin();
    let answer = read(&request).unwrap_or_else(|error| error.raise());
    transactions.commit();
    mailbox.answer(&answer);
}

fn read(request: &ScheduleRequest) -> Result<ScheduleAnswer, Error> {
    if !pipes::is_installed() {
        return Ok(ScheduleAnswer { has_extension: false, pipelines: Vec::new() });
    }
    pipes::suspend_without_login()?;
    for name in &request.broken {
        pipes::suspend_broken(name)?;
    }
    let pipelines =
        pipes::due()?.into_iter().map(|pipes::Due { name, owner, wait }| DuePipeline { name, owner, wait });
    Ok(ScheduleAnswer { has_extension: true, pipelines: pipelines.collect() })
}
