//! What is counted while a stream is taken in, and what each part of it came to: the
//! one place where ledgers have to balance.

use crate::catalog::{FileOnDisk, FileState, Position, Status, Step};
use crate::pg::executor::chunk_handle::Written;
use loader_core::split::{FileFormat, ResumePoint};
use loader_core::stream::{Compression, Encoding};
use loader_core::tally::Tally;
use std::sync::Arc;

/// The counters of the part of a stream that is being loaded.
pub struct Account {
    read_as: ReadAs,
    from: ResumePoint,
    /// How many bad records lie before the part, those of earlier calls too.
    rejected: u64,
    written: Written,
    superseded: u64,
    /// How many records of the part were good for the splitter and refused by the server, …
    refused: u64,
    /// … and how many bytes those have.
    refused_bytes: u64,
}

/// What loading a part of a stream came to.
#[derive(Clone, Debug)]
pub struct PartResult {
    /// Where it begins, and where it ends.
    pub from: ResumePoint,
    pub end: ResumePoint,
    /// How many rows were inserted or updated, …
    pub rows: u64,
    /// … how many of them were updated, …
    pub updated: u64,
    /// … and how many were not written, because a newer row with their key was.
    pub superseded: u64,
    /// The ledger of the part. Records that the server refused count as rejects.
    pub ledger: Tally,
    /// The offset of its last record, if that is bad: the file may have been read while that
    /// record was being written.
    pub open_offset: Option<u64>,
    pub read_as: ReadAs,
}

/// What a stream was read as.
#[derive(Clone, Debug)]
pub struct ReadAs {
    pub format: FileFormat,
    pub compression: Compression,
    pub encoding: Encoding,
    /// Of delimited text, as the history keeps it.
    pub dialect: Option<Arc<[u8]>>,
}

impl Account {
    /// For a first part that begins at `from`, behind `rejected` bad records.
    pub fn new(read_as: ReadAs, from: ResumePoint, rejected: u64) -> Self {
        Account {
            read_as,
            from,
            rejected,
            written: Written::default(),
            superseded: 0,
            refused: 0,
            refused_bytes: 0,
        }
    }

    /// Where the part under way begins.
    pub fn from(&self) -> &ResumePoint {
        &self.from
    }

    /// Counts rows that were written, and those that were not because a newer row with their key
    /// was.
    pub fn write(&mut self, written: Written, superseded: u64) {
        self.written += written;
        self.superseded += superseded;
    }

    /// Counts a record of so many bytes that the server refuses.
    pub fn refuse(&mut self, bytes: u64) {
        self.refused += 1;
        self.refused_bytes += bytes;
    }

    /// Ends the part. `rejected` is the number of bad records up to there. Returns `None` if not
    /// every byte and every reject of the part is accounted for.
    pub fn close(&mut self, end: ResumePoint, rejected: u64, open_offset: Option<u64>) -> Option<PartResult> {
        let mut ledger = end.tally - self.from.tally;
        ledger.overrule(self.refused, self.refused_bytes);
        if !ledger.balances() || ledger.rejects != rejected - self.rejected {
            return None;
        }
        let next = Account::new(self.read_as.clone(), end, rejected);
        let Account { read_as, from, written, superseded, .. } = std::mem::replace(self, next);
        let (rows, updated) = (written.inserted + written.updated, written.updated);
        Some(PartResult { from, end, rows, updated, superseded, ledger, open_offset, read_as })
    }
}

impl PartResult {
    /// The step that the history is told of.
    pub fn step(&self, status: Status) -> Step<'static> {
        Step {
            status,
            rows: self.rows,
            rows_updated: self.updated,
            rows_superseded: self.superseded,
            ledger: self.ledger,
            records: self.end.records,
            lines: self.end.line,
            splitter_state: self.end.state,
            open_offset: self.open_offset,
            error: None,
        }
    }

    /// The state of the file that the history is told of.
    pub fn file<'a>(&'a self, on_disk: Option<FileOnDisk<'a>>) -> FileState<'a> {
        let ReadAs { format, compression, encoding, dialect } = &self.read_as;
        FileState {
            on_disk,
            format: format.name(),
            compression: compression.name(),
            encoding: Some(encoding.name()),
            dialect: dialect.as_deref(),
        }
    }

    /// The position of a load that stood at `before` when the part began.
    pub fn after(&self, before: &Position) -> Position {
        Position {
            offset: self.end.offset,
            records: self.end.records,
            lines: self.end.line,
            splitter_state: self.end.state,
            rejects: before.rejects + self.ledger.rejects,
            rows: before.rows + self.rows,
        }
    }
}
