//! The budget for reading beyond the end of a line: a value that breaks at the end of its
//! line may go on in the next, and where that is tried in vain, bytes are read twice.
//!
//! It is the only thing that a decision depends on and that is not to be seen near the record
//! in question. So a run that goes on in the middle of a stream has to know what was spent
//! before ([`ResumePoint::state`](crate::split::ResumePoint::state)), and one that only
//! assumed it says up to which amount it would have decided the same.

/// The budget grows by this many bytes for each byte of the stream that has been split, …
const FACTOR: u64 = 4;

/// … and starts with this many bytes.
const GRACE: u64 = 4 * 1024 * 1024;

/// What is spent of the budget. Bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LookaheadBudget {
    /// Since the start of the stream.
    spent: u64,
    /// For the item in hand, which counts when that is handed out.
    pending: u64,
    /// `spent` where this run began.
    spent_before: u64,
    /// The largest starting amount with which this run would have produced the same items.
    limit: u64,
}

impl LookaheadBudget {
    /// A run that begins where so much was spent.
    pub(super) fn from(spent: u64) -> Self {
        LookaheadBudget { spent, pending: 0, spent_before: spent, limit: u64::MAX }
    }

    /// What is spent, without the item in hand.
    pub(super) fn spent(&self) -> u64 {
        self.spent
    }

    /// The largest amount that may have been spent where this run began, for it to have
    /// produced the same items.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether too much is spent to read beyond the line of a record at `offset`.
    pub(super) fn is_exhausted(&mut self, offset: u64) -> bool {
        match (GRACE + FACTOR * offset).checked_sub(self.spent) {
            Some(left) => {
                self.limit = self.limit.min(self.spent_before + left);
                false
            }
            None => true,
        }
    }

    /// So many bytes were read in vain for the item in hand.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.pending = bytes as u64;
    }

    /// The item in hand is handed out.
    pub(super) fn settle(&mut self) {
        self.spent += std::mem::take(&mut self.pending);
    }
}
