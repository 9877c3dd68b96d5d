//! Settings of the server that have another value for some time.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Keeps a value of a setting in force until it is dropped.
pub(in crate::pg) struct LocalSetting {
    level: i32,
}

impl LocalSetting {
    /// Puts the value in force. Raises where the setting cannot have it.
    pub(in crate::pg) fn set(name: &CStr, value: &CStr) -> Self {
        // SAFETY: a new level of settings, which is ended when the value is dropped, in whatever way.
        unsafe {
            let own = LocalSetting { level: pg_sys::NewGUCNestLevel() };
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
            own
        }
    }
}

impl Drop for LocalSetting {
    fn drop(&mut self) {
        // SAFETY: the level that was begun, and has not been ended: a transaction that is rolled back
        // meanwhile is one within it.
        unsafe { pg_sys::AtEOXact_GUC(false, self.level) }
    }
}
