//! What a worker does, or the session itself: files one after the other, several
//! small ones in a transaction, large ones in parts, and ranges of one that is cut.

use super::board::{self, Cut, Posted, State};
use super::job::{self, End, Job};
use super::look::{self, Claims, Look, Obstacle, Reached};
use super::range;
use super::report;
use super::seat::{self, NotCommitted, Seat};
use super::waiting::Waiting;
use crate::catalog::{Earlier, RowLock};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::subtransaction::contain;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::processes::latch;
use crate::pg::strings::text;
use crate::settings;
use std::collections::HashMap;
use std::time::Duration;

/// Between two looks for something to do.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A range is no shorter than this unless a transaction is, bytes: each begins
/// with a look at the head of the file.
const SHORTEST_RANGE: u64 = 4 * 1024 * 1024;

/// Somebody who loads files of a call.
pub struct Work<'a> {
    seat: Seat<'a>,
    /// The claim on the file that is cut, and when it was.
    cut_claim: Option<(u64, Claims)>,
    /// The file that is cut is one where ranges are in each other's way.
    gives_way: Option<u64>,
    /// Where the next look for busy files begins, and what was in their way: they need
    /// not be read again to see that it still is.
    busy_from: usize,
    busy: HashMap<usize, Obstacle>,
    waiting: Waiting,
}

impl<'a> Work<'a> {
    /// Of whoever sits there.
    pub fn new(seat: Seat<'a>) -> Self {
        Work {
            seat,
            cut_claim: None,
            gives_way: None,
            busy_from: 0,
            busy: HashMap::new(),
            waiting: Waiting::default(),
        }
    }

    /// Works until there is nothing left to do.
    pub fn run(&mut self) -> Result<(), Error> {
        loop {
            pg::check_for_interrupts();
            if self.seat.board.is_stopped() {
                self.seat.roll_back();
                return Ok(());
            }
            self.seat.show_progress();
            self.let_go_of_cut();
            if let Some(file) = self.seat.next_refused() {
                self.seat.board.idle(self.seat.slot, false);
                self.file(file)?;
            } else if let Some(range) = self.seat.board.take_range(self.seat.slot) {
                self.seat.board.idle(self.seat.slot, false);
                self.seat.commit();
                let memory = Context::new(c"loader range", RESERVE);
                memory.within(|| range::load(&mut self.seat, &range, &mut self.gives_way))?;
            } else if let Some(file) = self.seat.board.take_file(self.seat.slot) {
                self.seat.board.idle(self.seat.slot, false);
                self.file(file)?;
            } else if let Some(file) = self.next_busy() {
                self.file(file)?;
            } else {
                self.seat.commit();
                if self.seat.board.is_done() {
                    return Ok(());
                }
                self.seat.board.idle(self.seat.slot, true);
                self.waiting.look(&mut self.seat, &self.busy);
                latch::wait(POLL_INTERVAL);
            }
        }
    }

    /// Each busy file once, then a pause.
    fn next_busy(&mut self) -> Option<usize> {
        let file = self.seat.board.take_busy(self.seat.slot, self.busy_from);
        self.busy_from = file.map_or(0, |file| file + 1);
        if file.is_some() {
            // Whoever waits holds nothing that the other may wait for.
            self.seat.commit();
        }
        file
    }

    fn file(&mut self, file: usize) -> Result<(), Error> {
        if self.seat.is_large(file) {
            self.seat.commit();
        }
        self.seat.begin()?;
        let path = self.seat.board.path(file);
        self.seat.show_file(&path);
        Context::new(c"loader file", RESERVE).within(|| self.look_and_load(file, path))?;
        if self.seat.is_full() {
            self.seat.commit();
        }
        Ok(())
    }

