//! `seed_table`: a table with a column for each field that the records of files have.

use super::columns::{in_database, names_of, observe};
use crate::access;
use crate::error::{Error, SchemaError};
use crate::formats::{RawFormat, records_path_of};
use crate::load::RawInputOptions;
use crate::pg;
use crate::pg::Oid;
use crate::pg::executor::utility;
use crate::pg::relations::new_name::NewName;
use crate::pg::relations::relation;
use crate::pg::relations::type_name::TypeName;
use crate::pg::strings::literal;
use crate::pg::strings::text;
use crate::read;
use crate::sink::{BYTE_OFFSET, KEY, LOAD_ID, RESCUED};
use loader_core::infer::{Column, DataType};
use pgrx::prelude::*;

/// The column that loads put documents into, if it is of type jsonb.
const DOCUMENTS: &str = "data";

/// Columns of these names mean something to loads, whatever fills them.
const MEANINGFUL: [&str; 4] = [LOAD_ID, BYTE_OFFSET, KEY, RESCUED];

/// What `seed_table` was called with. Texts are the database's.
pub struct Seed<'a> {
    /// The name, perhaps with a schema, as SQL would have it.
    pub name: &'a [u8],
    /// Which files.
    pub pattern: &'a [u8],
    /// Fields or columns that are the primary key.
    pub key: Vec<Vec<u8>>,
    /// Types of fields or columns, by their names.
    pub types: Vec<(Vec<u8>, Vec<u8>)>,
    /// Otherwise all columns are text.
    pub infer_types: bool,
    /// Names are made snake_case.
    pub normalize_names: bool,
    /// With a column for what no other column takes.
    pub rescue: bool,
    /// With the columns that tell where a row came from.
    pub lineage: bool,
    /// No write-ahead log.
    pub unlogged: bool,
    /// An existing table is fine as it is.
    pub if_not_exists: bool,
    /// What the files are, …
    pub format: RawFormat<'a>,
    /// … and where in a file of JSON the records are.
    pub records_path: Option<&'a [u8]>,
    pub encoding: &'a [u8],
}

/// A column of the table to be.
struct NewColumn {
    /// The field, and the column's name.
    field: Vec<u8>,
    name: Vec<u8>,
    /// As SQL has it.
    data_type: Vec<u8>,
    is_chosen: bool,
}

/// Creates the table and returns its OID. The server raises what it would for
/// CREATE TABLE. A table that is there already is returned without a look at the files.
pub fn create(seed: &Seed<'_>) -> Result<Oid, Error> {
    pg::prevent_during_recovery(c"seed_table");
    access::require_file_role()?;
    let name = NewName::parse(seed.name);
    if let Some(table) = existing(seed, &name)? {
        return Ok(table);
    }
    // A name that is no type is refused before the files are read.
    let types = seed.types.iter().map(|(column, name)| (column.as_slice(), TypeName::parse(name).quoted()));
    let types: Vec<_> = types.collect();
    let own = own_columns(seed)?;
    let call = read::ReadArguments {
        path: seed.pattern,
        format: seed.format,
        input: RawInputOptions { compression: b"auto", encoding: seed.encoding, on_corrupt: b"stop" },
        on_error: b"ignore",
        max_records: None,
    };
    let observations = observe(&call, -1)?;
    let columns = observations.columns()?;
    if columns.is_empty() {
        return Err(SchemaError::NoFields(text::show(seed.pattern)).into());
    }
    let names = names_of(&columns, seed.normalize_names, &reserved_for(&columns))?;
    let mut columns = new_columns(&columns, &names, seed.infer_types)?;
    choose_types(&mut columns, types)?;
    let sql = statement(seed, &name, &columns, &own)?;
    // It may have been made while the files were read.
    if let Some(table) = existing(seed, &name)? {
        return Ok(table);
    }
    utility::create_table(&text::c_string(&sql));
    let table = name.relation().ok_or(Error::NoTable(0))?;
    for column in &columns {
        comment_on(&name.quoted(), &column.name, &column.field)?;
    }
    Ok(table)
}

