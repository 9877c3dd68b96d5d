//! Files of JSON.

use super::arguments::{input, optional_texts, require_commits, required, required_all, texts};
use super::rows::{load_row, read_row};
use crate::bulk::{self, OnFileError};
use crate::error::Error;
use crate::formats::{RawFormat, RawJson};
use crate::load::{self, LoadArguments, RawOptions};
use crate::pg::Oid;
use crate::pg::executor::{object, procedure};
use crate::pg::memory::lent::Lent;
use crate::read;
use crate::schema;
use crate::sink::RawColumnOptions;
use pgrx::AnyElement;
use pgrx::datum::Interval;
use pgrx::prelude::*;

/// `load_json_file(path, "table", ...)`. Texts come as bytes: they are in the
/// database's encoding.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
#[pg_extern(sql = false)]
fn load_json_file_v3(
    path: Option<&[u8]>,
    table: Option<Oid>,
    chunk: Option<i32>,
    format: Option<&[u8]>,
    compression: Option<&[u8]>,
    on_error: Option<&[u8]>,
    reject_limit: Option<i64>,
    if_loaded: Option<&[u8]>,
    target_column: Option<&[u8]>,
    records_path: Option<&[u8]>,
    validate: Option<bool>,
    if_emptied: Option<&[u8]>,
    encoding: Option<&[u8]>,
    on_corrupt: Option<&[u8]>,
    line_prefix: Option<&[u8]>,
    match_columns: Option<&[u8]>,
    column_map: Option<AnyElement>,
    keep: Option<pgrx::Array<'_, &[u8]>>,
    transform: Option<&[u8]>,
    schema_evolution: Option<&[u8]>,
    on_value_error: Option<&[u8]>,
    write_mode: Option<&[u8]>,
    key: Option<pgrx::Array<'_, &[u8]>>,
    version_column: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(load_id, Option<i64>),
        name!(status, &'static str),
        name!(rows_loaded, i64),
        name!(rows_rejected, i64),
        name!(bytes_read, i64),
        name!(elapsed, Interval),
        name!(rows_inserted, i64),
        name!(rows_updated, i64),
        name!(rows_superseded, i64),
    ),
> {
    let load = || {
        let columns = RawColumnOptions {
            match_columns: required("match_columns", match_columns)?.to_vec(),
            column_map: column_map.and_then(|map| object::members(&map)).unwrap_or_default(),
            keep: optional_texts("keep", keep)?,
            transform: transform.map(<[u8]>::to_vec),
            schema_evolution: required("schema_evolution", schema_evolution)?.to_vec(),
            on_value_error: required("on_value_error", on_value_error)?.to_vec(),
            write_mode: required("write_mode", write_mode)?.to_vec(),
            key: key.map(|key| texts("key", &key)).transpose()?,
            version_column: version_column.map(<[u8]>::to_vec),
        };
        let arguments = LoadArguments {
            path: required("path", path)?,
            table: required("table", table)?,
            options: RawOptions {
                chunk: required("chunk", chunk)?,
                format: RawFormat::Json(RawJson {
                    format: required("format", format)?,
                    records_path,
                    keep: &columns.keep,
                    line_prefix,
                }),
                input: input(compression, encoding, on_corrupt)?,
                on_error: required("on_error", on_error)?,
                reject_limit,
                if_loaded: required("if_loaded", if_loaded)?,
                if_emptied: required("if_emptied", if_emptied)?,
                validate: required("validate", validate)?,
                columns: &columns,
            },
            target_column,
        };
        schema::evolve(&arguments)?;
        load::run(&arguments)
    };
    let outcome = load().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once(load_row(&outcome))
}

/// `CALL load_json_files(pattern, "table", ...)`.
pub fn load_json_files(call: &procedure::ProcedureCall) {
    bulk::forget_last();
    let load = || {
        require_commits(call, "load_json_files")?;
        let text = |name, index| required(name, call.text(index));
        let list = |name, index| call.texts(index).map(|list| required_all(name, list)).transpose();
        let pattern = text("pattern", 0)?;
        let arguments = bulk::BulkArguments {
            table: required("table", call.oid(1))?,
            chunk: required("chunk", call.integer(2))?,
            format: text("format", 4)?,
            compression: text("compression", 5)?,
            on_error: text("on_error", 6)?,
            reject_limit: call.bigint(7),
            if_loaded: text("if_loaded", 8)?,
            target_column: call.text(9),
            records_path: call.text(10),
            on_file_error: OnFileError::of(&text("on_file_error", 11)?)?,
            if_emptied: text("if_emptied", 12)?,
            encoding: text("encoding", 13)?,
            on_corrupt: text("on_corrupt", 14)?,
            line_prefix: call.text(15),
            columns: RawColumnOptions {
                match_columns: text("match_columns", 16)?,
                column_map: call.members(17).unwrap_or_default(),
                keep: list("keep", 18)?.unwrap_or_default(),
                transform: call.text(19),
                schema_evolution: text("schema_evolution", 20)?,
                on_value_error: text("on_value_error", 21)?,
                write_mode: text("write_mode", 22)?,
                key: list("key", 23)?,
                version_column: call.text(24),
            },
            csv: None,
        };
        bulk::run(&pattern, call.integer(3), arguments)
    };
    load().unwrap_or_else(|error: Error| error.raise());
}

/// `read_json_file(path, ...)`. `file` and `data` are text and jsonb.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
#[pg_extern(sql = false)]
fn read_json_file_v3(
    path: Option<&[u8]>,
    format: Option<&[u8]>,
    compression: Option<&[u8]>,
    on_error: Option<&[u8]>,
    records_path: Option<&[u8]>,
    max_records: Option<i64>,
    encoding: Option<&[u8]>,
    on_corrupt: Option<&[u8]>,
    line_prefix: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(file, Lent),
        name!(record_no, i64),
        name!(line, i64),
        name!(byte_offset, i64),
        name!(data, Option<Lent>),
        name!(error_type, Option<&'static str>),
        name!(message, Option<&'static str>),
    ),
> {
    let read = || {
        read::rows(&read::ReadArguments {
            path: required("path", path)?,
            format: RawFormat::Json(RawJson {
                format: required("format", format)?,
                records_path,
                keep: &[],
                line_prefix,
            }),
            input: input(compression, encoding, on_corrupt)?,
            on_error: required("on_error", on_error)?,
            max_records,
        })
    };
    let rows = read().unwrap_or_else(|error: Error| error.raise());
    TableIterator::new(rows.map(|row| read_row(row.unwrap_or_else(|error| error.raise()))))
}
