//! Where somebody sits at the board who loads files of a call: the transaction under
//! way, and what the board is told once that is committed.

use super::arguments::{CallPlan, OnFileError};
use super::board::{self, Board, FileOutcome, RangeLease};
use super::call_context::CallContext;
use super::file_decision::{ClaimedFile, Claims};
use super::progress::Progress;
use super::report;
use crate::access;
use crate::catalog::{Catalog, Position, Status};
use crate::error::{Error, Failure};
use crate::load::{LoadOptions, Sink};
use crate::pg::executor::constraint;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::{latch, worker};
use crate::pg::{self, Oid};
use crate::settings;
use crate::sink::{Insert, Placement, Target};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Files of one transaction, at most: each takes a subtransaction, of which the server
/// keeps 64 at hand, and five locks.
const GROUP_FILES: usize = 32;

/// … and bytes of them, …
const GROUP_BYTES: u64 = 16 * 1024 * 1024;

/// … and time.
const GROUP_TIME: Duration = Duration::from_millis(500);

/// No transaction of a procedure lasts longer than this while it only reads a file.
const RENEW_INTERVAL: Duration = Duration::from_millis(50);

/// A file is tried so often again after a conflict with others.
const TRIES: u32 = 5;

/// Before the first of them the others have so long to get out of the way; twice as long
/// before each later one.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether a file of so many bytes is too large to share a transaction.
pub fn is_large(bytes: u64) -> bool {
    bytes > GROUP_BYTES
}

/// A worker's place, or that of the session itself.
pub struct WorkerTransaction<'a> {
    pub board: &'a Board,
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
    pending: PendingCommit,
    /// How often a file was in somebody's way.
    conflicts: HashMap<usize, u32>,
    /// Files that could not be committed, each alone in its transaction.
    refused: HashMap<usize, Refusal>,
    /// Of the session: while it works, nobody else tells how far the call is.
    progress: Option<&'a mut Progress>,
}

/// What belongs to the transaction under way.
struct OpenTransaction {
    target: Target,
    target_name: Vec<u8>,
    insert: Insert,
    catalog: Catalog,
}

/// Why a file cannot be committed, and what its load had for a number: on another server rows
/// with that number may have stayed.
pub struct Refusal {
    pub load_id: i64,
    pub failure: Failure,
}

/// A transaction that could not be committed, and was taken back.
pub struct NotCommitted {
    pub failure: Failure,
    /// What the board would have been told of.
    pub outcomes: Vec<FileOutcome>,
}

/// Files that are loaded and not committed.
#[derive(Default)]
struct PendingCommit {
    outcomes: Vec<FileOutcome>,
    counters: board::Counters,
    claims: Vec<Claims>,
    /// A range, and where it ended.
    range: Option<(RangeLease, u64)>,
    /// The range that is the last of its file, because that ends or fails with it.
    closes: Option<RangeLease>,
    /// What the call is to fail with.
    fails: Option<Failure>,
    /// Lines for the server's log.
    lines: Vec<String>,
    bytes: u64,
    began: Option<Instant>,
}

impl<'a> WorkerTransaction<'a> {
    /// Sits down, in a slot of the board.
    pub fn new(
        board: &'a Board,
        slot: usize,
        transactions: &'a mut Transactions,
        plan: &'a CallPlan,
        progress: Option<&'a mut Progress>,
    ) -> Result<Self, Error> {
        board.occupy_slot(slot, pg::process_id());
        let options = plan.arguments.options()?;
        let mut transaction = WorkerTransaction {
            board,
            slot,
            plan,
            options_json: options.to_json(),
            options,
            deferrable: false,
            placement: Placement::Local,
            transactions,
            open: None,
            pending: PendingCommit::default(),
            conflicts: HashMap::new(),
            refused: HashMap::new(),
            progress,
        };
        transaction.begin()?;
        transaction.deferrable = constraint::any_deferrable();
        transaction.placement = transaction.parts().1.target.placement();
        Ok(transaction)
    }

    /// Whether there is a transaction, in which rows may be locked.
    pub fn is_in_transaction(&self) -> bool {
        self.transactions.is_open()
    }

