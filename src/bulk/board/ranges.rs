//! The file of a call that is split into ranges: who has which of them, and whose turn
//! it is. One file at a time.

use super::files::Board;
use super::layout::{AHEAD, SplitState};
use crate::stat::FileStat;

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

impl SplitState {
    /// Whether it is this file that is split.
    pub(super) fn is_of(&self, file: usize) -> bool {
        self.is_open != 0 && self.file == file as u64
    }

    /// Whether it still is the split that the range is of.
    fn is_current(&self, lease: &RangeLease) -> bool {
        self.is_open != 0 && self.epoch == lease.epoch
    }

    /// The slot that has a range and 1, or 0.
    fn owner(&mut self, range: u64) -> &mut u32 {
        &mut self.owners[range as usize % AHEAD]
    }

    /// Takes its ranges from a worker that has ended.
    pub(super) fn return_ranges_of(&mut self, slot: usize) {
        for owner in &mut self.owners {
            if *owner == slot as u32 + 1 {
                *owner = 0;
            }
        }
    }

    fn begin(&mut self, plan: &RangePlan) {
        *self = SplitState {
            is_open: 1,
            file: plan.file as u64,
            load_id: plan.load_id,
            start: plan.start,
            length: plan.length,
            device: plan.stat.device,
            inode: plan.stat.inode,
            size: plan.stat.size,
            mtime_ns: plan.stat.mtime_ns,
            ctime_ns: plan.stat.ctime_ns,
            done: 0,
            next: 0,
            epoch: self.epoch + 1,
            in_turn: 0,
            owners: [0; AHEAD],
        };
    }

    fn plan(&self) -> RangePlan {
        RangePlan {
            file: self.file as usize,
            load_id: self.load_id,
            start: self.start,
            stat: FileStat::remembered(self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns),
            length: self.length,
        }
    }
}

impl Board {
    /// Splits a file into ranges, and returns its number among those that were;
    /// `None` where another is split.
    pub fn open_range_plan(&self, plan: &RangePlan) -> Option<u64> {
        self.memory.locked(|guarded| {
            let split = &mut guarded.split;
            (split.is_open == 0).then(|| {
                split.begin(plan);
                split.epoch
            })
        })
    }

    /// The first range that nobody is at.
    pub fn lease_range(&self, slot: usize) -> Option<RangeLease> {
        self.memory.locked(|guarded| {
            let split = &mut guarded.split;
            if split.is_open == 0 {
                return None;
            }
            let plan = split.plan();
            let range = match (split.done..split.next).find(|&range| *split.owner(range) == 0) {
                Some(returned) => returned,
                None if split.next < plan.ranges() && split.next - split.done < AHEAD as u64 => {
                    split.next += 1;
                    split.next - 1
                }
                None => return None,
            };
            *split.owner(range) = slot as u32 + 1;
            Some(RangeLease { plan, epoch: split.epoch, range })
        })
    }

    /// Gives a range back.
    pub fn return_range(&self, lease: &RangeLease) {
        self.with_split_of(lease, |split| *split.owner(lease.range) = 0);
    }

    /// Where a range stands among the others.
    pub fn turn(&self, lease: &RangeLease) -> Turn {
        let turn = self.with_split_of(lease, |split| {
            if split.done == lease.range {
                return Turn::Now;
            }
            if (split.done..lease.range).any(|range| *split.owner(range) == 0) {
                return Turn::OneIsMissing;
            }
            Turn::Later { first: split.done, before: *split.owner(split.done) as usize - 1 }
        });
        turn.unwrap_or(Turn::Over)
    }

    /// The range is committed; the next one may be.
    pub fn range_is_committed(&self, lease: &RangeLease) {
        self.with_split_of(lease, |split| {
            *split.owner(lease.range) = 0;
            split.done = lease.range + 1;
        });
    }

    /// From now on ranges are loaded one after the other.
    pub fn load_in_turn(&self, lease: &RangeLease) {
        self.with_split_of(lease, |split| split.in_turn = 1);
    }

    /// Whether ranges are loaded one after the other.
    pub fn is_in_turn(&self, lease: &RangeLease) -> bool {
        self.with_split_of(lease, |split| split.in_turn != 0).unwrap_or(false)
    }

    /// Whether the file that was split then is still.
    pub fn is_range_plan_open(&self, epoch: u64) -> bool {
        self.memory.locked(|guarded| guarded.split.is_open != 0 && guarded.split.epoch == epoch)
    }

    /// The file is not split any more: all of it is loaded, or it has failed.
    pub fn close_range_plan(&self, lease: &RangeLease) {
        self.with_split_of(lease, |split| split.is_open = 0);
    }

    /// Runs `body` with the split that a range is of; `None` where that is over.
    fn with_split_of<R>(&self, lease: &RangeLease, body: impl FnOnce(&mut SplitState) -> R) -> Option<R> {
        self.memory.locked(|guarded| {
            let split = &mut guarded.split;
            split.is_current(lease).then(|| body(split))
        })
    }
}
