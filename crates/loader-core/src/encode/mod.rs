//! Records → what the server stores: a row of cells each. A document is a row of one cell,
//! [`jsonb`]; the fields of a record go to cells of their own by [`columns`]. What the records of a
//! format are is said by their [`RecordForm`].

pub mod columns;
pub mod delimited;
#[cfg(test)]
mod delimited_tests;
mod digits;
pub mod field_formats;
mod form;
pub mod json_text;
pub mod jsonb;
mod numeric;
pub mod values;
mod varlena;

use field_formats::Misfit;
pub use form::{JsonText, RecordForm};

use crate::memory::{self, OutOfMemory};

/// Datums start at multiples of this, as the server's allocator would have it.
const ALIGNMENT: usize = 8;

/// A part of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of its first byte.
    pub at: usize,
    /// Bytes.
    pub length: usize,
}

/// What a row has in one column. What is longer than a word lies in a buffer beside the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The record has no such field.
    Absent,
    /// The field is null.
    Null,
    /// A datum that is passed by value, as the server holds it.
    Word(u64),
    /// A datum that is passed by reference: a varlena, or the bytes of a type of fixed length.
    Datum(Span),
    /// Text with a NUL behind it, for the input function of the column's type.
    Text(Span),
    /// A JSON value with a NUL behind it, for the server to convert as it does for
    /// `json_to_record`.
    Json(Span),
    /// The field is not what the caller says that fields of its kind are.
    Misfit(Misfit),
}

/// Zero bytes up to where a datum may start.
pub(crate) fn pad(out: &mut Vec<u8>) -> Result<usize, OutOfMemory> {
    let at = out.len().next_multiple_of(ALIGNMENT);
    memory::resize(out, at, 0)?;
    Ok(at)
}
