//! The files of a call: who has which, and what came of it. What changes together
//! changes while the lock is held.

use super::layout::{BoardMemory, FAILURE_BYTES, FileEntry, GuardedState, IGNORED, IGNORED_BYTES, OpenState};
use crate::access::FoundFile;
use crate::catalog::Position;
use crate::error::Failure;
use crate::load::LeftOut;
use crate::pg::memory::shared::Segment;
use crate::pg::processes::session::Session;
use loader_core::stream::Damage;
use std::iter;
use std::sync::atomic::Ordering::SeqCst;

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// Nobody has begun it.
    Open,
    /// A worker is at it.
    Taken(usize),
    /// Somebody else is at its content: to be looked at again.
    Busy,
    Loaded,
    Skipped,
    /// Skipped, though it is not what it was when it was loaded.
    Changed,
    /// Not loaded, because a load had its content.
    Refused,
    /// Not loaded, because it is not what it was when it was loaded.
    RefusedChanged,
    Failed,
    /// Not loaded, because the wait for whoever has it was longer than `lock_timeout`.
    HeldUp,
}

impl QueueState {
    pub(super) fn to_number(self) -> u64 {
        match self {
            QueueState::Open => 0,
            QueueState::Busy => 1,
            QueueState::Loaded => 2,
            QueueState::Skipped => 3,
            QueueState::Failed => 4,
            QueueState::Changed => 5,
            QueueState::Refused => 6,
            QueueState::RefusedChanged => 7,
            QueueState::HeldUp => 8,
            QueueState::Taken(slot) => 16 + slot as u64,
        }
    }

    fn of_number(number: u64) -> Self {
        match number {
            0 => QueueState::Open,
            1 => QueueState::Busy,
            2 => QueueState::Loaded,
            3 => QueueState::Skipped,
            4 => QueueState::Failed,
            5 => QueueState::Changed,
            6 => QueueState::Refused,
            7 => QueueState::RefusedChanged,
            8 => QueueState::HeldUp,
            slot => QueueState::Taken((slot - 16) as usize),
        }
    }
}

/// What came of a file.
#[derive(Clone, Copy, Debug)]
pub struct FileOutcome {
    pub file: usize,
    pub state: QueueState,
    pub load_id: i64,
}

/// Rows and bytes that were committed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub rows: u64,
    pub rejects: u64,
    pub stream_bytes: u64,
}

impl Counters {
    /// What brought a load from one position to the other.
    pub fn between(before: &Position, after: &Position) -> Self {
        Counters {
            rows: after.rows - before.rows,
            rejects: after.rejects - before.rejects,
            stream_bytes: after.offset - before.offset,
        }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Counters) {
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.stream_bytes += other.stream_bytes;
    }
}

/// What the files of a call have come to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub files: u64,
    pub loaded: u64,
    pub skipped: u64,
    pub failed: u64,
    pub rows: u64,
    pub rejects: u64,
    pub stream_bytes: u64,
    pub disk_done: u64,
    pub disk_all: u64,
}

impl Totals {
    /// Files that nothing more is done with.
    pub fn files_done(&self) -> u64 {
        self.loaded + self.skipped + self.failed
    }
}

/// What a call of `load_json_files` and its workers share.
pub struct Board {
    pub(super) memory: BoardMemory,
}

impl Board {
    /// One for these files, and for workers of this session. `plan` is what they have to
    /// know.
    pub fn new(session: &Session, plan: &[u8], files: &[FoundFile], leader: i32) -> Self {
        let bytes = iter::once(plan).chain(files.iter().map(|file| file.path.as_slice()));
        let fill = |open: &mut OpenState, guarded: &mut GuardedState, entries: &mut [FileEntry]| {
            open.leader = leader;
            open.plan_bytes = plan.len() as u64;
            guarded.left = files.len() as u64;
            guarded.disk_all = files.iter().map(FoundFile::size).sum();
            let mut end = 0;
            for (entry, file) in entries.iter_mut().zip(files) {
                end += file.path.len() as u64;
                entry.size = file.size();
                entry.path_end = end;
            }
        };
        Board { memory: session.share(files.len(), bytes, fill) }
    }

    /// The one in a segment that another process made; `None` where that was another
    /// build of the library.
    pub fn of(segment: Segment) -> Option<Self> {
        BoardMemory::of(segment).map(|memory| Board { memory })
    }

    /// The segment that it is in.
    pub fn segment(&self) -> &Segment {
        self.memory.segment()
    }

    /// The plan of the call, as the session wrote it down for its workers.
    pub fn plan_of_call(&self) -> &[u8] {
        &self.memory.bytes()[..self.memory.open().plan_bytes as usize]
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.memory.entries().len()
    }

