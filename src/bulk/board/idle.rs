//! Which processes of a call have nothing to do, and who holds the files that are left.

use super::files::{Board, QueueState};
use super::layout::Slot;
use crate::load::Same;
use std::sync::atomic::Ordering::SeqCst;

/// Who holds what a file needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InTheWay {
    /// The process; 0 for a prepared transaction.
    pub pid: i32,
    pub same: Same,
}

impl InTheWay {
    /// Never 0, which says that nobody is known to be in the way.
    fn to_number(self) -> u64 {
        let same = match self.same {
            Same::File => 1,
            Same::Size => 2,
        };
        u64::from(self.pid.cast_unsigned()) | same << 32
    }

    /// From [`InTheWay::to_number`].
    fn of_number(number: u64) -> Option<Self> {
        let same = match number >> 32 {
            1 => Same::File,
            2 => Same::Size,
            _ => return None,
        };
        Some(InTheWay { pid: (number as u32).cast_signed(), same })
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.idle.load(SeqCst) != 0
    }
}

impl Board {
    /// Says that who works in a slot has nothing to do, or something again.
    pub fn idle(&self, slot: usize, idle: bool) {
        let open = self.memory.open();
        let before = open.slots[slot].idle.swap(idle.into(), SeqCst);
        if before == 0 && idle {
            open.idled.fetch_add(1, SeqCst);
        }
    }

    /// Whether somebody has nothing to do.
    pub fn has_idle(&self) -> bool {
        self.memory.open().slots.iter().any(Slot::is_idle)
    }

    /// How often somebody has run out of work; `None` while somebody has some.
    pub fn all_idle(&self) -> Option<u64> {
        let idled = self.memory.open().idled.load(SeqCst);
        self.occupied().all(|(_, slot)| slot.is_idle()).then_some(idled)
    }

    /// The processes that have nothing to do.
    pub fn idle_pids(&self) -> Vec<i32> {
        self.occupied().filter(|(_, slot)| slot.is_idle()).map(|(pid, _)| pid).collect()
    }

    /// Whether a process works for the call.
    pub fn is_own(&self, pid: i32) -> bool {
        self.occupied().any(|(own, _)| own == pid)
    }

    /// The slots in which somebody works, each with the process.
    fn occupied(&self) -> impl Iterator<Item = (i32, &Slot)> {
        let slots = self.memory.open().slots.iter();
        slots.map(|slot| (slot.pid.load(SeqCst), slot)).filter(|&(pid, _)| pid != 0)
    }

    /// Says who is in the way of a file that waits.
    pub fn show_in_the_way(&self, file: usize, what: InTheWay) {
        let number = what.to_number();
        if self.entry(file).in_the_way.swap(number, SeqCst) != number {
            self.memory.open().shown.fetch_add(1, SeqCst);
        }
    }

    /// How often somebody new was in the way of a file.
    pub fn shown(&self) -> u64 {
        self.memory.open().shown.load(SeqCst)
    }

    /// Who was seen last in the way of a file that waits.
    pub fn in_the_way(&self, file: usize) -> Option<InTheWay> {
        InTheWay::of_number(self.entry(file).in_the_way.load(SeqCst))
    }

    /// Takes this very file, if it was found busy.
    pub fn take_this_busy(&self, slot: usize, file: usize) -> bool {
        self.memory.locked(|_| {
            let busy = self.state(file) == QueueState::Busy;
            if busy {
                self.set_state(file, QueueState::Taken(slot));
            }
            busy
        })
    }
}
