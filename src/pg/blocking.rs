//! Who waits for whom.

use super::snapshot::{Snapshot, select_bigint};

/// Whether that process waits for a lock.
pub fn is_blocked(pid: i32) -> bool {
    let query = c"SELECT 1::pg_catalog.int8
        WHERE pg_catalog.cardinality(pg_catalog.pg_blocking_pids($1)) OPERATOR(pg_catalog.>) 0";
    select_bigint(Snapshot::Transaction, query, &[pid.into()]).is_some()
}
