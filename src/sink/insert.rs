//! The prepared INSERT, run once per chunk or for a part of one, and the CONTEXT line of its
//! errors.

use super::column_options::ColumnOptions;
use super::lineage::Lineage;
use super::ranges::{self, Attempt, Companion, Pace, Refused};
use super::statement;
use super::upsert::Upsert;
use super::{Route, Target};
use crate::error::{Error, RecordPosition, RejectReason};
use crate::pg::executor::chunk::Chunk;
use crate::pg::executor::chunk_handle::{HandedOut, Violation, Written};
use crate::pg::executor::statement::{Parameters, Statement};
use crate::pg::executor::subtransaction;
use crate::pg::strings::error_context;
use pgrx::PgSqlErrorCode;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::ops::Range;

/// The INSERT of a load, see [`statement`].
pub struct Insert {
    table: Vec<u8>,
    lineage: Lineage,
    route: Route,
    upsert: Option<Upsert>,
    statement: Statement,
    /// How many rows are inserted at once where the server refuses some.
    pace: Pace,
}

/// The rows of a chunk, and where they came from.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The number of the load.
    pub load_id: i64,
    /// The file, as errors show it.
    pub file: &'a str,
    /// The values.
    pub chunk: &'a Chunk,
    /// Of each of them its place in the file.
    pub places: &'a [RecordPosition],
}

impl<'a> Rows<'a> {
    fn places_of(&self, range: Range<usize>) -> &'a [RecordPosition] {
        &self.places[range]
    }
}

impl Insert {
    /// Prepares the statement, and checks the caller's rights on the schema.
    pub fn prepare(target: &Target, options: &ColumnOptions) -> Result<Self, Error> {
        let upsert = Upsert::of(target, options)?;
        let table = target.quoted_name()?;
        Ok(Insert {
            statement: statement::prepare(target, &table, upsert.as_ref()),
            table,
            lineage: target.lineage,
            route: target.route.clone(),
            upsert,
            pace: Pace::default(),
        })
    }

    /// Inserts these of the rows and returns what that has written: not those that a trigger suppressed. The first row that the server refuses is its error.
    pub fn run(&mut self, target: &Target, rows: Rows<'_>, range: Range<usize>) -> Result<Written, Error> {
        self.make_fit(target)?;
        self.with_context(target, rows, range, |insert, _| insert(None))
    }

    /// The same, but rows that the server refuses are left out.
    pub fn run_what_is_taken(
        &mut self,
        target: &Target,
        rows: Rows<'_>,
        range: Range<usize>,
        companion: &mut impl Companion,
    ) -> Result<Written, Error> {
        let mut pace = self.pace;
        let inserted = ranges::run(range, &mut pace, companion, |range, companion| {
            self.attempt(target, rows, range, companion)
        });
        self.pace = pace;
        inserted
    }

    /// Inserts some of the rows: all of them, but for those that a constraint refuses, or none if one is
    /// refused.
    fn attempt(
        &mut self,
        target: &Target,
        rows: Rows<'_>,
        range: Range<usize>,
        companion: &mut impl Companion,
    ) -> Result<Attempt, Error> {
        // A trigger may have renamed what the statement names.
        self.make_fit(target)?;
        let first = range.start;
        // A row by itself raises the error that says why.
        let leaves_out = companion.takes_parts() && range.len() > 1;
        let violations = RefCell::default();
        let outcome = self.with_context(target, rows, range.clone(), |insert, handed_out| {
            let body = || {
                companion.before(range).map_err(Outcome::Failed)?;
                insert(leaves_out.then_some(&violations)).map_err(Outcome::Failed)
            };
            subtransaction::unless_refused(body, |error| {
                let row = match handed_out.get() {
                    // One of those before it has the same key.
                    _ if error.code == PgSqlErrorCode::ERRCODE_CARDINALITY_VIOLATION => None,
                    HandedOut::UpTo(index) => Some(first + index),
                    HandedOut::None | HandedOut::All => None,
                };
                RejectReason::of_row(error)
                    .map(|reason| Outcome::Refused(Refused { row, reason: Box::new(reason) }))
            })
        });
        match outcome {
            Ok(written) => {
                let mut violations = violations.into_inner();
                violations.iter_mut().for_each(|violation| violation.row += first);
                Ok(Attempt::Inserted(written, violations))
            }
            Err(Outcome::Refused(refused)) => Ok(Attempt::Refused(refused)),
            Err(Outcome::Failed(error)) => Err(error),
        }
    }

    /// Prepares the statement anew if the target has another name or other columns of lineage now.
    fn make_fit(&mut self, target: &Target) -> Result<(), Error> {
        debug_assert!(self.route.fits(&target.route));
        let table = target.quoted_name()?;
        if table != self.table || target.lineage != self.lineage {
            self.statement = statement::prepare(target, &table, self.upsert.as_ref());
            self.table = table;
            self.lineage = target.lineage;
        }
        Ok(())
    }

    /// Runs `body` with what inserts the rows of the range, and leaves out those that a constraint refuses
    /// where it may, and with what says how far that has got. Errors name the record.
    fn with_context<R>(
        &self,
        target: &Target,
        rows: Rows<'_>,
        range: Range<usize>,
        body: impl FnOnce(&RunInsert<'_>, &Cell<HandedOut>) -> R,
    ) -> R {
        let Rows { load_id, file, chunk, .. } = rows;
        let places = rows.places_of(range.clone());
        let handed_out = Cell::default();
        let describe = |line: &mut dyn Write| describe(line, file, &target.shown, handed_out.get(), places);
        let place = || {
            let mut place = String::new();
            // A String takes all.
            let _ = write_place(&mut place, handed_out.get(), places);
            place
        };
        let insert = |violations: Option<&RefCell<Vec<Violation>>>| {
            Ok(chunk.hand_to(
                &self.statement,
                range.clone(),
                places,
                Parameters { number: load_id, file },
                &handed_out,
                violations,
            )?)
        };
        error_context::with_context(&describe, || error_context::noting(place, || body(&insert, &handed_out)))
    }
}

/// Inserts rows. Given a list, it may leave out those that a constraint refuses, and add them there.
type RunInsert<'a> = dyn Fn(Option<&RefCell<Vec<Violation>>>) -> Result<Written, Error> + 'a;

/// Why rows are not in the table after an attempt.
enum Outcome {
    Refused(Refused),
    Failed(Error),
}

/// The error context: what is being done, and with which record.
fn describe(
    line: &mut dyn Write,
    file: &str,
    table: &str,
    handed_out: HandedOut,
    places: &[RecordPosition],
) -> fmt::Result {
    write!(line, "loading \"{file}\" into table \"{table}\"")?;
    if places.is_empty() {
        return Ok(());
    }
    write!(line, ": ")?;
    write_place(line, handed_out, places)
}

/// The record that is being inserted; all of them once the last one is in,
/// while AFTER triggers and foreign keys are looked at.
fn write_place(line: &mut dyn Write, handed_out: HandedOut, places: &[RecordPosition]) -> fmt::Result {
    // They stand in the order of their keys where they have some.
    let by_offset = |place: &&RecordPosition| place.offset;
    let (Some(first), Some(last)) =
        (places.iter().min_by_key(by_offset), places.iter().max_by_key(by_offset))
    else {
        return Ok(());
    };
    match handed_out {
        HandedOut::UpTo(index) => write!(line, "{}", places[index]),
        HandedOut::None | HandedOut::All => write!(
            line,
            "records {} to {}, lines {} to {}, bytes {} to {}",
            first.number,
            last.number,
            first.line,
            last.line,
            first.offset,
            last.offset + last.length
        ),
    }
}
