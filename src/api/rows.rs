//! Rows that several functions return.

use crate::error;
use crate::load::Outcome;
use crate::pg::memory::lent::Lent;
use crate::read::Row;
use pgrx::datum::Interval;

/// What a load came to: its number, status, rows loaded and rejected, bytes read, time; rows
/// inserted, updated and superseded.
pub(super) type LoadRow = (Option<i64>, &'static str, i64, i64, i64, Interval, i64, i64, i64);

pub(super) fn load_row(outcome: &Outcome) -> LoadRow {
    (
        outcome.load_id,
        outcome.status,
        outcome.rows_loaded as i64,
        outcome.rows_rejected as i64,
        outcome.bytes_read as i64,
        Interval::from_micros(outcome.elapsed.as_micros() as i64),
        outcome.written.inserted as i64,
        outcome.written.updated as i64,
        outcome.written.superseded as i64,
    )
}

/// A record: its file, number, line and offset; its value, or what is wrong with it.
pub(super) type ReadRow = (Lent, i64, i64, i64, Option<Lent>, Option<&'static str>, Option<&'static str>);

pub(super) fn read_row(row: Row) -> ReadRow {
    (
        row.file,
        row.place.number as i64,
        row.place.line as i64,
        row.place.offset as i64,
        row.data,
        row.fault.map(|fault| error::error_type(fault.kind)),
        row.fault.map(|fault| fault.what),
    )
}
