//! The prepared INSERT, run once per chunk, and the CONTEXT line of its errors.

use super::Target;
use crate::error::{Error, Place};
use crate::pg::chunk::{Chunk, HandedOut, Offer};
use crate::pg::{context, relation, text};
use pgrx::prelude::*;
use pgrx::spi::OwnedPreparedStatement;
use std::fmt::{self, Write};

/// `INSERT INTO target (column) SELECT loader.chunk_records($1)`.
pub struct Insert {
    table: Vec<u8>,
    statement: OwnedPreparedStatement,
}

impl Insert {
    /// Prepares it, with the caller's rights on the schema checked.
    pub fn prepare(target: &Target) -> Result<Self, Error> {
        let table = target.quoted_name()?;
        let mut sql = b"INSERT INTO ".to_vec();
        sql.extend_from_slice(&table);
        sql.extend_from_slice(b" (");
        sql.extend_from_slice(&relation::quote_identifier(&target.column));
        sql.extend_from_slice(b") SELECT loader.chunk_records($1)");
        let sql = text::c_string(&sql);
        let bigint = [PgBuiltInOids::INT8OID.oid()];
        let statement = Spi::connect_mut(|client| client.prepare_mut(&*sql, &bigint).map(|s| s.keep()))?;
        Ok(Insert { table, statement })
    }

    /// Inserts the chunk and returns how many rows that made: not those that a
    /// trigger suppressed. `places` says where each record came from, for the
    /// errors that the table raises.
    pub fn run(
        &mut self,
        target: &Target,
        file: &str,
        chunk: &Chunk,
        places: &[Place],
    ) -> Result<u64, Error> {
        if target.quoted_name()? != self.table {
            *self = Insert::prepare(target)?;
        }
        let offer = chunk.offer();
        let describe = |line: &mut dyn Write| describe(line, file, &target.shown, &offer, places);
        let rows = context::with_context(&describe, || {
            Spi::connect_mut(|client| {
                client.update(&self.statement, None, &[offer.token().into()]).map(|rows| rows.len())
            })
        })?;
        Ok(rows as u64)
    }
}

/// The record that is being inserted; all of them once the last one is in,
/// while AFTER triggers and foreign keys are looked at.
fn describe(
    line: &mut dyn Write,
    file: &str,
    table: &str,
    offer: &Offer<'_>,
    places: &[Place],
) -> fmt::Result {
    write!(line, "loading \"{file}\" into table \"{table}\"")?;
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Ok(());
    };
    match offer.handed_out() {
        HandedOut::UpTo(index) => write!(line, ": {}", places[index]),
        HandedOut::None | HandedOut::All => write!(
            line,
            ": records {} to {}, lines {} to {}, bytes {} to {}",
            first.number,
            last.number,
            first.line,
            last.line,
            first.offset,
            last.offset + last.length
        ),
    }
}
