//! How the rows of a chunk go in if the server refuses some of them: range by range, each of
//! them whole or not at all. Where the server names the row that it refuses, those before it go
//! in and it is left out; where it names none, the range is halved until one row is left.
//!
//! A row that NOT NULL or CHECK refuses is seen before it is inserted, where rows go in many at a time, and
//! is left out of the range. The first one that a constraint refuses is tried by itself for the error that
//! says so; the error of the others is the same.
//!
//! Every refusal costs a range that is rolled back and rows that are inserted a second time;
//! every range costs something, too. So the length of ranges follows how far refusals are apart:
//! a chunk is one range as long as there are none.

use crate::error::{Error, RejectReason};
use crate::pg::executor::chunk_handle::{Constraint, Violation, Written};
use crate::pg::memory::allocator;
use std::ops::Range;

/// What goes with the rows of a chunk some of which may be refused.
pub trait Companion {
    /// Called before these rows are inserted, in the subtransaction that is rolled back if one
    /// of them is refused.
    fn before(&mut self, rows: Range<usize>) -> Result<(), Error>;

    /// Called once for each row that is refused, in order.
    fn refused(&mut self, row: usize, reason: RejectReason) -> Result<(), Error>;

    /// Called when these rows are in the table.
    fn inserted(&mut self, rows: Range<usize>);

    /// Whether some may be left out of the rows that [`before`](Companion::before) was told of.
    fn takes_parts(&self) -> bool;
}

/// A range costs about as much as it costs to insert half so many rows.
const RANGE_COST: u64 = 20;

/// Where the server names no row, a refused range is inserted some three times until the row is
/// found, in as many parts.
const RANGE_COST_UNNAMED: u64 = 4;

/// How many rows go into the next range.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    /// How many rows lie between two refusals, by those that there were; `None` if there was
    /// none yet.
    distance: Option<u64>,
    /// So many rows were taken since the last one.
    taken: u64,
    /// The server named no row the last time.
    unnamed: bool,
}

impl Pace {
    /// If of so many rows one is refused, on average, half of a range is inserted in vain each
    /// time: the sum of that and of what ranges cost is least at the root of both.
    fn next(&self) -> usize {
        let length = match self.distance {
            None => u64::MAX,
            Some(distance) => {
                let cost = if self.unnamed { RANGE_COST_UNNAMED } else { RANGE_COST };
                (cost * distance.max(self.taken)).isqrt()
            }
        };
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    fn took(&mut self, rows: usize) {
        self.taken += rows as u64;
    }

    fn refused(&mut self, unnamed: bool) {
        self.unnamed = unnamed;
        let last = self.taken + 1;
        // Those that are long ago count less and less.
        self.distance = Some(self.distance.map_or(last, |distance| (7 * distance + last).div_ceil(8)));
        self.taken = 0;
    }
}

/// What came of an attempt to insert a range.
pub(super) enum Attempt {
    /// Its rows are in, but for these, in order.
    Inserted(Written, Vec<Violation>),
    /// None of them is.
    Refused(Refused),
}

/// A row of a range was refused.
pub(super) struct Refused {
    /// Which one, if that is known: the last one that the server had asked for.
    pub row: Option<usize>,
    pub reason: Box<RejectReason>,
}

/// Inserts these rows but for those that are refused, and returns what was written. `attempt` inserts a range.
pub(super) fn run<C: Companion>(
    rows: Range<usize>,
    pace: &mut Pace,
    companion: &mut C,
    mut attempt: impl FnMut(Range<usize>, &mut C) -> Result<Attempt, Error>,
) -> Result<Written, Error> {
    let (mut start, count, mut written) = (rows.start, rows.end, Written::default());
    // Up to there is a range that was refused, and it is not known which row of it was meant.
    let mut suspect = 0;
    // A row that was refused. Those before it are good, unless they are looked at later than they are
    // asked for, several at a time, as those for another server are: then one of them may be meant.
    let mut named: Option<Named> = None;
    let mut reasons = Reasons::default();
    while start < count {
        if let Some(Named { reason, unnamed, .. }) = named.take_if(|named| named.row == start) {
            pace.refused(unnamed);
            companion.refused(start, *reason)?;
            start += 1;
            continue;
        }
        let end = match &named {
            Some(named) => named.row,
            None if suspect > start => start + (suspect - start).div_ceil(2),
            None => start.saturating_add(pace.next()),
        };
        let range = start..end.min(count);
        let refused = match attempt(range.clone(), companion)? {
            Attempt::Inserted(rows, violations) => {
                written += rows;
                pace.took(range.len());
                for Violation { row, constraint } in violations {
                    if row > start {
                        companion.inserted(start..row);
                    }
                    start = row + 1;
                    let reason = match reasons.of(constraint) {
                        Some(reason) => reason,
                        None => match attempt(row..start, companion)? {
                            Attempt::Refused(refused) => {
                                allocator::refill().map_err(Error::OutOfMemory)?;
                                reasons.learn(constraint, *refused.reason)
                            }
                            // What its constraint asks for may change.
                            Attempt::Inserted(rows, _) => {
                                written += rows;
                                companion.inserted(row..start);
                                continue;
                            }
                        },
                    };
                    companion.refused(row, reason)?;
                }
                if range.end > start {
                    companion.inserted(start..range.end);
                }
                start = range.end;
                continue;
            }
            Attempt::Refused(refused) => refused,
        };
        allocator::refill().map_err(Error::OutOfMemory)?;
        if named.take().is_some() || (refused.row.is_none() && range.len() > 1) {
            suspect = range.end;
        } else {
            let (row, unnamed) = (refused.row.unwrap_or(start), refused.row.is_none());
            named = Some(Named { row, unnamed, reason: refused.reason });
        }
    }
    Ok(written)
}

/// A row that was refused, and is to be left out once those before it are in.
struct Named {
    row: usize,
    /// The server did not name it.
    unnamed: bool,
    reason: Box<RejectReason>,
}

/// What the server says of rows that violate a constraint: of each constraint the same, whatever the row
/// has. The names of the table and of the constraint may be others in the next chunk.
#[derive(Default)]
struct Reasons(Vec<(Constraint, RejectReason)>);

impl Reasons {
    fn of(&self, constraint: Constraint) -> Option<RejectReason> {
        self.0.iter().find(|(known, _)| *known == constraint).map(|(_, reason)| reason.clone())
    }

    /// The row may have been refused for something else.
    fn learn(&mut self, constraint: Constraint, reason: RejectReason) -> RejectReason {
        let sqlstate = match constraint {
            Constraint::NotNull(_) => "23502",
            Constraint::Check(_) => "23514",
        };
        if reason.sqlstate == sqlstate {
            self.0.push((constraint, reason.clone()));
        }
        reason
    }
}
