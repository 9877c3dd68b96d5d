//! How far a run has come before the first record.

/// How much of what stands before the first record has been passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// What lies before this offset is none of what follows.
    pub(super) to: u64,
    pub(super) next: Next,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Mark,
    /// So many lines.
    Skip(u64),
    /// So many lines of the header.
    Header(u64),
    Record,
}

impl Begin {
    /// Nothing has been passed.
    pub(super) fn new() -> Self {
        Begin { to: 0, next: Next::Mark }
    }
}
