//! on_batch: SQL that is told of the loads of a batch, in a transaction of its own.
//!
//! That a load waits to be told was written in the transaction of the last part of its file, and goes in
//! the one of the hook: a load is told of at least once, and exactly once by a hook that does not commit.
//! A CALL, whose procedure may commit, is run by a worker of its own: an error in the midst of it ends
//! nothing but that.

use crate::bulk::mailbox::{Answer, Mailbox};
use crate::bulk::serialise::serialise_fields;
use crate::catalog::{Catalog, Pipeline};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::array;
use crate::pg::executor::hook;
use crate::pg::executor::subtransaction::contain;
use crate::pg::executor::transaction::Transactions;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::memory::shared::Segment;
use crate::pg::processes::latch;
use crate::pg::processes::session::Session;
use crate::pg::processes::thread::AtExit;
use crate::pg::processes::worker::{Job, Status, Worker};
use std::rc::Rc;
use std::time::Duration;

/// The number of the worker that runs a CALL: those that load files have smaller ones.
pub const CALL_WORKER: usize = 255;

/// How often the session looks after that worker.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Bytes that are kept of the message of an error, …
const MESSAGE_BYTES: usize = 2035;

/// … and of an answer.
const ANSWER_ROOM: usize = MESSAGE_BYTES + 64;

/// What a worker that runs a CALL has to know.
struct HookCall {
    pipeline: Vec<u8>,
    sql: Vec<u8>,
    search_path: Vec<u8>,
}

serialise_fields!(HookCall { pipeline, sql, search_path });

/// What it answers: nothing, or SQLSTATE and message of the error that has ended it, the latter in UTF-8.
type HookAnswer = Option<(Vec<u8>, Vec<u8>)>;

/// Tells on_batch of all loads that wait for that; `None` where there is none. The inner error is the
/// hook's.
pub fn tell(
    pipeline: &Pipeline,
    on_batch: &[u8],
    transactions: &mut Transactions,
) -> Result<Option<Result<(), Failure>>, Error> {
    transactions.begin();
    let catalog = Catalog::open_kept()?;
    let name = &pipeline.key.name;
    if !catalog.keep_pipeline(&pipeline.key)? || !catalog.has_batch(name) {
        transactions.commit();
        return Ok(None);
    }
    if hook::is_call(on_batch) {
        let session = Session::own();
        // Looks into a catalog.
        let can_be_taken_over = session.can_be_taken_over();
        transactions.commit();
        if !can_be_taken_over {
            return Ok(Some(Err(failure("42501", "the worker that is to run it cannot log in"))));
        }
        return Ok(Some(call(pipeline, on_batch, &session, transactions)));
    }
    let run = || tell_within(&catalog, pipeline, on_batch).map_err(Failure::from);
    let told = match contain(run, Failure::from) {
        Ok(()) => transactions.try_commit().map_err(Failure::from),
        Err(failure) => {
            transactions.roll_back();
            Err(failure)
        }
    };
    Ok(Some(told))
}

fn tell_within(catalog: &Catalog, pipeline: &Pipeline, on_batch: &[u8]) -> Result<(), Error> {
    let loads = catalog.batch(&pipeline.key.name)?;
    let memory = Context::new(c"loader batch", RESERVE);
    hook::run(on_batch, &pipeline.definition.search_path, &[array::bigints(&memory, &loads)]);
    catalog.forget_batch(&pipeline.key.name, &loads)
}

/// Has a worker run a CALL, and waits for it without a lock or a snapshot.
fn call(
    pipeline: &Pipeline,
    on_batch: &[u8],
    session: &Session,
    transactions: &mut Transactions,
) -> Result<(), Failure> {
    let call = HookCall {
        pipeline: pipeline.key.name.clone(),
        sql: on_batch.to_vec(),
        search_path: pipeline.definition.search_path.clone(),
    };
    let mailbox = Mailbox::of_session(session, &call, ANSWER_ROOM);
    let Some(worker) = Worker::start(mailbox.segment(), Job::Session(CALL_WORKER as u8)) else {
        return Err(failure("53000", "the server has no background worker free that could run it"));
    };
    let worker = Rc::new(worker);
    let _at_exit = {
        let worker = worker.clone();
        AtExit::new(move || worker.terminate())
    };
    while worker.status() != Status::Ended {
        latch::wait(POLL_INTERVAL);
        transactions.renew();
    }
    match mailbox.answered::<HookAnswer>() {
        Answer::Is(None) => Ok(()),
        Answer::Is(Some((code, message))) => {
            Err(failure(&String::from_utf8_lossy(&code), &String::from_utf8_lossy(&message)))
        }
        Answer::TooLong(_) | Answer::None => {
            Err(failure("57P01", "the worker that ran it has ended before its time"))
        }
    }
}

fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_string(), message: message.to_string() }
}

/// What the worker runs.
pub fn work(segment: Segment) {
    // The session has another version of the library: it finds that the worker has ended too early.
    let Some(session) = Session::of(&segment) else { return };
    let Some(mailbox) = Mailbox::of(segment) else { return };
    let Some(call) = mailbox.request::<HookCall>() else { return };
    session.take_over();
    let mut transactions = Transactions::of_worker();
    let context = Context::new(c"loader", RESERVE);
    let outcome = context.within(|| tell_by_call(&call, &mut transactions));
    let answer: HookAnswer = outcome.err().map(|Failure { code, message }| {
        transactions.roll_back();
        let most = message.floor_char_boundary(MESSAGE_BYTES);
        (code.into_bytes(), message.as_bytes()[..most].to_vec())
    });
    mailbox.answer(&answer);
}

/// The loads go in the last transaction of the procedure.
fn tell_by_call(call: &HookCall, transactions: &mut Transactions) -> Result<(), Failure> {
    transactions.begin();
    let loads = Catalog::open_kept()?.batch(&call.pipeline)?;
    // In a transaction of its own: what the procedure rolls back takes back what was set with it.
    hook::keep_search_path(&call.search_path);
    transactions.commit();
    let memory = Context::new(c"loader batch", RESERVE);
    let argument = array::bigints(&memory, &loads);
    transactions.run_statement(|| hook::call(&call.sql, &argument)).map_err(Failure::from)?;
    Catalog::open_kept()?.forget_batch(&call.pipeline, &loads)?;
    transactions.try_commit().map_err(Failure::from)?;
    pg::check_for_interrupts();
    Ok(())
}
