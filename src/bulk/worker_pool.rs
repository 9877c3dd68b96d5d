//! The workers of a call: started, looked after, and ended with it.

use super::board::Board;
use super::lock_waits::Circles;
use super::progress::Progress;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::latch;
use crate::pg::processes::thread::AtExit;
use crate::pg::processes::worker::{Job, Status, Worker};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How often the session looks after its workers.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Workers that have nothing left to do have so long to end by themselves.
const GRACE: Duration = Duration::from_millis(200);

/// The workers of a call.
pub struct WorkerPool {
    board: Rc<Board>,
    workers: Rc<RefCell<Vec<Worker>>>,
    /// A FATAL error leaves without unwinding.
    _at_exit: AtExit,
}

impl WorkerPool {
    /// Starts them, as many as there are free slots for.
    pub fn start(board: Rc<Board>, wanted: usize) -> Self {
        let workers: Rc<RefCell<Vec<Worker>>> = Rc::default();
        let at_exit = {
            let (board, workers) = (board.clone(), workers.clone());
            AtExit::new(move || {
                board.stop();
                workers.borrow().iter().for_each(Worker::terminate);
            })
        };
        for slot in 1..=wanted {
            let Some(worker) = Worker::start(board.segment(), Job::Session(slot as u8)) else { break };
            workers.borrow_mut().push(worker);
        }
        WorkerPool { board, workers, _at_exit: at_exit }
    }

    pub fn count(&self) -> usize {
        self.workers.borrow().len()
    }

    /// Waits until all is done, or all of them have ended, or one waits for the call itself,
    /// which is returned. The session holds no lock and no snapshot meanwhile.
    pub fn look_after(&self, progress: &mut Progress, transactions: &mut Transactions) -> Option<i32> {
        let mut ended = vec![false; self.count()];
        let mut circles = Circles::new();
        while !ended.iter().all(|&ended| ended) {
            for (index, worker) in self.workers.borrow().iter().enumerate() {
                if !ended[index] && worker.status() == Status::Ended {
                    ended[index] = true;
                    self.board.release(index + 1);
                }
            }
            progress.show(&self.board.totals());
            // Even when all is over: the last files may have been given up since the last look.
            let over = self.board.is_over();
            progress.tell_waiting(&self.board);
            if over {
                return None;
            }
            let workers: Vec<i32> = self.workers.borrow().iter().filter_map(Worker::pid).collect();
            let stuck = circles.find(&self.board, transactions, &workers);
            if stuck.is_some() {
                return stuck;
            }
            latch::wait(POLL_INTERVAL);
            transactions.renew();
        }
        None
    }

    fn any_runs(&self) -> bool {
        self.workers.borrow().iter().any(|worker| worker.status() != Status::Ended)
    }

    /// Ends them before all is done: what they have goes back to the others.
    pub fn end(&self) {
        self.workers.borrow().iter().for_each(Worker::terminate);
        while self.any_runs() {
            latch::wait(POLL_INTERVAL);
        }
        (1..=self.count()).for_each(|slot| self.board.release(slot));
    }
}

impl Drop for WorkerPool {
    /// Ends them, and waits until they have: a worker never outlives its call.
    fn drop(&mut self) {
        // They end by themselves when all is done; one that waits for a lock does not.
        let grace = Instant::now();
        while self.any_runs() && self.board.is_done() && grace.elapsed() < GRACE {
            latch::doze(POLL_INTERVAL);
        }
        if self.any_runs() {
            self.board.stop();
            self.workers.borrow().iter().for_each(Worker::terminate);
        }
        while self.any_runs() {
            latch::doze(POLL_INTERVAL);
        }
        self.workers.borrow_mut().clear();
    }
}
