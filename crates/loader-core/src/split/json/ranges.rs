//! Going on where an earlier run stopped, and ranges that are split beside each other.
//!
//! To go on, the stream is split again from its start and what comes is dropped:
//! every decision is the one that it was. That serves every layout. Where a newline
//! ends a record ([`Layout::Lines`]) a run can instead learn from the head of the
//! stream and jump, and any number of ranges come to the items, in bytes and faults,
//! that one run comes to. For that nothing that a decision looks at may depend on
//! where the run began. What there is, and why it does not:
//!
//! * The profile: a range is begun only when learning is over, or at a place up to
//!   which everything was split, from the same head. Later records teach nothing.
//! * What is at hand: on lines every look ahead is bounded by a place, never by what
//!   was read so far: `peek`, `whole_nearby`, `find_line_end`, `skip_line`, `whole`,
//!   `read_on`, and the most that a record may have. What goes byte by byte reads on
//!   as it goes. Only the layouts that ranges are not made of look back before the
//!   record in hand (`lies_deeper`), or ask whether the end of the stream is at hand
//!   (`ends_stream`; learning does too, but never after a jump).
//! * `unwrap` is settled by the first attempt at a record; nobody jumps before the
//!   first item.
//! * `after_bracket` is asked for only where indentation counts, `number` only where
//!   an array may enclose the records: neither on lines.
//! * `searched` spares searching, and does not change what is found: the first end
//!   of a line within `SPAN` of the place in question. It is forgotten at a jump.
//! * `passed` and `raw` belong to the reject in hand. Framing at its end is framing,
//!   whichever pieces the window forgot it in.
//! * The budget for looking ahead, which is one of the whole stream, is the exception: it is in
//!   the [`ResumePoint`], and the [`Assumption`] tells whether it made a difference.

use super::layout::Layout;
use super::lookahead::LookaheadBudget;
use super::profile::LEARNED_FROM;
use super::splitter::Splitter;
use crate::split::resume::Condition;
use crate::split::{Assumption, Item, Reader, ResumePoint, Split};
use crate::stream::{Error, Source};

impl<S: Source, R: Reader> Split for Splitter<S, R> {
    fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        self.next_item()
    }

    fn mark(&mut self) -> ResumePoint {
        self.ledger.mark(&mut self.cursor, self.lookahead.spent())
    }

    fn resume(&mut self, offset: u64) -> Result<(), Error> {
        self.stop = offset;
        while self.next()?.is_some() {}
        self.stop = u64::MAX;
        if self.mark().offset == offset { Ok(()) } else { Err(Error::NoBoundary) }
    }

    /// Splits from the start of the stream only until nothing more is learned, and then jumps,
    /// where lines make that possible.
    fn seek(&mut self, point: ResumePoint) -> Result<(), Error> {
        self.stop = point.offset;
        if self.learn()?.is_some() && self.cursor.here() < point.offset {
            self.jump(point.offset)?;
        }
        self.resume(point.offset)?;
        if self.ledger.has_passed() {
            // Text at the start of the stream, of which a part has been booked: nothing else
            // has, and the mark says so.
            return Ok(());
        }
        self.ledger.resume(&mut self.cursor, &point);
        self.lookahead = LookaheadBudget::from(point.state);
        self.assumed = point;
        Ok(())
    }

    fn stop_at(&mut self, offset: u64) {
        self.stop = offset;
    }

    fn is_splittable(&self) -> bool {
        matches!(self.layout, Layout::Lines { .. }) && self.wrapper.is_none()
    }

    fn records_before_seek(&self) -> u64 {
        LEARNED_FROM
    }

    fn assumption(&self) -> Assumption {
        Assumption { point: self.assumed, state: Condition::AtMost(self.lookahead.limit()) }
    }
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Splits on from the start of the stream until nothing more is learned from its
    /// records, and drops them: the offset reached, behind which ranges may begin at
    /// once. `None` where there is none: no lines, or too few of them.
    pub fn learn(&mut self) -> Result<Option<u64>, Error> {
        while self.is_splittable() && (self.profile.learning() || self.ledger.records() == 0) {
            if self.next()?.is_none() {
                return Ok(None);
            }
        }
        Ok(self.is_splittable().then(|| self.cursor.here()))
    }

    fn jump(&mut self, offset: u64) -> Result<(), Error> {
        // Whether a line begins there is told by the byte before.
        self.line_begins = self.cursor.jump(offset)? == Some(b'\n');
        self.searched = None;
        Ok(())
    }
}
