//! The shared memory of a board: a fixed part, an entry for each file, and as bytes the plan of
//! the call and the paths of the files.

use crate::pg::memory::shared::{SharedMemory, shared_struct};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64};

/// Workers, at most, and the session itself.
pub const SLOTS: usize = 65;

/// Ranges of one file that are begun and not committed, at most. Twice as many as
/// can be worked on, so that nobody waits for the slowest at once.
pub const AHEAD: usize = 128;

/// Bytes of an error that makes the call fail: its SQLSTATE and message.
pub const FAILURE_BYTES: usize = 2040;

/// So many fields that were ignored are named.
pub const IGNORED: usize = 20;

/// Bytes of their names, each of them behind its length.
pub const IGNORED_BYTES: usize = 65 * IGNORED + 4;

/// The memory.
pub type BoardMemory = SharedMemory<OpenState, GuardedState, FileEntry>;

shared_struct! {
    /// What everybody may look at and change at any time.
    pub struct OpenState {
        /// The process of the session. Does not change.
        pub leader: i32,
        /// How many bytes at the start of the bytes are the plan; the paths are behind them. Does
        /// not change.
        pub plan_bytes: u64,
        /// Not 0 once everybody is to end.
        pub stop: AtomicU32,
        /// How many workers were started.
        pub workers: AtomicU64,
        /// How often somebody has run out of work.
        pub idled: AtomicU64,
        /// How often somebody new was in the way of a file.
        pub shown: AtomicU64,
        pub slots: [Slot; SLOTS],
    }
}

shared_struct! {
    /// The place of a worker, or of the session itself.
    pub struct Slot {
        /// The process that works there; 0 for none.
        pub pid: AtomicI32,
        /// Not 0 while that has nothing to do but to look whether a file is free.
        pub idle: AtomicU32,
    }
}

shared_struct! {
    /// What only who has the lock looks at and changes.
    pub struct GuardedState {
        /// No file before this one is still to be begun.
        pub next: u64,
        /// Files that are not done.
        pub left: u64,
        pub loaded: u64,
        pub skipped: u64,
        pub failed: u64,
        pub rows: u64,
        pub rejects: u64,
        pub stream_bytes: u64,
        /// Bytes of the files as they lie on disk: done, and all.
        pub disk_done: u64,
        pub disk_all: u64,
        pub split: SplitState,
        /// Bytes of the error that makes the call fail; 0 while there is none.
        pub failure_length: u64,
        pub failure: [u8; FAILURE_BYTES],
        /// Values that were replaced by NULL.
        pub set_null: u64,
        /// Bytes of the names of fields that were ignored.
        pub ignored_length: u64,
        pub ignored: [u8; IGNORED_BYTES],
    }
}

shared_struct! {
    /// The file that is split into ranges.
    pub struct SplitState {
        /// Not 0 while there is one.
        pub is_open: u64,
        pub file: u64,
        pub load_id: i64,
        /// Where its first range begins.
        pub start: u64,
        /// Bytes of a range.
        pub length: u64,
        /// What the file system says of it.
        pub device: u64,
        pub inode: u64,
        pub size: u64,
        pub mtime_ns: i64,
        pub ctime_ns: i64,
        /// Number of the first range that is not committed, and of the first that nobody has
        /// begun.
        pub done: u64,
        pub next: u64,
        /// Counts up with each file that is split.
        pub epoch: u64,
        /// Not 0 where its ranges are in each other's way: one is loaded after the other.
        pub in_turn: u64,
        /// For each range that is begun and not committed, the slot that has it and 1, or 0.
        pub owners: [u32; AHEAD],
    }
}

shared_struct! {
    /// A file. Everybody may look at it at any time; the state, the load and the bytes that are
    /// done are changed with the lock held.
    pub struct FileEntry {
        /// Bytes on disk when the call began. Does not change.
        pub size: u64,
        /// Where its path ends, in bytes of all paths. Does not change.
        pub path_end: u64,
        /// The number of its `QueueState`.
        pub state: AtomicU64,
        pub load_id: AtomicI64,
        /// Bytes on disk that are done.
        pub done: AtomicU64,
        /// Who is in the way of it while it waits, as the number of an `InTheWay`.
        pub in_the_way: AtomicU64,
        /// Bytes that were passed over, members that are hurt, and bytes of those that were lost.
        pub passed_over: AtomicU64,
        pub hurt: AtomicU64,
        pub lost: AtomicU64,
    }
}
