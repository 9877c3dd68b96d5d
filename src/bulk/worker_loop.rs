//! What a worker does, or the session itself: files one after the other, several
//! small ones in a transaction, large ones in parts, and ranges of one that is split.

use super::board::{self, FileOutcome, QueueState, RangePlan};
use super::file_decision::{self, Claims, FileDecision, Obstacle, OpenOutcome};
use super::file_load::{self, FileLoad, PartEnd};
use super::lock_waits::LockWaits;
use super::pending_commit;
use super::progress::Progress;
use super::range;
use super::report;
use super::worker_transaction::{NotCommitted, WorkerTransaction};
use crate::catalog::{Earlier, Kin, RowLock, as_text};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::subtransaction::contain;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::processes::latch;
use crate::pg::strings::text;
use crate::settings;
use std::collections::HashMap;
use std::time::Duration;

/// A worker that has nothing to do looks again after this time.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A range has at least so many bytes, unless a transaction is to have fewer: for each range the
/// head of the file is read again.
const SHORTEST_RANGE: u64 = 4 * 1024 * 1024;

/// A process that loads files of a call until none is left.
pub struct WorkerLoop<'a> {
    transaction: WorkerTransaction<'a>,
    /// Of the session: while it works, nobody else tells how far the call is.
    progress: Option<&'a mut Progress>,
    /// The claim on the file that is split into ranges, and the number of that split.
    split_claim: Option<(u64, Claims)>,
    /// The number of the split in which ranges wait for each other's rows, if this worker has met
    /// one: it loads ranges of that split only when it is their turn.
    gives_way: Option<u64>,
    /// The first file that the next search for busy files looks at, and what was in the way of
    /// those that were found busy: as long as that is there, they need not be read again.
    busy_from: usize,
    busy: HashMap<usize, Obstacle>,
    waiting: LockWaits,
}

impl<'a> WorkerLoop<'a> {
    /// For the process that has this transaction.
    pub fn new(transaction: WorkerTransaction<'a>, progress: Option<&'a mut Progress>) -> Self {
        WorkerLoop {
            transaction,
            progress,
            split_claim: None,
            gives_way: None,
            busy_from: 0,
            busy: HashMap::new(),
            waiting: LockWaits::default(),
        }
    }

    /// Works until there is nothing left to do.
    pub fn run(&mut self) -> Result<(), Error> {
        loop {
            pg::check_for_interrupts();
            if self.transaction.board.is_stopped() {
                self.transaction.roll_back();
                return Ok(());
            }
            self.show_progress();
            self.let_go_of_split();
            if let Some(file) =
                self.transaction.conflicts.next_refused(self.transaction.board, self.transaction.slot)
            {
                self.transaction.set_idle(false);
                self.load_file(file)?;
            } else if let Some(range) = self.transaction.board.lease_range(self.transaction.slot) {
                self.transaction.set_idle(false);
                self.transaction.commit();
                let memory = Context::new(c"loader range", RESERVE);
                memory.within(|| range::load(&mut self.transaction, &range, &mut self.gives_way))?;
            } else if let Some(file) = self.transaction.board.take_file(self.transaction.slot) {
                self.transaction.set_idle(false);
                self.load_file(file)?;
            } else if let Some(file) = self.next_busy() {
                self.load_file(file)?;
            } else {
                self.transaction.commit();
                if self.transaction.board.is_done() {
                    return Ok(());
                }
                self.transaction.set_idle(true);
                self.waiting.check(&mut self.transaction, &self.busy);
                latch::wait(POLL_INTERVAL);
            }
        }
    }

