//! Processes and locks: this process, its user, settings and threads; background workers; who
//! waits for whom.
//!
//! The safe surface: workers, locks and callbacks are values that end what they stand for when
//! they go, and a process becomes somebody else only for as long as a closure runs.

pub mod blocking;
pub mod clock;
pub mod databases;
pub mod descriptor;
pub mod directory_events;
pub mod latch;
pub(in crate::pg) mod local_settings;
pub mod lock;
pub mod notify;
pub mod progress;

pub mod session;
pub mod setting;
pub(in crate::pg) mod shared_lock;
pub mod thread;
pub mod user;
pub mod wake;
pub mod worker;
