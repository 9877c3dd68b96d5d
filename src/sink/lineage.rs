//! The columns that tell where a row came from: `_load_id`, `_byte_offset`, and `_key`
//! for records that are the values of an object. A table has all, some of them, or none.

use crate::error::{Error, Misfit};
use crate::pg::Oid;
use crate::pg::relations::relation::{self, Column};
use crate::pg::strings::text;

/// The column that takes the number of the load that inserted the row.
pub const LOAD_ID: &str = "_load_id";

/// The column that takes the offset of the record in the decompressed file.
pub const BYTE_OFFSET: &str = "_byte_offset";

/// The column that takes the key of the record, if the records are the values of an object.
pub const KEY: &str = "_key";

/// What the records of a load are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// Values on their own, or elements of arrays.
    Elements,
    /// Values of an object, each with a key.
    Members,
}

/// Which of these columns the target has, for a load to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// [`LOAD_ID`].
    pub load_id: bool,
    /// [`BYTE_OFFSET`].
    pub byte_offset: bool,
    /// [`KEY`].
    pub key: bool,
}

impl Lineage {
    /// Looks at the columns of a table. A column that has one of the names, but another type, is
    /// the user's own and is left alone.
    pub fn of(table: Oid, records: Records) -> Self {
        let has = |name| find(table, name).is_ok();
        let key = records == Records::Members && has(KEY);
        Lineage { load_id: has(LOAD_ID), byte_offset: has(BYTE_OFFSET), key }
    }

    /// Of no column.
    pub fn none() -> Self {
        Lineage { load_id: false, byte_offset: false, key: false }
    }

    /// What of it is left where rows of a query have these columns. Which record a row came from
    /// only the query knows.
    pub fn beside(self, columns: &[Vec<u8>]) -> Self {
        let load_id = self.load_id && !columns.iter().any(|name| name == LOAD_ID.as_bytes());
        Lineage { load_id, ..Lineage::none() }
    }

    /// The names of the columns that the target has.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        [(self.load_id, LOAD_ID), (self.byte_offset, BYTE_OFFSET), (self.key, KEY)]
            .into_iter()
            .filter_map(|(has, name)| has.then_some(name))
    }

    /// Fails unless the current role may insert into these columns.
    pub fn require_insert(self, table: Oid) -> Result<(), Error> {
        for name in self.columns() {
            let permitted = find(table, name).is_ok_and(|column| relation::may_insert(table, column.number));
            if !permitted {
                let shown = relation::name(table).ok_or(Error::NoTable(table.to_u32()))?;
                return Err(Error::NoInsertRight { table: text::show(&shown), column: name.to_string() });
            }
        }
        Ok(())
    }
}

/// A column of lineage, or why there is none.
pub fn find(table: Oid, name: &str) -> Result<Column, Misfit> {
    match relation::column(table, name.as_bytes()) {
        None => Err(Misfit::Missing),
        Some(column) if name == KEY && !column.is_text => Err(Misfit::NotOfType("text")),
        Some(column) if name != KEY && !column.is_bigint => Err(Misfit::NotOfType("bigint")),
        Some(column) if column.is_generated || column.is_identity => Err(Misfit::Computed),
        Some(column) => Ok(column),
    }
}