    pub(super) fn entry(&self, file: usize) -> &FileEntry {
        &self.memory.entries()[file]
    }

    /// The path of a file.
    pub fn path(&self, file: usize) -> Vec<u8> {
        let paths = &self.memory.bytes()[self.memory.open().plan_bytes as usize..];
        let start = if file == 0 { 0 } else { self.entry(file - 1).path_end };
        paths[start as usize..self.entry(file).path_end as usize].to_vec()
    }

    /// Bytes of a file on disk, when the call began.
    pub fn size(&self, file: usize) -> u64 {
        self.entry(file).size
    }

    /// Notes how many workers were started.
    pub fn expect(&self, workers: u64) {
        self.memory.open().workers.store(workers, SeqCst);
    }

    /// How many workers were started.
    pub fn workers(&self) -> u64 {
        self.memory.open().workers.load(SeqCst)
    }

    /// The process of the session.
    pub fn leader(&self) -> i32 {
        self.memory.open().leader
    }

    /// Says which process works in a slot; 0 for none.
    pub fn occupy_slot(&self, slot: usize, pid: i32) {
        self.memory.open().slots[slot].pid.store(pid, SeqCst);
    }

    /// The process that works in a slot.
    pub fn pid(&self, slot: usize) -> i32 {
        self.memory.open().slots[slot].pid.load(SeqCst)
    }

    /// Asks everybody to end. Takes no lock: it is called at the end of the process, too.
    pub fn stop(&self) {
        self.memory.open().stop.store(1, SeqCst);
    }

    /// Whether everybody is to end.
    pub fn is_stopped(&self) -> bool {
        self.memory.open().stop.load(SeqCst) != 0
    }

    /// Makes the call fail, with the first such error, and everybody end.
    pub fn fail(&self, failure: &Failure) {
        let Failure { code, message } = failure;
        let mut text = code.as_bytes().to_vec();
        let most = FAILURE_BYTES - text.len();
        text.extend_from_slice(&message.as_bytes()[..message.floor_char_boundary(most)]);
        self.memory.locked(|guarded| {
            if guarded.failure_length == 0 {
                guarded.failure[..text.len()].copy_from_slice(&text);
                guarded.failure_length = text.len() as u64;
            }
        });
        self.stop();
    }

    /// What the call fails with.
    pub fn failure(&self) -> Option<Failure> {
        let text = self.memory.locked(|guarded| match guarded.failure_length as usize {
            0 => None,
            length => Some(guarded.failure[..length].to_vec()),
        })?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let (code, message) = text.split_at(5);
        Some(Failure { code: code.to_string(), message: message.to_string() })
    }

    /// The next file, in order, that nobody has begun.
    pub fn take_file(&self, slot: usize) -> Option<usize> {
        self.memory.locked(|guarded| {
            let next = guarded.next as usize;
            let file = (next..self.files()).find(|&file| self.state(file) == QueueState::Open);
            guarded.next = file.map_or(self.files(), |file| file + 1) as u64;
            self.set_state(file?, QueueState::Taken(slot));
            file
        })
    }

    /// A file at or behind `from` that was found busy.
    pub fn take_busy(&self, slot: usize, from: usize) -> Option<usize> {
        self.memory.locked(|_| {
            let file = (from..self.files()).find(|&file| self.state(file) == QueueState::Busy)?;
            self.set_state(file, QueueState::Taken(slot));
            Some(file)
        })
    }

    /// What has become of a file.
    pub fn state(&self, file: usize) -> QueueState {
        QueueState::of_number(self.entry(file).state.load(SeqCst))
    }

    /// Called with the lock held.
    pub(super) fn set_state(&self, file: usize, state: QueueState) {
        self.entry(file).state.store(state.to_number(), SeqCst);
    }

    /// Says which load a file is in that is begun.
    pub fn begin(&self, file: usize, load_id: i64) {
        self.entry(file).load_id.store(load_id, SeqCst);
    }

    /// The load of a file, if it has one: its own where it is begun, loaded or failed, or
    /// the one that it was skipped for.
    pub fn load_of(&self, file: usize) -> i64 {
        self.entry(file).load_id.load(SeqCst)
    }

    /// Says what was found wrong with a file that is read to its end.
    pub fn damaged(&self, file: usize, damage: Damage) {
        let (Damage { passed_over, hurt, lost }, entry) = (damage, self.entry(file));
        entry.passed_over.store(passed_over, SeqCst);
        entry.hurt.store(hurt, SeqCst);
        entry.lost.store(lost, SeqCst);
    }

    /// What was found wrong with a file that is loaded.
    pub fn damage_of(&self, file: usize) -> Damage {
        let entry = self.entry(file);
        Damage {
            passed_over: entry.passed_over.load(SeqCst),
            hurt: entry.hurt.load(SeqCst),
            lost: entry.lost.load(SeqCst),
        }
    }

