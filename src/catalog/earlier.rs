//! Looks up what was loaded before: loads of the same content or the same path that are
//! still in force.

use super::loads::{Load, Position, Status};
use super::stat::stat_or_nulls;
use super::{Catalog, Content, or_null};
use crate::pg::executor::snapshot::{Row, Snapshot, select_bigint};
use crate::pg::executor::{array, own_statement};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use crate::pg::strings::text;
use crate::stat::FileStat;
use pgrx::datum::DatumWithOid;
use std::cmp::Reverse;

/// An earlier load, of the same content or of the same path.
#[derive(Clone, Debug)]
pub struct Earlier {
    pub id: i64,
    pub status: Status,
    /// The file had the path that was asked for.
    pub same_path: bool,
    /// Size and hash of the file then, if it could be opened.
    pub size: Option<u64>,
    pub hash: Option<Vec<u8>>,
    /// How far it came.
    pub reached: Position,
    /// Where its last record begins, if that was bad.
    pub open_offset: Option<u64>,
    /// Where in the stream it began.
    pub start_offset: u64,
    /// The load that it builds on.
    pub builds_on: Option<i64>,
    /// The file is on disk as it was then, and had been so for some time.
    pub same_stat: bool,
    /// The file may be what that one has become under another name, see [`Kin`].
    pub is_kin: bool,
}

/// Whether loads are looked up that had another content under another path, but may have been of an
/// earlier state of the file: of the same inode, or of the name that a rotated log had before. Only its
/// content tells whether they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    LeaveOut,
    LookUp,
}

/// The names that the file may have had before it was rotated: without the numbers at its end.
fn names_before(path: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    let mut name = path;
    while let Some(end) = name.iter().rposition(|byte| !byte.is_ascii_digit()) {
        if end + 1 == name.len() || !matches!(name[end], b'.' | b'-' | b'_') || name[..end].ends_with(b"/") {
            break;
        }
        name = &name[..end];
        names.push(name);
    }
    names
}

impl Earlier {
    /// Whether it failed before it brought anything.
    pub fn is_vain(&self) -> bool {
        self.status == Status::Failed && self.reached.offset == self.start_offset && self.reached.rejects == 0
    }

    /// Whether it brought a row, or gave one to a trigger that put it elsewhere: one that
    /// did not keeps no other content out.
    pub fn has_rows(&self) -> bool {
        self.reached.rows > 0 || self.reached.any_good()
    }
}

