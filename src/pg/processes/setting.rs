//! Settings of ours, before and after the server knows what they mean.

use pgrx::pg_sys;
use std::ffi::CStr;

/// Makes unknown settings that begin with `prefix.` an error.
pub fn reserve_prefix(prefix: &'static CStr) {
    // SAFETY: the name lives as long as the process.
    unsafe { pg_sys::MarkGUCPrefixReserved(prefix.as_ptr()) }
}

/// Whether an unprivileged client gave a value to the setting when it
/// connected, before the server knew that it may not. The server drops that
/// value when the setting is registered, but what it had replaced, from
/// postgresql.conf or ALTER DATABASE, is gone. To be asked before.
pub fn was_overridden_at_connect(name: &CStr) -> bool {
    all().into_iter().any(|setting| {
        // SAFETY: the server's own entry; its name is a C string.
        let (setting, own_name) = unsafe { (&*setting, CStr::from_ptr((*setting).name)) };
        own_name.to_bytes().eq_ignore_ascii_case(name.to_bytes())
            && setting.flags & pg_sys::GUC_CUSTOM_PLACEHOLDER as i32 != 0
            && setting.reset_source == pg_sys::GucSource::PGC_S_CLIENT
            && setting.reset_scontext != pg_sys::GucContext::PGC_SU_BACKEND
    })
}

#[cfg(feature = "pg15")]
fn all() -> Vec<*mut pg_sys::config_generic> {
    // SAFETY: the server's own array, as long as it says.
    unsafe {
        let count = pg_sys::GetNumConfigOptions() as usize;
        std::slice::from_raw_parts(pg_sys::get_guc_variables(), count).to_vec()
    }
}

#[cfg(not(feature = "pg15"))]
fn all() -> Vec<*mut pg_sys::config_generic> {
    let mut count = 0;
    // SAFETY: a copy in the current context, as long as it says.
    unsafe {
        let copy = pg_sys::get_guc_variables(&mut count);
        let settings = std::slice::from_raw_parts(copy, count as usize).to_vec();
        pg_sys::pfree(copy.cast());
        settings
    }
}
