//! Observations of several threads.

use super::observe::Observations;
use crate::memory::{self, OutOfMemory};
use std::sync::{Mutex, PoisonError};

/// Observations that threads add to side by side. Each takes some that no other has in hand,
/// so that there are as many as threads are at it at once, and none waits for another.
#[derive(Debug, Default)]
pub struct SharedObservations {
    idle: Mutex<Vec<Observations>>,
}

impl SharedObservations {
    /// Lends observations to `body`; they are lost if that panics.
    pub fn with<E: From<OutOfMemory>>(
        &self,
        body: impl FnOnce(&mut Observations) -> Result<(), E>,
    ) -> Result<(), E> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut observations = taken.unwrap_or_default();
        let result = body(&mut observations);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        memory::push(&mut idle, observations)?;
        result
    }

    /// Whether some of them, which no thread has in hand, are of
    /// [too many fields](Observations::has_too_many).
    pub fn has_too_many(&self) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().any(Observations::has_too_many)
    }

    /// All of them merged; none are left.
    pub fn take(&self) -> Result<Observations, OutOfMemory> {
        let parts = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let mut all = Observations::new();
        for part in parts {
            all.merge(part)?;
        }
        Ok(all)
    }
}
