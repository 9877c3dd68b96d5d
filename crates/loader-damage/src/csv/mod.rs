//! Damaged files of delimited text, with the truth about each.
//!
//! A file is made in steps: [`content`] makes rows, [`write`](mod@write) lays them out in a
//! [`dialect`], [`fault`] damages some, and [`draft`] puts the pieces together. [`strict`] is
//! the generator's own idea of a row, a second opinion beside the splitter's. [`judge`](mod@judge)
//! compares what a splitter made of a file with the truth, and [`suite`] makes the files of a
//! seed.
//!
//! # What is true of a file
//!
//! *A good row* is one that the generator wrote and that no byte was taken from, added to or
//! changed in. It begins at the start of a line and ends before a line end or the end of the
//! file. Its span is that of its bytes without the line end.
//!
//! *A damaged row* is one that was changed so that it is no longer a row by the strict rules: it
//! has another number of fields, a quote that neither opens nor closes a field, a quote that is
//! not closed, a NUL byte or bytes that are no UTF-8. Loading it, or a part of it, is a phantom.
//! So is loading what never was a row: rubbish, a log message, a footer, lines before the
//! header, the header again, rows of another table.
//!
//! *Only what can be decided is made.* A change is taken back, and another is tried, where a
//! line of what it makes is a row by the strict rules after all: a row that is cut off in its
//! last field, a digit more, the inside of a quoted field that looks like rows once its opening
//! quote is gone. Nobody could tell those from good rows. (One scenario of [`suite::mixed`] is
//! about such fields all the same, where one quote put back would explain every byte.)
//!
//! *Unsure* is a good row that nobody could blame a reader for losing: where a damaged row and
//! a later one read together, by the strict rules, as one row of the right number of fields
//! whose quoted field holds the row between (a closing quote was lost in the first and an
//! opening one in the second), or where the line end of the row has a carriage return too many.
//! Several rows between are unsure only where fields of the file may well hold rows: elsewhere
//! each of them shows that it is none's text, and the one row of all is a phantom.
//!
//! *Tolerated* is a span that may be loaded or not: that one row of an unsure place, a row with
//! a bare carriage return in a field, and an undamaged row that has remains of another before
//! or behind it on its line.
//!
//! *Framing* may be passed over without a reject: the lines before the header, the header, the
//! header again, blank lines, byte order marks.

pub mod content;
pub mod dialect;
pub mod draft;
pub mod fault;
pub mod judge;
pub mod strict;
pub mod suite;
mod text;
mod write;

use crate::{Good, Span};
use content::Content;
use dialect::Dialect;
use fault::Fault;

/// A damaged row, or what never was one.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    /// Where it lies.
    pub span: Span,
    /// What was done.
    pub fault: Fault,
}

/// A file and the truth about it.
#[derive(Clone, Debug)]
pub struct File {
    /// Suite, dialect, content, fault and number: unique in the suites of a seed.
    pub name: String,
    /// The seed that it was made from.
    pub seed: u64,
    /// How fields and rows are set apart.
    pub dialect: &'static Dialect,
    /// What its rows are.
    pub content: Content,
    /// What the report files it under.
    pub scenario: &'static str,
    /// Fields of a row.
    pub width: usize,
    /// So many lines stand before the header, or before the first row.
    pub skip: usize,
    /// It has a header, of one line.
    pub header: bool,
    /// Everything.
    pub bytes: Vec<u8>,
    /// The rows that nothing happened to, in file order.
    pub good: Vec<Good>,
    /// What was damaged, in file order.
    pub damaged: Vec<Damage>,
    /// What may be loaded or not.
    pub tolerated: Vec<Span>,
    /// What may be passed over without a reject, in file order.
    pub framing: Vec<Span>,
}
