//! What an attempt at a record comes to.

use crate::fault::FaultKind;
use crate::json::scan::Spot;

/// A record that grows longer than this, and much longer than those before it,
/// is looked at: it may have swallowed its neighbours.
pub(super) const SUSPICIOUS: usize = 1024 * 1024;

/// What an attempt at a record came to.
pub(super) enum Attempt {
    /// A whole value that ends before the index.
    Good { end: usize, undecided: bool, read: bool, one_line: bool },
    /// A whole value that ends before the index, with a soft fault.
    Spoiled { end: usize, spot: Spot },
    /// The structure is broken, or what follows does not fit.
    Bad(Spot),
    /// Another record starts at the index, inside of what was read as one.
    Swallows(usize),
    /// The bracket there is framing.
    Bracket,
    /// Over the maximal size; the scanner stands at the index.
    TooLarge(usize),
}

/// A whole value, as a scanner has seen it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned {
    /// It ends before this index.
    pub(super) end: usize,
    pub(super) soft: Option<Spot>,
    pub(super) deepest: usize,
}

impl Scanned {
    /// The same where all indexes are so much larger.
    pub(super) fn shifted(self, by: usize) -> Self {
        let soft = self.soft.map(|spot| Spot { at: spot.at + by, ..spot });
        Scanned { end: self.end + by, soft, deepest: self.deepest }
    }
}

/// The fault of a record inside of which another starts at `at`.
pub(super) fn swallows(at: usize) -> Spot {
    Spot { kind: FaultKind::Truncated, at, what: "another record starts inside of this one" }
}

/// The fault of a record at `start` that is too large.
pub(super) fn too_large(start: usize) -> Spot {
    let what = "the record is larger than \"loader.max_record_size\"";
    Spot { kind: FaultKind::TooLarge, at: start, what }
}
