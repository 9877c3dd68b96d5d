//! Bytes → records and rejects: what the splitters of all formats have in common.
//!
//! A splitter never fails on content and always moves on. What one run decides, any later
//! run over the same bytes decides too, so that a load can go on where an earlier one
//! stopped, and ranges of one stream can be split beside each other ([`resume`]).
//!
//! ```text
//! csv     delimited text
//! json    values in lines, in an array, or one after the other
//! window  the part of the stream that is at hand
//! cursor  the place in it up to which the bytes are booked
//! ledger  what they were booked as
//! reader  makes something of a good record while its end is looked for
//! resume  places to go on from, and ranges
//! cuts    where a stream of lines can be cut into ranges
//! ```

pub mod csv;
mod cursor;
mod cuts;
pub mod json;
mod ledger;
mod reader;
mod resume;
mod window;

pub use cuts::Cuts;
pub use reader::{Reader, Value};
pub use resume::{Assumption, Range, ResumePoint};

use crate::fault::Fault;
use crate::stream::Error;

/// The format of a file, as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// JSON, with its records framed so.
    Json(json::Format),
    /// Delimited text.
    Csv,
}

impl FileFormat {
    /// The name that options and history use.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Json(format) => format.name(),
            FileFormat::Csv => "csv",
        }
    }
}

/// A stream that is cut into records and rejects, in file order.
pub trait Split {
    /// The next record or reject, `None` at the end of the stream or of the range.
    fn next(&mut self) -> Result<Option<Item<'_>>, Error>;

    /// The place behind the last item; at the end of a stream or range, the end. It is sound
    /// after an error of the source too.
    fn mark(&mut self) -> ResumePoint;

    /// Splits on from the start of the stream and drops items, up to `offset`, at which an
    /// earlier run of the same stream had a [mark](Split::mark).
    ///
    /// [`Error::NoBoundary`] where an item lies across it, or the stream is shorter.
    fn resume(&mut self, offset: u64) -> Result<(), Error>;

    /// As [`Split::resume`], and what is counted goes on from `point`. Where the stream
    /// [is splittable](Split::is_splittable), most of what lies before is not read.
    fn seek(&mut self, point: ResumePoint) -> Result<(), Error>;

    /// Hands out no item that starts at `offset` or behind it.
    fn stop_at(&mut self, offset: u64);

    /// Whether the stream can be split in [ranges](Range), if its source can be read from any
    /// place.
    fn is_splittable(&self) -> bool;

    /// How many records [`Split::seek`] reads from the start of the stream before it jumps.
    fn records_before_seek(&self) -> u64;

    /// What this run took for granted about the place where it began.
    fn assumption(&self) -> Assumption;
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
    /// Where fields of its document are [kept](json::Options::keep): members for the object
    /// that it is, as they stand in one, such as `"name":"Rome","cod":"200"`. They go before
    /// its own, so that its own field of a name counts. Empty for what is no object.
    pub kept: &'a [u8],
    /// The scanner could not decide (very deep or very large): the server has
    /// to be asked, and [`Tally::overrule`](crate::tally::Tally::overrule) called
    /// if it says no.
    pub undecided: bool,
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
