//! Files of delimited text.

use super::arguments::{
    dialect, input, optional_texts, require_commits, required, required_all, texts, values,
};
use super::rows::{load_row, read_row};
use crate::bulk::{self, OnFileError};
use crate::error::Error;
use crate::formats::{RawCsv, RawFormat};
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

/// `load_csv_file(path, "table", ...)`.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
#[pg_extern(sql = false)]
fn load_csv_file(
    path: Option<&[u8]>,
    table: Option<Oid>,
    chunk: Option<i32>,
    delimiter: Option<&[u8]>,
    quote: Option<&[u8]>,
    escape: Option<&[u8]>,
    new_line: Option<&[u8]>,
    header: Option<AnyElement>,
    skip: Option<i64>,
    comment: Option<&[u8]>,
    null: Option<&[u8]>,
    force_null: Option<pgrx::Array<'_, &[u8]>>,
    force_not_null: Option<pgrx::Array<'_, &[u8]>>,
    strict_mode: Option<bool>,
    decimal_separator: Option<&[u8]>,
    thousands: Option<&[u8]>,
    date_format: Option<&[u8]>,
    timestamp_format: Option<&[u8]>,
    encoding: Option<&[u8]>,
    compression: Option<&[u8]>,
    on_corrupt: Option<&[u8]>,
    on_error: Option<&[u8]>,
    reject_limit: Option<i64>,
    if_loaded: Option<&[u8]>,
    if_emptied: Option<&[u8]>,
    target_column: Option<&[u8]>,
    validate: Option<bool>,
    match_columns: Option<&[u8]>,
    column_map: Option<AnyElement>,
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
            keep: Vec::new(),
            transform: transform.map(<[u8]>::to_vec),
            schema_evolution: required("schema_evolution", schema_evolution)?.to_vec(),
            on_value_error: required("on_value_error", on_value_error)?.to_vec(),
            write_mode: required("write_mode", write_mode)?.to_vec(),
            key: key.map(|key| texts("key", &key)).transpose()?,
            version_column: version_column.map(<[u8]>::to_vec),
        };
        let csv = RawCsv {
            force_null: optional_texts("force_null", force_null)?,
            force_not_null: optional_texts("force_not_null", force_not_null)?,
            ..values(
                dialect(delimiter, quote, escape, new_line, header, skip, comment)?,
                null,
                strict_mode,
                decimal_separator,
                thousands,
                date_format,
                timestamp_format,
            )?
        };
        let arguments = LoadArguments {
            path: required("path", path)?,
            table: required("table", table)?,
            options: RawOptions {
                chunk: required("chunk", chunk)?,
                format: RawFormat::Csv(&csv),
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

/// `CALL load_csv_files(pattern, "table", ...)`.
pub fn load_csv_files(call: &procedure::ProcedureCall) {
    bulk::forget_last();
    let load = || {
        require_commits(call, "load_csv_files")?;
        let text = |name, index| required(name, call.text(index));
        let list = |name, index| call.texts(index).map(|list| required_all(name, list)).transpose();
        let pattern = text("pattern", 0)?;
        let csv = RawCsv {
            delimiter: text("delimiter", 4)?,
            quote: text("quote", 5)?,
            escape: text("escape", 6)?,
            new_line: text("new_line", 7)?,
            header: required("header", call.any_as_text(8))?,
            skip: call.bigint(9),
            comment: call.text(10),
            null: text("null", 11)?,
            force_null: list("force_null", 12)?.unwrap_or_default(),
            force_not_null: list("force_not_null", 13)?.unwrap_or_default(),
            strict_mode: required("strict_mode", call.boolean(14))?,
            decimal_separator: text("decimal_separator", 15)?,
            thousands: call.text(16),
            date_format: call.text(17),
            timestamp_format: call.text(18),
        };
        let arguments = bulk::BulkArguments {
            table: required("table", call.oid(1))?,
            chunk: required("chunk", call.integer(2))?,
            format: b"auto".to_vec(),
            encoding: text("encoding", 19)?,
            compression: text("compression", 20)?,
            on_corrupt: text("on_corrupt", 21)?,
            on_error: text("on_error", 22)?,
            reject_limit: call.bigint(23),
            if_loaded: text("if_loaded", 24)?,
            if_emptied: text("if_emptied", 25)?,
            target_column: call.text(26),
            on_file_error: OnFileError::of(&text("on_file_error", 27)?)?,
            records_path: None,
            line_prefix: None,
            columns: RawColumnOptions {
                match_columns: text("match_columns", 28)?,
                column_map: call.members(29).unwrap_or_default(),
                keep: Vec::new(),
                transform: call.text(30),
                schema_evolution: text("schema_evolution", 31)?,
                on_value_error: text("on_value_error", 32)?,
                write_mode: text("write_mode", 33)?,
                key: list("key", 34)?,
                version_column: call.text(35),
            },
            csv: Some(csv),
        };
        bulk::run(&pattern, call.integer(3), arguments)
    };
    load().unwrap_or_else(|error: Error| error.raise());
}

/// `read_csv_file(path, ...)`. `file` and `data` are text and jsonb.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
#[pg_extern(sql = false)]
fn read_csv_file(
    path: Option<&[u8]>,
    delimiter: Option<&[u8]>,
    quote: Option<&[u8]>,
    escape: Option<&[u8]>,
    new_line: Option<&[u8]>,
    header: Option<AnyElement>,
    skip: Option<i64>,
    comment: Option<&[u8]>,
    null: Option<&[u8]>,
    force_null: Option<pgrx::Array<'_, &[u8]>>,
    force_not_null: Option<pgrx::Array<'_, &[u8]>>,
    strict_mode: Option<bool>,
    encoding: Option<&[u8]>,
    compression: Option<&[u8]>,
    on_corrupt: Option<&[u8]>,
    on_error: Option<&[u8]>,
    max_records: Option<i64>,
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
        let csv = RawCsv {
            null: required("null", null)?.to_vec(),
            force_null: optional_texts("force_null", force_null)?,
            force_not_null: optional_texts("force_not_null", force_not_null)?,
            strict_mode: required("strict_mode", strict_mode)?,
            ..dialect(delimiter, quote, escape, new_line, header, skip, comment)?
        };
        read::rows(&read::ReadArguments {
            path: required("path", path)?,
            format: RawFormat::Csv(&csv),
            input: input(compression, encoding, on_corrupt)?,
            on_error: required("on_error", on_error)?,
            max_records,
        })
    };
    let rows = read().unwrap_or_else(|error: Error| error.raise());
    TableIterator::new(rows.map(|row| read_row(row.unwrap_or_else(|error| error.raise()))))
}

/// `sniff_csv(path, ...)`. Texts are handed over as their bytes.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
#[pg_extern(sql = false)]
fn sniff_csv(
    path: Option<&[u8]>,
    sample_size: Option<i32>,
    delimiter: Option<&[u8]>,
    quote: Option<&[u8]>,
    escape: Option<&[u8]>,
    new_line: Option<&[u8]>,
    header: Option<AnyElement>,
    skip: Option<i64>,
    comment: Option<&[u8]>,
    encoding: Option<&[u8]>,
    compression: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(encoding, &'static str),
        name!(compression, &'static str),
        name!(delimiter, Vec<u8>),
        name!(quote, Option<String>),
        name!(escape, Option<String>),
        name!(new_line, &'static str),
        name!(skip, i64),
        name!(header, i64),
        name!(columns, Lent),
        name!(confidence, f64),
        name!(alternatives, Lent),
        name!(call, Vec<u8>),
    ),
> {
    let sniff = || {
        let csv = dialect(delimiter, quote, escape, new_line, header, skip, comment)?;
        let input = input(compression, encoding, Some(b"stop"))?;
        schema::sniff(required("path", path)?, &csv, &input, required("sample_size", sample_size)?)
    };
    let found = sniff().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once((
        found.encoding,
        found.compression,
        found.delimiter,
        found.quote.map(|byte| char::from(byte).to_string()),
        found.escape.map(|byte| char::from(byte).to_string()),
        found.new_line,
        found.skip as i64,
        found.header as i64,
        found.columns,
        found.confidence,
        found.alternatives,
        found.call,
    ))
}
