//! What a call of `load_json_files` and its workers share, in shared memory, as atomic
//! words: who does what. What is true is in the history.

mod files;
mod idle;
mod ranges;
mod words;

pub use files::{Board, Gain, Posted, State, Totals};
pub use idle::InTheWay;
pub use ranges::{Cut, Taken, Turn};
pub use words::SLOTS;
