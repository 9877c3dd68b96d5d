//! Which processes of a call have nothing to do, and who holds the files that are left.

use super::files::{Board, QueueState};
use super::layout::{FileWord, IDLE, PIDS, SLOTS, Word};
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
    fn to_word(self) -> u64 {
        let same = match self.same {
            Same::File => 1,
            Same::Size => 2,
        };
        u64::from(self.pid.cast_unsigned()) | same << 32
    }

    /// From [`InTheWay::to_word`].
    fn of_word(word: u64) -> Option<Self> {
        let same = match word >> 32 {
            1 => Same::File,
            2 => Same::Size,
            _ => return None,
        };
        Some(InTheWay { pid: (word as u32).cast_signed(), same })
    }
}

impl Board {
    /// Says that who works in a slot has nothing to do, or something again.
    pub fn idle(&self, slot: usize, idle: bool) {
        let before = self.words.at(IDLE + slot).swap(idle.into(), SeqCst);
        if before == 0 && idle {
            self.words.add(Word::Idled, 1);
        }
    }

    /// Whether somebody has nothing to do.
    pub fn has_idle(&self) -> bool {
        (0..SLOTS).any(|slot| self.is_idle(slot))
    }

    fn is_idle(&self, slot: usize) -> bool {
        self.words.at(IDLE + slot).load(SeqCst) != 0
    }

    /// How often somebody has run out of work; `None` while somebody has some.
    pub fn all_idle(&self) -> Option<u64> {
        let idled = self.words.get(Word::Idled);
        self.slots().all(|slot| self.is_idle(slot)).then_some(idled)
    }

    /// The processes that have nothing to do.
    pub fn idle_pids(&self) -> Vec<i32> {
        self.slots().filter(|&slot| self.is_idle(slot)).map(|slot| self.pid(slot)).collect()
    }

    /// Whether a process works for the call.
    pub fn is_own(&self, pid: i32) -> bool {
        pid != 0 && self.slots().any(|slot| self.pid(slot) == pid)
    }

    /// The slots in which somebody works.
    fn slots(&self) -> impl Iterator<Item = usize> {
        (0..SLOTS).filter(|slot| self.words.at(PIDS + slot).load(SeqCst) != 0)
    }

    /// Says who is in the way of a file that waits.
    pub fn show_in_the_way(&self, file: usize, what: InTheWay) {
        let word = what.to_word();
        if self.words.of_file(file, FileWord::InTheWay).swap(word, SeqCst) != word {
            self.words.add(Word::Shown, 1);
        }
    }

    /// How often somebody new was in the way of a file.
    pub fn shown(&self) -> u64 {
        self.words.get(Word::Shown)
    }

    /// Who was seen last in the way of a file that waits.
    pub fn in_the_way(&self, file: usize) -> Option<InTheWay> {
        InTheWay::of_word(self.words.of_file(file, FileWord::InTheWay).load(SeqCst))
    }

    /// Takes this very file, if it was found busy.
    pub fn take_this_busy(&self, slot: usize, file: usize) -> bool {
        self.words.locked(|| {
            let busy = self.state(file) == QueueState::Busy;
            if busy {
                self.words.of_file(file, FileWord::State).store(QueueState::Taken(slot).to_word(), SeqCst);
            }
            busy
        })
    }
}
