//! Who waits for whom.

use super::snapshot::{Snapshot, select_bigint};

/// Whether that process waits for a lock that this one holds.
pub fn blocks(pid: i32) -> bool {
    let query = c"SELECT 1::pg_catalog.int8
        WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids($1))";
    select_bigint(Snapshot::Transaction, query, &[pid.into()]).is_some()
}
