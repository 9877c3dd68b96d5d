//! `schema_evolution => 'add_new_columns'`: a table gets a column for each field of files that it
//! has none for.

use super::columns::{in_database, names_of, observe, observe_file};
use super::table::{comment_on, reserved_for, type_name};
use crate::access;
use crate::error::{ColumnError, ColumnMatch, Error};
use crate::load::{LoadArguments, LoadOptions, RawInputOptions};
use crate::pg::Oid;
use crate::pg::relations::relation;
use crate::pg::strings::text;
use crate::read::ReadArguments;
use crate::sink::{ColumnOptions, Records, Route, Target};
use loader_core::encode::columns::MatchColumns;
use loader_core::infer::Observations;
use pgrx::prelude::*;

/// Adds the columns that the file of a load needs, if its options say so.
pub fn evolve(load: &LoadArguments<'_>) -> Result<(), Error> {
    access::require_file_role()?;
    let options = LoadOptions::of(&load.options)?;
    // Of a validation nothing stays.
    if !options.columns.adds_columns() || options.validate {
        return Ok(());
    }
    let RawInputOptions { compression, encoding, on_corrupt } = load.options.input;
    let files = ReadArguments {
        path: load.path,
        format: load.options.format,
        input: RawInputOptions { compression, encoding, on_corrupt },
        on_error: b"ignore",
        max_records: None,
    };
    let look = || observe_file(&files).map(Some);
    add_columns_seen(load.path, load.table, load.target_column, options.records(), &options.columns, look)
}

/// Adds the columns, as the caller, who has to own the table. All records are observed first; no
/// row is looked at, and no column that is there is changed. Nothing happens where records go into
/// the table in another way.
pub fn add_columns(
    files: &ReadArguments<'_>,
    table: Oid,
    target_column: Option<&[u8]>,
    records: Records,
    options: &ColumnOptions,
) -> Result<(), Error> {
    let look = || observe(files, -1).map(Some);
    add_columns_seen(files.path, table, target_column, records, options, look)
}

/// The same as [`add_columns`], for what `look` has observed of the files of that path; where it says
/// nothing of them, no column is added.
pub fn add_columns_seen(
    path: &[u8],
    table: Oid,
    target_column: Option<&[u8]>,
    records: Records,
    options: &ColumnOptions,
    look: impl FnOnce() -> Result<Option<Observations>, Error>,
) -> Result<(), Error> {
    // Two of these side by side would each wait for the other's lock when they alter the table.
    relation::lock_for_new_columns(table);
    let target = Target::lock(table, target_column, records, options)?;
    let Route::Columns(route) = &target.route else { return Ok(()) };
    let plan = route.plan(&target.shown, options, true)?;
    let Some(observations) = look()? else { return Ok(()) };
    let mismatch = |error| Error::from(ColumnMatch { path: text::show(path), error });
    // Without names, fields go to columns by position.
    let nameless = match options.match_columns {
        MatchColumns::Auto => observations.nameless(),
        MatchColumns::Exact | MatchColumns::Position => &[],
    };
    for (index, field) in nameless.iter().enumerate() {
        if !plan.takes_at(index, field).map_err(mismatch)? {
            let (path, of) = (text::show(path), nameless.len());
            return Err(ColumnError::NamelessFields { path, from: index + 1, of }.into());
        }
    }
    let mut new = observations.columns()?;
    new.retain(|column| !nameless.iter().any(|field| field == column.field));
    let mut error = None;
    new.retain(|column| match plan.takes(column.field) {
        Ok(taken) => !taken,
        Err(mismatch) => {
            error.get_or_insert(mismatch);
            false
        }
    });
    if let Some(error) = error {
        return Err(mismatch(error));
    }
    let taken = relation::column_names(table);
    let mut of_table = Vec::new();
    for name in &taken {
        let utf8 = text::to_utf8(name).map_err(Error::OutOfMemory)?;
        of_table.extend(utf8.and_then(|utf8| String::from_utf8(utf8).ok()));
    }
    let mut reserved = reserved_for(&new);
    reserved.extend(of_table.iter().map(String::as_str));
    let names = names_of(&new, true, &reserved)?;
    let quoted = target.quoted_name()?;
    for (column, name) in new.iter().zip(&names) {
        let name = in_database(name.as_bytes())?;
        let mut sql = b"ALTER TABLE ".to_vec();
        sql.extend_from_slice(&quoted);
        sql.extend_from_slice(b" ADD COLUMN ");
        sql.extend_from_slice(&relation::quote_identifier(&name));
        sql.push(b' ');
        sql.extend_from_slice(type_name(column.data_type).as_bytes());
        let sql = text::c_string(&sql);
        Spi::connect_mut(|client| client.update(&*sql, None, &[]).map(|_| ()))?;
        comment_on(&quoted, &name, &in_database(column.field.as_bytes())?)?;
    }
    Ok(())
}
