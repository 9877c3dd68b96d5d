//! The fields of one record, listed as its quotes are taken.

use super::Dialect;
use super::field::Field;
use super::walk::{Reading, Stop, walk};
use crate::memory::{self, OutOfMemory};

/// What is wrong with the structure of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A quote is opened at this index, and never closed.
    Unterminated(usize),
    /// Behind the closing quote before this index stands neither a delimiter nor the end, or
    /// the quote at this index stands within a field without quotes.
    Stray(usize),
}

/// Lists the fields of a record as `reading` takes its quotes.
pub(super) fn list(
    record: &[u8],
    dialect: &Dialect,
    reading: Reading,
    to: &mut Vec<Field>,
) -> Result<Result<(), Broken>, OutOfMemory> {
    let stop = walk(record, dialect, reading, (0, None), |field| memory::push(to, field))?;
    Ok(match stop {
        Stop::End => Ok(()),
        Stop::Open(at) => Err(Broken::Unterminated(at)),
        Stop::Behind(at) | Stop::Bare(at) => Err(Broken::Stray(at)),
    })
}
