//! `pg_stat_progress_copy`, and what `loader.progress` shows beside it.

use crate::pg::Oid;
use pgrx::pg_sys;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Columns of the server's report that COPY does not use: param14 to param19 of
/// `loader.progress`, which counts from 1.
const FILES_DONE: u32 = 13;
const FILES_TOTAL: u32 = 14;
const REJECTS: u32 = 15;
const LOAD_ID: u32 = 16;
const LEADER: u32 = 17;
const STARTED: u32 = 18;

/// How far a load is.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// The table.
    pub target: Oid,
    /// Bytes of the file as it lies on disk.
    pub bytes_total: u64,
    /// Its number, 0 where it has none yet.
    pub load_id: i64,
    /// The process that a worker works for.
    pub leader: i32,
    /// Rows inserted so far.
    pub rows: u64,
    /// Records rejected so far.
    pub rejects: u64,
    /// Files that a call is done with, and all that it has; 0 where it is about one.
    pub files_done: u64,
    pub files_total: u64,
    /// Since 1970.
    pub started: Duration,
}

impl Report {
    /// Nothing is done yet.
    pub fn new(target: Oid, bytes_total: u64) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Report {
            target,
            bytes_total,
            load_id: 0,
            leader: 0,
            rows: 0,
            rejects: 0,
            files_done: 0,
            files_total: 0,
            started,
        }
    }

    /// Starts the report, or starts it again: a subtransaction that was rolled
    /// back, a trigger's too, ends it.
    pub fn show(&self, bytes_processed: u64) {
        // SAFETY: writes to this backend's own entry.
        unsafe {
            pg_sys::pgstat_progress_start_command(
                pg_sys::ProgressCommandType::PROGRESS_COMMAND_COPY,
                self.target,
            );
        }
        update(pg_sys::PROGRESS_COPY_COMMAND, pg_sys::PROGRESS_COPY_COMMAND_FROM.into());
        update(pg_sys::PROGRESS_COPY_TYPE, pg_sys::PROGRESS_COPY_TYPE_FILE.into());
        update(pg_sys::PROGRESS_COPY_BYTES_TOTAL, self.bytes_total);
        update(pg_sys::PROGRESS_COPY_TUPLES_PROCESSED, self.rows);
        update(REJECTS, self.rejects);
        update(FILES_DONE, self.files_done);
        update(FILES_TOTAL, self.files_total);
        update(LOAD_ID, self.load_id as u64);
        update(LEADER, self.leader as u64);
        update(STARTED, self.started.as_micros() as u64);
        self::bytes_processed(bytes_processed);
    }
}

/// A report that is shown for as long as this is there.
pub struct Shown(pub Report);

impl Drop for Shown {
    fn drop(&mut self) {
        end();
    }
}

/// Bytes of the file read so far.
pub fn bytes_processed(bytes: u64) {
    update(pg_sys::PROGRESS_COPY_BYTES_PROCESSED, bytes);
}

/// Ends the report. An error ends it too.
pub fn end() {
    // SAFETY: writes to this backend's own entry.
    unsafe { pg_sys::pgstat_progress_end_command() }
}

fn update(index: u32, value: u64) {
    // SAFETY: the index is one of the entry's; without a report under way the
    // call does nothing.
    unsafe { pg_sys::pgstat_progress_update_param(index as i32, value as i64) }
}
