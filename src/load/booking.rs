//! Rows of a chunk on their way into the table, and those that it refuses on theirs to the rejects.

use super::account::Account;
use super::beside::Beside;
use super::rejects::{Bad, RejectLog};
use crate::catalog::Catalog;
use crate::error::{Error, RejectReason};
use crate::pg::executor::chunk_handle::Written;
use crate::sink::{Companion, Insert, Rows, Target};
use std::ops::Range as Indexes;

/// Where records go. All of it is open in the transaction that is under way.
pub struct Sink<'a> {
    pub target: &'a Target,
    pub insert: &'a mut Insert,
    pub catalog: &'a Catalog,
}

/// What becomes of the rows of a chunk.
pub(super) struct Booking<'a> {
    /// The first row that is refused fails the load.
    pub(super) stops: bool,
    /// Rows that are tried if another one is refused.
    pub(super) losers: &'a [(usize, Indexes<usize>)],
    /// Those of them that are.
    pub(super) again: Vec<Indexes<usize>>,
    pub(super) beside: &'a Beside,
    pub(super) rejects: &'a mut RejectLog,
    pub(super) account: &'a mut Account,
    pub(super) any_good: &'a mut bool,
    pub(super) shown: &'a str,
    pub(super) catalog: &'a Catalog,
}

impl Booking<'_> {
    /// Inserts rows of the chunk.
    pub(super) fn insert(
        &mut self,
        sink: &mut Sink<'_>,
        rows: Rows<'_>,
        range: Indexes<usize>,
    ) -> Result<Written, Error> {
        if range.is_empty() {
            return Ok(Written::default());
        }
        if !self.stops {
            return sink.insert.run_what_is_taken(sink.target, rows, range, self);
        }
        let written = sink.insert.run(sink.target, rows, range)?;
        *self.any_good = true;
        Ok(written)
    }
}

impl Companion for Booking<'_> {
    fn before(&mut self, _: Indexes<usize>) -> Result<(), Error> {
        Ok(())
    }

    fn refused(&mut self, row: usize, reason: RejectReason) -> Result<(), Error> {
        let place = self.beside.places[row];
        if let Ok(index) = self.losers.binary_search_by_key(&row, |(winner, _)| *winner) {
            self.again.push(self.losers[index].1.clone());
        }
        self.account.refuse(place.length);
        let raw = self.beside.raw(row, self.shown)?;
        let bad = Bad { place, reason, raw: &raw, key: self.beside.keys.get(row) };
        self.rejects.add_refused(self.shown, bad, *self.any_good)?;
        if self.rejects.is_full() {
            self.rejects.write(self.catalog);
        }
        Ok(())
    }

    fn inserted(&mut self, _: Indexes<usize>) {
        *self.any_good = true;
    }

    fn takes_parts(&self) -> bool {
        true
    }
}
