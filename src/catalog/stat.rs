//! Finds files that are loaded by what the file system says of them, without a look at
//! their contents.

use super::{Catalog, Content, or_null};
use crate::error::Error;
use crate::pg::executor::snapshot::{self, Row, Snapshot};
use crate::pg::executor::{array, own_statement};
use crate::pg::memory::context::Context;
use crate::pg::processes::user;
use crate::pg::strings::text;
use crate::stat::FileStat;
use loader_core::memory;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// What a load had of its file.
#[derive(Clone, Copy, Debug)]
pub struct FileOfPath {
    pub load_id: i64,
    pub size: u64,
    pub inode: Option<u64>,
}

/// The latest of some loads of a file.
#[derive(Clone, Copy)]
struct LatestLoad {
    id: i64,
    /// All of them have come to their end.
    all_whole: bool,
    /// The file lies on disk as it did for the latest.
    same_stat: bool,
}

impl LatestLoad {
    fn and(self, other: Self) -> Self {
        let latest = if self.id > other.id { self } else { other };
        LatestLoad { all_whole: self.all_whole && other.all_whole, ..latest }
    }
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
        // One look at an index for each file, however many rows there are. The array is taken apart in a
        // target list: a function in FROM would write out all of its rows first.
        const QUERY: &str = concat!(
            "SELECT f.number::pg_catalog.int8, h.load_id,
                (h.status OPERATOR(pg_catalog.=) ANY (ARRAY['loaded', 'salvaged']::pg_catalog.text[]))::pg_catalog.int4::pg_catalog.int8,
                h.file_size, h.file_device, h.file_inode, h.file_mtime_ns, h.file_ctime_ns
            FROM (SELECT pg_catalog.generate_subscripts($1, 1) AS number, pg_catalog.unnest($1) AS path OFFSET 0) AS f
            CROSS JOIN LATERAL ",
            loads_of_path!("f.path"),
            " AS h
            WHERE ",
            of_content!("$2", "$3", "$4", "$5", "$6")
        );
        let memory = Context::new(c"loader files", 8 * 1024);
        let paths = memory::collect(files.iter().map(|&(path, _)| path))?;
        let arguments = [
            array::database_texts(&memory, &paths),
            text::parameter(content.column),
            content.target.into(),
            content.target_type.into(),
            self.origin.as_str().into(),
            content.records_path.unwrap_or_default().into(),
        ];
        let mut latest: Vec<Option<LatestLoad>> = memory::filled(files.len(), None)?;
        user::run_as(self.owner, || {
            own_statement::select(Snapshot::Latest, QUERY, &arguments, |row| {
                let (Some(number), Some(id)) = (row.bigint(1), row.bigint(2)) else { return };
                let number = number as usize - 1;
                let same_stat = stat_of(row, 4).is_some_and(|stat| stat.is_same(&files[number].1));
                let load = LatestLoad { id, all_whole: row.bigint(3) == Some(1), same_stat };
                latest[number] = Some(latest[number].map_or(load, |other| other.and(load)));
            });
        });
        let known = latest.iter().enumerate().filter_map(|(number, latest)| {
            latest.filter(|latest| latest.all_whole && latest.same_stat).map(|latest| (number, latest.id))
        });
        Ok(memory::collect(known)?)
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

/// Size, device, inode, mtime and ctime, in columns from that one on, if they are known.
fn stat_of(row: &Row<'_>, first: usize) -> Option<FileStat> {
    let [size, device, inode, mtime_ns, ctime_ns] = std::array::from_fn(|index| row.bigint(first + index));
    Some(FileStat::remembered(device? as u64, inode? as u64, size? as u64, mtime_ns?, ctime_ns?))
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
