//! The dialect of a file.
//!
//! Every dialect that the text allows is tried on the beginning of the head, and the best ones
//! on all that is known of the file. What counts is how alike the rows are in their number of
//! cells, and whether the cells look like values.
//!
//! ```text
//! candidates  the dialects that a text allows
//! grid        the rows and cells of a sample in one dialect
//! kinds       what a value is by its form
//! times       dates and times of day
//! score       how well a dialect fits
//! header      which rows are the header
//! shape       where the table begins, and its columns
//! names       the names of the columns
//! trials      the dialects, and how well each fits
//! choose      which one it is, or that nobody can tell
//! ```

mod candidates;
mod choose;
mod grid;
mod header;
mod kinds;
mod names;
mod score;
mod shape;
mod times;
mod trials;

use super::{Dialect, Overrides};
use crate::memory::OutOfMemory;

/// What of a file is looked at. Text in UTF-8 (bytes that are not are treated as letters).
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// Its first bytes, up to 512 kB. A BOM may be among them.
    pub head: &'a [u8],
    /// Nothing follows the head.
    pub is_whole: bool,
    /// Parts of its middle and its end. Each may begin and end within a record.
    pub others: &'a [&'a [u8]],
}

/// A dialect that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The dialect.
    pub dialect: Dialect,
    /// The names of the columns as the header has them, without quotes, blanks around or a BOM; empty where there
    /// is no header. So many as there are columns, but for those that are empty in the header and in all rows.
    pub names: Vec<String>,
    /// Fields of a good record.
    pub width: usize,
    /// A good record may have so many empty fields behind them.
    pub surplus: usize,
    /// How well it fits, from 0 to 1.
    pub confidence: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Sniffed {
    /// One dialect, the other candidates after it, by falling confidence.
    Sure(Guess, Vec<Guess>),
    /// Two or more fit about as well, or nothing does well: by falling confidence.
    Unsure(Vec<Guess>),
}

/// Finds out what the caller did not say.
pub fn sniff(samples: &Samples<'_>, overrides: &Overrides) -> Result<Sniffed, OutOfMemory> {
    let head = samples.head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(samples.head);
    choose::choose(&Samples { head, ..*samples }, overrides)
}
