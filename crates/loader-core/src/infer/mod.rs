//! From records to columns: which fields the objects have, and of which type their values are.
//!
//! ```text
//! observe   counts what the fields of records hold; counts of parts add up
//! kind      what a value can be
//! classify  what it is: number and time look at the text of one
//! decide    from counts to a type
//! names     from fields to names of columns
//! shared    observations of several threads
//! ```
//!
//! The outcome depends on the records and their numbers alone, not on which of them were
//! observed together. What it takes in memory is bounded by [`MAX_FIELDS`](crate::json::MAX_FIELDS) and
//! [`MAX_NAME_BYTES`](crate::json::MAX_NAME_BYTES), however many records there are. Nothing here knows of PostgreSQL; what its
//! types take and refuse is written down in `decide`.

mod classify;
mod decide;
mod kind;
mod names;
mod number;
mod observe;
mod shared;
#[cfg(test)]
mod tests;
mod time;

pub use decide::{DataType, Reason};
pub use names::{column_names, snake_case};
pub use observe::{Column, Observations, Strings};
pub use shared::SharedObservations;