    /// Begins a transaction, unless one is open: locks the target and checks what
    /// may have changed since the last one.
    pub fn begin(&mut self) -> Result<(), Error> {
        if self.transactions.is_open() {
            return Ok(());
        }
        self.transactions.begin();
        access::require_file_role()?;
        let target = Target::lock(
            self.plan.arguments.table,
            &self.plan.arguments.target_column,
            self.options.records(),
        )?;
        let target_name = target.quoted_name()?;
        let insert = Insert::prepare(&target)?;
        let catalog = Catalog::open()?;
        self.open = Some(OpenTransaction { target, target_name, insert, catalog });
        Ok(())
    }

    /// Commits what is loaded, and says so. Where that cannot be, what was to be committed is
    /// loaded again: files one by one, as all that were found busy. One that was alone is to
    /// fail, see [`WorkerTransaction::next_refused`]: a part of a file is not committed by this.
    pub fn commit(&mut self) {
        let Err(NotCommitted { failure, outcomes }) = self.try_commit() else { return };
        match outcomes[..] {
            [FileOutcome { file, .. }] if self.may_be_committed_later(file, &failure) => self.give_way(file),
            [FileOutcome { file, load_id, state: board::QueueState::Loaded }] => {
                self.refused.insert(file, Refusal { load_id, failure });
            }
            // Nothing was loaded: there is nobody to be blamed but the call.
            [] | [_] => self.board.fail(&failure),
            _ => self.give_back(&outcomes),
        }
    }

    /// Commits what is loaded, and says so. Between the commit and the last word on
    /// the board nothing may look at interrupts: this process could end there, and
    /// nobody would learn what is done. Writing to the server's log does.
    pub fn try_commit(&mut self) -> Result<(), NotCommitted> {
        self.open = None;
        let committed = self.transactions.try_commit();
        let pending = std::mem::take(&mut self.pending);
        if let Err(error) = committed {
            return Err(NotCommitted { failure: Failure::from(error), outcomes: pending.outcomes });
        }
        self.board.count(&pending.counters);
        for outcome in &pending.outcomes {
            self.board.record(outcome);
        }
        if let Some((lease, end)) = pending.range {
            self.board.come_to(lease.plan.file, end);
            self.board.range_is_committed(&lease);
        }
        if let Some(lease) = pending.closes {
            self.board.close_range_plan(&lease);
        }
        if let Some(failure) = pending.fails {
            self.board.fail(&failure);
        }
        pending.lines.into_iter().for_each(report::log_file);
        Ok(())
    }

    /// A file that is to fail, because it could not be committed.
    pub fn next_refused(&self) -> Option<usize> {
        let is_here = |file: &usize| self.board.state(*file) == board::QueueState::Taken(self.slot);
        self.refused.keys().copied().find(is_here)
    }

    /// Why a file is to fail before it is loaded, if it is.
    pub fn take_refusal(&mut self, file: usize) -> Option<Refusal> {
        self.refused.remove(&file)
    }

    fn give_back(&self, outcomes: &[FileOutcome]) {
        outcomes.iter().for_each(|outcome| self.board.give_back(outcome.file));
    }

    /// What is to be said of a range when it is committed.
    pub fn range_ends(
        &mut self,
        lease: &RangeLease,
        end: u64,
        counters: &board::Counters,
        last: Option<(FileOutcome, String)>,
    ) {
        self.pending.range = Some((*lease, end));
        self.pending.counters.add(counters);
        if let Some((outcome, line)) = last {
            self.pending.closes = Some(*lease);
            self.pending.outcomes.push(outcome);
            self.pending.lines.push(line);
        }
    }

    /// Takes back what is not committed; its files are there for others.
    pub fn roll_back(&mut self) {
        self.open = None;
        self.transactions.roll_back();
        let outcomes = std::mem::take(&mut self.pending).outcomes;
        self.give_back(&outcomes);
    }

    /// Takes back what is not committed, and leaves a file to others or to later. Where it was
    /// in somebody's way, that one has a moment.
    pub fn give_way(&mut self, file: usize) {
        self.roll_back();
        self.board.give_back(file);
        if let Some(&times) = self.conflicts.get(&file) {
            latch::wait(PAUSE * 2u32.pow(times.clamp(1, TRIES) - 1));
        }
    }

