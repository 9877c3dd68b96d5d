//! One range of a file that is cut. It is loaded as if the range before it ended
//! right where it is to end; whether it did shows when all before are committed,
//! in order. If not, it is loaded again from where they really ended.

use super::board::{self, Posted, State, Taken, Turn};
use super::report;
use super::work::Work;
use crate::access;
use crate::catalog::{FileState, Position, Status, Step};
use crate::error::{Error, Failure};
use crate::load::{FileSource, Gain, Intake, Part, Setup, explain};
use crate::pg::subtransaction::contain;
use crate::pg::{blocking, constraint, latch, progress, text, worker};
use loader_core::framing::{Cuts, Mark, Range};
use loader_core::input::{Compression, Decoded};
use std::time::{Duration, Instant};

/// Between two looks whether it is this range's turn.
const PATIENCE: Duration = Duration::from_millis(5);

/// It is asked so often whether the one whose turn it is waits for this one: for a
/// row that this transaction has written, say, or for somebody who does. The server
/// cannot see such a circle.
const SUSPICION: Duration = Duration::from_millis(250);

/// If it waits for any lock at so many looks, this one gives way too: the circle may
/// go over ranges of another call, which wait as this one does.
const PATIENT_LOOKS: u32 = 8;

/// What a range brought.
struct Ranged {
    start: Mark,
    end: Mark,
    margin: u64,
    gain: Gain,
    rejects: u64,
    open_offset: Option<u64>,
    format: &'static str,
    /// The file ends with it.
    last: bool,
}

