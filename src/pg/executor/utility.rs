//! Runs a CREATE TABLE as if a client had sent it.

use crate::pg::relations::list;
use pgrx::{PgBox, PgSqlErrorCode, ereport, pg_sys};
use std::ffi::CStr;

/// Runs a CREATE TABLE as if a client had sent it by itself. Through SPI it would be one of
/// a function's, and Citus makes a table of a distributed schema only of one that a client
/// sends (`citus_ProcessUtility`, 12 to 14). Raises what the statement does, with the
/// caller's rights; another kind of statement is an error.
pub fn create_table(statement: &CStr) {
    // SAFETY: what is parsed lies in the current context, as long as the statement runs; the
    // text outlives that.
    unsafe {
        let parsed = pg_sys::pg_parse_query(statement.as_ptr());
        for raw in list::elements(parsed) {
            let raw = &*raw.ptr_value.cast::<pg_sys::RawStmt>();
            if (*raw.stmt).type_ != pg_sys::NodeTag::T_CreateStmt {
                ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "not a CREATE TABLE");
            }
            // The client would be shown the place in its own statement.
            (*(*raw.stmt.cast::<pg_sys::CreateStmt>()).relation).location = -1;
            let mut planned = PgBox::<pg_sys::PlannedStmt>::alloc_node(pg_sys::NodeTag::T_PlannedStmt);
            planned.commandType = pg_sys::CmdType::CMD_UTILITY;
            planned.canSetTag = true;
            planned.utilityStmt = raw.stmt;
            planned.stmt_location = raw.stmt_location;
            planned.stmt_len = raw.stmt_len;
            pg_sys::ProcessUtility(
                planned.into_pg(),
                statement.as_ptr(),
                false,
                pg_sys::ProcessUtilityContext::PROCESS_UTILITY_TOPLEVEL,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                pg_sys::CreateDestReceiver(pg_sys::CommandDest::DestNone),
                std::ptr::null_mut(),
            );
            pg_sys::CommandCounterIncrement();
        }
    }
}
