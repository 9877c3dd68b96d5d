//! Files of delimited text (CSV), however damaged.
//!
//! A record ends at a line end that no quote encloses. One of the right number of fields is
//! good. Where a record is not, what lies around it tells where the next one begins: how many
//! fields the records of this file have, what kinds of values stand in its columns, and where
//! lines start.
//!
//! ```text
//! dialect   how fields and records are set apart
//! options   what the caller decides
//! field     one field; walk: from field to field
//! fields    the fields of one record; list: as its quotes are taken; lenient: with a stray quote
//! read      what a record is by its quotes
//! splitter  the records of a stream: what is known of it
//! begin     what stands before the first record; progress: how far that has been passed
//! lines     where lines end
//! reading   one record, from its start on
//! items     from record to record
//! kind      what kind of value a field is
//! profile   what the records of a file look like
//! nested    fields that hold lines which look like records
//! ahead     the lines from a record on
//! weigh     the ways in which they can be records
//! recover   what a record is that cannot be told by its quotes
//! another   the header of another table
//! large     records that are larger than they may be
//! ranges    going on in the middle of a stream
//! sniff     the dialect of a file
//! open      a stream of which nothing is known yet; text_encoding: whether it is UTF-8 at all
//! ```

mod ahead;
mod another;
mod begin;
mod dialect;
mod field;
pub mod fields;
mod items;
mod kind;
mod large;
mod lenient;
mod lines;
mod list;
mod nested;
mod open;
mod options;
mod profile;
mod progress;
mod ranges;
mod read;
mod reading;
mod recover;
pub mod sniff;
mod splitter;
mod text_encoding;
mod walk;
mod weigh;

pub use dialect::{Delimiter, Dialect, NewLine, Overrides};
pub use open::{OpenOptions, Opened, guess_of, look_at, open};
pub use options::Options;
pub use splitter::Splitter;
