//! Rows of the history that were written elsewhere: they came with a dump, a copy of the
//! database or pg_upgrade, or an earlier version of the extension wrote them. Their OIDs
//! name anything here; their names say which table and which role is meant.

use super::Catalog;
use crate::error::Error;
use crate::pg::executor::own_statement;
use crate::pg::executor::snapshot::Snapshot;
use crate::pg::processes::user;
use pgrx::prelude::*;

impl Catalog {
    /// Takes such rows over, all of them: from then on they are known by the OIDs that
    /// their names have now. A table or role that is not there is none, for ever: what gets
    /// its name later is another. Where one name has meant several tables one after another,
    /// the rows of the last one are taken over for it, and those of the others for none;
    /// 0.1.0 did not write down enough to tell. Costs one look at an index where there
    /// are none.
    pub fn adopt(&self) -> Result<(), Error> {
        const FIND: &str = concat!(
            "(SELECT 1::pg_catalog.int8 FROM loader.load_history_data AS h
              WHERE h.home OPERATOR(pg_catalog.<) $1 AND ",
            in_force!(),
            " LIMIT 1)
            UNION ALL
            (SELECT 1::pg_catalog.int8 FROM loader.load_history_data AS h
             WHERE h.home OPERATOR(pg_catalog.>) $1 AND ",
            in_force!(),
            " LIMIT 1)"
        );
        // Parts of names are compared: what is quoted differs between versions of the
        // server. Names in temporary schemas go from session to session and say nothing.
        const TAKE_OVER: &str = "UPDATE loader.load_history_data AS h
            SET home = $1,
                target_oid = CASE WHEN h.home OPERATOR(pg_catalog.=) ''::pg_catalog.text
                                    OR h.target_oid OPERATOR(pg_catalog.=) t.last_oid
                                  THEN COALESCE(t.oid, 0::pg_catalog.oid) ELSE 0::pg_catalog.oid END,
                target_type = COALESCE(t.reltype, 0::pg_catalog.oid),
                loaded_by = COALESCE((SELECT r.oid FROM pg_catalog.pg_roles AS r
                                      WHERE r.rolname OPERATOR(pg_catalog.=) h.loaded_by_name),
                                     0::pg_catalog.oid)
            FROM (SELECT n.home, n.target, last.target_oid AS last_oid, c.oid, c.reltype
                  FROM (SELECT l.home, l.target, pg_catalog.max(l.load_id) AS load_id
                        FROM loader.load_history_data AS l
                        WHERE l.home OPERATOR(pg_catalog.<>) $1 GROUP BY l.home, l.target) AS n
                  JOIN loader.load_history_data AS last
                    ON last.load_id OPERATOR(pg_catalog.=) n.load_id
                  LEFT JOIN pg_catalog.pg_namespace AS s
                    ON s.nspname OPERATOR(pg_catalog.=)
                       (pg_catalog.parse_ident(n.target))[1]::pg_catalog.name
                   AND NOT pg_catalog.starts_with(n.target, 'pg_temp_'::pg_catalog.text)
                  LEFT JOIN pg_catalog.pg_class AS c
                    ON c.relnamespace OPERATOR(pg_catalog.=) s.oid
                   AND c.relname OPERATOR(pg_catalog.=)
                       (pg_catalog.parse_ident(n.target))[2]::pg_catalog.name) AS t
            WHERE t.home OPERATOR(pg_catalog.=) h.home AND t.target OPERATOR(pg_catalog.=) h.target
              AND h.home OPERATOR(pg_catalog.<>) $1";
        user::run_as(self.owner, || {
            if !own_statement::has_row(Snapshot::Latest, FIND, &[self.origin.as_str().into()]) {
                return Ok(());
            }
            Ok(Spi::run_with_args(TAKE_OVER, &[self.origin.as_str().into()])?)
        })
    }
}
