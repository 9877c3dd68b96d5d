//! What a splitter of JSON knows: where it stands, how the stream is laid out, and what its
//! records look like. What it does is told by the files that it is handed to.

use super::framing::BOM;
use super::layout::{Layout, Sniffed};
use super::lookahead::LookaheadBudget;
use super::prefix::Prefix;
use super::profile::Profile;
use super::wrapper::Wrapper;
use super::{Format, Options};
use crate::fault::Fault;
use crate::json::scan::{Scanner, Spot};
use crate::split::cursor::Cursor;
use crate::split::ledger::Ledger;
use crate::split::window::Window;
use crate::split::{Reader, ResumePoint};
use crate::stream::{Error, Source};
use crate::tally::Tally;

/// How a record starts is told from this many bytes.
pub(super) const PEEK: usize = 1024;

/// Splits a stream. Call [`Splitter::next`] until it returns `None`; then
/// [`Splitter::tally`] balances.
pub struct Splitter<S: Source, R: Reader = ()> {
    pub(super) cursor: Cursor<S>,
    pub(super) ledger: Ledger,
    pub(super) lookahead: LookaheadBudget,
    pub(super) reader: R,
    pub(super) options: Options,
    pub(super) format: Format,
    pub(super) layout: Layout,
    pub(super) commas: bool,
    /// The indentation of the last line of a record that spans lines.
    pub(super) closing: usize,
    /// Inside of an array that lies deeper than the records before it: their indentation, and
    /// that of their last lines.
    pub(super) outer: Option<(usize, usize)>,
    pub(super) profile: Profile,
    pub(super) scanner: Scanner,
    /// What is at hand is one well-formed array of records.
    pub(super) sound: bool,
    /// The first bracket of the file is yet to be taken off.
    pub(super) unwrap: bool,
    /// Only framing has come since a bracket that may have closed the array of the records.
    pub(super) behind_array: bool,
    /// Only framing has come since an opening bracket of that kind.
    pub(super) after_bracket: bool,
    /// Lines have text before their record.
    pub(super) prefix: Option<Prefix>,
    /// The place stands at the start of a line, or behind framing at the start of one.
    pub(super) line_begins: bool,
    /// Text that is yet to be handed out ends at this index; what of it has left the window
    /// is in `passed`.
    pub(super) preamble: Option<usize>,
    /// Records from here on are still to be learned from.
    pub(super) learned_to: u64,
    /// What the last search for hard evidence found.
    pub(super) searched: Option<Searched>,
    /// Where this run began.
    pub(super) assumed: ResumePoint,
    /// Items that start at this offset or behind it are not handed out.
    pub(super) stop: u64,
    /// What is around the array of the records, if they lie in one that is a part
    /// of something larger.
    pub(super) wrapper: Option<Wrapper>,
    /// The key of the record in hand, without its quotes, …
    pub(super) key: Vec<u8>,
    /// … if it has one.
    pub(super) has_key: bool,
}

/// How far hard evidence was searched for, as offsets in the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Searched {
    pub(super) to: u64,
    pub(super) found: Option<u64>,
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// At the start of a stream of which nothing is known.
    pub(super) fn with(window: Window<S>, reader: R, options: Options) -> Self {
        Splitter {
            cursor: Cursor::new(window),
            ledger: Ledger::new(options.raw_limit),
            lookahead: LookaheadBudget::from(0),
            reader,
            options,
            format: Format::Unstructured,
            layout: Layout::Free,
            commas: false,
            closing: 0,
            outer: None,
            profile: Profile::default(),
            scanner: Scanner::new(false),
            sound: false,
            unwrap: false,
            prefix: None,
            line_begins: true,
            preamble: None,
            behind_array: false,
            after_bracket: false,
            learned_to: 0,
            searched: None,
            assumed: ResumePoint::default(),
            stop: u64::MAX,
            wrapper: None,
            key: Vec::new(),
            has_key: false,
        }
    }

    /// Takes over what the head of the stream shows.
    pub(super) fn lay_out(&mut self, sniffed: Sniffed, profile: Profile) {
        self.format = sniffed.format;
        self.layout = sniffed.layout;
        self.commas = sniffed.commas;
        self.closing = sniffed.closing;
        self.unwrap = sniffed.unwrap;
        self.prefix = sniffed.prefix;
        self.profile = profile;
        self.profile.expect(sniffed.elements);
        self.sound = sniffed.sound;
    }

    /// The format in force: the one asked for, or the one found.
    pub fn format(&self) -> Format {
        self.format
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

    /// The reader that is asked first.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The reader that is asked first, to be changed.
    pub fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives the source back.
    pub fn into_source(self) -> S {
        self.cursor.into_source()
    }

    pub(super) fn fault_at(&self, spot: Spot) -> Fault {
        Fault { kind: spot.kind, at: self.cursor.offset(spot.at), what: spot.what }
    }

    pub(super) fn at_bom(&mut self, at: usize) -> Result<bool, Error> {
        self.cursor.byte(at + BOM.len() - 1)?;
        Ok(self.cursor.bytes()[at..].starts_with(BOM))
    }

    /// The text from `at` on, as much of it as tells how a record starts. That much
    /// is read first: it does not depend on what happens to be at hand.
    pub(super) fn peek(&mut self, at: usize) -> Result<&[u8], Error> {
        self.cursor.byte(at + PEEK)?;
        let bytes = self.cursor.bytes();
        Ok(&bytes[at..bytes.len().min(at + PEEK)])
    }

    /// Whether the text at `at` starts as the records of this file do.
    pub(super) fn opens(&mut self, at: usize) -> Result<bool, Error> {
        self.peek(at)?;
        let bytes = self.cursor.bytes();
        Ok(self.profile.opens(&bytes[at..bytes.len().min(at + PEEK)]))
    }
}
