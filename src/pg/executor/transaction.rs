//! Transactions that a procedure or a worker ends and begins by itself.

use super::nesting;
use super::subtransaction::Contained;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder, ereport, pg_sys};
use std::cell::Cell;
use std::panic::AssertUnwindSafe;

/// Who runs them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Procedure,
    Worker,
}

/// A transaction at a time. All of them are READ COMMITTED: what another has
/// committed is seen as soon as its lock is had.
pub struct Transactions {
    runner: Runner,
    open: bool,
    /// The snapshot of the one that is open.
    snapshot: pg_sys::Snapshot,
}

/// Why a procedure cannot commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The client has begun a transaction, or sent several statements at once.
    Block,
    /// A block with an exception handler, or a savepoint.
    Subtransaction,
    /// A function calls it, or a procedure in which the server forbids to commit.
    Caller,
}

thread_local! {
    /// Who may end transactions now, and does not do so yet.
    static PERMITTED: Cell<Option<Runner>> = const { Cell::new(None) };
}

/// While `body` runs, for a procedure that may commit, [`Transactions::of_procedure`] may
/// be called, once.
pub(in crate::pg) fn permit_procedure<R>(may_commit: bool, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Runner>);
    impl Drop for Restore {
        fn drop(&mut self) {
            PERMITTED.set(self.0);
        }
    }
    let _restore = Restore(PERMITTED.replace(may_commit.then_some(Runner::Procedure)));
    body()
}

/// [`Transactions::of_worker`] may be called, once: this process is a worker, is
/// connected, and has no transaction open.
pub(in crate::pg) fn permit_worker() {
    PERMITTED.set(Some(Runner::Worker));
}

fn take_permit(runner: Runner) {
    assert!(PERMITTED.take() == Some(runner), "transactions cannot be ended here");
}

/// Runs what ends or begins a transaction, and makes the memory context current again
/// that was: the server's transactions bring their own. It is none of those.
fn stay(body: impl FnOnce()) {
    nesting::assert_transaction_may_end();
    // SAFETY: outside of what [`nesting`] knows of, code of ours runs in contexts of its
    // own, in that of the procedure's connection, or in that of the worker: all of these
    // outlive transactions.
    unsafe {
        let before = pg_sys::CurrentMemoryContext;
        body();
        pg_sys::MemoryContextSwitchTo(before);
    }
}

/// What keeps the procedure that was called like this from committing.
///
/// # Safety
/// `call` is the call frame that the server passed.
pub unsafe fn obstacle_to_commit(call: pg_sys::FunctionCallInfo) -> Option<Obstacle> {
    // SAFETY: the context of a CALL is a CallContext; the others look at this process's
    // own state.
    unsafe {
        let context = (*call).context;
        let may = !context.is_null()
            && (*context).type_ == pg_sys::NodeTag::T_CallContext
            && !(*context.cast::<pg_sys::CallContext>()).atomic;
        if pg_sys::IsSubTransaction() {
            Some(Obstacle::Subtransaction)
        } else if may {
            None
        } else if pg_sys::IsTransactionBlock() {
            Some(Obstacle::Block)
        } else {
            Some(Obstacle::Caller)
        }
    }
}

