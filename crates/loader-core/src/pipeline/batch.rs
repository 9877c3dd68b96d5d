//! A batch: what a run of records became, in file order.

use crate::encode::jsonb::unescape;
use crate::encode::{Cell, Span};
use crate::fault::Fault;
use crate::memory;
use crate::split::{Record, Reject, ResumePoint};
use crate::stream::Error;
use std::ffi::CStr;
use std::fmt;

/// Buffers that a giant record made larger than this are given back.
pub(super) const KEPT: usize = 4 * 1024 * 1024;

/// Where a record lies in its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordPosition {
    /// Number from 1, bad ones counted too.
    pub number: u64,
    /// Line of the first byte, from 1.
    pub line: u64,
    /// First byte, from 0.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

impl RecordPosition {
    /// That of a good record.
    pub(super) fn of(record: &Record<'_>) -> Self {
        let &Record { number, line, offset, bytes, .. } = record;
        RecordPosition { number, line, offset, length: bytes.len() as u64 }
    }
}

impl fmt::Display for RecordPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}, line {}, byte {}", self.number, self.line, self.offset)
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// A jsonb datum in [`Batch::values`].
    Value(Span),
    /// The same, and its text in [`Batch::text`].
    WithText {
        /// The datum.
        value: Span,
        /// What it was made of.
        text: Span,
    },
    /// Its text in [`Batch::text`], with a NUL behind it: the server's to encode.
    Text {
        /// The text without its NUL.
        text: Span,
        /// Whether the server may refuse it.
        undecided: bool,
    },
    /// A row of cells, the first of them at this index of [`Batch::cells`].
    Row {
        /// That index.
        first: usize,
        /// Its text.
        text: Span,
    },
    /// It is no object, and has no fields for columns.
    NotAnObject {
        /// Its text.
        text: Span,
    },
    /// It is bad.
    Reject {
        /// What is wrong with it.
        fault: Fault,
        /// Its first bytes in [`Batch::text`].
        raw: Span,
    },
}

impl RecordOutcome {
    /// Where its datum lies, if it has one.
    pub fn value(&self) -> Option<Span> {
        match self {
            RecordOutcome::Value(value) | RecordOutcome::WithText { value, .. } => Some(*value),
            _ => None,
        }
    }
}

/// One record, good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub place: RecordPosition,
    /// What became of it.
    pub outcome: RecordOutcome,
}

/// A run of records.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in file order.
    pub entries: Vec<Entry>,
    /// Datums, each at a multiple of eight bytes, and texts of cells.
    pub values: Vec<u8>,
    /// The cells of rows.
    pub cells: Vec<Cell>,
    /// Texts. Those of records have what is kept of their documents in them.
    pub text: Vec<u8>,
    /// Where the records are the values of an object: for each of them its key, as
    /// UTF-8 in `text`, if it is a text at all. Empty for other streams.
    pub keys: Vec<Option<Span>>,
    /// Where it ends: behind its last record, or at the end of all.
    pub end: ResumePoint,
}

impl Batch {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let keys = self.keys.len() * size_of::<Option<Span>>();
        let cells = self.cells.len() * size_of::<Cell>();
        self.values.len() + self.text.len() + self.entries.len() * size_of::<Entry>() + keys + cells
    }

    /// The key of the record at `index` in the object whose values the records are, if it has
    /// one that is a text; it may not be valid UTF-8.
    pub fn key(&self, index: usize) -> Option<&[u8]> {
        Some(self.text((*self.keys.get(index)?)?))
    }

    /// The bytes of a text.
    pub fn text(&self, span: Span) -> &[u8] {
        &self.text[span.at..span.at + span.length]
    }

    /// A text for the server; `None` where it has a NUL byte inside.
    pub fn c_text(&self, span: Span) -> Option<&CStr> {
        CStr::from_bytes_with_nul(&self.text[span.at..=span.at + span.length]).ok()
    }

    /// Empties it and keeps its buffers, but for giant ones.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.keys.clear();
        self.cells.clear();
        for buffer in [&mut self.values, &mut self.text] {
            buffer.clear();
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
    }

    pub(super) fn push(&mut self, place: RecordPosition, outcome: RecordOutcome) -> Result<(), Error> {
        Ok(memory::push(&mut self.entries, Entry { place, outcome })?)
    }

    /// Adds a bad record, with what is kept of its bytes.
    pub(super) fn push_reject(&mut self, reject: &Reject<'_>) -> Result<(), Error> {
        let &Reject { number, line, offset, length, fault, .. } = reject;
        let raw = self.keep(reject.raw)?;
        self.push(RecordPosition { number, line, offset, length }, RecordOutcome::Reject { fault, raw })
    }

    /// Keeps the key of the record that is to be pushed next, as it stands in the file.
    pub(super) fn push_key(&mut self, key: Option<&[u8]>) -> Result<(), Error> {
        let at = self.text.len();
        let span = match key {
            Some(key) if unescape(key, &mut self.text)? => Some(Span { at, length: self.text.len() - at }),
            _ => None,
        };
        Ok(memory::push(&mut self.keys, span)?)
    }

    /// Keeps the text of an object that gets more members, which go before its own, or any
    /// text that gets none.
    pub(super) fn keep_with(&mut self, members: &[u8], text: &[u8]) -> Result<Span, Error> {
        if members.is_empty() {
            return self.keep(text);
        }
        let own = text[1..].trim_ascii_start();
        let comma: &[u8] = if own.starts_with(b"}") { b"" } else { b"," };
        let at = self.text.len();
        memory::reserve(&mut self.text, members.len() + own.len() + 3)?;
        for part in [b"{", members, comma, own] {
            memory::append(&mut self.text, part)?;
        }
        let length = self.text.len() - at;
        memory::push(&mut self.text, 0)?;
        Ok(Span { at, length })
    }

    /// Keeps a text, with a NUL behind it.
    pub(super) fn keep(&mut self, text: &[u8]) -> Result<Span, Error> {
        memory::reserve(&mut self.text, text.len() + 1)?;
        let span = Span { at: self.text.len(), length: text.len() };
        memory::append(&mut self.text, text)?;
        memory::push(&mut self.text, 0)?;
        Ok(span)
    }
}
