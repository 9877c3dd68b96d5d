//! Loads whose rows are gone because their table was emptied, by TRUNCATE or DELETE, say.
//! The history keeps them, and so do their rejects unless the caller may undo them: what
//! another role has mended is not lost by a mere INSERT right.

use super::Catalog;
use crate::error::Error;
use crate::pg::executor::own_statement;
use crate::pg::executor::snapshot::{self, Snapshot};
use crate::pg::processes::{user, wake};
use crate::pg::{self, Oid};
use pgrx::prelude::*;

impl Catalog {
    /// Whether a load into the table that is in force has brought a row.
    pub fn has_brought_rows(&self, target: Oid, target_type: Oid) -> bool {
        const QUERY: &str = concat!(
            "SELECT 1::pg_catalog.int8 FROM loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND ",
            in_force!(),
            " AND h.rows_loaded OPERATOR(pg_catalog.>) 0 LIMIT 1"
        );
        let arguments = [target.into(), target_type.into(), self.origin.as_str().into()];
        user::run_as(self.owner, || own_statement::has_row(Snapshot::Latest, QUERY, &arguments))
    }

    /// Marks the loads into the table as gone with its rows; waits for those who are at
    /// them. The caller looks at the table afterwards, and takes this back where it has a
    /// row: what others commit meanwhile is not among the loads, but it is in the table.
    pub fn mark_emptied(&self, target: Oid, target_type: Oid) -> Result<(), Error> {
        const MARK: &str = concat!(
            "UPDATE loader.load_history_data AS l SET emptied_at = $4
            FROM (SELECT h.load_id FROM loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND ",
            in_force!(),
            " ORDER BY h.load_id FOR UPDATE) AS gone
            WHERE l.load_id OPERATOR(pg_catalog.=) gone.load_id"
        );
        const ROLES: &str = concat!(
            "SELECT DISTINCT h.loaded_by::pg_catalog.int8 FROM loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND h.emptied_at IS NOT NULL"
        );
        // What its retry or the next load of its file brought is gone too: it waits again.
        const REOPEN: &str = concat!(
            "UPDATE loader.rejects_data AS r SET resolved_by = NULL
            FROM loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND h.emptied_at OPERATOR(pg_catalog.=) $4
              AND r.resolved_by IS NOT NULL AND r.resolved_by OPERATOR(pg_catalog.=) h.load_id"
        );
        // Files will be loaded again, and their bad records will be rejected again. What
        // another has found empty before is among them.
        const FORGET: &str = concat!(
            "DELETE FROM loader.rejects_data AS r USING loader.load_history_data AS h WHERE ",
            of_target!("$1", "$2", "$3"),
            " AND h.emptied_at IS NOT NULL AND h.loaded_by OPERATOR(pg_catalog.=) ANY ($4)
              AND r.load_id OPERATOR(pg_catalog.=) h.load_id AND r.mended IS NULL"
        );
        wake::count_loads_gone();
        let caller = user::current();
        let now = pg::now();
        let origin = self.origin.as_str();
        user::run_as(self.owner, || {
            let table = [target.into(), target_type.into(), origin.into()];
            let of = [target.into(), target_type.into(), origin.into(), now.into()];
            Spi::run_with_args(MARK, &of)?;
            let mut roles = Vec::new();
            snapshot::select(Snapshot::Transaction, ROLES, &table, |row| {
                roles.extend(row.bigint(1).map(|role| Oid::from(role as u32)));
            });
            roles.retain(|&role| user::has_rights_of(caller, role));
            Spi::run_with_args(REOPEN, &of)?;
            let [target, target_type, origin] = table;
            Ok(Spi::run_with_args(FORGET, &[target, target_type, origin, roles.into()])?)
        })
    }
}
