//! Files that could not be loaded or committed because of somebody else, as one worker knows
//! them: how often each of them was tried, and which are to fail.

use super::board::{Board, QueueState};
use crate::error::Failure;
use crate::sink::Placement;
use std::collections::HashMap;
use std::time::Duration;

/// After a conflict with others a file is tried again, but no more often than this.
const TRIES: u32 = 5;

/// Before a file is tried again for the first time, the others have so long to get out of the way.
/// Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Why a file cannot be committed, and what its load had for a number: on another server rows
/// with that number may have stayed.
pub struct Refusal {
    pub load_id: i64,
    pub failure: Failure,
}

/// The conflicts that a worker has met.
pub struct Conflicts {
    /// Where the target keeps its rows.
    placement: Placement,
    /// How often a file was in somebody's way.
    times: HashMap<usize, u32>,
    /// Files that could not be committed, each alone in its transaction.
    refused: HashMap<usize, Refusal>,
}

impl Conflicts {
    /// None yet.
    pub fn new(placement: Placement) -> Self {
        Conflicts { placement, times: HashMap::new(), refused: HashMap::new() }
    }

    /// Whether a file that met a deadlock, say, is to be tried again.
    pub fn is_tried_again(&mut self, file: usize, failure: &Failure) -> bool {
        if !failure.is_conflict() && !(self.placement.is_far() && failure.is_trouble_between_servers()) {
            return false;
        }
        let times = self.times.entry(file).or_default();
        *times += 1;
        *times <= TRIES
    }

    /// The same for one that could not be committed. Where another server that commits by
    /// itself was in trouble, it may have committed.
    pub fn may_be_committed_later(&mut self, file: usize, failure: &Failure) -> bool {
        (self.placement != Placement::Foreign || failure.is_conflict()) && self.is_tried_again(file, failure)
    }

    /// A part of a file is committed: it is in nobody's way.
    pub fn forget(&mut self, file: usize) {
        self.times.remove(&file);
    }

    /// How long whoever a file was in the way of has before it is tried again.
    pub fn pause(&self, file: usize) -> Option<Duration> {
        self.times.get(&file).map(|&times| FIRST_PAUSE * 2u32.pow(times.clamp(1, TRIES) - 1))
    }

    /// A file could not be committed, and is to fail when this worker comes to it again.
    pub fn refuse(&mut self, file: usize, refusal: Refusal) {
        self.refused.insert(file, refusal);
    }

    /// A file that is to fail, because it could not be committed, if the worker in that slot has
    /// it.
    pub fn next_refused(&self, board: &Board, slot: usize) -> Option<usize> {
        let is_here = |file: &usize| board.state(*file) == QueueState::Taken(slot);
        self.refused.keys().copied().find(is_here)
    }

    /// Why a file is to fail before it is loaded, if it is.
    pub fn take_refusal(&mut self, file: usize) -> Option<Refusal> {
        self.refused.remove(&file)
    }
}
