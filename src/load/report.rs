//! What a load tells when it ends: a NOTICE to the client where there is
//! something to know, a line to the server's log always.

use super::Outcome;
use super::options::OnError;
use crate::error::{Place, error_type};
use crate::pg;
use crate::pg::message::tell;
use loader_core::fault::Fault;
use pgrx::PgLogLevel;

/// The content was loaded before.
pub fn skipped(path: &str, table: &str, load_id: i64) {
    tell(
        PgLogLevel::NOTICE,
        format!("content of file \"{path}\" is already loaded into table \"{table}\", skipping"),
        Some(format!("Load {load_id} had the same content.")),
        Some("Use if_loaded => 'force' to load it again.".to_string()),
    );
}

/// The load ended well; `records` is how many good ones there were.
pub fn loaded(path: &str, target: &[u8], load_id: i64, outcome: &Outcome, records: u64, on_error: OnError) {
    if outcome.rows_rejected > 0 {
        let all = records + outcome.rows_rejected;
        let hint = match on_error {
            OnError::Ignore => None,
            OnError::Reject | OnError::Stop => {
                Some(format!("See SELECT * FROM loader.rejects WHERE load_id = {load_id};"))
            }
        };
        tell(
            PgLogLevel::NOTICE,
            format!("{} of {all} records of file \"{path}\" were rejected", outcome.rows_rejected),
            None,
            hint,
        );
    }
    tell(
        PgLogLevel::LOG,
        format!(
            "load {load_id} of file \"{path}\" into table {}: {} rows loaded, {} rejected, {} bytes in {:.3} s",
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

/// The validation ended well; `first` has some of the bad records.
pub fn validated(path: &str, target: &[u8], outcome: &Outcome, records: u64, first: &[(Place, Fault)]) {
    if outcome.rows_rejected > 0 {
        let all = records + outcome.rows_rejected;
        let mut lines: Vec<String> = first
            .iter()
            .map(|(place, fault)| format!("{place}: {}, {}", error_type(fault.kind), fault.what))
            .collect();
        let others = outcome.rows_rejected - first.len() as u64;
        if others > 0 {
            lines.push(format!("and {others} more"));
        }
        tell(
            PgLogLevel::NOTICE,
            format!("{} of {all} records of file \"{path}\" would be rejected", outcome.rows_rejected),
            Some(lines.join("\n")),
            None,
        );
    }
    tell(
        PgLogLevel::LOG,
        format!(
            "validation of file \"{path}\" for table {}: {} rows, {} rejected, {} bytes in {:.3} s",
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
