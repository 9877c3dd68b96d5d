//! Tells the client of a call which processes the call waits for, each of them once.

use super::board::{Board, InTheWay, QueueState};
use crate::load;

/// Who was told to be in the way.
#[derive(Default)]
pub struct WaitNotices {
    /// What [`Board::shown`] returned when the client was told last.
    shown: u64,
    told: Vec<InTheWay>,
}

impl WaitNotices {
    /// Tells the client for whom the call waits, each of them once.
    pub fn tell(&mut self, board: &Board) {
        let shown = board.shown();
        if std::mem::replace(&mut self.shown, shown) == shown {
            return;
        }
        // Who is in the way, the first file that waits for that process, and how many others do.
        let mut news: Vec<(InTheWay, usize, usize)> = Vec::new();
        for file in 0..board.files() {
            let waits =
                matches!(board.state(file), QueueState::Busy | QueueState::Taken(_) | QueueState::HeldUp);
            let Some(what) = board.in_the_way(file).filter(|what| waits && !self.told.contains(what)) else {
                continue;
            };
            match news.iter_mut().find(|(who, ..)| *who == what) {
                Some((_, _, others)) => *others += 1,
                None => news.push((what, file, 0)),
            }
        }
        for (what, file, others) in news {
            load::tell_waiting(&board.path(file), &[what.pid], what.same, others);
            self.told.push(what);
        }
    }
}
