//! Settings of the server that have another value for some time.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Keeps values of settings in force until it is dropped.
pub(in crate::pg) struct LocalSettings {
    level: i32,
}

impl LocalSettings {
    /// Puts values in force, each given with the name of its setting. Raises where a setting cannot have
    /// its value.
    pub(in crate::pg) fn set(values: &[(&CStr, &CStr)]) -> Self {
        // SAFETY: a new level of settings, which is ended when this value is dropped, in whatever way.
        unsafe {
            let own = LocalSettings { level: pg_sys::NewGUCNestLevel() };
            for (name, value) in values {
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
            }
            own
        }
    }
}

impl Drop for LocalSettings {
    fn drop(&mut self) {
        // SAFETY: the level that was begun, and has not been ended: a transaction that is rolled back
        // meanwhile is one within it.
        unsafe { pg_sys::AtEOXact_GUC(false, self.level) }
    }
}
