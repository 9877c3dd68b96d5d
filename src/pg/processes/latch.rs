//! Waiting for other processes.

use pgrx::pg_sys;
use std::time::Duration;

/// Waits until something happens to this process, at most so long. Raises the
/// error of a cancel or terminate request.
pub fn wait(most: Duration) {
    doze(most);
    crate::pg::check_for_interrupts();
}

/// As [`wait`], but leaves requests for later: for what has to be brought to an end.
pub fn doze(most: Duration) {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: the process's own latch.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            events as i32,
            most.as_millis() as std::ffi::c_long,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}
