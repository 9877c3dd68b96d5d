//! The files of a call: who has which, and what came of it. What changes together
//! changes under one lock.

use super::layout::{BoardMemory, FileWord, PIDS, TEXT, TEXT_WORDS, Word};
use crate::catalog::Position;
use crate::error::Failure;
use crate::pg::memory::shared::Segment;
use crate::pg::processes::session::Session;
use loader_core::stream::Damage;
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
    pub(super) fn to_word(self) -> u64 {
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

    fn of_word(word: u64) -> Self {
        match word {
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

/// How all is.
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
    pub(super) words: BoardMemory,
}

impl Board {
    /// One for these files, and for workers of this session. `call` is what they have to
    /// know; the sizes are those on disk.
    pub fn new(session: &Session, call: &[u8], paths: &[Vec<u8>], sizes: &[u64], leader: i32) -> Self {
        let bytes: usize = paths.iter().map(Vec::len).sum();
        let board =
            Board { words: BoardMemory::new(session, paths.len(), bytes, 1 + call.len().div_ceil(8)) };
        board.words.set(Word::Files, paths.len() as u64);
        board.words.set(Word::Left, paths.len() as u64);
        board.words.set(Word::Leader, leader as u64);
        board.words.set(Word::DiskAll, sizes.iter().sum());
        let mut end = 0;
        for (file, (path, &size)) in paths.iter().zip(sizes).enumerate() {
            end += path.len();
            board.words.of_file(file, FileWord::Size).store(size, SeqCst);
            board.words.of_file(file, FileWord::PathEnd).store(end as u64, SeqCst);
        }
        let after =
            board.words.write_bytes(BoardMemory::paths_at(paths.len()), paths.iter().flatten().copied());
        board.words.at(after).store(call.len() as u64, SeqCst);
        board.words.write_bytes(after + 1, call.iter().copied());
        board
    }

    /// The one in a segment that another process made; `None` where that was another
    /// build of the library.
    pub fn of(segment: Segment) -> Option<Self> {
        BoardMemory::of(segment).map(|words| Board { words })
    }

    /// The memory that it is in.
    pub fn segment(&self) -> &Segment {
        self.words.segment()
    }

    /// The plan of the call, as the session wrote it down for its workers.
    pub fn plan_of_call(&self) -> Vec<u8> {
        let files = self.files();
        let bytes = if files == 0 {
            0
        } else {
            self.words.of_file(files - 1, FileWord::PathEnd).load(SeqCst) as usize
        };
        let at = BoardMemory::paths_at(files) + bytes.div_ceil(8);
        let length = self.words.at(at).load(SeqCst) as usize;
        self.words.read_bytes(at + 1, 0, length)
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.words.get(Word::Files) as usize
    }

    /// The path of a file.
    pub fn path(&self, file: usize) -> Vec<u8> {
        let end = |file: usize| self.words.of_file(file, FileWord::PathEnd).load(SeqCst) as usize;
        let start = if file == 0 { 0 } else { end(file - 1) };
        self.words.read_bytes(BoardMemory::paths_at(self.files()), start, end(file))
    }

    /// Bytes of a file on disk, when the call began.
    pub fn size(&self, file: usize) -> u64 {
        self.words.of_file(file, FileWord::Size).load(SeqCst)
    }

    /// Says how many workers were started.
    pub fn expect(&self, workers: u64) {
        self.words.set(Word::Workers, workers);
    }

    /// How many workers were started.
    pub fn workers(&self) -> u64 {
        self.words.get(Word::Workers)
    }

    /// The process of the session.
    pub fn leader(&self) -> i32 {
        self.words.get(Word::Leader) as i32
    }

    /// Says which process works in a slot; 0 for none.
    pub fn occupy_slot(&self, slot: usize, pid: i32) {
        self.words.at(PIDS + slot).store(pid as u64, SeqCst);
    }

    /// The process that works in a slot.
    pub fn pid(&self, slot: usize) -> i32 {
        self.words.at(PIDS + slot).load(SeqCst) as i32
    }

    /// Asks everybody to end.
    pub fn stop(&self) {
        self.words.set(Word::Stop, 1);
    }

    /// Whether everybody is to end.
    pub fn is_stopped(&self) -> bool {
        self.words.get(Word::Stop) != 0
    }

    /// Makes the call fail, with the first such error, and everybody end.
    pub fn fail(&self, failure: &Failure) {
        let Failure { code, message } = failure;
        let mut text = code.as_bytes().to_vec();
        let most = (TEXT_WORDS - 1) * 8 - text.len();
        text.extend_from_slice(&message.as_bytes()[..message.floor_char_boundary(most)]);
        self.words.locked(|| {
            if self.words.get(Word::Broken) == 0 {
                self.words.at(TEXT).store(text.len() as u64, SeqCst);
                self.words.write_bytes(TEXT + 1, text.iter().copied());
                self.words.set(Word::Broken, 1);
            }
        });
        self.stop();
    }

    /// What the call fails with.
    pub fn failure(&self) -> Option<Failure> {
        (self.words.get(Word::Broken) != 0).then(|| {
            let length = self.words.at(TEXT).load(SeqCst) as usize;
            let text = String::from_utf8_lossy(&self.words.read_bytes(TEXT + 1, 0, length)).into_owned();
            let (code, message) = text.split_at(5);
            Failure { code: code.to_string(), message: message.to_string() }
        })
    }

    /// The next file, in order, that nobody has begun.
    pub fn take_file(&self, slot: usize) -> Option<usize> {
        self.words.locked(|| {
            let files = self.files();
            let mut next = self.words.get(Word::Next) as usize;
            while next < files && self.state(next) != QueueState::Open {
                next += 1;
            }
            self.words.set(Word::Next, (next + 1).min(files) as u64);
            (next < files).then(|| {
                self.words.of_file(next, FileWord::State).store(QueueState::Taken(slot).to_word(), SeqCst);
                next
            })
        })
    }

    /// A file at or behind `from` that was found busy.
    pub fn take_busy(&self, slot: usize, from: usize) -> Option<usize> {
        self.words.locked(|| {
            let file = (from..self.files()).find(|&file| self.state(file) == QueueState::Busy)?;
            self.words.of_file(file, FileWord::State).store(QueueState::Taken(slot).to_word(), SeqCst);
            Some(file)
        })
    }

    /// What has become of a file.
    pub fn state(&self, file: usize) -> QueueState {
        QueueState::of_word(self.words.of_file(file, FileWord::State).load(SeqCst))
    }

    /// Says which load a file is in that is begun.
    pub fn begin(&self, file: usize, load_id: i64) {
        self.words.of_file(file, FileWord::Load).store(load_id as u64, SeqCst);
    }

    /// The load of a file, if it has one: its own where it is begun, loaded or failed, or
    /// the one that it was skipped for.
    pub fn load_of(&self, file: usize) -> i64 {
        self.words.of_file(file, FileWord::Load).load(SeqCst) as i64
    }

    /// Says what was found wrong with a file that is read to its end.
    pub fn damaged(&self, file: usize, damage: Damage) {
        let Damage { passed_over, hurt, lost } = damage;
        for (word, value) in
            [(FileWord::PassedOver, passed_over), (FileWord::Hurt, hurt), (FileWord::Lost, lost)]
        {
            self.words.of_file(file, word).store(value, SeqCst);
        }
    }

    /// What was found wrong with a file that is loaded.
    pub fn damage_of(&self, file: usize) -> Damage {
        let word = |word| self.words.of_file(file, word).load(SeqCst);
        Damage {
            passed_over: word(FileWord::PassedOver),
            hurt: word(FileWord::Hurt),
            lost: word(FileWord::Lost),
        }
    }

    /// Gives a file back, to be looked at again, unless it is done.
    pub fn give_back(&self, file: usize) {
        self.words.locked(|| self.put_back(file));
    }

    fn put_back(&self, file: usize) {
        if matches!(self.state(file), QueueState::Taken(_)) {
            self.words.of_file(file, FileWord::State).store(QueueState::Busy.to_word(), SeqCst);
        }
    }

    /// What came of a file, now that it is committed.
    pub fn record(&self, result: &FileOutcome) {
        self.words.locked(|| {
            let counter = match result.state {
                QueueState::Loaded => Word::Loaded,
                QueueState::Skipped | QueueState::Changed => Word::Skipped,
                _ => Word::Failed,
            };
            self.words.add(counter, 1);
            self.count_to(result.file, self.size(result.file));
            self.words.of_file(result.file, FileWord::Load).store(result.load_id as u64, SeqCst);
            self.words.of_file(result.file, FileWord::State).store(result.state.to_word(), SeqCst);
            self.words.set(Word::Left, self.words.get(Word::Left) - 1);
        });
    }

    /// Has a file looked at again that was skipped.
    pub fn look_again(&self, file: usize) {
        self.words.locked(|| {
            self.words.set(Word::Skipped, self.words.get(Word::Skipped) - 1);
            self.words.of_file(file, FileWord::Load).store(0, SeqCst);
            self.words.of_file(file, FileWord::State).store(QueueState::Busy.to_word(), SeqCst);
            self.words.set(Word::Left, self.words.get(Word::Left) + 1);
        });
    }

    /// Says how many bytes of a file, as it lies on disk, are committed.
    pub fn come_to(&self, file: usize, bytes: u64) {
        self.words.locked(|| self.count_to(file, bytes.min(self.size(file))));
    }

    fn count_to(&self, file: usize, bytes: u64) {
        let done = self.words.of_file(file, FileWord::Done).load(SeqCst);
        if bytes > done {
            self.words.of_file(file, FileWord::Done).store(bytes, SeqCst);
            self.words.add(Word::DiskDone, bytes - done);
        }
    }

    /// What was committed.
    pub fn count(&self, counters: &Counters) {
        self.words.add(Word::Rows, counters.rows);
        self.words.add(Word::Rejects, counters.rejects);
        self.words.add(Word::StreamBytes, counters.stream_bytes);
    }

    /// Whether all files are done.
    pub fn is_done(&self) -> bool {
        self.words.get(Word::Left) == 0
    }

    /// Whether nobody has anything left to do.
    pub fn is_over(&self) -> bool {
        self.is_done() || self.is_stopped()
    }

    /// How all is.
    pub fn totals(&self) -> Totals {
        Totals {
            files: self.words.get(Word::Files),
            loaded: self.words.get(Word::Loaded),
            skipped: self.words.get(Word::Skipped),
            failed: self.words.get(Word::Failed),
            rows: self.words.get(Word::Rows),
            rejects: self.words.get(Word::Rejects),
            stream_bytes: self.words.get(Word::StreamBytes),
            disk_done: self.words.get(Word::DiskDone),
            disk_all: self.words.get(Word::DiskAll),
        }
    }

    /// Takes from a worker that has ended what it had: others go on with it.
    pub fn release(&self, slot: usize) {
        self.idle(slot, false);
        self.occupy_slot(slot, 0);
        self.words.locked(|| {
            for file in 0..self.files() {
                if self.state(file) == QueueState::Taken(slot) && !self.is_split(file) {
                    self.put_back(file);
                }
            }
            self.return_ranges_of(slot);
        });
    }
}
