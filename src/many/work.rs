//! What a worker does, or the session itself: files one after the other, several
//! small ones in a transaction, large ones in parts, and ranges of one that is cut.

use super::board::{self, Board, Cut, Posted, State, Taken};
use super::call::Call;
use super::common::Common;
use super::job::{self, End, Job};
use super::look::{self, Claims, Look};
use super::report;
use crate::access;
use crate::catalog::{Catalog, FileState, Status};
use crate::error::{Error, Failure};
use crate::load::{Options, RESERVE, Sink};
use crate::pg::memory::Context;
use crate::pg::subtransaction::contain;
use crate::pg::transaction::Transactions;
use crate::pg::{self, constraint, latch, progress, text, worker};
use crate::settings;
use crate::sink::{Insert, Target};
use loader_core::framing::{Format, LEARNED_FROM};
use loader_core::input::Compression;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Files of one transaction, at most: each takes a subtransaction, and the server
/// keeps 64 of them at hand.
const GROUP_FILES: usize = 50;

/// … and bytes of them, …
const GROUP_BYTES: u64 = 16 * 1024 * 1024;

/// … and time.
const GROUP_TIME: Duration = Duration::from_millis(500);

/// A file is tried so often again after a conflict with others.
const TRIES: u32 = 5;

/// Between two looks for something to do.
const PATIENCE: Duration = Duration::from_millis(20);

/// A range is no shorter than this unless a transaction is, bytes: each begins
/// with a look at the head of the file.
const SHORTEST_RANGE: u64 = 4 * 1024 * 1024;

/// Somebody who loads files of a call.
pub struct Work<'a> {
    pub(super) board: &'a Board,
    pub(super) slot: usize,
    pub(super) transactions: &'a mut Transactions,
    pub(super) call: &'a Call,
    pub(super) options: Options,
    options_json: String,
    pub(super) now: Option<Now>,
    group: Group,
    /// Something is checked at the end of a transaction only: each file has its own.
    pub(super) deferrable: bool,
    /// The claim on the file that is cut, and when it was.
    cut_claim: Option<(u64, Claims)>,
    /// The file that is cut is one where ranges are in each other's way.
    pub(super) gives_way: Option<u64>,
    /// Where the next look for busy files begins, and what they held: they need not
    /// be read again to see that they are still busy.
    busy_from: usize,
    busy: HashMap<usize, [u8; 32]>,
    /// How often a file was in somebody's way.
    pub(super) conflicts: HashMap<usize, u32>,
}

/// What belongs to the transaction under way.
pub(super) struct Now {
    pub(super) target: Target,
    pub(super) target_name: Vec<u8>,
    pub(super) insert: Insert,
    pub(super) catalog: Catalog,
}

/// Files that are loaded and not committed.
#[derive(Default)]
struct Group {
    posted: Vec<Posted>,
    gain: board::Gain,
    claims: Vec<Claims>,
    /// A range, and where it ended.
    range: Option<(Taken, u64)>,
    /// The range that is the last of its file, because that ends or fails with it.
    closes: Option<Taken>,
    /// What the call is to fail with.
    fails: Option<Failure>,
    /// Lines for the server's log.
    lines: Vec<String>,
    bytes: u64,
    began: Option<Instant>,
}

impl<'a> Work<'a> {
    pub fn new(
        board: &'a Board,
        slot: usize,
        transactions: &'a mut Transactions,
        call: &'a Call,
    ) -> Result<Self, Error> {
        board.sit_down(slot, pg::process_id());
        let options = call.options()?;
        Ok(Work {
            board,
            slot,
            transactions,
            call,
            options_json: options.to_json(),
            options,
            now: None,
            group: Group::default(),
            deferrable: false,
            cut_claim: None,
            gives_way: None,
            busy_from: 0,
            busy: HashMap::new(),
            conflicts: HashMap::new(),
        })
    }

    /// Works until there is nothing left to do.
    pub fn run(&mut self) -> Result<(), Error> {
        self.begin()?;
        self.deferrable = constraint::any_deferrable();
        loop {
            pg::check_for_interrupts();
            if self.board.is_stopped() {
                self.roll_back();
                return Ok(());
            }
            self.let_go_of_cut();
            if let Some(range) = self.board.take_range(self.slot) {
                self.commit();
                let memory = Context::new(c"loader range", RESERVE);
                memory.within(|| self.range(&range))?;
            } else if let Some(file) = self.board.take_file(self.slot) {
                self.file(file)?;
            } else if let Some(file) = self.next_busy() {
                self.file(file)?;
            } else {
                self.commit();
                if self.board.is_done() {
                    return Ok(());
                }
                self.board.idle(self.slot, true);
                latch::wait(PATIENCE);
                self.board.idle(self.slot, false);
            }
        }
    }

    /// Each busy file once, then a pause.
    fn next_busy(&mut self) -> Option<usize> {
        let file = self.board.take_busy(self.slot, self.busy_from);
        self.busy_from = file.map_or(0, |file| file + 1);
        if file.is_some() {
            // Whoever waits holds nothing that the other may wait for.
            self.commit();
        }
        file
    }

