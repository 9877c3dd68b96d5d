//! `seed_json_table`: a table that records can be loaded into.

use crate::error::Error;
use crate::pg::relation::{self, NewName};
use crate::pg::{Oid, text};
use pgrx::prelude::*;

/// What `seed_json_table` was called with.
pub struct Seed<'a> {
    /// The name, perhaps with a schema, as SQL would have it.
    pub name: &'a [u8],
    /// No write-ahead log.
    pub unlogged: bool,
    /// An existing table is fine if it fits.
    pub if_not_exists: bool,
}

/// Creates the table and returns its OID. The server raises what it would for
/// CREATE TABLE.
pub fn create(seed: &Seed<'_>) -> Result<Oid, Error> {
    let name = NewName::parse(seed.name);
    let mut sql = b"CREATE ".to_vec();
    if seed.unlogged {
        sql.extend_from_slice(b"UNLOGGED ");
    }
    sql.extend_from_slice(b"TABLE ");
    if seed.if_not_exists {
        sql.extend_from_slice(b"IF NOT EXISTS ");
    }
    sql.extend_from_slice(&name.quoted());
    sql.extend_from_slice(b" (data pg_catalog.jsonb NOT NULL)");
    let sql = text::c_string(&sql);
    Spi::connect_mut(|client| client.update(&*sql, None, &[]).map(|_| ()))?;

    let table = name.relation().ok_or(Error::NoTable(0))?;
    match relation::column(table, b"data") {
        Some(column) if column.is_jsonb => Ok(table),
        found => Err(Error::SeededOtherwise { table: name.shown(), column_exists: found.is_some() }),
    }
}
