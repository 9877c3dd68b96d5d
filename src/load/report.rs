//! What a load tells when it ends: a NOTICE to the client where there is
//! something to know, a line to the server's log always.

use super::Outcome;
use super::options::OnError;
use crate::pg;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// The content was loaded before.
pub fn skipped(path: &str, table: &str, load_id: i64) {
    report(
        PgLogLevel::NOTICE,
        format!("content of file \"{path}\" is already loaded into table \"{table}\", skipping"),
        Some(format!("Load {load_id} had the same content.")),
        Some("Use if_loaded => 'force' to load it again.".to_string()),
    );
}

/// The load ended well; `records` is how many good ones there were.
pub fn loaded(path: &str, target: &[u8], outcome: &Outcome, records: u64, on_error: OnError) {
    if outcome.rows_rejected > 0 {
        let all = records + outcome.rows_rejected;
        let hint = match on_error {
            OnError::Ignore => None,
            OnError::Reject | OnError::Stop => {
                Some(format!("See SELECT * FROM loader.rejects WHERE load_id = {};", outcome.load_id))
            }
        };
        report(
            PgLogLevel::NOTICE,
            format!("{} of {all} records of file \"{path}\" were rejected", outcome.rows_rejected),
            None,
            hint,
        );
    }
    report(
        PgLogLevel::LOG,
        format!(
            "load {} of file \"{path}\" into table {}: {} rows loaded, {} rejected, {} bytes in {:.3} s",
            outcome.load_id,
            pg::text::show(target),
            outcome.rows_loaded,
            outcome.rows_rejected,
            outcome.bytes_read,
            outcome.elapsed.as_secs_f64()
        ),
        None,
        None,
    );
}

fn report(level: PgLogLevel, message: String, detail: Option<String>, hint: Option<String>) {
    let mut report = ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message, "loader");
    if let Some(detail) = detail {
        report = report.set_detail(detail);
    }
    if let Some(hint) = hint {
        report = report.set_hint(hint);
    }
    report.report(level);
}