    /// What is the same for all files, and what this transaction has open.
    pub fn parts(&mut self) -> (Sink<'_>, CallContext<'_>) {
        let open = self.open.as_mut().expect("a transaction");
        let sink = Sink { target: &open.target, insert: &mut open.insert, catalog: &open.catalog };
        let context = CallContext {
            target: &open.target,
            target_name: &open.target_name,
            options: &self.options,
            options_json: &self.options_json,
            chunk: self.plan.arguments.chunk,
            threads: self.plan.threads,
            leader: (self.slot > 0).then(|| self.board.leader()),
            part_size: settings::transaction_size(),
            deferrable: self.deferrable,
        };
        (sink, context)
    }

    /// How far a load is at this moment; `None` where it is not under way.
    pub fn position(&self, load_id: i64) -> Option<Position> {
        self.open.as_ref().and_then(|open| open.catalog.position(load_id, &[Status::Running]))
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
            || self.pending.outcomes.len() >= GROUP_FILES
            || self.pending.bytes >= GROUP_BYTES
            || self.pending.began.is_some_and(|began| began.elapsed() >= GROUP_TIME)
    }

    /// Whether a file did not share a transaction when the call began.
    pub fn is_large(&self, file: usize) -> bool {
        is_large(self.board.size(file))
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

    /// Holds claims until the transaction ends.
    pub fn hold(&mut self, claims: Claims) {
        self.pending.claims.push(claims);
    }

    /// Counts what is loaded.
    pub fn count(&mut self, counters: &board::Counters) {
        self.pending.counters.add(counters);
    }

    /// Writes a line to the server's log when this is committed.
    pub fn log(&mut self, line: String) {
        self.pending.lines.push(line);
    }

    /// A file that needs no more work once this is committed.
    pub fn done(&mut self, outcome: FileOutcome, bytes: u64) {
        self.pending.outcomes.push(outcome);
        self.pending.bytes += bytes;
        self.pending.began.get_or_insert_with(Instant::now);
    }

    /// A file is not loaded, and that is an error, but none that the history is told of: it
    /// was loaded before, or somebody else has it. It may end the call.
    pub fn refused(&mut self, outcome: FileOutcome, error: Error) {
        self.done(outcome, 0);
        if self.plan.arguments.on_file_error == OnFileError::Stop {
            self.pending.fails = Some(Failure::from(error));
            self.commit();
        }
    }

    /// A file has failed, and that is written down; it may end the call. If it was
    /// split, the range that it failed at is its last.
    pub fn failed(
        &mut self,
        outcome: FileOutcome,
        path: &[u8],
        failure: &Failure,
        last: Option<&RangeLease>,
    ) {
        let line = report::failed_line(path, outcome.load_id, failure);
        if self.plan.arguments.on_file_error == OnFileError::Stop {
            self.pending.fails = Some(Failure { code: failure.code.clone(), message: line.clone() });
        }
        self.pending.closes = last.copied();
        self.pending.lines.push(line);
        self.done(outcome, 0);
        match self.try_commit() {
            Err(NotCommitted { failure, outcomes }) if outcomes.len() == 1 => self.board.fail(&failure),
            Err(NotCommitted { outcomes, .. }) => self.give_back(&outcomes),
            Ok(()) => {}
        }
    }

    /// Whether a file that met a deadlock, say, is to be tried again.
    pub fn is_tried_again(&mut self, file: usize, failure: &Failure) -> bool {
        if !failure.is_conflict() && !(self.placement.is_far() && failure.is_trouble_between_servers()) {
            return false;
        }
        let times = self.conflicts.entry(file).or_default();
        *times += 1;
        *times <= TRIES
    }

    /// The same for one that could not be committed. Where another server that commits by
    /// itself was in trouble, it may have committed.
    pub fn may_be_committed_later(&mut self, file: usize, failure: &Failure) -> bool {
        (self.placement != Placement::Foreign || failure.is_conflict()) && self.is_tried_again(file, failure)
    }

    /// A part of a file is committed: it is in nobody's way.
    pub fn goes_on(&mut self, file: usize) {
        self.conflicts.remove(&file);
    }

    /// Shows the server's users which file this is, if it is a worker.
    pub fn show_file(&self, path: &[u8]) {
        if self.slot > 0 {
            worker::report_activity(path);
        }
    }

    /// Shows how far the call is, if nobody else does.
    pub fn show_progress(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.show(&self.board.totals());
            progress.tell_waiting(self.board);
        }
    }
}
