//! Who waits for whom.

use crate::pg::executor::snapshot::{Snapshot, select, select_bigint};

/// Whether that process waits for a lock.
pub fn is_blocked(pid: i32) -> bool {
    let query = "SELECT 1::pg_catalog.int8
        WHERE pg_catalog.cardinality(pg_catalog.pg_blocking_pids($1)) OPERATOR(pg_catalog.>) 0";
    select_bigint(Snapshot::Transaction, query, &[pid.into()]).is_some()
}

/// Whether that process waits for a lock that this one holds: itself, or for
/// somebody who does.
pub fn blocks(pid: i32) -> bool {
    waited_for(pid).contains(&crate::pg::process_id())
}

/// The processes that one waits for: those that hold a lock that it asks for, those that
/// these wait for, and so on.
pub fn waited_for(pid: i32) -> Vec<i32> {
    let query = "WITH RECURSIVE waited_for AS (
            SELECT b.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS b(pid)
            UNION
            SELECT b.pid FROM waited_for AS w
            CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b(pid))
        SELECT w.pid::pg_catalog.int8 FROM waited_for AS w";
    let mut pids = Vec::new();
    select(Snapshot::Transaction, query, &[pid.into()], |row| {
        pids.extend(row.bigint(1).and_then(|pid| i32::try_from(pid).ok()));
    });
    pids
}
