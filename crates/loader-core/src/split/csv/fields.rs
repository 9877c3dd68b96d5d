//! The fields of one record.

use super::Dialect;
use super::list::list;
use super::walk::Reading;
use crate::memory::{self, OutOfMemory};

pub use super::field::Field;
pub use super::lenient::fields_lenient;
pub use super::list::Broken;

/// Lists the fields of a record, which is given without its line end. What was listed stays
/// where the record is broken.
pub fn fields(
    record: &[u8],
    dialect: &Dialect,
    to: &mut Vec<Field>,
) -> Result<Result<(), Broken>, OutOfMemory> {
    list(record, dialect, Reading::default(), to)
}

/// Appends the text of a field that has escapes.
pub fn unescape(raw: &[u8], dialect: &Dialect, to: &mut Vec<u8>) -> Result<(), OutOfMemory> {
    let (Some(quote), Some(escape)) = (dialect.quote, dialect.escape.or(dialect.quote)) else {
        return memory::append(to, raw);
    };
    let mut rest = raw;
    while let Some(at) = memchr::memchr(escape, rest) {
        match rest.get(at + 1) {
            // Before anything else it is a letter, as it is for COPY.
            Some(&b) if b == quote || b == escape => {
                memory::append(to, &rest[..at])?;
                memory::push(to, b)?;
                rest = &rest[at + 2..];
            }
            _ => {
                memory::append(to, &rest[..=at])?;
                rest = &rest[at + 1..];
            }
        }
    }
    memory::append(to, rest)
}
