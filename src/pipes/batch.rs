//! on_batch: SQL that is told of the loads of a batch, in a transaction of its own.
//!
//! That a load waits to be told was written in the transaction of the last part of its file, and goes in
//! the one of the hook: a load is told of at least once, and exactly once by a hook that does not commit.
//! A CALL, whose procedure may commit, is run by a worker of its own: an error in the midst of it ends
//! nothing but that.

use crate::bulk::serialise::{Serialise, serialise_fields};
use crate::catalog::{Catalog, Pipeline};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::array;
use crate::pg::executor::hook;
use crate::pg::executor::subtransaction::contain;
use crate::pg::executor::transaction::Transactions;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::memory::shared::{Segment, SharedMemory, shared_struct};
use crate::pg::processes::latch;
use crate::pg::processes::session::Session;
use crate::pg::processes::thread::AtExit;
use crate::pg::processes::worker::{Job, Status, Worker};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// The number of the worker that runs a CALL: those that load files have smaller ones.
pub const CALL_WORKER: usize = 255;

/// How often the session looks after that worker.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Bytes of an error: its SQLSTATE and message.
const FAILURE_BYTES: usize = 2040;

/// What a worker that runs a CALL has to know.
struct HookCall {
    pipeline: Vec<u8>,
    sql: Vec<u8>,
    search_path: Vec<u8>,
}

serialise_fields!(HookCall { pipeline, sql, search_path });

shared_struct! {
    struct State {
        /// Not 0 once the worker has come to its end.
        is_over: AtomicU32,
    }
}

shared_struct! {
    struct FailureText {
        /// Bytes of the error; 0 where there is none.
        length: u64,
        text: [u8; FAILURE_BYTES],
    }
}

type CallMemory = SharedMemory<State, FailureText, u8>;

/// Tells on_batch of all loads that wait for that; `None` where there is none. The inner error is the
/// hook's.
pub fn tell(
    pipeline: &Pipeline,
    on_batch: &[u8],
    transactions: &mut Transactions,
) -> Result<Option<Result<(), Failure>>, Error> {
    transactions.begin();
    let catalog = Catalog::open()?;
    let name = &pipeline.key.name;
    if !catalog.keep_pipeline(&pipeline.key)? || !catalog.has_batch(name) {
        transactions.commit();
        return Ok(None);
    }
    if hook::is_call(on_batch) {
        transactions.commit();
        return Ok(Some(call(pipeline, on_batch, transactions)));
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
fn call(pipeline: &Pipeline, on_batch: &[u8], transactions: &mut Transactions) -> Result<(), Failure> {
    let session = Session::own();
    if !session.can_be_taken_over() {
        return Err(failure("42501", "the worker that is to run it cannot log in"));
    }
    let call = HookCall {
        pipeline: pipeline.key.name.clone(),
        sql: on_batch.to_vec(),
        search_path: pipeline.definition.search_path.clone(),
    };
    let mut bytes = Vec::new();
    call.write(&mut bytes);
    let memory: CallMemory = session.share(0, std::iter::once(&bytes[..]), |_, _, _| ());
    let Some(worker) = Worker::start(memory.segment(), Job::Session(CALL_WORKER as u8)) else {
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
    if memory.open().is_over.load(SeqCst) == 0 {
        return Err(failure("57P01", "the worker that ran it has ended before its time"));
    }
    let text = memory.locked(|guarded| guarded.text[..guarded.length as usize].to_vec());
    if text.is_empty() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let (code, message) = text.split_at(5);
    Err(failure(code, message))
}

fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_string(), message: message.to_string() }
}

/// What the worker runs.
pub fn work(segment: Segment) {
    // The session has another version of the library: it finds that the worker has ended too early.
    let Some(session) = Session::of(&segment) else { return };
    let Some(memory) = CallMemory::of(segment) else { return };
    let Some(call) = HookCall::read(&mut memory.bytes()) else { return };
    session.take_over();
    let mut transactions = Transactions::of_worker();
    let context = Context::new(c"loader", RESERVE);
    let outcome = context.within(|| tell_by_call(&call, &mut transactions));
    if let Err(Failure { code, message }) = outcome {
        transactions.roll_back();
        let mut text = code.into_bytes();
        let most = FAILURE_BYTES - text.len();
        text.extend_from_slice(&message.as_bytes()[..message.floor_char_boundary(most)]);
        memory.locked(|guarded| {
            guarded.text[..text.len()].copy_from_slice(&text);
            guarded.length = text.len() as u64;
        });
    }
    memory.open().is_over.store(1, SeqCst);
}

/// The loads go in the last transaction of the procedure.
fn tell_by_call(call: &HookCall, transactions: &mut Transactions) -> Result<(), Failure> {
    transactions.begin();
    let loads = Catalog::open()?.batch(&call.pipeline)?;
    transactions.commit();
    let memory = Context::new(c"loader batch", RESERVE);
    let argument = array::bigints(&memory, &loads);
    transactions
        .run_statement(|| hook::call(&call.sql, &call.search_path, &argument))
        .map_err(Failure::from)?;
    Catalog::open()?.forget_batch(&call.pipeline, &loads)?;
    transactions.try_commit().map_err(Failure::from)?;
    pg::check_for_interrupts();
    Ok(())
}