    /// Shows how far the call is, if nobody else does.
    fn show_progress(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.show(&self.transaction.board.totals());
            progress.tell_waiting(self.transaction.board);
        }
    }

    /// The next of the files that were found busy. Each of them is tried once, and then there is a
    /// pause.
    fn next_busy(&mut self) -> Option<usize> {
        let file = self.transaction.board.take_busy(self.transaction.slot, self.busy_from);
        self.busy_from = file.map_or(0, |file| file + 1);
        if file.is_some() {
            // Whoever waits holds nothing that the other may wait for.
            self.transaction.commit();
        }
        file
    }

    /// Loads a file, or decides that it is not to be loaded, and commits if that is enough for a
    /// transaction.
    fn load_file(&mut self, file: usize) -> Result<(), Error> {
        if pending_commit::is_large(self.transaction.board.size(file)) {
            self.transaction.commit();
        }
        self.transaction.begin()?;
        let path = self.transaction.board.path(file);
        report::show_file(self.transaction.slot, &path);
        Context::new(c"loader file", RESERVE).within(|| self.decide_and_load(file, path))?;
        if self.transaction.is_full() {
            self.transaction.commit();
        }
        Ok(())
    }

    fn decide_and_load(&mut self, file: usize, path: Vec<u8>) -> Result<(), Error> {
        let (sink, context) = self.transaction.parts();
        if self.busy.get(&file).is_some_and(|what| !what.has_gone(sink.catalog, context.target.oid)) {
            self.transaction.board.give_back(file);
            return Ok(());
        }
        self.transaction.set_idle(false);
        let decision = self.decide(&path)?;
        let (_, context) = self.transaction.parts();
        match decision {
            Ok(FileDecision::Busy(what)) => {
                self.busy.insert(file, what);
                self.transaction.board.give_back(file);
            }
            Ok(FileDecision::Refused { load_id, changed }) => {
                let error = report::refused(&path, &context.target.shown, load_id, changed);
                let state = if changed { QueueState::RefusedChanged } else { QueueState::Refused };
                self.transaction.refuse_file(FileOutcome { file, state, load_id }, error);
            }
            Ok(FileDecision::Skip(load_id)) => {
                self.transaction.pending.add(FileOutcome { file, state: QueueState::Skipped, load_id }, 0)
            }
            Ok(FileDecision::Changed(load_id)) => {
                self.transaction.pending.add(FileOutcome { file, state: QueueState::Changed, load_id }, 0)
            }
            Ok(FileDecision::Load(found)) => {
                let refusal = self.transaction.conflicts.take_refusal(file);
                let load_id = match (found.begin.resumes, &refusal) {
                    (Some(load_id), _) => load_id,
                    (None, Some(refusal)) => refusal.load_id,
                    (None, None) => self.transaction.parts().0.catalog.next_load_id(),
                };
                let file_load = FileLoad::new(file, path, *found, load_id);
                return match refusal {
                    Some(refusal) => self.fail(file_load, &refusal.failure),
                    None => self.load(file_load),
                };
            }
            Err(failure) if self.transaction.conflicts.is_tried_again(file, &failure) => {
                self.transaction.board.give_back(file);
            }
            Err(failure) => self.fail_unopened(file, &path, &failure)?,
        }
        Ok(())
    }

    /// Decides what is to be done with a file. The inner error is the file's, the outer one the
    /// call's. A large file is hashed outside of a transaction: that takes long, and nobody is to
    /// wait for it.
    fn decide(&mut self, path: &[u8]) -> Result<Result<FileDecision, Failure>, Error> {
        let (sink, context) = self.transaction.parts();
        let open = || {
            file_decision::open_and_decide(sink.catalog, &context, path, pending_commit::is_large)
                .map_err(Failure::from)
        };
        let mut opened = match contain(open, Failure::from) {
            Ok(OpenOutcome::Decided(decision)) => return Ok(Ok(decision)),
            Ok(OpenOutcome::ClaimedFile(opened)) => opened,
            Err(failure) => return Ok(Err(failure)),
        };
        self.transaction.commit();
        let hashed = self.transaction.hash(&mut opened);
        self.transaction.begin()?;
        let (sink, context) = self.transaction.parts();
        let decide = || {
            hashed?;
            match opened.lock_again(sink.catalog, &context) {
                Some(what) => Ok(FileDecision::Busy(what)),
                None => file_decision::decide_file(sink.catalog, &context, *opened),
            }
        };
        Ok(contain(|| decide().map_err(Failure::from), Failure::from))
    }

    fn load(&mut self, mut file_load: FileLoad) -> Result<(), Error> {
        if file_load.undoes_first(&self.transaction.parts().1) {
            self.transaction.commit();
        }
        loop {
            self.transaction.begin()?;
            let begun = file_load.begun();
            let (mut sink, context) = self.transaction.parts();
            let part = || file_load.part(&mut sink, &context).map_err(Failure::from);
            let end = match contain(part, Failure::from) {
                Ok(end) => end,
                Err(_) if file_load.is_overtaken(&sink) => PartEnd::Lost,
                Err(failure) if self.transaction.conflicts.is_tried_again(file_load.file, &failure) => {
                    PartEnd::Lost
                }
                Err(failure) => return self.fail(file_load, &failure),
            };
            let counters = board::Counters::between(&begun.position, &file_load.position);
            match end {
                PartEnd::Lost | PartEnd::Held(_) => {
                    let file = file_load.file;
                    drop(file_load);
                    if let PartEnd::Held(load_id) = end {
                        self.waits_for(file, load_id)?;
                    }
                    self.transaction.give_way(file);
                    return Ok(());
                }
                PartEnd::Done => {
                    self.transaction.pending.leave_out(file_load.take_left_out());
                    let (_, context) = self.transaction.parts();
                    let line = report::loaded_line(
                        &file_load.path,
                        context.target_name,
                        file_load.load_id,
                        &file_load.position,
                    );
                    self.transaction.pending.count(&counters);
                    self.transaction.board.damaged(file_load.file, file_load.damage);
                    self.transaction.pending.hold(file_load.claims);
                    let outcome = FileOutcome {
                        file: file_load.file,
                        state: QueueState::Loaded,
                        load_id: file_load.load_id,
                    };
                    self.transaction.pending.log(line);
                    self.transaction.pending.add(outcome, file_load.size);
                    return Ok(());
                }
                PartEnd::More => {
                    self.transaction.pending.leave_out(file_load.take_left_out());
                    self.transaction.pending.count(&counters);
                    if let Err(refused) = self.transaction.try_commit() {
                        file_load.take_back(begun);
                        return self.part_refused(file_load, &refused);
                    }
                    self.transaction.conflicts.forget(file_load.file);
                    self.transaction.board.begin(file_load.file, file_load.load_id);
                    self.transaction.board.come_to(file_load.file, file_load.bytes_read());
                    self.show_progress();
                    if self.transaction.board.is_stopped() {
                        self.transaction.board.give_back(file_load.file);
                        return Ok(());
                    }
                    if let Some(epoch) = self.split(&mut file_load) {
                        self.split_claim = Some((epoch, file_load.claims));
                        return Ok(());
                    }
                }
            }
        }
    }

    /// A part could not be committed. If it shared the transaction with files, it is not known
    /// whose fault that is: all are loaded again, one by one.
    fn part_refused(&mut self, file_load: FileLoad, refused: &NotCommitted) -> Result<(), Error> {
        let NotCommitted { failure, outcomes } = refused;
        if outcomes.is_empty() && !self.transaction.conflicts.may_be_committed_later(file_load.file, failure)
        {
            self.transaction.begin()?;
            return self.fail(file_load, failure);
        }
        let file = file_load.file;
        drop(file_load);
        outcomes.iter().for_each(|outcome| self.transaction.board.give_back(outcome.file));
        self.transaction.give_way(file);
        Ok(())
    }

    /// Notes that a file waits for those who are at the load that it replaces, so that it is not
    /// read again before they have finished.
    fn waits_for(&mut self, file: usize, load_id: i64) -> Result<(), Error> {
        let (sink, _) = self.transaction.parts();
        if let Some(past) = sink.catalog.past(load_id, RowLock::No)? {
            self.busy.insert(file, Obstacle::replaced(&past));
        }
        Ok(())
    }

    /// Splits the rest of a file into ranges if another process has nothing else to do, and
    /// returns the number of the split.
    fn split(&mut self, file_load: &mut FileLoad) -> Option<u64> {
        let left = file_load.size.saturating_sub(file_load.position.offset);
        // What each range reads first is not to be more than the range.
        let head = file_load.range_overhead()?;
        let longest = settings::transaction_size();
        let length =
            (left / (8 * self.transaction.board.workers().max(1))).max(SHORTEST_RANGE).max(head).min(longest);
        if head > longest.max(SHORTEST_RANGE)
            || left < 2 * length
            || !self.transaction.board.has_idle()
            // That a file is not JSON is told by its first records, in order.
            || !file_load.position.any_good()
        {
            return None;
        }
        let epoch = self.transaction.board.open_range_plan(&RangePlan {
            file: file_load.file,
            load_id: file_load.load_id,
            start: file_load.position.offset,
            stat: *file_load.stat(),
            length,
        })?;
        file_load.stop_reading();
        Some(epoch)
    }

    fn let_go_of_split(&mut self) {
        if self
            .split_claim
            .as_ref()
            .is_some_and(|(epoch, _)| !self.transaction.board.is_range_plan_open(*epoch))
        {
            self.split_claim = None;
        }
    }

    fn fail(&mut self, mut file_load: FileLoad, failure: &Failure) -> Result<(), Error> {
        let (sink, context) = self.transaction.parts();
        file_load.fail(&sink, &context, failure)?;
        let outcome =
            FileOutcome { file: file_load.file, state: QueueState::Failed, load_id: file_load.load_id };
        let path = file_load.path.clone();
        self.transaction.pending.hold(file_load.claims);
        self.transaction.fail_file(outcome, &path, failure, None);
        Ok(())
    }

    /// A file that could not be looked at: its row says why, the one of the load that
    /// was stopped in it, or of an earlier attempt, if there is one.
    fn fail_unopened(&mut self, file: usize, path: &[u8], failure: &Failure) -> Result<(), Error> {
        let (sink, context) = self.transaction.parts();
        let is_text = text::is_valid(path);
        let name = if is_text { path.into() } else { as_text(path) };
        let mut earlier = sink.catalog.earlier(&context.content(0), None, Some(&name), None, Kin::LeaveOut);
        if !is_text {
            // A file that can be loaded may be called what this one is only written as.
            earlier.retain(Earlier::is_vain);
        }
        let mut row = context.row(0, &name, 0, pg::now(), 0);
        let vain: Vec<i64> =
            earlier.iter().filter(|earlier| earlier.is_vain()).map(|earlier| earlier.id).collect();
        let same = sink.catalog.same_attempt(&row, &vain);
        // Parts of the file belong to the load that brought them, whoever goes on.
        let has_row = |earlier: &&Earlier| {
            !earlier.status.is_whole() && (!earlier.is_vain() || same == Some(earlier.id))
        };
        let load_id = match earlier.iter().find(has_row) {
            Some(earlier) => {
                sink.catalog.fail(earlier.id, (&failure.code, &failure.message))?;
                earlier.id
            }
            None => {
                row.id = sink.catalog.next_load_id();
                sink.catalog.begin(&row, &file_load::unread(&context, None), &file_load::failed(failure));
                row.id
            }
        };
        self.transaction.fail_file(
            FileOutcome { file, state: QueueState::Failed, load_id },
            &name,
            failure,
            None,
        );
        Ok(())
    }
}