/// SQL for earlier loads: each way to a load by its own index, and only then the other conditions (OFFSET
/// keeps them out). Where the planner knows little of the table it would walk through all loads of the
/// target.
macro_rules! earlier_loads {
    ($kin:literal) => {
        concat!(
            "SELECT h.load_id, h.status, (h.file_path OPERATOR(pg_catalog.=) $7)::pg_catalog.int4::pg_catalog.int8,
                h.file_size, h.content_hash, h.start_offset OPERATOR(pg_catalog.+) h.stream_bytes,
                h.records, h.lines, h.splitter_state, h.rows_rejected, h.rows_loaded, h.open_offset, h.start_offset, ",
            same_stat!("$1", "$9", "$10", "$11", "$12"),
            "::pg_catalog.int4::pg_catalog.int8, h.builds_on
            FROM (
                (SELECT c.* FROM loader.load_history_data AS c
                 WHERE c.file_size OPERATOR(pg_catalog.=) $1 AND c.target_oid OPERATOR(pg_catalog.=) $3
                   AND c.content_hash OPERATOR(pg_catalog.=) $6 OFFSET 0)
                UNION ALL
                (SELECT p.* FROM loader.load_history_data AS p
                 WHERE p.file_path OPERATOR(pg_catalog.=) $7 OFFSET 0) ",
            $kin,
            ") AS h
            WHERE ",
            of_content!("$2", "$3", "$4", "$8", "$5")
        )
    };
}

const EARLIER: &str = earlier_loads!("");
const EARLIER_WITH_KIN: &str = earlier_loads!(
    "UNION ALL
     (SELECT i.* FROM loader.load_history_data AS i
      WHERE i.file_inode OPERATOR(pg_catalog.=) $13 AND i.file_device OPERATOR(pg_catalog.=) $9 OFFSET 0)
     UNION ALL
     (SELECT n.* FROM (SELECT pg_catalog.unnest($14) AS name OFFSET 0) AS name
      CROSS JOIN LATERAL (SELECT o.* FROM loader.load_history_data AS o
                          WHERE o.file_path OPERATOR(pg_catalog.=) name.name OFFSET 0) AS n)"
);

impl Catalog {
    /// Loads into the target that are in force, the latest first, that had this content or,
    /// with a path, that path; retries do not count. `stat` is the file's of now.
    pub fn earlier(
        &self,
        content: &Content<'_>,
        hash: Option<&[u8; 32]>,
        path: Option<&[u8]>,
        stat: Option<&FileStat>,
        kin: Kin,
    ) -> Vec<Earlier> {
        let [device, inode, mtime_ns, ctime_ns] = stat_or_nulls(stat);
        let memory = Context::new(c"loader names", 8 * 1024);
        let looks_up = kin == Kin::LookUp;
        let names = path.filter(|_| looks_up).map(names_before).unwrap_or_default();
        let arguments = [
            (content.file_size as i64).into(),
            text::parameter(content.column),
            content.target.into(),
            content.target_type.into(),
            content.records_path.unwrap_or_default().into(),
            or_null(hash.map(<[u8; 32]>::as_slice)),
            path.map_or_else(DatumWithOid::null::<&str>, text::parameter),
            self.origin.as_str().into(),
            device,
            inode,
            mtime_ns,
            ctime_ns,
            or_null(stat.filter(|_| looks_up).map(|stat| stat.inode as i64)),
            array::database_texts(&memory, &names),
        ];
        let mut found = Vec::new();
        user::run_as(self.owner, || {
            let query = if looks_up { EARLIER_WITH_KIN } else { EARLIER };
            own_statement::select(Snapshot::Latest, query, &arguments, |row| {
                found.push(earlier_of(row, looks_up));
            });
        });
        // One may be found in several ways.
        found.sort_unstable_by_key(|load| Reverse(load.id));
        found.dedup_by_key(|load| load.id);
        found
    }

    /// Whether a load into the target that is in force had a file of that size.
    pub fn any_of_size(&self, content: &Content<'_>) -> bool {
        const QUERY: &str = concat!(
            "SELECT 1::pg_catalog.int8 FROM (
                SELECT s.* FROM loader.load_history_data AS s
                WHERE s.file_size OPERATOR(pg_catalog.=) $1 AND s.target_oid OPERATOR(pg_catalog.=) $3 OFFSET 0) AS h
            WHERE ",
            of_content!("$2", "$3", "$4", "$6", "$5"),
            " LIMIT 1"
        );
        let arguments = [
            (content.file_size as i64).into(),
            text::parameter(content.column),
            content.target.into(),
            content.target_type.into(),
            content.records_path.unwrap_or_default().into(),
            self.origin.as_str().into(),
        ];
        user::run_as(self.owner, || own_statement::has_row(Snapshot::Latest, QUERY, &arguments))
    }

    /// Whether this transaction sees all of these loads.
    pub fn sees(&self, loads: &[i64]) -> bool {
        const QUERY: &str = "SELECT pg_catalog.count(*) FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1)";
        let memory = Context::new(c"loader loads", 8 * 1024);
        let arguments = [array::bigints(&memory, loads)];
        let seen = user::run_as(self.owner, || select_bigint(Snapshot::Transaction, QUERY, &arguments));
        seen == Some(loads.len() as i64)
    }

    /// The last of these loads that was begun as that one: into the same table, by the
    /// same role and with the same options. Its row says of that one what it would.
    pub fn same_attempt(&self, load: &Load<'_>, among: &[i64]) -> Option<i64> {
        const QUERY: &str = "SELECT pg_catalog.max(h.load_id) FROM loader.load_history_data AS h
            WHERE h.load_id OPERATOR(pg_catalog.=) ANY ($1)
              AND h.loaded_by OPERATOR(pg_catalog.=) $2
              AND h.options OPERATOR(pg_catalog.=) pg_catalog.jsonb_in(pg_catalog.textout($3))
              AND h.target OPERATOR(pg_catalog.=) $4";
        if among.is_empty() {
            return None;
        }
        let memory = Context::new(c"loader loads", 8 * 1024);
        let arguments = [
            array::bigints(&memory, among),
            load.loaded_by.into(),
            text::parameter(load.options),
            text::parameter(load.content.target_name),
        ];
        user::run_as(self.owner, || select_bigint(Snapshot::Latest, QUERY, &arguments))
    }
}

/// A row of [`earlier_loads`].
fn earlier_of(row: &Row<'_>, looks_up_kin: bool) -> Earlier {
    let same_path = row.bigint(3) == Some(1);
    Earlier {
        id: row.bigint(1).unwrap_or(0),
        status: match row.bytes(2).as_deref() {
            Some(b"loaded") => Status::Loaded,
            Some(b"salvaged") => Status::Salvaged,
            Some(b"running") => Status::Running,
            _ => Status::Failed,
        },
        same_path,
        size: row.bigint(4).map(|size| size as u64),
        is_kin: looks_up_kin && !same_path,
        hash: row.bytes(5),
        reached: Position::of(row, 6),
        open_offset: row.bigint(12).map(|offset| offset as u64),
        start_offset: row.bigint(13).unwrap_or(0) as u64,
        same_stat: row.bigint(14) == Some(1),
        builds_on: row.bigint(15),
    }
}