    fn look_and_load(&mut self, file: usize, path: Vec<u8>) -> Result<(), Error> {
        let (sink, common) = self.seat.parts();
        if self.busy.get(&file).is_some_and(|what| !what.has_gone(sink.catalog, common.target.oid)) {
            self.seat.board.give_back(file);
            return Ok(());
        }
        self.seat.board.idle(self.seat.slot, false);
        let looked = self.look(&path)?;
        let (_, common) = self.seat.parts();
        match looked {
            Ok(Look::Busy(what)) => {
                self.busy.insert(file, what);
                self.seat.board.give_back(file);
            }
            Ok(Look::Refused { load_id, changed }) => {
                let error = report::refused(&path, &common.target.shown, load_id, changed);
                let state = if changed { State::RefusedChanged } else { State::Refused };
                self.seat.refused(Posted { file, state, load_id }, error);
            }
            Ok(Look::Skip(load_id)) => self.seat.done(Posted { file, state: State::Skipped, load_id }, 0),
            Ok(Look::Changed(load_id)) => self.seat.done(Posted { file, state: State::Changed, load_id }, 0),
            Ok(Look::Load(found)) => {
                let refusal = self.seat.take_refusal(file);
                let load_id = match (found.begin.resumes, &refusal) {
                    (Some(load_id), _) => load_id,
                    (None, Some(refusal)) => refusal.load_id,
                    (None, None) => self.seat.parts().0.catalog.next_load_id()?,
                };
                let job = Job::new(file, path, *found, load_id);
                return match refusal {
                    Some(refusal) => self.fail(job, &refusal.failure),
                    None => self.load(job),
                };
            }
            Err(failure) if self.seat.is_tried_again(file, &failure) => {
                self.seat.board.give_back(file);
            }
            Err(failure) => self.fail_unopened(file, &path, &failure)?,
        }
        Ok(())
    }

    /// Looks at a file; the inner error is the file's. A large one is hashed outside of a
    /// transaction: that takes long, and nobody is to wait for it.
    fn look(&mut self, path: &[u8]) -> Result<Result<Look, Failure>, Error> {
        let (sink, common) = self.seat.parts();
        let reach = || look::reach(sink.catalog, &common, path, seat::is_large).map_err(Failure::from);
        let mut opened = match contain(reach, Failure::from) {
            Ok(Reached::Looked(look)) => return Ok(Ok(look)),
            Ok(Reached::Opened(opened)) => opened,
            Err(failure) => return Ok(Err(failure)),
        };
        self.seat.commit();
        let hashed = self.seat.hash(&mut opened);
        self.seat.begin()?;
        let (sink, common) = self.seat.parts();
        let look = || {
            hashed?;
            match opened.lock_again(sink.catalog, &common) {
                Some(what) => Ok(Look::Busy(what)),
                None => look::look(sink.catalog, &common, *opened),
            }
        };
        Ok(contain(|| look().map_err(Failure::from), Failure::from))
    }

    fn load(&mut self, mut job: Job) -> Result<(), Error> {
        if job.undoes_first(&self.seat.parts().1) {
            self.seat.commit();
        }
        loop {
            self.seat.begin()?;
            let begun = job.begun();
            let (mut sink, common) = self.seat.parts();
            let part = || job.part(&mut sink, &common).map_err(Failure::from);
            let end = match contain(part, Failure::from) {
                Ok(end) => end,
                Err(_) if job.is_overtaken(&sink) => End::Lost,
                Err(failure) if self.seat.is_tried_again(job.file, &failure) => End::Lost,
                Err(failure) => return self.fail(job, &failure),
            };
            let gain = board::Gain::between(&begun.position, &job.position);
            match end {
                End::Lost | End::Held(_) => {
                    let file = job.file;
                    drop(job);
                    if let End::Held(load_id) = end {
                        self.waits_for(file, load_id)?;
                    }
                    self.seat.give_way(file);
                    return Ok(());
                }
                End::Done => {
                    let (_, common) = self.seat.parts();
                    let line = report::loaded_line(&job.path, common.target_name, job.load_id, &job.position);
                    self.seat.gain(&gain);
                    self.seat.board.damaged(job.file, job.damage);
                    self.seat.hold(job.claims);
                    let posted = Posted { file: job.file, state: State::Loaded, load_id: job.load_id };
                    self.seat.log(line);
                    self.seat.done(posted, job.size);
                    return Ok(());
                }
                End::More => {
                    self.seat.gain(&gain);
                    if let Err(refused) = self.seat.try_commit() {
                        job.take_back(begun);
                        return self.part_refused(job, &refused);
                    }
                    self.seat.goes_on(job.file);
                    self.seat.board.begin(job.file, job.load_id);
                    self.seat.board.come_to(job.file, job.bytes_read());
                    self.seat.show_progress();
                    if self.seat.board.is_stopped() {
                        self.seat.board.give_back(job.file);
                        return Ok(());
                    }
                    if let Some(epoch) = self.cut(&mut job) {
                        self.cut_claim = Some((epoch, job.claims));
                        return Ok(());
                    }
                }
            }
        }
    }

