//! A document around records, and what a search in it comes to.

use crate::fault::Fault;
use crate::json::scan::Spot;

/// What the search for records came to.
pub(super) enum Sought {
    /// A container of records: the window starts with it.
    Container,
    /// A document that may have held some, from index to index.
    Damaged { start: usize, end: usize, fault: Fault },
    /// The end of the stream, or the place to stop.
    End,
}

/// The document in hand, or the pieces of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document {
    /// Its offset in the stream.
    pub(super) start: u64,
    /// Where it ends, if that is known.
    pub(super) end: Option<u64>,
    /// It is well-formed, as a whole.
    pub(super) sound: bool,
    /// What is wrong with it, if that is known.
    pub(super) fault: Option<Fault>,
    /// Records were found in it.
    pub(super) found: bool,
    /// It has no beginning.
    pub(super) piece: bool,
}

/// What a value is as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// Well-formed, up to the index.
    Sound(usize),
    /// Not well-formed.
    Broken(Spot),
    /// Too long to tell, or there has been too much of this.
    Unknown,
}
