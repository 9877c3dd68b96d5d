//! What a call of `load_json_files` and its workers share, in shared memory: who does what.
//! What is true is in the history.

mod files;
mod idle;
mod layout;
mod ranges;

pub use files::{Board, Counters, FileOutcome, QueueState, Totals};
pub use idle::InTheWay;
pub use layout::SLOTS;
pub use ranges::{RangeLease, RangePlan, Turn};
