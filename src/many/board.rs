//! What a call of `load_json_files` and its workers share: who has which file,
//! which range of the file that is cut, and what came of it. In shared memory, as
//! atomic words; what changes together changes under one lock.

use crate::pg::shared::Segment;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Workers, at most, and the session itself.
pub const SLOTS: usize = 65;

/// Ranges of one file that are begun and not committed, at most. Twice as many as
/// can be worked on, so that nobody waits for the slowest at once.
const AHEAD: u64 = 128;

/// The words at the start.
#[derive(Clone, Copy)]
enum Word {
    Lock,
    /// Everybody is to end.
    Stop,
    /// The call fails; what with is in [`Text`].
    Broken,
    Files,
    Next,
    /// Files that are not done.
    Left,
    Loaded,
    Skipped,
    Failed,
    Rows,
    Rejects,
    StreamBytes,
    /// Bytes of the files as they lie on disk: done, and all.
    DiskDone,
    DiskAll,
    /// Workers, and those of them with nothing to do.
    Workers,
    Idle,
    Leader,
    /// A file is cut into ranges: 1, and what is known of it.
    Cut,
    CutFile,
    CutLoad,
    CutStart,
    CutSize,
    CutMtime,
    CutLength,
    /// Number of the first range that is not committed, and of the first that
    /// nobody has begun.
    CutDone,
    CutNext,
    /// Counts up with each file that is cut.
    CutEpoch,
    End,
}

const PIDS: usize = Word::End as usize;
const OWNERS: usize = PIDS + SLOTS;
const TEXT: usize = OWNERS + AHEAD as usize;
/// An error's SQLSTATE and message.
const TEXT_WORDS: usize = 256;
const STATES: usize = TEXT + TEXT_WORDS;

/// For each file: its state, its load, its size, where its path ends, and how many
/// of its bytes are done.
const FILE_WORDS: usize = 5;

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
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
    /// Not loaded, because a load had its content, or it has changed since.
    Refused,
    Failed,
}

impl State {
    fn to_word(self) -> u64 {
        match self {
            State::Open => 0,
            State::Busy => 1,
            State::Loaded => 2,
            State::Skipped => 3,
            State::Failed => 4,
            State::Changed => 5,
            State::Refused => 6,
            State::Taken(slot) => 16 + slot as u64,
        }
    }

    fn of_word(word: u64) -> Self {
        match word {
            0 => State::Open,
            1 => State::Busy,
            2 => State::Loaded,
            3 => State::Skipped,
            4 => State::Failed,
            5 => State::Changed,
            6 => State::Refused,
            slot => State::Taken((slot - 16) as usize),
        }
    }
}

/// What came of a file.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    pub file: usize,
    pub state: State,
    pub load_id: i64,
}

/// Rows and bytes that were committed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gain {
    pub rows: u64,
    pub rejects: u64,
    pub stream_bytes: u64,
}

impl Gain {
    /// Adds another.
    pub fn add(&mut self, other: &Gain) {
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.stream_bytes += other.stream_bytes;
    }
}

/// A file that is cut into ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub file: usize,
    pub load_id: i64,
    /// Where the first range begins.
    pub start: u64,
    /// Bytes of the file, and when it was last written to, in microseconds since 1970.
    pub size: u64,
    pub mtime: i64,
    /// Bytes of a range.
    pub length: u64,
}

impl Cut {
    /// How many ranges there are.
    pub fn ranges(&self) -> u64 {
        (self.size - self.start).div_ceil(self.length).max(1)
    }

    /// Where a range begins, before a newline is looked for.
    pub fn nominal_start(&self, range: u64) -> u64 {
        self.start + range * self.length
    }
}

/// A range that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub cut: Cut,
    pub epoch: u64,
    /// Its number.
    pub range: u64,
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

/// The shared state.
pub struct Board {
    segment: Segment,
}

impl Board {
    /// One for these files. `call` is what workers have to know; the sizes are
    /// those on disk.
    pub fn new(call: &[u64], paths: &[Vec<u8>], sizes: &[u64], leader: i32) -> Self {
        let bytes: usize = paths.iter().map(Vec::len).sum();
        // A few words for each file, then the paths, then the call.
        let words = STATES + FILE_WORDS * paths.len() + bytes.div_ceil(8) + 1 + call.len();
        let board = Board { segment: Segment::new(words) };
        board.set(Word::Files, paths.len() as u64);
        board.set(Word::Left, paths.len() as u64);
        board.set(Word::Leader, leader as u64);
        board.set(Word::DiskAll, sizes.iter().sum());
        let (mut end, mut text) = (0, Vec::with_capacity(bytes));
        for (file, (path, &size)) in paths.iter().zip(sizes).enumerate() {
            end += path.len();
            text.extend_from_slice(path);
            board.file_word(file, 2).store(size, SeqCst);
            board.file_word(file, 3).store(end as u64, SeqCst);
        }
        let after = board.write_bytes(STATES + FILE_WORDS * paths.len(), &text);
        board.word(after).store(call.len() as u64, SeqCst);
        for (index, &word) in call.iter().enumerate() {
            board.word(after + 1 + index).store(word, SeqCst);
        }
        board
    }

