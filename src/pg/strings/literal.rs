//! Texts in statements.

use crate::pg::strings::text;
use pgrx::pg_sys;

/// A text of the database, quoted as a string of SQL.
pub fn quote(bytes: &[u8]) -> Vec<u8> {
    let bytes = text::c_string(bytes);
    // SAFETY: returns a copy.
    unsafe { text::take(pg_sys::quote_literal_cstr(bytes.as_ptr())) }.unwrap_or_default()
}
