//! One range of a file that is split. It is loaded as if the range before it ended
//! right where it is to end; whether it did shows when all before are committed,
//! in order. If not, it is loaded again from where they really ended.

use super::board::{self, FileOutcome, QueueState, RangeLease, Turn};
use super::report;
use super::worker_transaction::WorkerTransaction;
use crate::access;
use crate::catalog::{Position, Status};
use crate::error::{ContentError, Error, Failure};
use crate::load::{FileLoader, FileSource, FinishedStream, LeftOut, Part, PartResult, Setup, explain};
use crate::pg::executor::constraint;
use crate::pg::executor::subtransaction::contain;
use crate::pg::processes::{blocking, latch};
use crate::pg::strings::text;
use loader_core::split::{Assumption, Cuts, Range, ResumePoint};
use loader_core::stream::{self, Decoded};
use std::time::{Duration, Instant};

/// While a range waits for its turn, it looks again after this time.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A range that waits asks the server this often whether the range whose turn it is waits for it
/// in turn: for a row that this transaction has written, say, or for somebody who does. The server
/// cannot see such a circle.
const CIRCLE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// If the range whose turn it is waits for any lock at so many of these checks, the range that
/// waits gives way, too: the circle may go over ranges of another call, which wait as this one does.
const MOST_BLOCKED_CHECKS: u32 = 8;

/// If no range was committed for so long, and for so many times as long as loading this one took,
/// all ranges of the file are loaded one after the other. A wait that the table of locks does not
/// show, such as one in another server or in a loop, may be behind it.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
const LONGEST_WAIT_TIMES: u32 = 4;

/// Before a range that met a conflict when it was its turn is loaded again, the others have so long
/// to give way. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What loading a range came to.
struct LoadedRange {
    part: PartResult,
    /// What it took for granted about the place where it begins.
    assumption: Assumption,
    left_out: LeftOut,
    /// The file ends with it.
    last: bool,
}

/// Loads a range and commits it, when it is its turn. `gives_way` is the file, by its
/// epoch, in which ranges are in each other's way.
pub fn load(
    transaction: &mut WorkerTransaction<'_>,
    lease: &RangeLease,
    gives_way: &mut Option<u64>,
) -> Result<(), Error> {
    let path = transaction.board.path(lease.plan.file);
    report::show_file(transaction.slot, &path);
    let mut attempt =
        RangeAttempt { transaction, lease, path: &path, gives_way, in_the_way: false, pause: FIRST_PAUSE };
    let in_turn = *attempt.gives_way == Some(lease.epoch) || attempt.transaction.board.is_in_turn(lease);
    if in_turn && !attempt.comes_to_its_turn(Duration::ZERO) {
        return Ok(());
    }
    while !attempt.once()? {}
    Ok(())
}

/// The attempts of one worker to load one range.
struct RangeAttempt<'t, 'a> {
    transaction: &'t mut WorkerTransaction<'a>,
    lease: &'t RangeLease,
    path: &'t [u8],
    gives_way: &'t mut Option<u64>,
    /// It met a conflict when it was its turn.
    in_the_way: bool,
    pause: Duration,
}

impl RangeAttempt<'_, '_> {
    /// Loads it once; `false` where that has to be done again.
    fn once(&mut self) -> Result<bool, Error> {
        self.transaction.begin()?;
        let known = match self.transaction.board.turn(self.lease) {
            Turn::Over => return Ok(true),
            Turn::Now => match self.position() {
                Some(position) => Some(position),
                None => return Ok(self.give_up()),
            },
            Turn::Later { .. } | Turn::OneIsMissing => None,
        };
        let began = Instant::now();
        let outcome = self.load_range(known.as_ref());
        if known.is_none() && !self.comes_to_its_turn(began.elapsed()) {
            return Ok(true);
        }
        let Some(position) = self.position() else { return Ok(self.give_up()) };
        match outcome {
            Ok(ranged) if ranged.assumption.holds_at(&mark_at(&position)) => {
                let Some(failure) = self.save(ranged, &position)? else { return Ok(true) };
                self.in_the_way =
                    self.transaction.conflicts.may_be_committed_later(self.lease.plan.file, &failure);
                if !self.in_the_way {
                    self.transaction.begin()?;
                    self.fail(&failure)?;
                    return Ok(true);
                }
            }
            // It failed where it had to begin, and nobody has gone on with the load meanwhile.
            Err(failure) if known == Some(position) && !self.is_tried_again(&failure) => {
                self.fail(&failure)?;
                return Ok(true);
            }
            // It began at the wrong place, or failed where it might have.
            _ => {}
        }
        self.transaction.roll_back();
        if std::mem::take(&mut self.in_the_way) {
            self.transaction.board.load_in_turn(self.lease);
            latch::wait(self.pause);
            self.pause *= 2;
        }
        Ok(false)
    }