    /// The one in a segment that another process made.
    pub fn of(segment: Segment) -> Self {
        Board { segment }
    }

    /// The memory that it is in.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.segment.words()[index]
    }

    fn get(&self, word: Word) -> u64 {
        self.word(word as usize).load(SeqCst)
    }

    fn set(&self, word: Word, value: u64) {
        self.word(word as usize).store(value, SeqCst);
    }

    fn add(&self, word: Word, value: u64) {
        self.word(word as usize).fetch_add(value, SeqCst);
    }

    fn file_word(&self, file: usize, which: usize) -> &AtomicU64 {
        self.word(STATES + FILE_WORDS * file + which)
    }

    fn write_bytes(&self, at: usize, bytes: &[u8]) -> usize {
        for (index, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(at + index).store(u64::from_le_bytes(word), SeqCst);
        }
        at + bytes.len().div_ceil(8)
    }

    fn read_bytes(&self, at: usize, from: usize, to: usize) -> Vec<u8> {
        (from..to).map(|byte| self.word(at + byte / 8).load(SeqCst).to_le_bytes()[byte % 8]).collect()
    }

    /// Runs `body` while nobody else runs one. It only reads and writes words: it
    /// can neither fail nor be interrupted, so whoever has the lock gives it back.
    fn locked<R>(&self, body: impl FnOnce() -> R) -> R {
        let lock = self.word(Word::Lock as usize);
        let mut tries = 0u32;
        while lock.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
            tries += 1;
            if tries.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        let result = body();
        lock.store(0, SeqCst);
        result
    }

    /// What the session told its workers.
    pub fn call(&self) -> Vec<u64> {
        let files = self.files();
        let bytes = if files == 0 { 0 } else { self.file_word(files - 1, 3).load(SeqCst) as usize };
        let at = STATES + FILE_WORDS * files + bytes.div_ceil(8);
        let length = self.word(at).load(SeqCst) as usize;
        (0..length).map(|index| self.word(at + 1 + index).load(SeqCst)).collect()
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.get(Word::Files) as usize
    }

    /// The path of a file.
    pub fn path(&self, file: usize) -> Vec<u8> {
        let end = |file: usize| self.file_word(file, 3).load(SeqCst) as usize;
        let start = if file == 0 { 0 } else { end(file - 1) };
        self.read_bytes(STATES + FILE_WORDS * self.files(), start, end(file))
    }

    /// Bytes of a file on disk, when the call began.
    pub fn size(&self, file: usize) -> u64 {
        self.file_word(file, 2).load(SeqCst)
    }

    /// Says how many workers were started.
    pub fn expect(&self, workers: u64) {
        self.set(Word::Workers, workers);
    }

    /// How many workers were started.
    pub fn workers(&self) -> u64 {
        self.get(Word::Workers)
    }

    /// The process of the session.
    pub fn leader(&self) -> i32 {
        self.get(Word::Leader) as i32
    }

    /// Says which process works in a slot.
    pub fn sit_down(&self, slot: usize, pid: i32) {
        self.word(PIDS + slot).store(pid as u64, SeqCst);
    }

    /// The process that works in a slot.
    pub fn pid(&self, slot: usize) -> i32 {
        self.word(PIDS + slot).load(SeqCst) as i32
    }

    /// Asks everybody to end.
    pub fn stop(&self) {
        self.set(Word::Stop, 1);
    }

    /// Whether everybody is to end.
    pub fn is_stopped(&self) -> bool {
        self.get(Word::Stop) != 0
    }

    /// Makes the call fail, with the first such error, and everybody end.
    pub fn fail(&self, code: &str, message: &str) {
        self.locked(|| {
            if self.get(Word::Broken) == 0 {
                let mut text = code.as_bytes().to_vec();
                let most = (TEXT_WORDS - 1) * 8 - text.len();
                let mut end = message.len().min(most);
                while !message.is_char_boundary(end) {
                    end -= 1;
                }
                text.extend_from_slice(&message.as_bytes()[..end]);
                self.word(TEXT).store(text.len() as u64, SeqCst);
                self.write_bytes(TEXT + 1, &text);
                self.set(Word::Broken, 1);
            }
        });
        self.stop();
    }

    /// SQLSTATE and message of what the call fails with.
    pub fn failure(&self) -> Option<(String, String)> {
        (self.get(Word::Broken) != 0).then(|| {
            let length = self.word(TEXT).load(SeqCst) as usize;
            let text = String::from_utf8_lossy(&self.read_bytes(TEXT + 1, 0, length)).into_owned();
            let (code, message) = text.split_at(5);
            (code.to_string(), message.to_string())
        })
    }

    /// The next file, in order, that nobody has begun.
    pub fn take_file(&self, slot: usize) -> Option<usize> {
        self.locked(|| {
            let files = self.files();
            let mut next = self.get(Word::Next) as usize;
            while next < files && self.state(next) != State::Open {
                next += 1;
            }
            self.set(Word::Next, (next + 1).min(files) as u64);
            (next < files).then(|| {
                self.file_word(next, 0).store(State::Taken(slot).to_word(), SeqCst);
                next
            })
        })
    }

    /// A file at or behind `from` that was found busy.
    pub fn take_busy(&self, slot: usize, from: usize) -> Option<usize> {
        self.locked(|| {
            let file = (from..self.files()).find(|&file| self.state(file) == State::Busy)?;
            self.file_word(file, 0).store(State::Taken(slot).to_word(), SeqCst);
            Some(file)
        })
    }

    /// What has become of a file.
    pub fn state(&self, file: usize) -> State {
        State::of_word(self.file_word(file, 0).load(SeqCst))
    }

    /// The load of a file that failed.
    pub fn load_of(&self, file: usize) -> i64 {
        self.file_word(file, 1).load(SeqCst) as i64
    }

    /// Gives a file back, to be looked at again.
    pub fn give_back(&self, file: usize) {
        self.file_word(file, 0).store(State::Busy.to_word(), SeqCst);
    }

    /// What came of a file, now that it is committed.
    pub fn post(&self, result: &Posted) {
        self.locked(|| {
            let counter = match result.state {
                State::Loaded => Word::Loaded,
                State::Skipped | State::Changed => Word::Skipped,
                _ => Word::Failed,
            };
            self.add(counter, 1);
            self.count_to(result.file, self.size(result.file));
            self.file_word(result.file, 1).store(result.load_id as u64, SeqCst);
            self.file_word(result.file, 0).store(result.state.to_word(), SeqCst);
            self.set(Word::Left, self.get(Word::Left) - 1);
        });
    }

    /// Says how many bytes of a file, as it lies on disk, are committed.
    pub fn come_to(&self, file: usize, bytes: u64) {
        self.locked(|| self.count_to(file, bytes.min(self.size(file))));
    }

    fn count_to(&self, file: usize, bytes: u64) {
        let done = self.file_word(file, 4).load(SeqCst);
        if bytes > done {
            self.file_word(file, 4).store(bytes, SeqCst);
            self.add(Word::DiskDone, bytes - done);
        }
    }

    /// What was committed.
    pub fn gain(&self, gain: &Gain) {
        self.add(Word::Rows, gain.rows);
        self.add(Word::Rejects, gain.rejects);
        self.add(Word::StreamBytes, gain.stream_bytes);
    }

    /// Whether all files are done.
    pub fn is_done(&self) -> bool {
        self.get(Word::Left) == 0
    }

    /// How all is.
    pub fn totals(&self) -> Totals {
        Totals {
            files: self.get(Word::Files),
            loaded: self.get(Word::Loaded),
            skipped: self.get(Word::Skipped),
            failed: self.get(Word::Failed),
            rows: self.get(Word::Rows),
            rejects: self.get(Word::Rejects),
            stream_bytes: self.get(Word::StreamBytes),
            disk_done: self.get(Word::DiskDone),
            disk_all: self.get(Word::DiskAll),
        }
    }

    /// Says that a worker has nothing to do, or something again.
    pub fn idle(&self, idle: bool) {
        if idle {
            self.add(Word::Idle, 1);
        } else {
            self.word(Word::Idle as usize).fetch_sub(1, SeqCst);
        }
    }

    /// Whether a worker has nothing to do.
    pub fn has_idle(&self) -> bool {
        self.get(Word::Idle) > 0
    }

    /// Takes from a worker that has ended what it had: others go on with it.
    pub fn release(&self, slot: usize) {
        self.locked(|| {
            for file in 0..self.files() {
                if self.state(file) == State::Taken(slot) && !self.is_cut(file) {
                    self.give_back(file);
                }
            }
            for owner in 0..AHEAD {
                let owner = self.word(OWNERS + owner as usize);
                if owner.load(SeqCst) == slot as u64 + 1 {
                    owner.store(0, SeqCst);
                }
            }
        });
    }

    fn is_cut(&self, file: usize) -> bool {
        self.get(Word::Cut) != 0 && self.get(Word::CutFile) == file as u64
    }

    /// Cuts a file into ranges, and returns its number among those that were;
    /// `None` where another is cut.
    pub fn open_cut(&self, cut: &Cut) -> Option<u64> {
        self.locked(|| {
            if self.get(Word::Cut) != 0 {
                return None;
            }
            self.set(Word::CutFile, cut.file as u64);
            self.set(Word::CutLoad, cut.load_id as u64);
            self.set(Word::CutStart, cut.start);
            self.set(Word::CutSize, cut.size);
            self.set(Word::CutMtime, cut.mtime as u64);
            self.set(Word::CutLength, cut.length);
            self.set(Word::CutDone, 0);
            self.set(Word::CutNext, 0);
            self.add(Word::CutEpoch, 1);
            for owner in 0..AHEAD as usize {
                self.word(OWNERS + owner).store(0, SeqCst);
            }
            self.set(Word::Cut, 1);
            Some(self.get(Word::CutEpoch))
        })
    }

    fn owner(&self, range: u64) -> &AtomicU64 {
        self.word(OWNERS + (range % AHEAD) as usize)
    }

    fn cut(&self) -> Cut {
        Cut {
            file: self.get(Word::CutFile) as usize,
            load_id: self.get(Word::CutLoad) as i64,
            start: self.get(Word::CutStart),
            size: self.get(Word::CutSize),
            mtime: self.get(Word::CutMtime) as i64,
            length: self.get(Word::CutLength),
        }
    }

    /// The first range that nobody is at.
    pub fn take_range(&self, slot: usize) -> Option<Taken> {
        self.locked(|| {
            if self.get(Word::Cut) == 0 {
                return None;
            }
            let cut = self.cut();
            let (done, next) = (self.get(Word::CutDone), self.get(Word::CutNext));
            let dropped = (done..next).find(|&range| self.owner(range).load(SeqCst) == 0);
            let range = match dropped {
                Some(range) => range,
                None if next < cut.ranges() && next - done < AHEAD => {
                    self.set(Word::CutNext, next + 1);
                    next
                }
                None => return None,
            };
            self.owner(range).store(slot as u64 + 1, SeqCst);
            Some(Taken { cut, epoch: self.get(Word::CutEpoch), range })
        })
    }

    /// Gives a range back.
    pub fn drop_range(&self, taken: &Taken) {
        self.locked(|| {
            if self.is_current(taken) {
                self.owner(taken.range).store(0, SeqCst);
            }
        });
    }

    fn is_current(&self, taken: &Taken) -> bool {
        self.get(Word::Cut) != 0 && self.get(Word::CutEpoch) == taken.epoch
    }

    /// Where a range stands among the others.
    pub fn turn(&self, taken: &Taken) -> Turn {
        self.locked(|| {
            if !self.is_current(taken) {
                return Turn::Over;
            }
            let done = self.get(Word::CutDone);
            if done == taken.range {
                return Turn::Now;
            }
            let dropped = (done..taken.range).any(|range| self.owner(range).load(SeqCst) == 0);
            if dropped {
                Turn::OneIsMissing
            } else {
                Turn::Later { before: self.owner(done).load(SeqCst) as usize - 1 }
            }
        })
    }

    /// The range is committed; the next one may be.
    pub fn range_is_done(&self, taken: &Taken) {
        self.locked(|| {
            if self.is_current(taken) {
                self.owner(taken.range).store(0, SeqCst);
                self.set(Word::CutDone, taken.range + 1);
            }
        });
    }

    /// Whether the file that was cut then is still.
    pub fn is_cut_open(&self, epoch: u64) -> bool {
        self.locked(|| self.get(Word::Cut) != 0 && self.get(Word::CutEpoch) == epoch)
    }

    /// The file is not cut any more: all of it is loaded, or it has failed.
    pub fn close_cut(&self, taken: &Taken) {
        self.locked(|| {
            if self.is_current(taken) {
                self.set(Word::Cut, 0);
            }
        });
    }
}

/// Where a range stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// All before it are committed.
    Now,
    /// They are not: the first of them is worked on in that slot.
    Later { before: usize },
    /// Nobody is at one that comes before it.
    OneIsMissing,
    /// The file is done with.
    Over,
}
