//! The file of a call that is cut into ranges: who has which of them, and whose turn
//! it is. One file at a time.

use super::files::Board;
use super::words::{AHEAD, OWNERS, Word};
use crate::stat::FileStat;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A file that is cut into ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub file: usize,
    pub load_id: i64,
    /// Where the first range begins.
    pub start: u64,
    /// The file as it is: every range is of the same.
    pub stat: FileStat,
    /// Bytes of a range.
    pub length: u64,
}

impl Cut {
    /// How many ranges there are.
    pub fn ranges(&self) -> u64 {
        (self.stat.size - self.start).div_ceil(self.length).max(1)
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
    /// Whether it is this file that is cut. Asked with the lock held.
    pub(super) fn is_cut(&self, file: usize) -> bool {
        self.words.get(Word::Cut) != 0 && self.words.get(Word::CutFile) == file as u64
    }

    /// Cuts a file into ranges, and returns its number among those that were;
    /// `None` where another is cut.
    pub fn open_cut(&self, cut: &Cut) -> Option<u64> {
        self.words.locked(|| {
            if self.words.get(Word::Cut) != 0 {
                return None;
            }
            self.words.set(Word::CutFile, cut.file as u64);
            self.words.set(Word::CutLoad, cut.load_id as u64);
            self.words.set(Word::CutStart, cut.start);
            self.words.set(Word::CutDevice, cut.stat.device);
            self.words.set(Word::CutInode, cut.stat.inode);
            self.words.set(Word::CutSize, cut.stat.size);
            self.words.set(Word::CutMtime, cut.stat.mtime_ns.cast_unsigned());
            self.words.set(Word::CutCtime, cut.stat.ctime_ns.cast_unsigned());
            self.words.set(Word::CutLength, cut.length);
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
    pub(super) fn drop_ranges_of(&self, slot: usize) {
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

    fn cut(&self) -> Cut {
        Cut {
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
    pub fn take_range(&self, slot: usize) -> Option<Taken> {
        self.words.locked(|| {
            if self.words.get(Word::Cut) == 0 {
                return None;
            }
            let cut = self.cut();
            let (done, next) = (self.words.get(Word::CutDone), self.words.get(Word::CutNext));
            let dropped = (done..next).find(|&range| self.owner(range).load(SeqCst) == 0);
            let range = match dropped {
                Some(range) => range,
                None if next < cut.ranges() && next - done < AHEAD => {
                    self.words.set(Word::CutNext, next + 1);
                    next
                }
                None => return None,
            };
            self.owner(range).store(slot as u64 + 1, SeqCst);
            Some(Taken { cut, epoch: self.words.get(Word::CutEpoch), range })
        })
    }

    /// Gives a range back.
    pub fn drop_range(&self, taken: &Taken) {
        self.words.locked(|| {
            if self.is_current(taken) {
                self.owner(taken.range).store(0, SeqCst);
            }
        });
    }

    fn is_current(&self, taken: &Taken) -> bool {
        self.words.get(Word::Cut) != 0 && self.words.get(Word::CutEpoch) == taken.epoch
    }

    /// Where a range stands among the others.
    pub fn turn(&self, taken: &Taken) -> Turn {
        self.words.locked(|| {
            if !self.is_current(taken) {
                return Turn::Over;
            }
            let done = self.words.get(Word::CutDone);
            if done == taken.range {
                return Turn::Now;
            }
            let dropped = (done..taken.range).any(|range| self.owner(range).load(SeqCst) == 0);
            if dropped {
                Turn::OneIsMissing
            } else {
                Turn::Later { first: done, before: self.owner(done).load(SeqCst) as usize - 1 }
            }
        })
    }

    /// The range is committed; the next one may be.
    pub fn range_is_done(&self, taken: &Taken) {
        self.words.locked(|| {
            if self.is_current(taken) {
                self.owner(taken.range).store(0, SeqCst);
                self.words.set(Word::CutDone, taken.range + 1);
            }
        });
    }

    /// From now on ranges are loaded one after the other.
    pub fn load_in_turn(&self, taken: &Taken) {
        self.words.locked(|| {
            if self.is_current(taken) {
                self.words.set(Word::CutInTurn, 1);
            }
        });
    }

    /// Whether ranges are loaded one after the other.
    pub fn is_in_turn(&self, taken: &Taken) -> bool {
        self.words.locked(|| self.is_current(taken) && self.words.get(Word::CutInTurn) != 0)
    }

    /// Whether the file that was cut then is still.
    pub fn is_cut_open(&self, epoch: u64) -> bool {
        self.words.locked(|| self.words.get(Word::Cut) != 0 && self.words.get(Word::CutEpoch) == epoch)
    }

    /// The file is not cut any more: all of it is loaded, or it has failed.
    pub fn close_cut(&self, taken: &Taken) {
        self.words.locked(|| {
            if self.is_current(taken) {
                self.words.set(Word::Cut, 0);
            }
        });
    }
}
