//! A part of a stream: going on where an earlier run stopped, and ranges of one
//! stream that are split beside each other.
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
//! * `overread`, a budget of the whole stream, is the exception: it is in the
//!   [`Mark`], and [`Splitter::margin`] tells whether it made a difference.

use super::layout::Layout;
use super::reader::Reader;
use super::split::Splitter;
use crate::input::{Error, Source};
use crate::tally::Tally;

/// A place between two items, and what was counted up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Its offset in the stream.
    pub offset: u64,
    /// Records before it, good and bad.
    pub records: u64,
    /// Newlines before it.
    pub line: u64,
    /// Bytes that were read beyond the ends of lines in vain. There is a budget for
    /// that, which grows with the offset.
    pub overread: u64,
    /// The ledger.
    pub tally: Tally,
}

impl Mark {
    /// A place of which nothing else is known yet: numbers, lines and the ledger
    /// count from there.
    pub fn at(offset: u64) -> Mark {
        Mark { offset, ..Mark::default() }
    }

    /// The same place, as it would have been counted had the run not begun at
    /// `assumed` but at `actual`, which is the same place.
    pub fn rebased(self, assumed: &Mark, actual: &Mark) -> Mark {
        Mark {
            offset: self.offset,
            records: self.records - assumed.records + actual.records,
            line: self.line - assumed.line + actual.line,
            overread: self.overread - assumed.overread + actual.overread,
            tally: self.tally - assumed.tally + actual.tally,
        }
    }
}

/// A part of a stream: all items that start in it, however far the last one goes.
///
/// Whoever splits ranges beside each other begins each at [`Mark::at`] the end of
/// the one before, and believes the outcome of a range only when the one before has
/// ended: at the very offset where this one began, with an `overread` that is no
/// more than this one's margin. Otherwise the range is split again from where the
/// one before did end; if that is behind its own end, it has no items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins: between two items, as far as is known.
    pub start: Mark,
    /// Where it ends: behind a newline (see [`super::Cuts`]), or `u64::MAX`.
    pub end: u64,
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// Whether the stream can be split in ranges, if the source can.
    pub fn is_cuttable(&self) -> bool {
        matches!(self.layout, Layout::Lines { .. }) && self.wrapper.is_none()
    }

    /// The place behind the last item; at the end of a stream or range, the end. It
    /// is sound after an error of the source too.
    pub fn mark(&mut self) -> Mark {
        if let Some(passed) = self.passed {
            return passed.before;
        }
        self.count_lines(self.position);
        Mark {
            offset: self.here(),
            records: self.number,
            line: self.line - 1,
            overread: self.overread,
            tally: self.tally,
        }
    }

    /// Had [`Mark::overread`] been larger where this run began, but not more than
    /// this, all items would have been the same.
    pub fn margin(&self) -> u64 {
        self.margin
    }

    /// Splits on from the start of the stream until nothing more is learned from its
    /// records, and drops them: the offset reached, behind which ranges may begin at
    /// once. `None` where there is none: no lines, or too few of them.
    pub fn learn(&mut self) -> Result<Option<u64>, Error> {
        while self.is_cuttable() && (self.profile.learning() || self.number == 0) {
            if self.next()?.is_none() {
                return Ok(None);
            }
        }
        Ok(self.is_cuttable().then(|| self.here()))
    }

    /// Splits on and drops items, up to `offset`, at which an earlier run of the same
    /// stream had a [`Mark`]. Fails where an item lies across it, or the stream is
    /// shorter. Called at the start of the stream.
    pub fn skip_to(&mut self, offset: u64) -> Result<(), Error> {
        self.stop = offset;
        while self.next()?.is_some() {}
        self.stop = u64::MAX;
        if self.mark().offset == offset { Ok(()) } else { Err(Error::NoBoundary) }
    }

    /// As [`Splitter::skip_to`], but where that is possible only until nothing more
    /// is learned, and then with a jump. What is counted goes on from `mark`.
    pub fn start_at(&mut self, mark: Mark) -> Result<(), Error> {
        self.stop = mark.offset;
        if self.learn()?.is_some() && self.here() < mark.offset {
            self.jump(mark.offset)?;
        }
        self.skip_to(mark.offset)?;
        if self.passed.is_some() {
            // Text at the start of the stream, of which a part has been booked: nothing else
            // has, and the mark says so.
            return Ok(());
        }
        self.number = mark.records;
        self.count_lines(self.position);
        self.line = mark.line + 1;
        self.tally = mark.tally;
        self.overread = mark.overread;
        self.overread_before = mark.overread;
        self.margin = u64::MAX;
        Ok(())
    }

    /// Hands out no item that starts at `offset` or behind it.
    pub fn stop_at(&mut self, offset: u64) {
        self.stop = offset;
    }

    fn jump(&mut self, offset: u64) -> Result<(), Error> {
        // Whether a line begins there is told by the byte before.
        let before = u64::from(offset > 0);
        self.window.jump(offset - before)?;
        self.position = before as usize;
        self.counted = self.position;
        self.line_begins = before > 0 && self.byte(0)? == Some(b'\n');
        self.searched = None;
        Ok(())
    }

    fn here(&self) -> u64 {
        self.window.offset(self.position)
    }
}
