//! `pg_stat_progress_copy`.

use pgrx::pg_sys;

/// Starts the report on a load into `target`, or starts it again: a trigger
/// whose subtransaction was rolled back ends it.
pub fn start(target: pg_sys::Oid, bytes_total: u64) {
    // SAFETY: writes to this backend's own entry.
    unsafe {
        pg_sys::pgstat_progress_start_command(pg_sys::ProgressCommandType::PROGRESS_COMMAND_COPY, target);
    }
    update(pg_sys::PROGRESS_COPY_COMMAND, pg_sys::PROGRESS_COPY_COMMAND_FROM.into());
    update(pg_sys::PROGRESS_COPY_TYPE, pg_sys::PROGRESS_COPY_TYPE_FILE.into());
    update(pg_sys::PROGRESS_COPY_BYTES_TOTAL, bytes_total);
}

/// Bytes of the file read so far.
pub fn bytes_processed(bytes: u64) {
    update(pg_sys::PROGRESS_COPY_BYTES_PROCESSED, bytes);
}

/// Rows inserted so far.
pub fn tuples_processed(rows: u64) {
    update(pg_sys::PROGRESS_COPY_TUPLES_PROCESSED, rows);
}

/// Ends the report. An error ends it too.
pub fn end() {
    // SAFETY: writes to this backend's own entry.
    unsafe { pg_sys::pgstat_progress_end_command() }
}

fn update(index: u32, value: u64) {
    // SAFETY: the index is one of those that COPY uses; without a report under
    // way the call does nothing.
    unsafe { pg_sys::pgstat_progress_update_param(index as i32, value as i64) }
}
