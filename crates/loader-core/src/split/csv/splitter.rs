//! The records of a stream: what the splitter knows. What it does is told by the files that
//! it is handed to.

use super::Dialect;
use super::ahead::Line;
use super::field::Field;
use super::options::Options;
use super::profile::Profile;
use super::progress::Begin;
use super::read::Read;
use crate::split::ResumePoint;
use crate::split::cursor::Cursor;
use crate::split::ledger::Ledger;
use crate::split::window::Window;
use crate::stream::{Error, Source};
use crate::tally::Tally;

/// Splits a stream. Call [`Splitter::next`](crate::split::Split::next) until it returns
/// `None`; then [`Splitter::tally`] balances.
pub struct Splitter<S: Source> {
    pub(super) cursor: Cursor<S>,
    pub(super) ledger: Ledger,
    pub(super) options: Options,
    /// How much of what stands before the first record has been passed.
    pub(super) begin: Begin,
    /// The line with the names of the columns, without blanks around it.
    pub(super) header: Vec<u8>,
    /// Fields of the record in hand, where they are listed.
    pub(super) fields: Vec<Field>,
    /// Lines that were looked at.
    pub(super) lines: Vec<Line>,
    /// What the records look like.
    pub(super) profile: Profile,
    /// What the line at this offset is by itself, if it was looked at before its turn.
    pub(super) ahead: Option<(u64, Read)>,
    /// How many times another table has begun, or this one has gone on behind another.
    pub(super) switches: u64,
    /// Where this run began.
    pub(super) assumed: ResumePoint,
    /// Items that start at this offset or behind it are not handed out.
    pub(super) stop: u64,
}

impl<S: Source> Splitter<S> {
    /// At the start of the stream.
    pub fn new(source: S, options: Options) -> Result<Self, Error> {
        Splitter::with_window(Window::new(source), options)
    }

    /// The same, with a part of the stream at hand.
    pub(super) fn with_window(window: Window<S>, options: Options) -> Result<Self, Error> {
        Ok(Splitter {
            cursor: Cursor::new(window),
            ledger: Ledger::new(options.raw_limit),
            begin: Begin::new(),
            options,
            header: Vec::new(),
            fields: Vec::new(),
            lines: Vec::new(),
            profile: Profile::default(),
            ahead: None,
            switches: 0,
            assumed: ResumePoint::default(),
            stop: u64::MAX,
        })
    }

    /// The dialect.
    pub fn dialect(&self) -> &Dialect {
        &self.options.dialect
    }

    /// The ledger so far.
    pub fn tally(&self) -> &Tally {
        self.ledger.tally()
    }

    /// The source beneath.
    pub fn source(&self) -> &S {
        self.cursor.source()
    }

    /// The source beneath, to be changed.
    pub fn source_mut(&mut self) -> &mut S {
        self.cursor.source_mut()
    }

    /// Gives the source back.
    pub fn into_source(self) -> S {
        self.cursor.into_source()
    }
}
