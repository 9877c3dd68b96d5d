//! What a load tells when it ends: a NOTICE to the client where there is
//! something to know, and a line to the server's log as `loader.log_loads` says.

use super::Outcome;
use super::decide::Decision;
use super::file_loader::LeftOut;
use super::options::OnError;
use crate::error::{Error, RecordPosition, RejectReason};
use crate::pg::strings::message::{count, tell};
use crate::pg::strings::text;
use crate::settings::{self, LogLoads};
use crate::sink::{ColumnOptions, Placement, Target, WriteMode};
use loader_core::stream::Damage;
use pgrx::PgLogLevel;

/// Tells why a file is not loaded, and returns the load that it was loaded by before.
pub fn not_loaded(path: &str, table: &str, decision: Decision) -> Result<i64, Error> {
    match decision {
        Decision::Skip(load_id) => {
            skipped(path, table, load_id);
            Ok(load_id)
        }
        Decision::Changed(load_id) => {
            Error::ChangedSince { path: path.to_string(), load_id, skipped: true }.warn();
            Ok(load_id)
        }
        Decision::Refused { load_id, changed: true } => {
            Err(Error::ChangedSince { path: path.to_string(), load_id, skipped: false })
        }
        Decision::Refused { load_id, changed: false } => {
            Err(Error::AlreadyLoaded { path: path.to_string(), table: table.to_string(), load_id })
        }
        Decision::Load(_) => unreachable!("a file that is loaded has another report"),
    }
}

/// The content was loaded before.
fn skipped(path: &str, table: &str, load_id: i64) {
    tell(
        PgLogLevel::NOTICE,
        format!("content of file \"{path}\" is already loaded into table \"{table}\", skipping"),
        Some(format!("Load {load_id} had the same content.")),
        Some("Use if_loaded => 'force' to load it again.".to_string()),
    );
}

/// Says of a table whose rows are stored on other servers that each of these commits its part of a
/// transaction by itself. With `insert_only` a row that stayed there is not added again: nothing is said.
pub fn at_least_once(target: &Target, options: &ColumnOptions) {
    let is_by_key = options.write_mode == WriteMode::InsertOnly && target.has_keys_elsewhere();
    if target.placement() != Placement::Foreign || is_by_key {
        return;
    }
    tell(
        PgLogLevel::NOTICE,
        format!("rows of table \"{}\" that are stored on other servers are loaded at least once", target.shown),
        Some("Such a server commits by itself: its rows stay where the load then fails on this one, and come again with the next load.".to_string()),
        None,
    );
}

/// The line for the server's log on a file that is loaded.
pub fn log_line(path: &str, target: &[u8], load_id: i64, rows: u64, rejects: u64, bytes: u64) -> String {
    format!(
        "load {load_id} of file \"{path}\" into table {}: {} loaded, {rejects} rejected, {}",
        text::show(target),
        count(rows, "row", "rows"),
        count(bytes, "byte", "bytes")
    )
}

/// The load ended well; `records` is how many good ones there were.
pub fn loaded(path: &str, target: &[u8], load_id: i64, outcome: &Outcome, records: u64, on_error: OnError) {
    let hint = match on_error {
        OnError::Ignore => None,
        OnError::Reject | OnError::Stop => {
            Some(format!("See SELECT * FROM loader.rejects WHERE load_id = {load_id};"))
        }
    };
    let between = count(outcome.between, "piece of text", "pieces of text");
    let verb = |number| if number == 1 { "was" } else { "were" };
    let bad = outcome.rows_rejected - outcome.between;
    if bad > 0 {
        let detail = format!("{between} between records {} rejected, too.", verb(outcome.between));
        tell(
            PgLogLevel::NOTICE,
            format!("{} {} rejected", part_of(path, outcome, records), verb(bad)),
            (outcome.between > 0).then_some(detail),
            hint,
        );
    } else if outcome.between > 0 {
        tell(
            PgLogLevel::NOTICE,
            format!("{between} between records of file \"{path}\" {} rejected", verb(outcome.between)),
            None,
            hint,
        );
    }
    let line =
        log_line(path, target, load_id, outcome.rows_loaded, outcome.rows_rejected, outcome.bytes_read);
    log(format!("{line} in {:.3} s", outcome.elapsed.as_secs_f64()));
}

/// The compressed stream of a file was not all that the file should be.
pub fn damaged(path: &str, damage: Damage) {
    let Damage { passed_over, hurt, lost } = damage;
    if hurt > 0 {
        let parts = count(hurt, "part of it is", "parts of it are");
        tell(
            PgLogLevel::WARNING,
            format!("compressed stream of file \"{path}\" is damaged"),
            Some(format!(
                "{parts} corrupt or truncated, and {} could not be decompressed.",
                count(lost, "byte of the file", "bytes of the file")
            )),
            Some("What could be decompressed is read.".to_string()),
        );
    }
    if passed_over > 0 {
        let verb = if passed_over == 1 { "was" } else { "were" };
        tell(
            PgLogLevel::WARNING,
            format!("{} of file \"{path}\" {verb} passed over", count(passed_over, "byte", "bytes")),
            Some("They are no part of its compressed stream.".to_string()),
            None,
        );
    }
}

/// What of the records of `files` went to no column.
pub fn left_out(files: &str, table: &str, left_out: &LeftOut) {
    if !left_out.fields.is_empty() {
        let names: Vec<String> =
            left_out.fields.iter().map(|name| format!("\"{}\"", text::keep(name))).collect();
        tell(
            PgLogLevel::NOTICE,
            format!("fields of {files} that no column of table \"{table}\" takes were ignored"),
            Some(format!("They are: {}.", names.join(", "))),
            Some("Map them with column_map, or add a column _rescued of type jsonb.".to_string()),
        );
    }
    if left_out.values > 0 {
        let verb = if left_out.values == 1 { "was" } else { "were" };
        tell(
            PgLogLevel::NOTICE,
            format!("{} of {files} {verb} set to NULL", count(left_out.values, "value", "values")),
            Some("The types of their columns refuse them.".to_string()),
            None,
        );
    }
}

/// The validation ended well; `first` has some of the bad records.
pub fn validated(
    path: &str,
    target: &[u8],
    outcome: &Outcome,
    records: u64,
    first: &[(RecordPosition, RejectReason)],
) {
    if outcome.rows_rejected > 0 {
        let mut lines: Vec<String> = first
            .iter()
            .map(|(place, reason)| format!("{place}: {}, {}", reason.error_type, reason.words()))
            .collect();
        let others = outcome.rows_rejected - first.len() as u64;
        if others > 0 {
            lines.push(format!("and {others} more"));
        }
        tell(
            PgLogLevel::NOTICE,
            format!("{} would be rejected", part_of(path, outcome, records)),
            Some(lines.join("\n")),
            None,
        );
    }
    log(format!(
        "validation of file \"{path}\" for table {}: {}, {} rejected, {} in {:.3} s",
        text::show(target),
        count(outcome.rows_loaded, "row", "rows"),
        outcome.rows_rejected,
        count(outcome.bytes_read, "byte", "bytes"),
        outcome.elapsed.as_secs_f64()
    ));
}

/// Writes a line on a call to the server's log, which is one on its file too.
fn log(line: String) {
    if settings::log_loads() != LogLoads::off {
        tell(PgLogLevel::LOG, line, None, None);
    }
}

fn part_of(path: &str, outcome: &Outcome, good: u64) -> String {
    let bad = outcome.rows_rejected - outcome.between;
    format!("{bad} of {} of file \"{path}\"", count(good + bad, "record", "records"))
}
