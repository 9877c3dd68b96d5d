//! The text of a query that a caller gives.

use crate::pg::relations::list;
use crate::pg::strings::text;
use pgrx::pg_sys;

/// The text of the one SELECT, or the one list of VALUES, that `sql` is, without a semicolon at its
/// end; `None` where it is something else. Raises the server's error where it is no SQL.
pub fn one_select(sql: &[u8]) -> Option<Vec<u8>> {
    let sql_text = text::c_string(sql);
    // SAFETY: what is parsed lies in the current context; the text outlives that.
    unsafe {
        let mut statements = list::elements(pg_sys::pg_parse_query(sql_text.as_ptr())).iter();
        let raw = &*statements.next()?.ptr_value.cast::<pg_sys::RawStmt>();
        if statements.next().is_some() || (*raw.stmt).type_ != pg_sys::NodeTag::T_SelectStmt {
            return None;
        }
        if !(*raw.stmt.cast::<pg_sys::SelectStmt>()).intoClause.is_null() {
            return None;
        }
        let bytes = sql_text.to_bytes();
        let start = usize::try_from(raw.stmt_location).ok()?;
        let length = usize::try_from(raw.stmt_len).ok().filter(|&length| length > 0);
        bytes.get(start..length.map_or(bytes.len(), |length| start + length)).map(<[u8]>::to_vec)
    }
}
