//! The transactions of a worker, or of the session itself, one after the other: begins them,
//! commits them and takes them back, and tells the board of what is committed.

use super::arguments::{CallPlan, OnFileError};
use super::board::{Board, FileOutcome, QueueState, RangeLease};
use super::call_context::CallContext;
use super::conflicts::{Conflicts, Refusal};
use super::file_decision::ClaimedFile;
use super::open_transaction::OpenTransaction;
use super::pending_commit::PendingCommit;
use super::report;
use crate::catalog::Position;
use crate::error::{Error, Failure};
use crate::load::{LoadOptions, Sink};
use crate::pg::executor::constraint;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::latch;
use crate::pg::{self, Oid};
use crate::settings;
use crate::sink::Placement;
use std::time::{Duration, Instant};

/// A procedure always is in a transaction. While it only reads a file, it begins a new one after
/// this time, so that none lasts long.
const RENEW_INTERVAL: Duration = Duration::from_millis(50);

/// The transactions of one process that loads files of a call.
pub struct WorkerTransaction<'a> {
    pub board: &'a Board,
    /// Its slot of the board: 0 is the session's own.
    pub slot: usize,
    plan: &'a CallPlan,
    options: LoadOptions,
    options_json: Vec<u8>,
    /// Something is checked at the end of a transaction only: each file has its own.
    deferrable: bool,
    /// Where the target keeps its rows, when the call began.
    placement: Placement,
    transactions: &'a mut Transactions,
    open: Option<OpenTransaction>,
    /// What is told once the transaction is committed.
    pub pending: PendingCommit,
    pub conflicts: Conflicts,
}

/// A transaction that could not be committed, and was taken back.
pub struct NotCommitted {
    pub failure: Failure,
    /// What the board would have been told of.
    pub outcomes: Vec<FileOutcome>,
}

impl<'a> WorkerTransaction<'a> {
    /// Begins the first transaction of the process in a slot of the board.
    pub fn new(
        board: &'a Board,
        slot: usize,
        transactions: &'a mut Transactions,
        plan: &'a CallPlan,
    ) -> Result<Self, Error> {
        board.occupy_slot(slot, pg::process_id());
        let options = plan.arguments.options()?;
        transactions.begin();
        let open = OpenTransaction::open(&plan.arguments, &options)?;
        let placement = open.target.placement();
        Ok(WorkerTransaction {
            board,
            slot,
            plan,
            options_json: options.to_json(),
            options,
            deferrable: constraint::any_deferrable(),
            placement,
            transactions,
            open: Some(open),
            pending: PendingCommit::default(),
            conflicts: Conflicts::new(placement),
        })
    }

    /// Whether there is a transaction, in which rows may be locked.
    pub fn is_in_transaction(&self) -> bool {
        self.transactions.is_open()
    }

    /// Says on the board that this process has nothing to do, or something again.
    pub fn set_idle(&self, idle: bool) {
        self.board.idle(self.slot, idle);
    }

    /// Begins a transaction, unless one is open.
    pub fn begin(&mut self) -> Result<(), Error> {
        if !self.transactions.is_open() {
            self.transactions.begin();
            self.open = Some(OpenTransaction::open(&self.plan.arguments, &self.options)?);
        }
        Ok(())
    }

    /// Commits what is loaded, and says so. Where that cannot be, what was to be committed is
    /// loaded again: files one by one, as all that were found busy. One that was alone is to
    /// fail, see [`Conflicts::next_refused`]: a part of a file is not committed by this.
    pub fn commit(&mut self) {
        let Err(NotCommitted { failure, outcomes }) = self.try_commit() else { return };
        match outcomes[..] {
            [FileOutcome { file, .. }] if self.conflicts.may_be_committed_later(file, &failure) => {
                self.give_way(file);
            }
            [FileOutcome { file, load_id, state: QueueState::Loaded }] => {
                self.conflicts.refuse(file, Refusal { load_id, failure });
            }
            // Nothing was loaded: there is nobody to be blamed but the call.
            [] | [_] => self.board.fail(&failure),
            _ => self.give_back(&outcomes),
        }
    }