    /// A part could not be committed. If it shared the transaction with files, it is not known
    /// whose fault that is: all are loaded again, one by one.
    fn part_refused(&mut self, job: Job, refused: &NotCommitted) -> Result<(), Error> {
        let NotCommitted { failure, posted } = refused;
        if posted.is_empty() && !self.seat.may_be_committed_later(job.file, failure) {
            self.seat.begin()?;
            return self.fail(job, failure);
        }
        let file = job.file;
        drop(job);
        posted.iter().for_each(|posted| self.seat.board.give_back(posted.file));
        self.seat.give_way(file);
        Ok(())
    }

    /// A file is not looked at again while somebody is at the load that it replaces.
    fn waits_for(&mut self, file: usize, load_id: i64) -> Result<(), Error> {
        let (sink, _) = self.seat.parts();
        if let Some(past) = sink.catalog.past(load_id, RowLock::No)? {
            self.busy.insert(file, Obstacle::replaced(&past));
        }
        Ok(())
    }

    /// Cuts the rest of a file into ranges if somebody has nothing else to do.
    fn cut(&mut self, job: &mut Job) -> Option<u64> {
        let left = job.size.saturating_sub(job.position.offset);
        // What each range reads first is not to be more than the range.
        let head = job.range_overhead()?;
        let longest = settings::transaction_size();
        let length =
            (left / (8 * self.seat.board.workers().max(1))).max(SHORTEST_RANGE).max(head).min(longest);
        if head > longest.max(SHORTEST_RANGE)
            || left < 2 * length
            || !self.seat.board.has_idle()
            // That a file is not JSON is told by its first records, in order.
            || !job.position.any_good()
        {
            return None;
        }
        let epoch = self.seat.board.open_cut(&Cut {
            file: job.file,
            load_id: job.load_id,
            start: job.position.offset,
            stat: *job.stat(),
            length,
        })?;
        job.stop_reading();
        Some(epoch)
    }

    fn let_go_of_cut(&mut self) {
        if self.cut_claim.as_ref().is_some_and(|(epoch, _)| !self.seat.board.is_cut_open(*epoch)) {
            self.cut_claim = None;
        }
    }

    fn fail(&mut self, mut job: Job, failure: &Failure) -> Result<(), Error> {
        let (sink, common) = self.seat.parts();
        job.fail(&sink, &common, failure)?;
        let posted = Posted { file: job.file, state: State::Failed, load_id: job.load_id };
        let path = job.path.clone();
        self.seat.hold(job.claims);
        self.seat.failed(posted, &path, failure, None);
        Ok(())
    }

    /// A file that could not be looked at: its row says why, the one of the load that
    /// was stopped in it, or of an earlier attempt, if there is one.
    fn fail_unopened(&mut self, file: usize, path: &[u8], failure: &Failure) -> Result<(), Error> {
        let (sink, common) = self.seat.parts();
        let name = if text::is_valid(path) { path.to_vec() } else { text::show(path).into_bytes() };
        let earlier = sink.catalog.earlier(&common.content(0), None, Some(&name), None);
        let mut row = common.row(0, &name, 0, pg::now(), 0);
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
                row.id = sink.catalog.next_load_id()?;
                sink.catalog.begin(&row, &job::unread(&common, None), &job::failed(failure))?;
                row.id
            }
        };
        self.seat.failed(Posted { file, state: State::Failed, load_id }, &name, failure, None);
        Ok(())
    }
}