    fn is_tried_again(&mut self, failure: &Failure) -> bool {
        self.in_the_way = self.transaction.conflicts.is_tried_again(self.lease.plan.file, failure);
        self.in_the_way
    }

    /// Waits until it is the range's turn; `false` where that does not come. What was loaded of
    /// the range, which `took` so long, is taken back then, and others may load it.
    fn comes_to_its_turn(&mut self, took: Duration) -> bool {
        // Without a transaction it only waits: should it hold what a worker asks for that
        // goes on, such as an advisory lock that a trigger took for the session, nothing but
        // its end gives it back.
        self.transaction.set_idle(!self.transaction.is_in_transaction());
        let turn = self.wait_for_turn(took);
        self.transaction.set_idle(false);
        if turn == Turn::Now {
            return true;
        }
        self.transaction.roll_back();
        if matches!(turn, Turn::Later { .. }) {
            // They write the same rows: from now on one after the other.
            *self.gives_way = Some(self.lease.epoch);
        }
        if turn != Turn::Over {
            self.transaction.board.return_range(self.lease);
        }
        false
    }

    /// How far the load is.
    fn position(&self) -> Option<Position> {
        self.transaction.position(self.lease.plan.load_id)
    }

    /// Somebody else has finished the load, or undone it: nothing is to be tried again.
    fn give_up(&mut self) -> bool {
        self.transaction.roll_back();
        self.transaction.board.close_range_plan(self.lease);
        self.transaction.board.give_back(self.lease.plan.file);
        true
    }

    fn load_range(&mut self, known: Option<&Position>) -> Result<LoadedRange, Failure> {
        let load_id = self.lease.plan.load_id;
        let load = || self.load_file_range(known).map_err(|error| Failure::from(error.of_load(load_id)));
        contain(load, Failure::from)
    }

    fn load_file_range(&mut self, known: Option<&Position>) -> Result<LoadedRange, Error> {
        let lease = self.lease;
        let plan = &lease.plan;
        let last = lease.range + 1 == plan.ranges();
        let opened = access::open(self.path)?;
        let shown = opened.shown.clone();
        if !opened.stat().is_same(&plan.stat) {
            return Err(Error::Changed(shown));
        }
        let mut cuts = Cuts::new(FileSource::new(opened)).map_err(|error| explain(error, &shown))?;
        let mut find = |nominal: u64| cuts.after(nominal).map_err(|error| explain(error, &shown));
        let start = match known {
            Some(position) => mark_at(position),
            None if lease.range == 0 => ResumePoint::at(plan.start),
            None => ResumePoint::at(find(plan.nominal_start(lease.range))?),
        };
        let end = if last { u64::MAX } else { find(plan.nominal_start(lease.range + 1))? };
        let rejected = known.map_or(0, |position| position.rejects);
        let (mut sink, context) = self.transaction.parts();
        let mut source = cuts.into_source();
        source.rewind()?;
        let decoded =
            Decoded::new(source, &stream::Options::plain()).map_err(|error| explain(error, &shown))?;
        let mut loader = FileLoader::open(
            decoded,
            sink.target,
            &Setup {
                load_id: lease.plan.load_id,
                report: context.report(lease.plan.load_id, lease.plan.stat.size, 0, rejected),
                options: context.options,
                part: Part { resume_at: 0, range: Some(Range { start, end: end.max(start.offset) }) },
                continues: Some(lease.plan.load_id),
                passes: None,
                threads: context.threads,
                any_good: true,
                rejected,
            },
        )?;
        while loader.load_batch(&mut sink)? {}
        let ended = loader.finish(&mut sink, last)?;
        if context.deferrable {
            constraint::check_deferred()?;
        }
        let FinishedStream { part, assumption, left_out, .. } = ended;
        Ok(LoadedRange { part, assumption, left_out, last })
    }

