//! What is loaded and not committed: what the board and the server's log are told once it is.

use super::board::{Board, Counters, FileOutcome, RangeLease};
use super::file_decision::Claims;
use super::report;
use crate::error::Failure;
use crate::load::LeftOut;
use std::time::{Duration, Instant};

/// A transaction is committed once it has so many files: each takes five locks and a
/// subtransaction, and of those the server keeps 64 at hand.
const MOST_FILES: usize = 32;

/// It is committed, too, once its files have so many bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// It is committed, too, after so long.
const LONGEST_TIME: Duration = Duration::from_millis(500);

/// Whether a file of so many bytes is too large to share a transaction.
pub fn is_large(bytes: u64) -> bool {
    bytes > MOST_BYTES
}

/// What is told once the transaction is committed.
#[derive(Default)]
pub struct PendingCommit {
    outcomes: Vec<FileOutcome>,
    counters: Counters,
    left_out: LeftOut,
    claims: Vec<Claims>,
    /// A range, and where it ended.
    range: Option<(RangeLease, u64)>,
    /// The range that is the last of its file, because that ends or fails with it.
    closes: Option<RangeLease>,
    /// What the call is to fail with.
    fails: Option<Failure>,
    /// Lines for the server's log.
    lines: Vec<String>,
    bytes: u64,
    began: Option<Instant>,
}

impl PendingCommit {
    /// A file of so many bytes needs no more work once this is committed.
    pub fn add(&mut self, outcome: FileOutcome, bytes: u64) {
        self.outcomes.push(outcome);
        self.bytes += bytes;
        self.began.get_or_insert_with(Instant::now);
    }

    /// A range ended there, with those rows and bytes. If it is the `last` of its file, that
    /// needs no more work once this is committed.
    pub fn add_range(
        &mut self,
        lease: &RangeLease,
        end: u64,
        counters: &Counters,
        last: Option<(FileOutcome, String)>,
    ) {
        self.range = Some((*lease, end));
        self.counters.add(counters);
        if let Some((outcome, line)) = last {
            self.closes = Some(*lease);
            self.outcomes.push(outcome);
            self.lines.push(line);
        }
    }

    /// A file has failed. If it is split, the range that it failed at is its last.
    pub fn add_failed(&mut self, outcome: FileOutcome, line: String, last: Option<&RangeLease>) {
        self.closes = last.copied();
        self.lines.push(line);
        self.add(outcome, 0);
    }

    /// The call is to fail, too.
    pub fn fail_call(&mut self, failure: Failure) {
        self.fails = Some(failure);
    }

    /// Holds claims until the transaction ends.
    pub fn hold(&mut self, claims: Claims) {
        self.claims.push(claims);
    }

    /// Counts what is loaded.
    pub fn count(&mut self, counters: &Counters) {
        self.counters.add(counters);
    }

    /// Notes what was left out of the records that are loaded.
    pub fn leave_out(&mut self, left_out: LeftOut) {
        self.left_out.add(left_out);
    }

    /// Writes a line to the server's log when this is committed.
    pub fn log(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Whether this is enough for a transaction.
    pub fn is_full(&self) -> bool {
        self.outcomes.len() >= MOST_FILES
            || self.bytes >= MOST_BYTES
            || self.began.is_some_and(|began| began.elapsed() >= LONGEST_TIME)
    }

    /// The files that nobody is told of, because the transaction is taken back. The claims on
    /// them go.
    pub fn into_outcomes(self) -> Vec<FileOutcome> {
        self.outcomes
    }

    /// Tells the board and the server's log, right after the commit. Until the board knows all
    /// of it, nothing looks at interrupts: this process could end there, and nobody would learn
    /// what is done. Writing to the server's log does. The claims go at the end.
    pub fn tell(self, board: &Board) {
        board.count(&self.counters);
        board.leave_out(&self.left_out);
        for outcome in &self.outcomes {
            board.record(outcome);
        }
        if let Some((lease, end)) = self.range {
            board.come_to(lease.plan.file, end);
            board.range_is_committed(&lease);
        }
        if let Some(lease) = self.closes {
            board.close_range_plan(&lease);
        }
        if let Some(failure) = &self.fails {
            board.fail(failure);
        }
        self.lines.into_iter().for_each(report::log_file);
    }
}