    /// Commits what is loaded, and says so.
    pub fn try_commit(&mut self) -> Result<(), NotCommitted> {
        self.open = None;
        let committed = self.transactions.try_commit();
        let pending = std::mem::take(&mut self.pending);
        match committed {
            Ok(()) => {
                pending.tell(self.board);
                Ok(())
            }
            Err(error) => {
                Err(NotCommitted { failure: Failure::from(error), outcomes: pending.into_outcomes() })
            }
        }
    }

    fn give_back(&self, outcomes: &[FileOutcome]) {
        outcomes.iter().for_each(|outcome| self.board.give_back(outcome.file));
    }

    /// Takes back what is not committed; its files are there for others.
    pub fn roll_back(&mut self) {
        self.open = None;
        self.transactions.roll_back();
        let outcomes = std::mem::take(&mut self.pending).into_outcomes();
        self.give_back(&outcomes);
    }

    /// Takes back what is not committed, and leaves a file to others or to later. Where it was
    /// in somebody's way, that one has a moment.
    pub fn give_way(&mut self, file: usize) {
        self.roll_back();
        self.board.give_back(file);
        if let Some(pause) = self.conflicts.pause(file) {
            latch::wait(pause);
        }
    }

    /// What is the same for all files, and what this transaction has open.
    pub fn parts(&mut self) -> (Sink<'_>, CallContext<'_>) {
        let open = self.open.as_mut().expect("a transaction");
        let (sink, target_name) = open.sink();
        let context = CallContext {
            target: sink.target,
            target_name,
            options: &self.options,
            options_json: &self.options_json,
            chunk: self.plan.arguments.chunk,
            threads: self.plan.threads,
            leader: (self.slot > 0).then(|| self.board.leader()),
            part_size: settings::transaction_size(),
            hook: self.plan.hook.as_ref(),
            deferrable: self.deferrable,
        };
        (sink, context)
    }

    /// How far a load is at this moment; `None` where it is not under way.
    pub fn position(&self, load_id: i64) -> Option<Position> {
        self.open.as_ref().and_then(|open| open.position(load_id))
    }

    /// The table that is loaded into.
    pub fn target(&self) -> Oid {
        self.plan.arguments.table
    }

    /// Whether what is loaded is enough for a transaction.
    pub fn is_full(&self) -> bool {
        self.deferrable
            // To load again what another server has committed makes its rows twice.
            || self.placement == Placement::Foreign
            || self.pending.is_full()
    }

    /// Hashes a file while no transaction is open. A procedure always is in one: in a new
    /// one now and then.
    pub fn hash(&mut self, opened: &mut ClaimedFile) -> Result<(), Error> {
        let mut since = Instant::now();
        opened.hash(|| {
            if since.elapsed() >= RENEW_INTERVAL {
                self.transactions.renew();
                since = Instant::now();
            }
        })
    }

    /// A file is not loaded, and that is an error, but none that the history is told of: it
    /// was loaded before, or somebody else has it. It may end the call.
    pub fn refuse_file(&mut self, outcome: FileOutcome, error: Error) {
        self.pending.add(outcome, 0);
        if self.plan.arguments.on_file_error == OnFileError::Stop {
            self.pending.fail_call(Failure::from(error));
            self.commit();
        }
    }

    /// A file has failed, and that is written down; it may end the call. If it is split, the
    /// range that it failed at is its last.
    pub fn fail_file(
        &mut self,
        outcome: FileOutcome,
        path: &[u8],
        failure: &Failure,
        last: Option<&RangeLease>,
    ) {
        let line = report::failed_line(path, outcome.load_id, failure);
        if self.plan.arguments.on_file_error == OnFileError::Stop {
            self.pending.fail_call(Failure { code: failure.code.clone(), message: line.clone() });
        }
        self.pending.add_failed(outcome, line, last);
        match self.try_commit() {
            Err(NotCommitted { failure, outcomes }) if outcomes.len() == 1 => self.board.fail(&failure),
            Err(NotCommitted { outcomes, .. }) => self.give_back(&outcomes),
            Ok(()) => {}
        }
    }
}
