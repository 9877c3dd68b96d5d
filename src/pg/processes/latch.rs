//! Waiting for other processes.

use pgrx::pg_sys;
use std::os::fd::{AsRawFd, BorrowedFd};
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

/// Waits until something happens to this process or can be read from the descriptor, at most so
/// long. Leaves requests for later.
pub fn wait_or_readable(descriptor: Option<BorrowedFd<'_>>, most: Duration) {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    let events = if descriptor.is_some() { events | pg_sys::WL_SOCKET_READABLE } else { events };
    // Rounded up: whoever waits for a time is not to find himself before it.
    let most = most.as_micros().div_ceil(1000);
    // SAFETY: the process's own latch; the descriptor is only waited for.
    unsafe {
        pg_sys::WaitLatchOrSocket(
            pg_sys::MyLatch,
            events as i32,
            descriptor.map_or(pg_sys::PGINVALID_SOCKET as i32, |descriptor| descriptor.as_raw_fd()),
            most as std::ffi::c_long,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}
