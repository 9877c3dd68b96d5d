//! What is counted while a stream is taken in, and what each part of it came to: the
//! one place where ledgers have to balance.

use crate::catalog::{FileOnDisk, FileState, Position, Status, Step};
use loader_core::split::ResumePoint;
use loader_core::split::json::Format;
use loader_core::stream::{Compression, Encoding};
use loader_core::tally::Tally;

/// What has been counted since the last part ended, or the stream was begun.
pub struct Account {
    read_as: ReadAs,
    from: ResumePoint,
    /// Bad records before that, of earlier calls too.
    rejected: u64,
    rows: u64,
    /// Records that the splitter found good and the server did not, …
    refused: u64,
    /// … and their bytes.
    refused_bytes: u64,
}

/// What loading a part of a stream came to.
#[derive(Clone, Copy, Debug)]
pub struct PartResult {
    /// Where it begins, and where it ends.
    pub from: ResumePoint,
    pub end: ResumePoint,
    /// Rows inserted.
    pub rows: u64,
    /// With the server's verdicts.
    pub ledger: Tally,
    /// Where its last record begins, if it is bad: it may only have been begun when
    /// the file was read.
    pub open_offset: Option<u64>,
    pub read_as: ReadAs,
}

/// What a stream was read as.
#[derive(Clone, Copy, Debug)]
pub struct ReadAs {
    pub format: Format,
    pub compression: Compression,
    pub encoding: Encoding,
}

impl Account {
    /// The first part begins at `from`, behind so many bad records.
    pub fn new(read_as: ReadAs, from: ResumePoint, rejected: u64) -> Self {
        Account { read_as, from, rejected, rows: 0, refused: 0, refused_bytes: 0 }
    }

    /// Where the part under way begins.
    pub fn from(&self) -> &ResumePoint {
        &self.from
    }

    /// Rows were inserted.
    pub fn insert(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// The server refuses a record of so many bytes.
    pub fn refuse(&mut self, bytes: u64) {
        self.refused += 1;
        self.refused_bytes += bytes;
    }

    /// Ends the part; `rejected` is how many bad records there are now. `None` where
    /// not every byte and every reject of it is accounted for.
    pub fn close(&mut self, end: ResumePoint, rejected: u64, open_offset: Option<u64>) -> Option<PartResult> {
        let mut ledger = end.tally - self.from.tally;
        ledger.overrule(self.refused, self.refused_bytes);
        if !ledger.balances() || ledger.rejects != rejected - self.rejected {
            return None;
        }
        let next = Account::new(self.read_as, end, rejected);
        let Account { read_as, from, rows, .. } = std::mem::replace(self, next);
        Some(PartResult { from, end, rows, ledger, open_offset, read_as })
    }
}

impl PartResult {
    /// What the history is told of it.
    pub fn step(&self, status: Status) -> Step<'static> {
        Step {
            status,
            rows: self.rows,
            ledger: self.ledger,
            records: self.end.records,
            lines: self.end.line,
            splitter_state: self.end.state,
            open_offset: self.open_offset,
            error: None,
        }
    }

    /// … and of the file.
    pub fn file<'a>(&self, on_disk: Option<FileOnDisk<'a>>) -> FileState<'a> {
        let ReadAs { format, compression, encoding } = self.read_as;
        FileState {
            on_disk,
            format: format.name(),
            compression: compression.name(),
            encoding: Some(encoding.name()),
        }
    }

    /// Where it leads a load that stood at `before`.
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
