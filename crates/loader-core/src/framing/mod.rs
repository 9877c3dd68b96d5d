//! Bytes → records and rejects. Never fails on content, always moves on.
//!
//! One rule serves every framing: parse a value where a record should start. If
//! it is good and what follows allows it, it is a record. If not, find where the
//! next record starts, reject what lies between, go on. What shows where records
//! start is learned from the head of the file ([`layout`]: newlines,
//! indentation, record separators; [`profile`]: the shape of the records);
//! [`recover`] weighs it.

mod arrays;
mod attempt;
mod between;
mod bounds;
mod containers;
mod cuts;
mod documents;
mod evidence;
mod finder;
mod head;
mod keyed;
mod layout;
mod lines;
mod preamble;
mod prefix;
mod profile;
mod range;
mod reader;
mod records_path;
mod recover;
mod split;
mod text;
mod tracker;
mod unended;
mod window;
mod wrapper;

pub use cuts::Cuts;
pub use profile::LEARNED_FROM;
pub use range::{Mark, Range};
pub use reader::{Reader, Value};
pub use records_path::{BadPath, RecordsPath};
pub use split::Splitter;

use crate::fault::Fault;
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
    /// The record of each line starts behind the first occurrence of this text, which is not
    /// empty; `None` finds prefixes of lines out. `format` is then `None` or
    /// [`Format::NewlineDelimited`].
    pub line_prefix: Option<Arc<[u8]>>,
    /// A longer record is passed over and rejected as too large. Bytes.
    pub max_record_size: usize,
    /// So many bytes of a reject are kept in [`Reject::raw`].
    pub raw_limit: usize,
}

/// What lies in the stream, in file order.
#[derive(Debug)]
pub enum Item<'a> {
    /// A good record.
    Record(Record<'a>),
    /// A bad one.
    Reject(Reject<'a>),
}

/// A record that the reader or the scanner found good.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its number in the file, from 1, bad ones counted too.
    pub number: u64,
    /// Its first byte in the decompressed stream, from 0.
    pub offset: u64,
    /// The line of its first byte, from 1.
    pub line: u64,
    /// Its text, without framing. UTF-8.
    pub bytes: &'a [u8],
    /// Its key as it stands in the file, without its quotes, where the records are the
    /// values of an object.
    pub key: Option<&'a [u8]>,
    /// The scanner could not decide (very deep or very large): the server has
    /// to be asked, and [`Tally::overrule`](crate::tally::Tally::overrule) called
    /// if it says no.
    pub doubtful: bool,
    /// These bytes are what the [`Reader`] took last.
    pub read: bool,
}

/// A record that is not loaded.
#[derive(Clone, Copy, Debug)]
pub struct Reject<'a> {
    /// Its number in the file, from 1, good ones counted too.
    pub number: u64,
    /// Its first byte in the decompressed stream, from 0.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// The line of its first byte, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
    /// Its bytes, up to [`Options::raw_limit`] of them.
    pub raw: &'a [u8],
    /// As [`Record::key`].
    pub key: Option<&'a [u8]>,
}
