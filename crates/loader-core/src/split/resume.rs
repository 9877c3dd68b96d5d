//! A part of a stream: going on where an earlier run stopped, and ranges of one stream that
//! are split beside each other.

use crate::tally::Tally;

/// A place between two items, and what was counted up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResumePoint {
    /// Its offset in the stream.
    pub offset: u64,
    /// Records before it, good and bad.
    pub records: u64,
    /// Newlines before it.
    pub line: u64,
    /// A sum that the splitter keeps for itself, from the start of the stream on. Whoever goes
    /// on there hands it back and has no other use for it.
    pub state: u64,
    /// The ledger.
    pub tally: Tally,
}

impl ResumePoint {
    /// A place of which nothing else is known yet: numbers, lines and the ledger
    /// count from there.
    pub fn at(offset: u64) -> ResumePoint {
        ResumePoint { offset, ..ResumePoint::default() }
    }

    /// The same place, as it would have been counted had the run not begun at
    /// `assumed` but at `actual`, which is the same place.
    pub fn rebased(self, assumed: &ResumePoint, actual: &ResumePoint) -> ResumePoint {
        ResumePoint {
            offset: self.offset,
            records: self.records - assumed.records + actual.records,
            line: self.line - assumed.line + actual.line,
            state: self.state - assumed.state + actual.state,
            tally: self.tally - assumed.tally + actual.tally,
        }
    }
}

/// What a run took for granted about the place where it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The place.
    pub(super) point: ResumePoint,
    /// With which [`ResumePoint::state`] the run would have produced the same items.
    pub(super) state: Condition,
}

/// What the state at the place where a run begins has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// No larger than this, or than the one that was taken for granted.
    AtMost(u64),
    /// Odd or even, as the one that was taken for granted.
    SameParity,
}

impl Assumption {
    /// Whether the run would have produced the same items, had it begun at `actual`.
    pub fn holds_at(&self, actual: &ResumePoint) -> bool {
        let (assumed, actual_state) = (self.point.state, actual.state);
        let is_same = match self.state {
            Condition::AtMost(limit) => actual_state <= assumed.max(limit),
            Condition::SameParity => actual_state % 2 == assumed % 2,
        };
        actual.offset == self.point.offset && is_same
    }
}

/// A part of a stream: all items that start in it, however far the last one goes.
///
/// Whoever splits ranges beside each other begins each at [`ResumePoint::at`] the end of
/// the one before, and believes the outcome of a range only when the one before has
/// ended, and its [`Assumption`] holds at that place. Otherwise the range is split again
/// from where the one before did end; if that is behind its own end, it has no items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins: between two items, as far as is known.
    pub start: ResumePoint,
    /// Where it ends: behind a newline (see [`super::Cuts`]), or `u64::MAX`.
    pub end: u64,
}
