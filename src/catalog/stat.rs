//! Finds files that are loaded by what the file system says of them, without a look at
//! their contents.

use super::{Catalog, Content, or_null};
use crate::error::Error;
use crate::pg::executor::array;
use crate::pg::executor::snapshot::{self, Snapshot};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use crate::pg::strings::text;
use crate::stat::FileStat;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// What a load had of its file.
#[derive(Clone, Copy, Debug)]
pub struct FileOfPath {
    pub load_id: i64,
    pub size: u64,
    pub inode: Option<u64>,
}

impl Catalog {
    /// Those of the files, by their index, that are loaded and lie on disk as they did
    /// then, each with its load. A file of which another load has been begun is none of
    /// them. `content.file_size` plays no role.
    pub fn known(
        &self,
        content: &Content<'_>,
        files: &[(&[u8], FileStat)],
    ) -> Result<Vec<(usize, i64)>, Error> {
        // One look at an index for each file, however many rows there are. In FROM each array would be
        // written out first.
        const QUERY: &str = concat!(
            "SELECT f.number, (
                SELECT pg_catalog.max(h.load_id) FROM ",
            loads_of_path!("f.path"),
            " AS h
                WHERE ",
            of_content!("$7", "$8", "$9", "$10", "$11"),
            "
                HAVING pg_catalog.bool_and(h.status OPERATOR(pg_catalog.=) ANY (ARRAY['loaded', 'salvaged']::pg_catalog.text[]))
                   AND pg_catalog.max(h.load_id) OPERATOR(pg_catalog.=) pg_catalog.max(h.load_id) FILTER (WHERE ",
            same_stat!("f.size", "f.device", "f.inode", "f.mtime_ns", "f.ctime_ns"),
            "))
            FROM (SELECT pg_catalog.unnest($12) AS number, pg_catalog.unnest($1) AS path,
                         pg_catalog.unnest($2) AS size, pg_catalog.unnest($3) AS device,
                         pg_catalog.unnest($4) AS inode, pg_catalog.unnest($5) AS mtime_ns,
                         pg_catalog.unnest($6) AS ctime_ns OFFSET 0) AS f"
        );
        let column =
            |value: fn(&FileStat) -> i64| -> Vec<i64> { files.iter().map(|(_, stat)| value(stat)).collect() };
        let memory = Context::new(c"loader files", 8 * 1024);
        let paths: Vec<&[u8]> = files.iter().map(|&(path, _)| path).collect();
        let numbers: Vec<i64> = (0..).take(files.len()).collect();
        let arguments = [
            array::database_texts(&memory, &paths),
            column(|stat| stat.size as i64).into(),
            column(|stat| stat.device as i64).into(),
            column(|stat| stat.inode as i64).into(),
            column(|stat| stat.mtime_ns).into(),
            column(|stat| stat.ctime_ns).into(),
            text::parameter(content.column),
            content.target.into(),
            content.target_type.into(),
            self.origin.as_str().into(),
            content.records_path.unwrap_or_default().into(),
            numbers.into(),
        ];
        let mut known = Vec::new();
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| {
                if let (Some(number), Some(load_id)) = (row.bigint(1), row.bigint(2)) {
                    known.push((number as usize, load_id));
                }
            });
        });
        Ok(known)
    }

    /// What the last load of each of these paths had of its file, those of which there is none left out.
    pub fn files_of_paths(&self, content: &Content<'_>, paths: &[&[u8]]) -> Vec<(Vec<u8>, FileOfPath)> {
        const QUERY: &str = concat!(
            "SELECT f.path, h.load_id, h.file_size, h.file_inode
            FROM pg_catalog.unnest($1) AS f(path) CROSS JOIN LATERAL (
                SELECT h.load_id, h.file_size, h.file_inode FROM ",
            loads_of_path!("f.path"),
            " AS h
                WHERE ",
            of_content!("$2", "$3", "$4", "$5", "$6"),
            " AND h.file_size IS NOT NULL
                  AND (h.rows_loaded OPERATOR(pg_catalog.>) 0
                       OR h.status OPERATOR(pg_catalog.<>) 'failed'::pg_catalog.text)
                ORDER BY h.load_id USING OPERATOR(pg_catalog.>) LIMIT 1) AS h"
        );
        let memory = Context::new(c"loader files", 8 * 1024);
        let valid: Vec<&[u8]> = paths.iter().copied().filter(|path| text::is_valid(path)).collect();
        let arguments = [
            array::database_texts(&memory, &valid),
            text::parameter(content.column),
            content.target.into(),
            content.target_type.into(),
            self.origin.as_str().into(),
            content.records_path.unwrap_or_default().into(),
        ];
        let mut found = Vec::new();
        user::run_as(self.owner, || {
            snapshot::select(Snapshot::Latest, QUERY, &arguments, |row| {
                let file = FileOfPath {
                    load_id: row.bigint(2).unwrap_or(0),
                    size: row.bigint(3).unwrap_or(0) as u64,
                    inode: row.bigint(4).map(|inode| inode as u64),
                };
                found.push((row.bytes(1).unwrap_or_default(), file));
            });
        });
        found
    }

    /// Writes down that a load's file lies on disk like this now, with the same contents,
    /// so that the next look need not read it.
    pub fn learn_stat(&self, load_id: i64, stat: &FileStat) -> Result<(), Error> {
        const STATEMENT: &str = "UPDATE loader.load_history_data AS h
            SET file_device = $2, file_inode = $3, file_mtime_ns = $4, file_ctime_ns = $5
            WHERE h.load_id OPERATOR(pg_catalog.=) $1";
        let [device, inode, mtime_ns, ctime_ns] = stat_or_nulls(Some(stat));
        let arguments = [load_id.into(), device, inode, mtime_ns, ctime_ns];
        Ok(user::run_as(self.owner, || Spi::run_with_args(STATEMENT, &arguments))?)
    }
}

/// Device, inode, mtime and ctime.
pub(super) fn stat_or_nulls(stat: Option<&FileStat>) -> [DatumWithOid<'static>; 4] {
    let or_null = |value: fn(&FileStat) -> i64| or_null(stat.map(value));
    [
        or_null(|stat| stat.device as i64),
        or_null(|stat| stat.inode as i64),
        or_null(|stat| stat.mtime_ns),
        or_null(|stat| stat.ctime_ns),
    ]
}
