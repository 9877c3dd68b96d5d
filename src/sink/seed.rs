//! `seed_json_table`: a table that records can be loaded into.

use super::lineage::{self, BYTE_OFFSET, LOAD_ID};
use crate::error::{Error, Misfit, SchemaError};
use crate::pg::executor::utility;
use crate::pg::relations::new_name::NewName;
use crate::pg::relations::relation;
use crate::pg::strings::text;
use crate::pg::{self, Oid};

/// What `seed_json_table` was called with.
pub struct Seed<'a> {
    /// The name, perhaps with a schema, as SQL would have it.
    pub name: &'a [u8],
    /// The table is to have no write-ahead log.
    pub unlogged: bool,
    /// A table of this name that fits is left as it is.
    pub if_not_exists: bool,
    /// The table is to have the columns that tell where a row came from.
    pub lineage: bool,
}

/// Creates the table and returns its OID. The server raises what it would for
/// CREATE TABLE. In a distributed schema of Citus it is a table of that schema.
pub fn create(seed: &Seed<'_>) -> Result<Oid, Error> {
    pg::prevent_during_recovery(c"seed_json_table");
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
    sql.extend_from_slice(b" (data pg_catalog.jsonb NOT NULL");
    if seed.lineage {
        sql.extend_from_slice(b", _load_id pg_catalog.int8, _byte_offset pg_catalog.int8");
    }
    sql.push(b')');
    let sql = text::c_string(&sql);
    utility::create_table(&sql);

    let table = name.relation().ok_or(Error::NoTable(0))?;
    let misfit = |column, misfit| SchemaError::SeededOtherwise { table: name.shown(), column, misfit }.into();
    match relation::column(table, b"data") {
        Some(column) if column.is_jsonb => {}
        Some(_) => return Err(misfit("data", Misfit::NotOfType("jsonb"))),
        None => return Err(misfit("data", Misfit::Missing)),
    }
    if seed.lineage {
        for column in [LOAD_ID, BYTE_OFFSET] {
            lineage::find(table, column).map_err(|why| misfit(column, why))?;
        }
    }
    Ok(table)
}
