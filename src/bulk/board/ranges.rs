//! The file of a call that is split into ranges: who has which of them, and whose turn
//! it is. One file at a time.

use super::files::Board;
use super::layout::{AHEAD, OWNERS, Word};
use crate::stat::FileStat;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How a file is split into ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangePlan {
    pub file: usize,
    pub load_id: i64,
    /// Where the first range begins.
    pub start: u64,
    /// The file as it is: every range is of the same.
    pub stat: FileStat,
    /// Bytes of a range.
    pub length: u64,
}

impl RangePlan {
    /// How many ranges there are.
    pub fn ranges(&self) -> u64 {
        (self.stat.size - self.start).div_ceil(self.length).max(1)
    }

    /// Where a range begins, before a newline is looked for.
    pub fn nominal_start(&self, range: u64) -> u64 {
        self.start + range * self.length
    }
}

/// A range, for the worker that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLease {
    pub plan: RangePlan,
    pub epoch: u64,
    /// Its number.
    pub range: u64,
}

/// Where a range stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// All before it are committed.
    Now,
    /// They are not: the first of them has that number, and is worked on in that slot.
    Later { first: u64, before: usize },
    /// Nobody is at one that comes before it.
    OneIsMissing,
    /// The file is done with.
    Over,
}

impl Board {
    /// Whether it is this file that is split. Asked with the lock held.
    pub(super) fn is_split(&self, file: usize) -> bool {
        self.words.get(Word::Cut) != 0 && self.words.get(Word::CutFile) == file as u64
    }

    /// Splits a file into ranges, and returns its number among those that were;
    /// `None` where another is split.
    pub fn open_range_plan(&self, plan: &RangePlan) -> Option<u64> {
        self.words.locked(|| {
            if self.words.get(Word::Cut) != 0 {
                return None;
            }
            self.words.set(Word::CutFile, plan.file as u64);
            self.words.set(Word::CutLoad, plan.load_id as u64);
            self.words.set(Word::CutStart, plan.start);
            self.words.set(Word::CutDevice, plan.stat.device);
            self.words.set(Word::CutInode, plan.stat.inode);
            self.words.set(Word::CutSize, plan.stat.size);
            self.words.set(Word::CutMtime, plan.stat.mtime_ns.cast_unsigned());
            self.words.set(Word::CutCtime, plan.stat.ctime_ns.cast_unsigned());
            self.words.set(Word::CutLength, plan.length);
            self.words.set(Word::CutDone, 0);
            self.words.set(Word::CutNext, 0);
            self.words.set(Word::CutInTurn, 0);
            self.words.add(Word::CutEpoch, 1);
            for range in 0..AHEAD {
                self.owner(range).store(0, SeqCst);
            }
            self.words.set(Word::Cut, 1);
            Some(self.words.get(Word::CutEpoch))
        })
    }

    /// Takes its ranges from a worker that has ended. Called with the lock held.
    pub(super) fn return_ranges_of(&self, slot: usize) {
        for owner in 0..AHEAD {
            let owner = self.owner(owner);
            if owner.load(SeqCst) == slot as u64 + 1 {
                owner.store(0, SeqCst);
            }
        }
    }

    fn owner(&self, range: u64) -> &AtomicU64 {
        self.words.at(OWNERS + (range % AHEAD) as usize)
    }

    fn plan(&self) -> RangePlan {
        RangePlan {
            file: self.words.get(Word::CutFile) as usize,
            load_id: self.words.get(Word::CutLoad) as i64,
            start: self.words.get(Word::CutStart),
            stat: FileStat::remembered(
                self.words.get(Word::CutDevice),
                self.words.get(Word::CutInode),
                self.words.get(Word::CutSize),
                self.words.get(Word::CutMtime).cast_signed(),
                self.words.get(Word::CutCtime).cast_signed(),
            ),
            length: self.words.get(Word::CutLength),
        }
    }

    /// The first range that nobody is at.
    pub fn lease_range(&self, slot: usize) -> Option<RangeLease> {
        self.words.locked(|| {
            if self.words.get(Word::Cut) == 0 {
                return None;
            }
            let plan = self.plan();
            let (done, next) = (self.words.get(Word::CutDone), self.words.get(Word::CutNext));
            let dropped = (done..next).find(|&range| self.owner(range).load(SeqCst) == 0);
            let range = match dropped {
                Some(range) => range,
                None if next < plan.ranges() && next - done < AHEAD => {
                    self.words.set(Word::CutNext, next + 1);
                    next
                }
                None => return None,
            };
            self.owner(range).store(slot as u64 + 1, SeqCst);
            Some(RangeLease { plan, epoch: self.words.get(Word::CutEpoch), range })
        })
    }

    /// Gives a range back.
    pub fn return_range(&self, lease: &RangeLease) {
        self.words.locked(|| {
            if self.is_current(lease) {
                self.owner(lease.range).store(0, SeqCst);
            }
        });
    }

    fn is_current(&self, lease: &RangeLease) -> bool {
        self.words.get(Word::Cut) != 0 && self.words.get(Word::CutEpoch) == lease.epoch
    }

    /// Where a range stands among the others.
    pub fn turn(&self, lease: &RangeLease) -> Turn {
        self.words.locked(|| {
            if !self.is_current(lease) {
                return Turn::Over;
            }
            let done = self.words.get(Word::CutDone);
            if done == lease.range {
                return Turn::Now;
            }
            let dropped = (done..lease.range).any(|range| self.owner(range).load(SeqCst) == 0);
            if dropped {
                Turn::OneIsMissing
            } else {
                Turn::Later { first: done, before: self.owner(done).load(SeqCst) as usize - 1 }
            }
        })
    }

    /// The range is committed; the next one may be.
    pub fn range_is_committed(&self, lease: &RangeLease) {
        self.words.locked(|| {
            if self.is_current(lease) {
                self.owner(lease.range).store(0, SeqCst);
                self.words.set(Word::CutDone, lease.range + 1);
            }
        });
    }

    /// From now on ranges are loaded one after the other.
    pub fn load_in_turn(&self, lease: &RangeLease) {
        self.words.locked(|| {
            if self.is_current(lease) {
                self.words.set(Word::CutInTurn, 1);
            }
        });
    }

    /// Whether ranges are loaded one after the other.
    pub fn is_in_turn(&self, lease: &RangeLease) -> bool {
        self.words.locked(|| self.is_current(lease) && self.words.get(Word::CutInTurn) != 0)
    }

    /// Whether the file that was split then is still.
    pub fn is_range_plan_open(&self, epoch: u64) -> bool {
        self.words.locked(|| self.words.get(Word::Cut) != 0 && self.words.get(Word::CutEpoch) == epoch)
    }

    /// The file is not split any more: all of it is loaded, or it has failed.
    pub fn close_range_plan(&self, lease: &RangeLease) {
        self.words.locked(|| {
            if self.is_current(lease) {
                self.words.set(Word::Cut, 0);
            }
        });
    }
}