    /// Waits until all ranges before it are committed, unless one of them cannot be
    /// while this one's transaction is open.
    fn wait_for_turn(&mut self, took: Duration) -> Turn {
        let longest = LONGEST_WAIT.max(took * LONGEST_WAIT_TIMES);
        let mut looked = Instant::now();
        let mut waits_for = (0, looked);
        let mut blocked = 0;
        loop {
            let turn = self.transaction.board.turn(self.lease);
            let Turn::Later { first, before } = turn else { return turn };
            if self.transaction.board.is_stopped() {
                return Turn::Over;
            }
            if first != waits_for.0 {
                waits_for = (first, Instant::now());
            }
            // Without a transaction it is in nobody's way.
            if self.transaction.is_in_transaction() {
                if waits_for.1.elapsed() >= longest {
                    self.transaction.board.load_in_turn(self.lease);
                }
                if self.transaction.board.is_in_turn(self.lease) {
                    return turn;
                }
                if looked.elapsed() >= CIRCLE_CHECK_INTERVAL {
                    looked = Instant::now();
                    let pid = self.transaction.board.pid(before);
                    blocked = if blocking::is_blocked(pid) { blocked + 1 } else { 0 };
                    if blocked >= MOST_BLOCKED_CHECKS || (blocked > 0 && blocking::blocks(pid)) {
                        return turn;
                    }
                }
            }
            latch::wait(POLL_INTERVAL);
        }
    }

    /// Writes down a range that began where it had to, and commits it. Returns why it could
    /// not be committed, if so.
    fn save(&mut self, ranged: LoadedRange, position: &Position) -> Result<Option<Failure>, Error> {
        let lease = self.lease;
        let (assumed, actual) = (ranged.part.from, mark_at(position));
        let end = ranged.part.end.rebased(&assumed, &actual);
        let part = PartResult { end, ..ranged.part.clone() };
        let reached = part.after(position);
        let (sink, context) = self.transaction.parts();
        let limit = context.options.reject_limit;
        if let Some(limit) = limit.filter(|&limit| reached.rejects > limit) {
            let error = ContentError::TooManyInFile { path: text::show(self.path), limit };
            let failure = Failure::from(Error::from(error));
            self.transaction.roll_back();
            self.transaction.begin()?;
            self.fail(&failure)?;
            return Ok(None);
        }
        let load_id = lease.plan.load_id;
        if actual.records > assumed.records && part.ledger.bytes_rejected > 0 {
            sink.catalog.shift_rejects(load_id, actual.offset, actual.records, actual.line)?;
        }
        let status = if ranged.last { Status::Loaded } else { Status::Running };
        if !sink.catalog.advance(load_id, actual.offset, &part.file(None), &part.step(status)) {
            self.give_up();
            return Ok(None);
        }
        let last = ranged.last.then(|| {
            let outcome = FileOutcome { file: lease.plan.file, state: QueueState::Loaded, load_id };
            (outcome, report::loaded_line(self.path, context.target_name, load_id, &reached))
        });
        if ranged.last {
            let at_end = || context.at_end_of_file(sink.catalog, load_id, self.path).map_err(Failure::from);
            if let Err(failure) = contain(at_end, Failure::from) {
                self.transaction.roll_back();
                return Ok(Some(failure));
            }
        }
        self.transaction.pending.leave_out(ranged.left_out);
        self.transaction.pending.add_range(
            lease,
            end.offset,
            &board::Counters::between(position, &reached),
            last,
        );
        if let Err(refused) = self.transaction.try_commit() {
            return Ok(Some(refused.failure));
        }
        self.transaction.conflicts.forget(lease.plan.file);
        Ok(None)
    }

    /// The file fails at this range; those before it are committed.
    fn fail(&mut self, failure: &Failure) -> Result<(), Error> {
        let load_id = self.lease.plan.load_id;
        let (sink, _) = self.transaction.parts();
        sink.catalog.fail(load_id, (&failure.code, &failure.message))?;
        let outcome = FileOutcome { file: self.lease.plan.file, state: QueueState::Failed, load_id };
        self.transaction.fail_file(outcome, self.path, failure, Some(self.lease));
        Ok(())
    }
}

/// The mark of a position; its ledger counts from there.
fn mark_at(position: &Position) -> ResumePoint {
    ResumePoint {
        offset: position.offset,
        records: position.records,
        line: position.lines,
        state: position.splitter_state,
        ..ResumePoint::default()
    }
}
