//! Seeded generator of damaged JSON files, and of damaged [delimited text](csv), with the truth
//! about each.
//!
//! A file is made in steps: [`content`] makes records, [`framing`] lays them out in
//! a file, [`fault`] damages some, and what people have around and between their
//! records is put there. What comes out is a [`File`]: its bytes, and which spans of
//! them are good records. [`judge`] compares what a
//! splitter made of the bytes with that truth. [`suite`] makes the files of a
//! seed.
//!
//! Nothing here uses the splitter's own code: the generator's idea of JSON
//! ([`json::valid`]) is a second opinion.
#![deny(unsafe_code)]

mod around;
mod between;
pub mod content;
pub mod csv;
mod document;
pub mod draft;
pub mod fault;
pub mod framing;
pub mod json;
pub mod judge;
mod prefix;
pub mod rng;
pub mod suite;
mod text;
mod tokens;

use content::Content;
use fault::Fault;
use framing::Framing;

/// A span of a file, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub offset: usize,
    /// How many bytes.
    pub length: usize,
}

impl Span {
    /// The first byte after the span.
    pub fn end(&self) -> usize {
        self.offset + self.length
    }

    /// The bytes of the span.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.offset..self.end()]
    }
}

/// A good record.
#[derive(Clone, Copy, Debug)]
pub struct Good {
    /// Where it lies.
    pub span: Span,
    /// Remains beside it could be a part of it, or it of them: the head of a
    /// record that was torn off where a value is due, a torn head on the same
    /// line of a file with a record a line, a closing bracket with nothing
    /// between. Losing it is counted apart.
    pub unsure: bool,
}

/// A damaged record or a block of rubbish.
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
    /// Suite, framing, content, fault and number: unique in the suites of a seed.
    pub name: String,
    /// The seed that it was made from.
    pub seed: u64,
    /// How records are laid out.
    pub framing: Framing,
    /// What its records are.
    pub content: Content,
    /// What the report files it under.
    pub scenario: &'static str,
    /// Where in a document the records lie, if not at the top.
    pub records_path: Option<&'static str>,
    /// Everything.
    pub bytes: Vec<u8>,
    /// The records that nothing happened to, in file order.
    pub good: Vec<Good>,
    /// What was damaged, in file order.
    pub damaged: Vec<Damage>,
    /// Records whose every byte is still there with rubbish right before or
    /// behind: loading one is neither a gain nor a phantom.
    pub tolerated: Vec<Span>,
    /// Documents that lost a bracket of their array: something of each has to be
    /// rejected, and whether its records are loaded does not matter.
    pub broken: Vec<Span>,
}