/// Names that no field gives to a column of its own, because loads would take it for something else.
pub(super) fn reserved_for(columns: &[Column<'_>]) -> Vec<&'static str> {
    let mut reserved = MEANINGFUL.to_vec();
    // A jsonb column of that name would take whole records.
    if columns.iter().any(|column| column.data_type == DataType::Jsonb) {
        reserved.push(DOCUMENTS);
    }
    reserved
}

/// The relation of that name, where one is fine.
fn existing(seed: &Seed<'_>, name: &NewName) -> Result<Option<Oid>, Error> {
    let Some(table) = name.relation() else { return Ok(None) };
    if !seed.if_not_exists {
        return Err(SchemaError::TableExists(name.shown()).into());
    }
    let message = format!("relation \"{}\" already exists, skipping", name.shown());
    pg::strings::message::tell(PgLogLevel::NOTICE, message, None, None);
    Ok(Some(table))
}

/// The columns that hold no field.
fn own_columns(seed: &Seed<'_>) -> Result<Vec<(&'static str, &'static str)>, Error> {
    let mut own = Vec::new();
    let is_keyed = match seed.records_path {
        Some(path) => records_path_of(path, None)?.is_keyed(),
        None => false,
    };
    if is_keyed {
        own.push((KEY, "pg_catalog.text"));
    }
    if seed.rescue {
        own.push((RESCUED, "pg_catalog.jsonb"));
    }
    if seed.lineage {
        own.extend([(LOAD_ID, "pg_catalog.int8"), (BYTE_OFFSET, "pg_catalog.int8")]);
    }
    Ok(own)
}

fn new_columns(columns: &[Column<'_>], names: &[String], infer_types: bool) -> Result<Vec<NewColumn>, Error> {
    let new = columns.iter().zip(names).map(|(column, name)| {
        let data_type = if infer_types { column.data_type } else { DataType::Text };
        Ok(NewColumn {
            field: in_database(column.field.as_bytes())?,
            name: in_database(name.as_bytes())?,
            data_type: type_name(data_type).as_bytes().to_vec(),
            is_chosen: false,
        })
    });
    new.collect()
}

/// A type whatever the search_path.
pub(super) fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "pg_catalog.bool",
        DataType::Bigint => "pg_catalog.int8",
        DataType::Numeric => "pg_catalog.numeric",
        DataType::Double => "pg_catalog.float8",
        DataType::Date => "pg_catalog.date",
        DataType::Timestamp => "pg_catalog.timestamp",
        DataType::TimestampTz => "pg_catalog.timestamptz",
        DataType::Uuid => "pg_catalog.uuid",
        DataType::Text => "pg_catalog.text",
        DataType::Jsonb => "pg_catalog.jsonb",
    }
}

/// Gives columns the types that the caller wants.
fn choose_types(columns: &mut [NewColumn], types: Vec<(&[u8], Vec<u8>)>) -> Result<(), Error> {
    for (wanted, data_type) in types {
        let column = find(columns, wanted, "types")?;
        let column = &mut columns[column];
        if std::mem::replace(&mut column.is_chosen, true) {
            return Err(SchemaError::TwoTypes(text::show(&column.name)).into());
        }
        column.data_type = data_type;
    }
    Ok(())
}

/// The column of a field, or that of a name.
fn find(columns: &[NewColumn], wanted: &[u8], argument: &'static str) -> Result<usize, Error> {
    let field = columns.iter().position(|column| column.field == wanted);
    field
        .or_else(|| columns.iter().position(|column| column.name == wanted))
        .ok_or_else(|| SchemaError::NoField { name: text::show(wanted), argument }.into())
}

/// The CREATE TABLE.
fn statement(
    seed: &Seed<'_>,
    name: &NewName,
    columns: &[NewColumn],
    own: &[(&str, &str)],
) -> Result<Vec<u8>, Error> {
    let mut sql = if seed.unlogged { b"CREATE UNLOGGED TABLE ".to_vec() } else { b"CREATE TABLE ".to_vec() };
    sql.extend_from_slice(&name.quoted());
    let mut before: &[u8] = b" (";
    let mut add = |name: &[u8], data_type: &[u8]| {
        sql.extend_from_slice(before);
        sql.extend_from_slice(&relation::quote_identifier(name));
        sql.push(b' ');
        sql.extend_from_slice(data_type);
        before = b", ";
    };
    for column in columns {
        add(&column.name, &column.data_type);
    }
    for (name, data_type) in own {
        add(name.as_bytes(), data_type.as_bytes());
    }
    let mut before: &[u8] = b", PRIMARY KEY (";
    for wanted in &seed.key {
        let key = match own.iter().find(|(name, _)| name.as_bytes() == wanted) {
            Some((name, _)) => name.as_bytes(),
            None => &columns[find(columns, wanted, "key")?].name,
        };
        sql.extend_from_slice(before);
        sql.extend_from_slice(&relation::quote_identifier(key));
        before = b", ";
    }
    if !seed.key.is_empty() {
        sql.push(b')');
    }
    sql.push(b')');
    Ok(sql)
}

/// Writes the name of a field down in its column's comment.
pub(super) fn comment_on(table: &[u8], column: &[u8], field: &[u8]) -> Result<(), Error> {
    let mut sql = b"COMMENT ON COLUMN ".to_vec();
    sql.extend_from_slice(table);
    sql.push(b'.');
    sql.extend_from_slice(&relation::quote_identifier(column));
    sql.extend_from_slice(b" IS ");
    sql.extend_from_slice(&literal::quote(field));
    let sql = text::c_string(&sql);
    Spi::connect_mut(|client| client.update(&*sql, None, &[]).map(|_| ()))?;
    Ok(())
}
