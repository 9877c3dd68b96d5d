//! File descriptors beside the server's own.

use pgrx::pg_sys;

/// One descriptor that the server knows to be in use. It keeps fewer files of
/// its own open then, and says so before there are none left: without a
/// descriptor it could not write its log, which takes every session down.
pub struct Reserved(());

impl Reserved {
    /// Reserves one; `None` where too many are reserved already.
    pub fn new() -> Option<Self> {
        // SAFETY: counts, and closes files that the server opens again when it
        // needs them.
        unsafe { pg_sys::AcquireExternalFD() }.then_some(Reserved(()))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: gives back what `new` reserved.
        unsafe { pg_sys::ReleaseExternalFD() }
    }
}