    /// Gives a file back, to be looked at again, unless it is done.
    pub fn give_back(&self, file: usize) {
        self.memory.locked(|_| self.put_back(file));
    }

    /// Called with the lock held.
    fn put_back(&self, file: usize) {
        if matches!(self.state(file), QueueState::Taken(_)) {
            self.set_state(file, QueueState::Busy);
        }
    }

    /// What came of a file, now that it is committed.
    pub fn record(&self, outcome: &FileOutcome) {
        self.memory.locked(|guarded| {
            let counter = match outcome.state {
                QueueState::Loaded => &mut guarded.loaded,
                QueueState::Skipped | QueueState::Changed => &mut guarded.skipped,
                _ => &mut guarded.failed,
            };
            *counter += 1;
            self.count_to(guarded, outcome.file, self.size(outcome.file));
            self.begin(outcome.file, outcome.load_id);
            self.set_state(outcome.file, outcome.state);
            guarded.left -= 1;
        });
    }

    /// Has a file looked at again that was skipped.
    pub fn look_again(&self, file: usize) {
        self.memory.locked(|guarded| {
            guarded.skipped -= 1;
            self.begin(file, 0);
            self.set_state(file, QueueState::Busy);
            guarded.left += 1;
        });
    }

    /// Says how many bytes of a file, as it lies on disk, are committed.
    pub fn come_to(&self, file: usize, bytes: u64) {
        self.memory.locked(|guarded| self.count_to(guarded, file, bytes.min(self.size(file))));
    }

    fn count_to(&self, guarded: &mut GuardedState, file: usize, bytes: u64) {
        let done = self.entry(file).done.load(SeqCst);
        if bytes > done {
            self.entry(file).done.store(bytes, SeqCst);
            guarded.disk_done += bytes - done;
        }
    }

    /// Adds what was committed to the totals.
    pub fn count(&self, counters: &Counters) {
        self.memory.locked(|guarded| {
            guarded.rows += counters.rows;
            guarded.rejects += counters.rejects;
            guarded.stream_bytes += counters.stream_bytes;
        });
    }

    /// Adds what was left out of records that were committed, as far as there is room for names.
    pub fn leave_out(&self, left_out: &LeftOut) {
        self.memory.locked(|guarded| {
            guarded.set_null += left_out.values;
            for field in &left_out.fields {
                let length = guarded.ignored_length as usize;
                let end = length + 1 + field.len();
                let Ok(bytes) = u8::try_from(field.len()) else { continue };
                let known = || names(&guarded.ignored[..length]);
                let is_new = known().all(|name| name != field.as_bytes());
                if is_new && known().count() < IGNORED && end <= IGNORED_BYTES {
                    guarded.ignored[length] = bytes;
                    guarded.ignored[length + 1..end].copy_from_slice(field.as_bytes());
                    guarded.ignored_length = end as u64;
                }
            }
        });
    }

    /// What was left out of the records of all files.
    pub fn left_out(&self) -> LeftOut {
        let (values, ignored) = self.memory.locked(|guarded| {
            (guarded.set_null, guarded.ignored[..guarded.ignored_length as usize].to_vec())
        });
        let fields = names(&ignored).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        LeftOut { fields, values }
    }

    /// Whether all files are done.
    pub fn is_done(&self) -> bool {
        self.memory.locked(|guarded| guarded.left == 0)
    }

    /// Whether nobody has anything left to do.
    pub fn is_over(&self) -> bool {
        self.is_stopped() || self.is_done()
    }

    /// What the files of the call have come to so far.
    pub fn totals(&self) -> Totals {
        self.memory.locked(|guarded| Totals {
            files: self.files() as u64,
            loaded: guarded.loaded,
            skipped: guarded.skipped,
            failed: guarded.failed,
            rows: guarded.rows,
            rejects: guarded.rejects,
            stream_bytes: guarded.stream_bytes,
            disk_done: guarded.disk_done,
            disk_all: guarded.disk_all,
        })
    }

    /// Takes from a worker that has ended what it had: others go on with it.
    pub fn release(&self, slot: usize) {
        self.idle(slot, false);
        self.occupy_slot(slot, 0);
        self.memory.locked(|guarded| {
            for file in 0..self.files() {
                if self.state(file) == QueueState::Taken(slot) && !guarded.split.is_of(file) {
                    self.put_back(file);
                }
            }
            guarded.split.return_ranges_of(slot);
        });
    }
}

/// The names in a list, each of which stands behind its length.
fn names(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    iter::from_fn(move || {
        let (&length, rest) = list.split_first()?;
        let (name, rest) = rest.split_at(usize::from(length));
        list = rest;
        Some(name)
    })
}
