//! Words for the client and the server's log, beside errors.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// A number with its noun: "1 file", "2 files".
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Sends a message of a level below ERROR.
pub fn tell(level: PgLogLevel, message: String, detail: Option<String>, hint: Option<String>) {
    let code = if matches!(level, PgLogLevel::WARNING) {
        PgSqlErrorCode::ERRCODE_WARNING
    } else {
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION
    };
    let mut report = ErrorReport::new(code, message, "loader");
    if let Some(detail) = detail {
        report = report.set_detail(detail);
    }
    if let Some(hint) = hint {
        report = report.set_hint(hint);
    }
    report.report(level);
}
