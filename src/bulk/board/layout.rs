//! The shared memory of a board: what lies where, and how it is read and written.

use crate::pg::memory::shared::{Segment, VERSION};
use crate::pg::processes::session::Session;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Workers, at most, and the session itself.
pub const SLOTS: usize = 65;

/// Ranges of one file that are begun and not committed, at most. Twice as many as
/// can be worked on, so that nobody waits for the slowest at once.
pub const AHEAD: u64 = 128;

/// Tells the layouts of different versions apart.
const LAYOUT: u64 = VERSION;

/// The words at the start.
#[derive(Clone, Copy)]
pub enum Word {
    /// What the others mean; the first word in every version.
    Layout,
    Lock,
    /// Everybody is to end.
    Stop,
    /// The call fails; what with is in the words at [`TEXT`].
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
    /// How many workers were started.
    Workers,
    Leader,
    /// A file is split into ranges: 1, and what is known of it.
    Cut,
    CutFile,
    CutLoad,
    CutStart,
    CutDevice,
    CutInode,
    CutSize,
    CutMtime,
    CutCtime,
    CutLength,
    /// Number of the first range that is not committed, and of the first that
    /// nobody has begun.
    CutDone,
    CutNext,
    /// Counts up with each file that is split.
    CutEpoch,
    /// Its ranges are in each other's way: one is loaded after the other.
    CutInTurn,
    /// Counts how often somebody has run out of work.
    Idled,
    /// Counts how often somebody new was in the way of a file.
    Shown,
    /// How many there are.
    End,
}

/// For each slot, the process that works in it.
pub const PIDS: usize = Word::End as usize;

/// For each slot, 1 while who works in it has nothing to do but to look whether a file is
/// free.
pub const IDLE: usize = PIDS + SLOTS;

/// For each range that is begun and not committed, the slot that has it and 1, or 0.
pub const OWNERS: usize = IDLE + SLOTS;

/// An error's length, SQLSTATE and message.
pub const TEXT: usize = OWNERS + AHEAD as usize;
pub const TEXT_WORDS: usize = 256;

/// The files begin here; their paths are behind them, then what else the session
/// told its workers.
const FILES: usize = TEXT + TEXT_WORDS;

/// The words of each file.
#[derive(Clone, Copy)]
pub enum FileWord {
    State,
    Load,
    /// Bytes on disk.
    Size,
    /// Where its path ends, in bytes of all paths.
    PathEnd,
    /// Bytes on disk that are done.
    Done,
    /// Who is in the way of it while it waits.
    InTheWay,
    /// Bytes that were passed over, members that are hurt, and bytes of those that were lost.
    PassedOver,
    Hurt,
    Lost,
    /// How many there are.
    End,
}

/// The memory.
pub struct BoardMemory {
    segment: Segment,
}

impl BoardMemory {
    /// All zero but the layout, with room for so many files, bytes of paths, and words
    /// behind them; for workers of a session.
    pub fn new(session: &Session, files: usize, path_bytes: usize, more: usize) -> Self {
        let words = BoardMemory {
            segment: session.share(BoardMemory::paths_at(files) + path_bytes.div_ceil(8) + more),
        };
        words.set(Word::Layout, LAYOUT);
        words
    }

    /// What another process made; `None` where that was another version of the library.
    pub fn of(segment: Segment) -> Option<Self> {
        let words = BoardMemory { segment };
        (words.get(Word::Layout) == LAYOUT).then_some(words)
    }

    /// The memory that they are in.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Where the paths of so many files begin.
    pub fn paths_at(files: usize) -> usize {
        FILES + FileWord::End as usize * files
    }

    /// Any of them.
    pub fn at(&self, index: usize) -> &AtomicU64 {
        &self.segment.words()[index]
    }

    /// One of those at the start.
    pub fn get(&self, word: Word) -> u64 {
        self.at(word as usize).load(SeqCst)
    }

    /// Sets one of those at the start.
    pub fn set(&self, word: Word, value: u64) {
        self.at(word as usize).store(value, SeqCst);
    }

    /// Adds to one of those at the start.
    pub fn add(&self, word: Word, value: u64) {
        self.at(word as usize).fetch_add(value, SeqCst);
    }

    /// One of a file's.
    pub fn of_file(&self, file: usize, which: FileWord) -> &AtomicU64 {
        self.at(BoardMemory::paths_at(file) + which as usize)
    }

    /// Writes bytes from word `at` on, and returns the word behind them.
    pub fn write_bytes(&self, mut at: usize, bytes: impl Iterator<Item = u8>) -> usize {
        let (mut word, mut length) = ([0; 8], 0);
        for byte in bytes {
            word[length] = byte;
            length += 1;
            if length == word.len() {
                self.at(at).store(u64::from_le_bytes(word), SeqCst);
                (word, length, at) = ([0; 8], 0, at + 1);
            }
        }
        if length > 0 {
            self.at(at).store(u64::from_le_bytes(word), SeqCst);
            at += 1;
        }
        at
    }

    /// Bytes `from` to `to` of those that begin at word `at`.
    pub fn read_bytes(&self, at: usize, from: usize, to: usize) -> Vec<u8> {
        (from..to).map(|byte| self.at(at + byte / 8).load(SeqCst).to_le_bytes()[byte % 8]).collect()
    }

    /// Runs `body` while nobody else runs one. It only reads and writes words: it
    /// can neither fail nor be interrupted, so whoever has the lock gives it back.
    pub fn locked<R>(&self, body: impl FnOnce() -> R) -> R {
        let lock = self.at(Word::Lock as usize);
        let mut tries = 0u32;
        while lock.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
            tries += 1;
            if tries.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        let result = body();
        lock.store(0, SeqCst);
        result
    }
}
