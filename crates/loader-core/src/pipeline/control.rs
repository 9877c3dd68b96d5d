//! What the backend and the threads tell each other beside batches.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by the backend, the threads and the source that they read.
#[derive(Debug, Default)]
pub struct Control {
    stopped: AtomicBool,
    bytes_read: AtomicU64,
}

impl Control {
    /// Asks the threads to give up.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the threads are asked to give up.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Says how far the source has been read, in bytes as it lies on disk.
    pub fn set_bytes_read(&self, bytes: u64) {
        self.bytes_read.store(bytes, Ordering::Relaxed);
    }

    /// How far the source has been read, in bytes as it lies on disk.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }
}