impl Transactions {
    /// Of a procedure, which the server called within a transaction: that one is
    /// open. It is one that may commit.
    pub fn of_procedure() -> Self {
        take_permit(Runner::Procedure);
        // SAFETY: ended by `finish`, or by the end of the transaction.
        if unsafe { pg_sys::SPI_connect_ext(pg_sys::SPI_OPT_NONATOMIC as i32) }
            != pg_sys::SPI_OK_CONNECT as i32
        {
            ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "SPI_connect_ext failed");
        }
        let mut transactions =
            Transactions { runner: Runner::Procedure, open: false, snapshot: std::ptr::null_mut() };
        if crate::pg::transaction_has_one_snapshot() {
            // The level of one that is under way stays what it is.
            transactions.renew();
        }
        transactions
    }

    /// Of a worker, which has none open.
    pub fn of_worker() -> Self {
        take_permit(Runner::Worker);
        Transactions { runner: Runner::Worker, open: false, snapshot: std::ptr::null_mut() }
    }

    /// Ends the procedure's use of them; the one that the server expects is open.
    pub fn finish(mut self) {
        if self.open {
            self.commit();
        }
        if self.runner == Runner::Procedure {
            // SAFETY: connected by `of_procedure`.
            unsafe { pg_sys::SPI_finish() };
        }
    }

    /// Whether there is one with a snapshot, in which statements can run.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Begins one, unless it is open. The memory context stays the same.
    pub fn begin(&mut self) {
        if self.open {
            return;
        }
        let mut snapshot = std::ptr::null_mut();
        // SAFETY: a worker has no transaction open here, a procedure always has.
        stay(|| unsafe {
            if self.runner == Runner::Worker {
                pg_sys::SetCurrentStatementStartTimestamp();
                pg_sys::StartTransactionCommand();
            }
            pg_sys::XactIsoLevel = pg_sys::XACT_READ_COMMITTED as i32;
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            snapshot = pg_sys::GetActiveSnapshot();
        });
        self.snapshot = snapshot;
        self.open = true;
    }

    /// Has the commit of what is open wait for the disk, whatever `synchronous_commit` says: what is
    /// committed is there after a crash of the server.
    pub fn keep_through_crashes(&mut self) {
        // SAFETY: sets a variable of the transaction.
        unsafe { pg_sys::ForceSyncCommit() };
    }

    /// Commits what is open. A procedure is in a new transaction then, without a
    /// snapshot and without a lock. Raises what the server raises.
    pub fn commit(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        // SAFETY: the snapshot is the one that `begin` pushed; no statement runs.
        stay(|| unsafe {
            pg_sys::PopActiveSnapshot();
            match self.runner {
                Runner::Procedure => pg_sys::SPI_commit(),
                Runner::Worker => {
                    pg_sys::CommitTransactionCommand();
                    // A backend does so when it is idle.
                    pg_sys::pgstat_report_stat(false);
                }
            }
        });
    }

    /// Commits what is open, as [`Transactions::commit`]; what the server raises is
    /// returned, and all that was to be committed is taken back then: a constraint that is
    /// checked at the end, say, or another server that refuses. A request to cancel goes on
    /// its way.
    pub fn try_commit(&mut self) -> Result<(), Contained> {
        // SAFETY: a plain variable of this single-threaded process.
        let memory = unsafe { pg_sys::CurrentMemoryContext };
        let is_worker = self.runner == Runner::Worker;
        // A procedure's transaction was taken back by the server, which has begun another one.
        contained(
            || self.commit(),
            || {
                // SAFETY: the transaction that could not be committed. The context outlives it, see [`stay`].
                unsafe {
                    if is_worker {
                        pg_sys::AbortCurrentTransaction();
                    }
                    pg_sys::MemoryContextSwitchTo(memory);
                }
            },
        )
    }

    /// Runs what may end and begin transactions by itself, as a statement of a client may. The last one
    /// is left open, with a snapshot. What the server raises is returned, and what is not committed is
    /// taken back then. A request to cancel goes on its way. Only a worker can do this.
    pub fn run_statement(&mut self, body: impl FnOnce()) -> Result<(), Contained> {
        assert!(self.runner == Runner::Worker && !self.open, "a worker that has no transaction open");
        nesting::assert_transaction_may_end();
        // SAFETY: a plain variable of this single-threaded process; see [`stay`] for the context.
        let memory = unsafe { pg_sys::CurrentMemoryContext };
        let run = || {
            // SAFETY: no transaction is open; after the body one is, which it may have begun.
            unsafe {
                pg_sys::SetCurrentStatementStartTimestamp();
                pg_sys::StartTransactionCommand();
                pg_sys::XactIsoLevel = pg_sys::XACT_READ_COMMITTED as i32;
                pg_sys::MemoryContextSwitchTo(memory);
                body();
                pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
                pg_sys::MemoryContextSwitchTo(memory);
            }
        };
        contained(run, || {
            // SAFETY: the transaction that failed.
            unsafe {
                pg_sys::AbortCurrentTransaction();
                pg_sys::MemoryContextSwitchTo(memory);
            }
        })?;
        self.open = true;
        Ok(())
    }

    /// Begins another transaction in place of one in which nothing was done: a
    /// procedure that waits is in none for long. Takes no snapshot.
    pub fn renew(&mut self) {
        if self.open {
            self.commit();
        } else if self.runner == Runner::Procedure {
            // SAFETY: no statement runs, and no snapshot of ours is there.
            stay(|| unsafe { pg_sys::SPI_commit() });
        }
    }

    /// Runs what begins and ends transactions by itself. What the server raises meanwhile is returned as
    /// `translate` has it, and what is not committed is taken back then: no transaction is open. A request
    /// to cancel goes on its way, and so does what is raised where the transaction cannot be ended.
    pub fn contain<R, E>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<R, E>,
        translate: impl Fn(Contained) -> E,
    ) -> Result<R, E> {
        // SAFETY: a plain variable of this single-threaded process; see [`stay`] for the context.
        let memory = unsafe { pg_sys::CurrentMemoryContext };
        let runner = self.runner;
        let outcome = {
            let (body, transactions) = (AssertUnwindSafe(body), AssertUnwindSafe(&mut *self));
            PgTryBuilder::new(|| {
                let (AssertUnwindSafe(body), AssertUnwindSafe(transactions)) = ({ body }, { transactions });
                Ok(body(transactions))
            })
            .catch_others(|error| {
                let report = match &error {
                    CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
                    CaughtError::RustPanic { .. } => error.rethrow(),
                };
                let contained = Contained::of(report);
                // Of a procedure, what called it may have been left in the midst of something.
                if contained.is_request() || !may_be_abandoned(runner) {
                    error.rethrow()
                }
                Err(contained)
            })
            .execute()
        };
        outcome.unwrap_or_else(|contained| {
            // SAFETY: the context outlives transactions.
            unsafe { pg_sys::MemoryContextSwitchTo(memory) };
            self.abandon();
            Err(translate(contained))
        })
    }

    /// Takes back what is open after an error that left it as it was at that moment.
    fn abandon(&mut self) {
        let was_open = std::mem::take(&mut self.open);
        let snapshot = std::mem::replace(&mut self.snapshot, std::ptr::null_mut());
        // SAFETY: what was begun after our snapshot has one above it, and is over. The abort drops all of them
        // in a worker; in a procedure it wants that ours, and what is above it, is gone.
        stay(|| unsafe {
            match self.runner {
                Runner::Procedure => {
                    while was_open && pg_sys::ActiveSnapshotSet() {
                        let is_ours = pg_sys::GetActiveSnapshot() == snapshot;
                        pg_sys::PopActiveSnapshot();
                        if is_ours {
                            break;
                        }
                    }
                    pg_sys::SPI_rollback();
                }
                Runner::Worker => pg_sys::AbortCurrentTransaction(),
            }
        });
    }

    /// Takes back what is open.
    pub fn roll_back(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        // SAFETY: as `commit`; the abort drops the snapshot.
        stay(|| unsafe {
            match self.runner {
                Runner::Procedure => {
                    pg_sys::PopActiveSnapshot();
                    pg_sys::SPI_rollback();
                }
                Runner::Worker => pg_sys::AbortCurrentTransaction(),
            }
        });
    }
}

/// Whether the transaction under way can be ended after an error. Of a procedure it cannot where a
/// subtransaction is left, or the connection to the executor of something that the error has left.
fn may_be_abandoned(runner: Runner) -> bool {
    // SAFETY: looks at this process's own state.
    runner == Runner::Worker
        || unsafe { !pg_sys::IsSubTransaction() && pg_sys::SPI_inside_nonatomic_context() }
}

/// Runs `body`. What the server raises meanwhile is returned when `undo` is done; a request to cancel goes
/// on its way then.
fn contained(body: impl FnOnce(), undo: impl Fn()) -> Result<(), Contained> {
    let (body, undo) = (AssertUnwindSafe(body), AssertUnwindSafe(undo));
    PgTryBuilder::new(|| {
        let AssertUnwindSafe(body) = { body };
        body();
        Ok(())
    })
    .catch_others(|error| {
        let undo = &undo;
        let report = match &error {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
            CaughtError::RustPanic { .. } => error.rethrow(),
        };
        let contained = Contained::of(report);
        (undo.0)();
        if contained.is_request() { error.rethrow() } else { Err(contained) }
    })
    .execute()
}
