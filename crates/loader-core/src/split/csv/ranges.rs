//! Going on where an earlier run stopped, and ranges that are split beside each other.
//!
//! What stands before the first record, and what the records behind it look like, is learned
//! from the head of the stream; then a run can go on anywhere. For that nothing that a decision
//! looks at lies before the record in hand, but whether another table has begun there, which
//! [`ResumePoint::state`] tells, and what lies behind it is looked at up to a place
//! that is told from the record, never from what happens to have been read.

use super::splitter::Splitter;
use crate::split::resume::Condition;
use crate::split::{Assumption, Item, ResumePoint, Split};
use crate::stream::{Error, Source};

impl<S: Source> Split for Splitter<S> {
    fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        self.next_item()
    }

    fn mark(&mut self) -> ResumePoint {
        self.ledger.mark(&mut self.cursor, self.switches)
    }

    fn resume(&mut self, offset: u64) -> Result<(), Error> {
        self.stop = offset;
        while self.next_item()?.is_some() {}
        self.stop = u64::MAX;
        if self.mark().offset == offset { Ok(()) } else { Err(Error::NoBoundary) }
    }

    fn seek(&mut self, point: ResumePoint) -> Result<(), Error> {
        self.stop = point.offset;
        if self.begin()? && self.cursor.here() < point.offset {
            self.cursor.jump(point.offset)?;
            self.ahead = None;
        }
        self.resume(point.offset)?;
        self.ledger.resume(&mut self.cursor, &point);
        self.assumed = point;
        self.switches = point.state;
        Ok(())
    }

    fn stop_at(&mut self, offset: u64) {
        self.stop = offset;
    }

    fn is_splittable(&self) -> bool {
        true
    }

    fn records_before_seek(&self) -> u64 {
        0
    }

    fn assumption(&self) -> Assumption {
        Assumption { point: self.assumed, state: Condition::SameParity }
    }
}
