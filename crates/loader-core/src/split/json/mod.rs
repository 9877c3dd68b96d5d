//! Files of JSON, however their records are framed and whatever is broken in them.
//!
//! One rule serves every framing: parse a value where a record should start. If
//! it is good and what follows allows it, it is a record. If not, find where the
//! next record starts, reject what lies between, go on. What shows where records
//! start is learned from the head of the file ([`layout`]: newlines,
//! indentation, record separators; [`profile`]: the shape of the records);
//! [`recover`] weighs it.

mod array_end;
mod arrays;
mod attempt;
mod between;
mod bounds;
mod containers;
mod document;
mod documents;
mod enclosing;
mod evidence;
mod finder;
mod framing;
mod head;
mod head_values;
mod items;
mod keep;
mod keeper;
mod keyed;
mod layout;
mod limits;
mod lines;
mod lookahead;
mod outcome;
mod preamble;
mod prefix;
mod prefixed;
mod profile;
mod ranges;
mod records_path;
mod recover;
mod splitter;
mod text;
mod tracker;
mod unended;
mod wrapper;

pub use keep::{BadKeep, Keep, KeepPath};
pub use records_path::{BadPath, RecordsPath};
pub use splitter::Splitter;

use std::sync::Arc;

/// How the records of a file are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One value a line.
    NewlineDelimited,
    /// One top-level array whose elements are the records.
    Array,
    /// Values one after the other.
    Unstructured,
}

impl Format {
    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            Format::NewlineDelimited => "newline_delimited",
            Format::Array => "array",
            Format::Unstructured => "unstructured",
        }
    }
}

/// What the caller decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// The framing; `None` looks at the first 64 kB.
    pub format: Option<Format>,
    /// The records lie there, in each document of the stream: the elements of an array, or
    /// the values of an object. `format` is then `None` or [`Format::Array`].
    pub records_path: Option<RecordsPath>,
    /// Fields of each document that are given to its records; none without a path of records.
    pub keep: Keep,
    /// The record of each line starts behind the first occurrence of this text, which is not
    /// empty; `None` finds prefixes of lines out. `format` is then `None` or
    /// [`Format::NewlineDelimited`].
    pub line_prefix: Option<Arc<[u8]>>,
    /// A longer record is passed over and rejected as too large. Bytes.
    pub max_record_size: usize,
    /// So many bytes of a reject are kept in [`Reject::raw`](super::Reject::raw).
    pub raw_limit: usize,
}
