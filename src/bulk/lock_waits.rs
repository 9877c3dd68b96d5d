//! A call that has nothing to do but wait. It finds out which processes hold its files, and
//! gives these files up after `lock_timeout`. It also finds workers that wait for their own
//! call, a circle that the server cannot see.

use super::board::{Board, FileOutcome, InTheWay, QueueState};
use super::file_decision::Obstacle;
use super::worker_transaction::WorkerTransaction;
use crate::error::Error;
use crate::load::in_the_way;
use crate::pg;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::{blocking, lock};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A call that waits asks the server after this time who has what it waits for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The same once the call gives up what it waits for.
const POLL_INTERVAL_AT_END: Duration = Duration::from_millis(100);

/// How long the whole call has had nothing to do, as one of its processes sees it.
#[derive(Default)]
pub struct LockWaits {
    /// Since when; with what [`Board::all_idle`] said then.
    since: Option<(u64, Instant)>,
    /// The last look at who is in the way.
    looked: Option<Instant>,
}

impl LockWaits {
    /// Called again and again by who has nothing to do, outside of a transaction. `busy` is
    /// what it has found in the way of files.
    pub fn check(&mut self, transaction: &mut WorkerTransaction<'_>, busy: &HashMap<usize, Obstacle>) {
        let Some(idled) = transaction.board.all_idle() else { return };
        let waited = match self.since {
            Some((since_idled, since)) if since_idled == idled => since.elapsed(),
            _ => {
                *self = LockWaits { since: Some((idled, Instant::now())), looked: None };
                return;
            }
        };
        let gives_up = lock::timeout().is_some_and(|timeout| waited >= timeout);
        let pause = if gives_up { POLL_INTERVAL_AT_END } else { POLL_INTERVAL };
        if self.looked.map_or(waited, |looked| looked.elapsed()) < pause {
            return;
        }
        self.looked = Some(Instant::now());
        for (file, pids, what) in held_up(transaction, busy) {
            transaction.board.show_in_the_way(file, what);
            if gives_up && transaction.board.take_this_busy(transaction.slot, file) {
                let path = transaction.board.path(file);
                let error = Error::HeldUp(in_the_way(&path, &pids, what.same));
                let outcome = FileOutcome { file, state: QueueState::HeldUp, load_id: 0 };
                transaction.refuse_file(outcome, error);
            }
        }
        transaction.commit();
    }
}

/// Files that wait for others than this call, and for whom.
fn held_up(
    transaction: &WorkerTransaction<'_>,
    busy: &HashMap<usize, Obstacle>,
) -> Vec<(usize, Vec<i32>, InTheWay)> {
    let held = lock::held_by_others();
    let mut files = Vec::new();
    for (&file, what) in busy.iter().filter(|&(&file, _)| transaction.board.state(file) == QueueState::Busy) {
        let (objects, same) = what.objects(transaction.target());
        let mut pids: Vec<i32> = held
            .iter()
            .filter(|(of, pid)| objects.contains(of) && !transaction.board.is_own(*pid))
            .map(|&(_, pid)| pid)
            .collect();
        pids.sort_unstable();
        pids.dedup();
        if let Some(&pid) = pids.first() {
            files.push((file, pids, InTheWay { pid, same }));
        }
    }
    files.sort_unstable_by_key(|&(file, ..)| file);
    files
}

/// Looks whether a worker waits for its own call without end. The session may hold an
/// advisory lock that a trigger of the target asks for in a worker: the worker waits for
/// the session, and the session for the worker, which the server cannot see. A worker
/// with nothing to do may hold one in the same way.
pub struct Circles {
    looked: Instant,
    /// Those that waited so at the last look: one look may have met a lock that is held for
    /// a moment only.
    suspects: Vec<i32>,
}

impl Circles {
    pub fn new() -> Self {
        Circles { looked: Instant::now(), suspects: Vec::new() }
    }

    /// The first of the workers that does. Called again and again, outside of a
    /// transaction.
    pub fn find(&mut self, board: &Board, transactions: &mut Transactions, workers: &[i32]) -> Option<i32> {
        if self.looked.elapsed() < POLL_INTERVAL {
            return None;
        }
        self.looked = Instant::now();
        let mut ours = board.idle_pids();
        ours.push(pg::process_id());
        transactions.begin();
        let waits = |worker: &i32| blocking::waited_for(*worker).iter().any(|pid| ours.contains(pid));
        let waiting: Vec<i32> = workers.iter().copied().filter(waits).collect();
        transactions.commit();
        let before = std::mem::replace(&mut self.suspects, waiting);
        self.suspects.iter().copied().find(|worker| before.contains(worker))
    }
}
