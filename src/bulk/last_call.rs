//! What the last call of this session came to, for `loader.last_call`. Kept by the
//! process: the call's transactions may have been taken back, or its end an error.

use super::board::{Board, QueueState, Totals};
use super::report::Summary;
use crate::pg::processes::user;
use crate::pg::{self, Oid};
use pgrx::datum::TimestampWithTimeZone;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// Numbers of loads that are kept, at most: 8 MB of them.
const MOST_LOADS: usize = 1_000_000;

/// What a call came to.
#[derive(Clone)]
pub struct LastCall {
    /// Who called: in a pool of sessions others come after.
    caller: Oid,
    pub started_at: TimestampWithTimeZone,
    pub finished_at: TimestampWithTimeZone,
    pub summary: Summary,
    /// The loads that it made or went on with, in the order of their files; `None`
    /// where there are too many to be kept.
    pub load_ids: Option<Vec<i64>>,
}

thread_local! {
    static LAST: RefCell<Option<LastCall>> = const { RefCell::new(None) };
}

/// The last call of this session, if it came as far as to its files and the current role
/// has the rights of the one that called.
pub fn last() -> Option<LastCall> {
    LAST.with_borrow(Option::clone).filter(|last| user::has_rights_of(user::current(), last.caller))
}

/// Forgets it: another call begins.
pub fn forget() {
    LAST.set(None);
}

/// A call under way. What it has come to is kept when this goes, however the call ends.
pub struct CallRecord {
    caller: Oid,
    started_at: TimestampWithTimeZone,
    clock: Instant,
    /// The target's name.
    target: Vec<u8>,
    board: Option<Rc<Board>>,
}

impl CallRecord {
    /// Of a call that begins.
    pub fn new() -> Self {
        CallRecord {
            caller: user::current(),
            started_at: pg::now(),
            clock: Instant::now(),
            target: Vec::new(),
            board: None,
        }
    }

    /// The call knows its target.
    pub fn begin(&mut self, target: Vec<u8>) {
        self.target = target;
    }

    /// The call has found its files.
    pub fn watch(&mut self, board: Rc<Board>) {
        self.board = Some(board);
    }

    /// The call has come to its end. Returns the target's name too.
    pub fn finish(mut self) -> (Vec<u8>, Summary) {
        let target = std::mem::take(&mut self.target);
        let summary = match self.board.take() {
            Some(board) => self.keep(board.totals(), loads_of(&board)),
            None => self.keep(Totals::default(), Some(Vec::new())),
        };
        (target, summary)
    }

    /// The same of a call that an error ends; `None` where it had no files yet.
    pub fn stop(self) -> Option<(Vec<u8>, Summary)> {
        self.board.is_some().then(|| self.finish())
    }

    fn keep(&self, totals: Totals, load_ids: Option<Vec<i64>>) -> Summary {
        let summary = Summary { totals, elapsed: self.clock.elapsed() };
        let (started_at, finished_at) = (self.started_at, pg::now());
        let caller = self.caller;
        LAST.set(Some(LastCall { caller, started_at, finished_at, summary: summary.clone(), load_ids }));
        summary
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if let Some(board) = self.board.take() {
            self.keep(board.totals(), loads_of(&board));
        }
    }
}

fn loads_of(board: &Board) -> Option<Vec<i64>> {
    let mut loads = Vec::new();
    for file in 0..board.files() {
        let is_own = match board.state(file) {
            QueueState::Loaded
            | QueueState::Failed
            | QueueState::Taken(_)
            | QueueState::Busy
            | QueueState::HeldUp => true,
            QueueState::Open
            | QueueState::Skipped
            | QueueState::Changed
            | QueueState::Refused
            | QueueState::RefusedChanged => false,
        };
        // A file that was only looked at has none yet.
        let load = board.load_of(file);
        if is_own && load != 0 {
            if loads.len() == MOST_LOADS {
                return None;
            }
            loads.try_reserve(1).ok()?;
            loads.push(load);
        }
    }
    Some(loads)
}
