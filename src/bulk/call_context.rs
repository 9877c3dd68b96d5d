//! What is the same for all files of a call, and what of it goes into the history.

use super::file_hook::FileHook;
use crate::catalog::{Catalog, Content, Load};
use crate::error::Error;
use crate::load::LoadOptions;
use crate::pg;
use crate::pg::processes::progress::Report;
use crate::sink::Target;
use crate::stat::FileStat;
use pgrx::datum::TimestampWithTimeZone;
use std::time::Duration;

/// What is the same for all files.
pub struct CallContext<'a> {
    pub target: &'a Target,
    pub target_name: &'a [u8],
    pub options: &'a LoadOptions,
    pub options_json: &'a [u8],
    pub chunk: i32,
    pub threads: usize,
    /// The process that a worker works for. The session itself shows no files.
    pub leader: Option<i32>,
    /// Bytes of a part.
    pub part_size: u64,
    /// What a pipeline wants of each file.
    pub hook: Option<&'a FileHook>,
    /// What waits for the end of a transaction is checked at the end of each part.
    pub deferrable: bool,
}

impl<'a> CallContext<'a> {
    /// What makes a load of a file of that size the same as another.
    pub fn content(&self, file_size: u64) -> Content<'a> {
        Content {
            target: self.target.oid,
            target_type: self.target.row_type,
            target_name: self.target_name,
            column: self.target.route.column(),
            file_size,
            records_path: self.options.format.records_path(),
        }
    }

    /// Does what is to happen in the transaction in which a file is loaded to its end.
    pub fn at_end_of_file(&self, catalog: &Catalog, load_id: i64, path: &[u8]) -> Result<(), Error> {
        self.hook.map_or(Ok(()), |hook| hook.run(catalog, load_id, path))
    }

    /// What the file system says of a file, as it is to be kept.
    pub fn stat_to_keep(&self, stat: &FileStat) -> FileStat {
        match self.hook.map(|hook| hook.settle) {
            None => *stat,
            Some(Duration::ZERO) => stat.as_settled(),
            Some(settle) => stat.after_settling(settle),
        }
    }

    /// What is shown of a file under way, in which so many rows were loaded earlier,
    /// and so many records rejected.
    pub fn report(&self, load_id: i64, size: u64, rows: u64, rejects: u64) -> Option<Report> {
        let of = |leader| Report { load_id, leader, rows, rejects, ..Report::new(self.target.oid, size) };
        self.leader.map(of)
    }

    /// The row of a load in the history, one that builds on no other.
    pub fn row(
        &self,
        id: i64,
        path: &'a [u8],
        size: u64,
        started_at: TimestampWithTimeZone,
        start_offset: u64,
    ) -> Load<'a> {
        Load {
            id,
            content: self.content(size),
            file_path: path,
            chunk: self.chunk,
            options: self.options_json,
            loaded_by: pg::processes::user::current(),
            started_at,
            start_offset,
            retry_of: None,
            builds_on: None,
        }
    }
}
