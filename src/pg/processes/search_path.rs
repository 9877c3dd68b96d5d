//! The search_path, for some time.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Keeps a search_path in force until it is dropped.
pub(in crate::pg) struct SearchPath {
    level: i32,
}

impl SearchPath {
    /// Puts it in force. Raises where it is none.
    pub(in crate::pg) fn set(search_path: &CStr) -> Self {
        // SAFETY: a new level of settings, which is ended when the value is dropped, in whatever way.
        unsafe {
            let own = SearchPath { level: pg_sys::NewGUCNestLevel() };
            pg_sys::set_config_option(
                c"search_path".as_ptr(),
                search_path.as_ptr(),
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

impl Drop for SearchPath {
    fn drop(&mut self) {
        // SAFETY: the level that was begun, and has not been ended: a transaction that is rolled back
        // meanwhile is one within it.
        unsafe { pg_sys::AtEOXact_GUC(false, self.level) }
    }
}
