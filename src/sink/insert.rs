//! The prepared INSERT, run once per chunk, and the CONTEXT line of its errors.

use super::Target;
use super::lineage::Lineage;
use crate::error::{Error, RecordPosition};
use crate::pg::executor::chunk::Chunk;
use crate::pg::executor::chunk_handle::{HandedOut, Statement};
use crate::pg::relations::relation;
use crate::pg::strings::{error_context, text};
use std::cell::Cell;
use std::fmt::{self, Write};

/// `INSERT INTO target (column) SELECT loader.chunk_records($1)`, and the columns
/// of lineage where the target has them.
pub struct Insert {
    table: Vec<u8>,
    lineage: Lineage,
    /// The statement that inserts the values of a chunk into the target's column.
    offsets: Vec<i64>,
    statement: Statement,
}

impl Insert {
    /// Prepares the statement, and checks the caller's rights on the schema.
    pub fn prepare(target: &Target) -> Result<Self, Error> {
        let table = target.quoted_name()?;
        let mut sql = b"INSERT INTO ".to_vec();
        sql.extend_from_slice(&table);
        sql.extend_from_slice(b" (");
        sql.extend_from_slice(&relation::quote_identifier(&target.column));
        for column in target.lineage.columns() {
            sql.extend_from_slice(b", ");
            sql.extend_from_slice(column.as_bytes());
        }
        sql.extend_from_slice(b") SELECT loader.chunk_records($1)");
        if target.lineage.load_id {
            sql.extend_from_slice(b", $2");
        }
        if target.lineage.byte_offset {
            sql.extend_from_slice(b", loader.chunk_offsets($1)");
        }
        if target.lineage.key {
            sql.extend_from_slice(b", loader.chunk_keys($1)");
        }
        let statement = Statement::prepare(&text::c_string(&sql));
        Ok(Insert { table, lineage: target.lineage, offsets: Vec::new(), statement })
    }

    /// Inserts the chunk of a load and returns how many rows that made: not those
    /// that a trigger suppressed. `places` says where each record came from, for
    /// the table's columns and the errors that it raises.
    pub fn run(
        &mut self,
        target: &Target,
        load_id: i64,
        file: &str,
        chunk: &Chunk,
        places: &[RecordPosition],
    ) -> Result<u64, Error> {
        if target.quoted_name()? != self.table || target.lineage != self.lineage {
            *self = Insert::prepare(target)?;
        }
        self.take_offsets(places)?;
        let handed_out = Cell::default();
        let describe = |line: &mut dyn Write| describe(line, file, &target.shown, handed_out.get(), places);
        let place = || {
            let mut place = String::new();
            // A String takes all.
            let _ = write_place(&mut place, handed_out.get(), places);
            place
        };
        let insert = || chunk.hand_to(&self.statement, &self.offsets, load_id, &handed_out);
        let rows = error_context::with_context(&describe, || error_context::noting(place, insert))?;
        Ok(rows as u64)
    }

    fn take_offsets(&mut self, places: &[RecordPosition]) -> Result<(), Error> {
        self.offsets.clear();
        if self.lineage.byte_offset {
            self.offsets.try_reserve(places.len()).map_err(|_| Error::OutOfMemory(size_of_val(places)))?;
            self.offsets.extend(places.iter().map(|place| place.offset as i64));
        }
        Ok(())
    }
}

/// The error context: what is being done, and with which record.
fn describe(
    line: &mut dyn Write,
    file: &str,
    table: &str,
    handed_out: HandedOut,
    places: &[RecordPosition],
) -> fmt::Result {
    write!(line, "loading \"{file}\" into table \"{table}\"")?;
    if places.is_empty() {
        return Ok(());
    }
    write!(line, ": ")?;
    write_place(line, handed_out, places)
}

/// The record that is being inserted; all of them once the last one is in,
/// while AFTER triggers and foreign keys are looked at.
fn write_place(line: &mut dyn Write, handed_out: HandedOut, places: &[RecordPosition]) -> fmt::Result {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Ok(());
    };
    match handed_out {
        HandedOut::UpTo(index) => write!(line, "{}", places[index]),
        HandedOut::None | HandedOut::All => write!(
            line,
            "records {} to {}, lines {} to {}, bytes {} to {}",
            first.number,
            last.number,
            first.line,
            last.line,
            first.offset,
            last.offset + last.length
        ),
    }
}