impl Work<'_> {
    /// Loads a range and commits it, when it is its turn.
    pub(super) fn range(&mut self, taken: &Taken) -> Result<(), Error> {
        let path = self.board.path(taken.cut.file);
        if self.slot > 0 {
            worker::report_activity(&path);
        }
        if self.gives_way == Some(taken.epoch) {
            match self.wait_for_turn(taken) {
                Turn::Now => {}
                Turn::Over => return Ok(()),
                Turn::OneIsMissing | Turn::Later { .. } => {
                    self.board.drop_range(taken);
                    return Ok(());
                }
            }
        }
        loop {
            self.begin()?;
            let known = match self.board.turn(taken) {
                Turn::Over => return Ok(()),
                Turn::Now => match self.position(taken) {
                    Some(position) => Some(position),
                    None => return self.give_up(taken),
                },
                _ => None,
            };
            let outcome = self.load_range(taken, &path, known.as_ref());
            if known.is_none() {
                match self.wait_for_turn(taken) {
                    Turn::Now => {}
                    Turn::Over => {
                        self.roll_back();
                        return Ok(());
                    }
                    turn @ (Turn::OneIsMissing | Turn::Later { .. }) => {
                        if turn != Turn::OneIsMissing {
                            // They write the same rows: from now on one after the other.
                            self.gives_way = Some(taken.epoch);
                        }
                        self.roll_back();
                        self.board.drop_range(taken);
                        return Ok(());
                    }
                }
            }
            let Some(position) = self.position(taken) else { return self.give_up(taken) };
            match outcome {
                Ok(ranged) if ranged.began_at(&position) => {
                    return self.save(taken, &path, &ranged, &position);
                }
                // Somebody else has gone on with the load, and this range stood in his way.
                Err(_) if known.is_some_and(|known| known != position) => self.roll_back(),
                Err(failure)
                    if known.is_some() && failure.is_conflict() && self.may_try_again(taken.cut.file) =>
                {
                    self.roll_back();
                }
                Err(failure) if known.is_some() => return self.fail_cut(taken, &path, &failure),
                // It began at the wrong place, or failed where it might have.
                _ => self.roll_back(),
            }
        }
    }

    /// How far the load is.
    fn position(&self, taken: &Taken) -> Option<Position> {
        self.now.as_ref().and_then(|now| now.catalog.position(taken.cut.load_id))
    }

    /// Somebody else has finished the load, or undone it.
    fn give_up(&mut self, taken: &Taken) -> Result<(), Error> {
        self.roll_back();
        self.board.close_cut(taken);
        self.board.give_back(taken.cut.file);
        Ok(())
    }

    fn load_range(
        &mut self,
        taken: &Taken,
        path: &[u8],
        known: Option<&Position>,
    ) -> Result<Ranged, Failure> {
        let deferrable = self.deferrable;
        let mut body = || {
            let ranged = self.intake(taken, path, known)?;
            if deferrable {
                constraint::check_deferred();
            }
            Ok(ranged)
        };
        let outcome = contain(|| body().map_err(|error: Error| Failure::from(error)), Failure::from);
        progress::end();
        outcome
    }

    fn intake(&mut self, taken: &Taken, path: &[u8], known: Option<&Position>) -> Result<Ranged, Error> {
        let cut = &taken.cut;
        let last = taken.range + 1 == cut.ranges();
        let opened = access::open(path)?;
        let shown = opened.shown.clone();
        if opened.size() != cut.size || opened.mtime_micros() != cut.mtime {
            return Err(Error::Changed(shown));
        }
        let mut cuts = Cuts::new(FileSource::new(opened)).map_err(|error| explain(error, &shown))?;
        let mut find = |nominal: u64| cuts.after(nominal).map_err(|error| explain(error, &shown));
        let start = match known {
            Some(position) => mark_at(position),
            None if taken.range == 0 => Mark::at(cut.start),
            None => Mark::at(find(cut.nominal_start(taken.range))?),
        };
        let end = if last { u64::MAX } else { find(cut.nominal_start(taken.range + 1))? };
        let (load_id, leader) = (cut.load_id, self.board.leader());
        let (mut sink, common) = self.parts();
        let mut source = cuts.into_source();
        source.rewind()?;
        let decoded =
            Decoded::new(source, Some(Compression::None)).map_err(|error| explain(error, &shown))?;
        let mut intake = Intake::open(
            decoded,
            sink.target,
            &Setup {
                load_id,
                leader,
                options: common.options,
                part: Part { skip_to: 0, range: Some(Range { start, end: end.max(start.offset) }) },
                passes: None,
                threads: common.threads,
                any_good: true,
                rejected: known.map_or(0, |position| position.rejects),
                rows: 0,
            },
        )?;
        while intake.take(&mut sink)? {}
        intake.flush(&mut sink)?;
        let gain = intake.gain();
        let rejects = intake.rejects().count() - known.map_or(0, |position| position.rejects);
        let open_offset = intake.open_offset();
        let mut ended = intake.finish();
        let source = ended.source.source_mut();
        if last {
            source.check()?;
        } else {
            source.opened().check_same()?;
        }
        Ok(Ranged {
            start,
            end: ended.end,
            margin: ended.margin,
            gain,
            rejects,
            open_offset,
            format: ended.format.name(),
            last,
        })
    }

    /// Waits until all ranges before it are committed, unless one of them cannot be
    /// while this one's transaction is open.
    fn wait_for_turn(&mut self, taken: &Taken) -> Turn {
        let mut since = Instant::now();
        let mut blocked = 0;
        loop {
            let turn = self.board.turn(taken);
            let Turn::Later { before } = turn else { return turn };
            if self.board.is_stopped() {
                return Turn::Over;
            }
            // Without a transaction it is in nobody's way.
            if self.transactions.is_open() && since.elapsed() >= SUSPICION {
                since = Instant::now();
                let pid = self.board.pid(before);
                blocked = if blocking::is_blocked(pid) { blocked + 1 } else { 0 };
                if blocked >= PATIENT_LOOKS || (blocked > 0 && blocking::blocks(pid)) {
                    return turn;
                }
            }
            latch::wait(PATIENCE);
        }
    }

    /// Writes down a range that began where it had to, and commits it.
    fn save(
        &mut self,
        taken: &Taken,
        path: &[u8],
        ranged: &Ranged,
        position: &Position,
    ) -> Result<(), Error> {
        let actual = mark_at(position);
        let end = ranged.end.rebased(&ranged.start, &actual);
        let limit = self.options.reject_limit;
        if let Some(limit) = limit.filter(|&limit| position.rejects + ranged.rejects > limit) {
            let failure = Failure::from(Error::TooManyInFile { path: text::show(path), limit });
            self.roll_back();
            self.begin()?;
            return self.fail_cut(taken, path, &failure);
        }
        let ledger = ranged.gain.ledger(&ranged.start, &ranged.end);
        if !ledger.balances() || ledger.rejects != ranged.rejects {
            return Err(Error::Unbalanced { path: text::show(path) });
        }
        let step = Step {
            status: if ranged.last { Status::Loaded } else { Status::Running },
            rows: ranged.gain.rows,
            ledger,
            records: end.records,
            lines: end.line,
            overread: end.overread,
            open_offset: ranged.open_offset,
            error: None,
        };
        let file = FileState { known: None, format: ranged.format, compression: Compression::None.name() };
        let (sink, common) = self.parts();
        let (load_id, shifted) = (taken.cut.load_id, actual.records > ranged.start.records);
        if shifted && ranged.rejects > 0 {
            sink.catalog.shift_rejects(load_id, actual.offset, actual.records, actual.line)?;
        }
        if !sink.catalog.advance(load_id, actual.offset, &file, &step)? {
            return self.give_up(taken);
        }
        let gain = board::Gain {
            rows: ranged.gain.rows,
            rejects: ranged.rejects,
            stream_bytes: ledger.stream_bytes,
        };
        let last = ranged.last.then(|| {
            let position = Position {
                offset: end.offset,
                rejects: position.rejects + ranged.rejects,
                rows: position.rows + ranged.gain.rows,
                ..*position
            };
            let posted = Posted { file: taken.cut.file, state: State::Loaded, load_id };
            (posted, report::loaded(path, common.target_name, load_id, &position))
        });
        self.range_ends(taken, end.offset, &gain, last);
        self.commit();
        self.conflicts.remove(&taken.cut.file);
        Ok(())
    }

    /// The file fails at this range; those before it are committed.
    fn fail_cut(&mut self, taken: &Taken, path: &[u8], failure: &Failure) -> Result<(), Error> {
        let load_id = taken.cut.load_id;
        let (sink, _) = self.parts();
        sink.catalog.fail(load_id, (&failure.code, &failure.message))?;
        let posted = Posted { file: taken.cut.file, state: State::Failed, load_id };
        self.failed(posted, path, failure, Some(taken));
        Ok(())
    }
}

/// The mark of a position; its ledger counts from there.
fn mark_at(position: &Position) -> Mark {
    Mark {
        offset: position.offset,
        records: position.records,
        line: position.lines,
        overread: position.overread,
        ..Mark::default()
    }
}

impl Ranged {
    /// Whether what it brought is what it would have been, had it begun there.
    fn began_at(&self, position: &Position) -> bool {
        self.start.offset == position.offset && position.overread <= self.start.overread.max(self.margin)
    }
}