    /// Begins a transaction, unless one is open: locks the target and checks what
    /// may have changed since the last one.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if self.transactions.is_open() {
            return Ok(());
        }
        self.transactions.begin();
        access::require_file_role()?;
        let target = Target::lock(self.call.table, &self.call.target_column)?;
        let target_name = target.quoted_name()?;
        let insert = Insert::prepare(&target)?;
        let catalog = Catalog::open()?;
        self.now = Some(Now { target, target_name, insert, catalog });
        Ok(())
    }

    /// Commits what is loaded, and says so. Between the commit and the last word on
    /// the board nothing may look at interrupts: this process could end there, and
    /// nobody would learn what is done. Writing to the server's log does.
    pub(super) fn commit(&mut self) {
        self.now = None;
        self.transactions.commit();
        let group = std::mem::take(&mut self.group);
        self.board.gain(&group.gain);
        for posted in &group.posted {
            self.board.post(posted);
        }
        if let Some((taken, end)) = group.range {
            self.board.come_to(taken.cut.file, end);
            self.board.range_is_done(&taken);
        }
        if let Some(taken) = group.closes {
            self.board.close_cut(&taken);
        }
        if let Some(failure) = group.fails {
            self.board.fail(&failure);
        }
        group.lines.into_iter().for_each(report::log);
    }

    /// What is to be said of a range when it is committed.
    pub(super) fn range_ends(
        &mut self,
        taken: &Taken,
        end: u64,
        gain: &board::Gain,
        last: Option<(Posted, String)>,
    ) {
        self.group.range = Some((*taken, end));
        self.group.gain.add(gain);
        if let Some((posted, line)) = last {
            self.group.closes = Some(*taken);
            self.group.posted.push(posted);
            self.group.lines.push(line);
        }
    }

    /// Takes back what is not committed; its files are there for others.
    pub(super) fn roll_back(&mut self) {
        self.now = None;
        self.transactions.roll_back();
        for posted in std::mem::take(&mut self.group).posted {
            self.board.give_back(posted.file);
        }
    }

    fn file(&mut self, file: usize) -> Result<(), Error> {
        if self.board.size(file) > GROUP_BYTES {
            self.commit();
        }
        self.begin()?;
        let path = self.board.path(file);
        if self.slot > 0 {
            worker::report_activity(&path);
        }
        Context::new(c"loader file", RESERVE).within(|| self.look_and_load(file, path))?;
        progress::end();
        let full = self.group.posted.len() >= GROUP_FILES
            || self.group.bytes >= GROUP_BYTES
            || self.group.began.is_some_and(|began| began.elapsed() >= GROUP_TIME);
        if full || self.deferrable {
            self.commit();
        }
        Ok(())
    }

    /// What is the same for all files, and what this transaction has open.
    pub(super) fn parts(&mut self) -> (Sink<'_>, Common<'_>) {
        let now = self.now.as_mut().expect("a transaction");
        let sink = Sink { target: &now.target, insert: &mut now.insert, catalog: &now.catalog };
        let common = Common {
            target: &now.target,
            target_name: &now.target_name,
            options: &self.options,
            options_json: &self.options_json,
            chunk: self.call.chunk,
            threads: self.call.threads,
            leader: self.board.leader(),
            part_size: settings::transaction_size(),
            deferrable: self.deferrable,
        };
        (sink, common)
    }

    fn look_and_load(&mut self, file: usize, path: Vec<u8>) -> Result<(), Error> {
        let busy = self.busy.get(&file).copied();
        let (sink, common) = self.parts();
        if busy.is_some_and(|hash| sink.catalog.try_claim(common.target.oid, &hash).is_none()) {
            self.board.give_back(file);
            return Ok(());
        }
        let looked =
            contain(|| look::look(sink.catalog, &common, &path).map_err(Failure::from), Failure::from);
        match looked {
            Ok(Look::Busy(hash)) => {
                self.busy.insert(file, hash);
                self.board.give_back(file);
            }
            Ok(Look::Refused { load_id, changed }) => {
                let error = report::refused(&path, &common.target.shown, load_id, changed);
                let state = if changed { State::RefusedChanged } else { State::Refused };
                self.done(Posted { file, state, load_id }, 0);
                if self.call.stop {
                    self.group.fails = Some(Failure::from(error));
                    self.commit();
                }
            }
            Ok(Look::Skip(load_id)) => self.done(Posted { file, state: State::Skipped, load_id }, 0),
            Ok(Look::Changed(load_id)) => self.done(Posted { file, state: State::Changed, load_id }, 0),
            Ok(Look::Load(found)) => {
                let load_id = match found.begin.resumes {
                    Some(load_id) => load_id,
                    None => sink.catalog.next_load_id()?,
                };
                return self.load(Job::new(file, path, *found, load_id));
            }
            Err(failure) => self.fail_unopened(file, &path, &failure)?,
        }
        Ok(())
    }

    /// A file that needs no more work once this is committed.
    fn done(&mut self, posted: Posted, bytes: u64) {
        self.group.posted.push(posted);
        self.group.bytes += bytes;
        self.group.began.get_or_insert_with(Instant::now);
    }

    fn load(&mut self, mut job: Job) -> Result<(), Error> {
        loop {
            self.begin()?;
            let before = job.position;
            let (mut sink, common) = self.parts();
            let part = || job.part(&mut sink, &common).map_err(Failure::from);
            let end = match contain(part, Failure::from) {
                Ok(end) => end,
                Err(_) if job.is_overtaken(&sink) => End::Lost,
                Err(failure) if failure.is_conflict() && self.may_try_again(job.file) => End::Lost,
                Err(failure) => return self.fail(job, &failure),
            };
            let gain = board::Gain {
                rows: job.position.rows - before.rows,
                rejects: job.position.rejects - before.rejects,
                stream_bytes: job.position.offset - before.offset,
            };
            match end {
                End::Lost => {
                    let file = job.file;
                    drop(job);
                    self.roll_back();
                    self.board.give_back(file);
                    return Ok(());
                }
                End::Done => {
                    let (_, common) = self.parts();
                    let line = report::loaded(&job.path, common.target_name, job.load_id, &job.position);
                    self.group.gain.add(&gain);
                    self.group.claims.push(job.claims);
                    let posted = Posted { file: job.file, state: State::Loaded, load_id: job.load_id };
                    self.group.lines.push(line);
                    self.done(posted, job.size);
                    return Ok(());
                }
                End::More => {
                    self.conflicts.remove(&job.file);
                    self.group.gain.add(&gain);
                    self.commit();
                    self.board.come_to(job.file, job.bytes_read());
                    if self.board.is_stopped() {
                        self.board.give_back(job.file);
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

    /// Whether a file that met a deadlock, say, is to be tried again.
    pub(super) fn may_try_again(&mut self, file: usize) -> bool {
        let times = self.conflicts.entry(file).or_default();
        *times += 1;
        *times <= TRIES
    }

    /// Cuts the rest of a file into ranges if somebody has nothing else to do.
    fn cut(&mut self, job: &mut Job) -> Option<u64> {
        let left = job.size.saturating_sub(job.position.offset);
        // Each range looks at the head first: that is not to be more than the range.
        let head = job.position.offset / job.position.records.max(1) * LEARNED_FROM;
        let longest = settings::transaction_size();
        let length = (left / (8 * self.board.workers().max(1))).max(SHORTEST_RANGE).max(head).min(longest);
        if head > longest.max(SHORTEST_RANGE)
            || left < 2 * length
            || !self.board.has_idle()
            || !job.is_cuttable()
        {
            return None;
        }
        let epoch = self.board.open_cut(&Cut {
            file: job.file,
            load_id: job.load_id,
            start: job.position.offset,
            size: job.size,
            mtime: job.mtime,
            length,
        })?;
        job.stop_reading();
        Some(epoch)
    }

    fn let_go_of_cut(&mut self) {
        if self.cut_claim.as_ref().is_some_and(|(epoch, _)| !self.board.is_cut_open(*epoch)) {
            self.cut_claim = None;
        }
    }

    fn fail(&mut self, mut job: Job, failure: &Failure) -> Result<(), Error> {
        let (sink, common) = self.parts();
        job.fail(&sink, &common, failure)?;
        let posted = Posted { file: job.file, state: State::Failed, load_id: job.load_id };
        let path = job.path.clone();
        self.group.claims.push(job.claims);
        self.failed(posted, &path, failure, None);
        Ok(())
    }

    /// A file that could not be looked at: its row says why, the one of an earlier
    /// attempt if there is one.
    fn fail_unopened(&mut self, file: usize, path: &[u8], failure: &Failure) -> Result<(), Error> {
        let (sink, common) = self.parts();
        let name = if text::is_valid(path) { path.to_vec() } else { text::show(path).into_bytes() };
        let earlier = sink.catalog.earlier(&common.content(0), None, Some(&name));
        let load_id = match earlier.iter().find(|earlier| earlier.status != Status::Loaded) {
            Some(earlier) => {
                sink.catalog.fail(earlier.id, (&failure.code, &failure.message))?;
                earlier.id
            }
            None => {
                let id = sink.catalog.next_load_id()?;
                let state = FileState {
                    known: None,
                    format: common.options.format.map_or("auto", Format::name),
                    compression: common.options.compression.map_or("auto", Compression::name),
                };
                sink.catalog.begin(&common.row(id, &name, 0, pg::now(), 0), &state, &job::failed(failure))?;
                id
            }
        };
        self.failed(Posted { file, state: State::Failed, load_id }, &name, failure, None);
        Ok(())
    }

    /// A file has failed, and that is written down; it may end the call. If it was
    /// cut, the range that it failed at is its last.
    pub(super) fn failed(&mut self, posted: Posted, path: &[u8], failure: &Failure, last: Option<&Taken>) {
        let line = report::failed(path, posted.load_id, failure);
        if self.call.stop {
            self.group.fails = Some(Failure { code: failure.code.clone(), message: line.clone() });
        }
        self.group.closes = last.copied();
        self.group.lines.push(line);
        self.done(posted, 0);
        self.commit();
    }
}
