//! Batches on their way from the threads to the backend, in order, and empty
//! ones on their way back. Bounded; nothing is allocated once it is made.

use super::batch::Batch;
use super::control::Control;
use crate::memory;
use crate::stream::Error;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// No batch is begun while finished batches that wait have this many bytes together.
const BYTES: usize = 16 * 1024 * 1024;

/// How long the backend waits before it looks for interrupts.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What a batch came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Records.
    Filled(Batch),
    /// There are no more.
    Ended,
    /// There may be, but they cannot be had.
    Failed(Error),
}

#[derive(Debug)]
struct State {
    /// Those that are begun and not handed out, in file order; `None` until
    /// they are finished.
    begun: VecDeque<Option<Outcome>>,
    /// Number of the first of them.
    first: u64,
    /// How many may be begun.
    room: usize,
    /// Bytes of those that are finished.
    bytes: usize,
    /// Nothing more is to be begun.
    closed: bool,
    /// A thread has panicked.
    broken: bool,
    empty: Vec<Batch>,
}

impl State {
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    fn begin(&mut self) -> Option<(u64, Batch)> {
        if self.begun.len() == self.room || self.bytes >= BYTES {
            return None;
        }
        let number = self.first + self.begun.len() as u64;
        self.begun.push_back(None);
        Some((number, self.empty.pop().unwrap_or_default()))
    }
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// The first batch is finished, the splitter is free, or a thread has panicked.
    ready: Condvar,
    /// There is room, or no more to do.
    room: Condvar,
}

impl Queue {
    /// A queue for so many batches.
    pub(super) fn new(room: usize) -> Result<Self, Error> {
        let (mut begun, mut empty) = (VecDeque::new(), Vec::new());
        let size = room * size_of::<Outcome>();
        begun.try_reserve_exact(room).map_err(|_| Error::OutOfMemory(size))?;
        memory::reserve_exact(&mut empty, room)?;
        let state = State { begun, first: 0, room, bytes: 0, closed: false, broken: false, empty };
        Ok(Queue { state: Mutex::new(state), ready: Condvar::new(), room: Condvar::new() })
    }

    /// Nobody panics while holding the lock, and each change of the state is
    /// whole: a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a batch, as soon as there is room: its number, and an empty one to
    /// fill. `None` where there is nothing more to do. Batches are begun in file
    /// order: by whoever has the splitter.
    pub(super) fn begin(&self, control: &Control) -> Option<(u64, Batch)> {
        let mut state = self.lock();
        loop {
            if state.closed || control.is_stopped() {
                return None;
            }
            if let Some(begun) = state.begin() {
                return Some(begun);
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same, but `None` also where there is no room.
    pub(super) fn try_begin(&self) -> Option<(u64, Batch)> {
        let mut state = self.lock();
        if state.closed { None } else { state.begin() }
    }

    /// Says what became of a batch that was begun.
    pub(super) fn finish(&self, number: u64, outcome: Outcome) {
        let mut state = self.lock();
        match &outcome {
            Outcome::Filled(batch) => state.bytes += batch.bytes(),
            Outcome::Ended | Outcome::Failed(_) => self.close_locked(&mut state),
        }
        let index = (number - state.first) as usize;
        state.begun[index] = Some(outcome);
        if index == 0 {
            self.ready.notify_one();
        }
    }

    /// No batch is to be begun any more.
    pub(super) fn close(&self) {
        self.close_locked(&mut self.lock());
    }

    fn close_locked(&self, state: &mut State) {
        state.closed = true;
        self.room.notify_all();
    }

    /// A thread has panicked.
    pub(super) fn give_up(&self) {
        let mut state = self.lock();
        state.broken = true;
        self.close_locked(&mut state);
        self.ready.notify_one();
    }

    /// What became of the next batch, if that is known.
    pub(super) fn next(&self) -> Option<Outcome> {
        let mut state = self.lock();
        if let Some(Some(_)) = state.begun.front() {
            let outcome = state.begun.pop_front().flatten();
            state.first += 1;
            if let Some(Outcome::Filled(batch)) = &outcome {
                state.bytes -= batch.bytes();
            }
            self.room.notify_one();
            return outcome;
        }
        assert!(!state.broken, "a thread that parses has panicked");
        (state.closed && state.begun.is_empty()).then_some(Outcome::Ended)
    }

    /// Waits a little, unless the next batch is finished: until it is, or the
    /// splitter is free.
    pub(super) fn wait(&self) {
        let state = self.lock();
        if !matches!(state.begun.front(), Some(Some(_))) {
            let _ = self.ready.wait_timeout(state, POLL_INTERVAL);
        }
    }

    /// The splitter is free.
    pub(super) fn splitter_is_free(&self) {
        self.ready.notify_one();
    }

    /// Takes back a batch that is done with.
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    pub(super) fn recycle(&self, mut batch: Batch) {
        batch.clear();
        let mut state = self.lock();
        if state.empty.len() < state.empty.capacity() {
            state.empty.push(batch);
        }
    }
}
