//! One step of a decoder: bytes in, bytes out, and what became of it.

/// What is wrong with a member.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is damaged.
    Corrupt,
    /// It needs more memory than it may have: its window, where that is known, and the
    /// largest that it may have.
    Window { needed: Option<u64>, max: u64 },
    /// A buffer of this many bytes could not be had.
    OutOfMemory(usize),
}

/// What became of a step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is more to come.
    More,
    /// The member ends with what was read.
    Ended,
    /// It cannot be read on.
    Fault(Fault),
}

/// A step of a decoder.
#[derive(Debug)]
pub(super) struct Step {
    pub read: usize,
    pub written: usize,
    pub outcome: Outcome,
}
