//! The SQL functions: read arguments, call one function, return.

use crate::amend::{self, Force, Mended, Retried};
use crate::bulk::{self, OnFileError};
use crate::catalog::Catalog;
use crate::error::{self, Error};
use crate::load::{self, LoadArguments, RawInputOptions, RawOptions};
use crate::pg;
use crate::pg::Oid;
use crate::pg::executor::{object, procedure};
use crate::pg::memory::lent::Lent;
use crate::pg::strings::identifier::Identifier;
use crate::pg::strings::text;
use crate::read;
use crate::schema;
use crate::sink::{self, RawColumnOptions, Seed};
use pgrx::AnyElement;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::prelude::*;
use std::ffi::CStr;

/// `seed_json_table` of 0.1.0, until the extension is updated. Its arguments were others
/// than today's, so they are not read.
#[pg_extern(sql = false)]
fn seed_json_table() {
    Error::OldFunctions.raise()
}

/// `load_json_file` of 0.1.0, until the extension is updated.
#[pg_extern(sql = false)]
fn load_json_file() {
    Error::OldFunctions.raise()
}

/// `load_json_file` of 0.2.0, until the extension is updated.
#[pg_extern(sql = false)]
fn load_file() {
    Error::OldFunctions.raise()
}

/// `undo_load` of 0.2.0, until the extension is updated.
#[pg_extern(sql = false)]
fn undo_load() {
    Error::OldFunctions.raise()
}

/// `loader.copy_grants(old, new)`, which only update scripts make for themselves.
#[pg_extern(sql = false)]
fn copy_grants(old: Oid, new: Oid) {
    pg::relations::grants::copy(old, new).map_err(Error::from).unwrap_or_else(|error| error.raise())
}

/// `loader.home()`.
#[pg_extern(sql = false)]
fn loader_home() -> String {
    Catalog::open().unwrap_or_else(|error| error.raise()).origin().to_string()
}

/// `loader.may_amend(home, loaded_by, loaded_by_name)`.
#[pg_extern(sql = false)]
fn loader_may_amend(home: &[u8], loaded_by: Oid, loaded_by_name: &CStr) -> bool {
    let catalog = Catalog::open().unwrap_or_else(|error| error.raise());
    catalog.may_amend(home, loaded_by, loaded_by_name.to_bytes())
}

/// `seed_json_table(name, unlogged, if_not_exists, lineage)`.
#[pg_extern(sql = false)]
fn seed_table(
    name: Option<&[u8]>,
    unlogged: Option<bool>,
    if_not_exists: Option<bool>,
    lineage: Option<bool>,
) -> Oid {
    let create = || {
        sink::create(&Seed {
            name: required("name", name)?,
            unlogged: required("unlogged", unlogged)?,
            if_not_exists: required("if_not_exists", if_not_exists)?,
            lineage: required("lineage", lineage)?,
        })
    };
    create().unwrap_or_else(|error: Error| error.raise())
}

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
            keep: keep.map(|keep| texts("keep", &keep)).transpose()?.unwrap_or_default(),
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
                format: required("format", format)?,
                input: input(compression, encoding, on_corrupt)?,
                on_error: required("on_error", on_error)?,
                reject_limit,
                if_loaded: required("if_loaded", if_loaded)?,
                if_emptied: required("if_emptied", if_emptied)?,
                records_path,
                validate: required("validate", validate)?,
                line_prefix,
                columns: &columns,
            },
            target_column,
        };
        schema::evolve(&arguments)?;
        load::run(&arguments)
    };
    let outcome = load().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once((
        outcome.load_id,
        outcome.status,
        outcome.rows_loaded as i64,
        outcome.rows_rejected as i64,
        outcome.bytes_read as i64,
        Interval::from_micros(outcome.elapsed.as_micros() as i64),
        outcome.written.inserted as i64,
        outcome.written.updated as i64,
        outcome.written.superseded as i64,
    ))
}

/// `CALL load_json_files(pattern, "table", ...)`.
pub fn load_json_files(call: &procedure::ProcedureCall) {
    bulk::forget_last();
    let load = || {
        if let Some(obstacle) = call.obstacle_to_commit() {
            return Err(Error::NoTransactions(obstacle));
        }
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
        };
        bulk::run(&pattern, call.integer(3), arguments)
    };
    load().unwrap_or_else(|error: Error| error.raise());
}

/// `load_json_files` of 0.2.0, until the extension is updated.
pub fn old_load_json_files() {
    Error::OldFunctions.raise()
}

/// The row of `loader.last_call`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn last_call() -> TableIterator<
    'static,
    (
        name!(started_at, TimestampWithTimeZone),
        name!(finished_at, TimestampWithTimeZone),
        name!(files, i64),
        name!(files_loaded, i64),
        name!(files_skipped, i64),
        name!(files_failed, i64),
        name!(rows_loaded, i64),
        name!(rows_rejected, i64),
        name!(bytes_read, i64),
        name!(mb_per_second, Option<f64>),
        name!(load_ids, Option<Vec<i64>>),
    ),
> {
    TableIterator::new(bulk::last().into_iter().map(|last| {
        let totals = &last.summary.totals;
        (
            last.started_at,
            last.finished_at,
            totals.files as i64,
            totals.loaded as i64,
            totals.skipped as i64,
            totals.failed as i64,
            totals.rows as i64,
            totals.rejects as i64,
            totals.stream_bytes as i64,
            last.summary.rate(),
            last.load_ids,
        )
    }))
}

/// `undo_load(load_id, force)`.
#[pg_extern(sql = false)]
fn undo_load_v3(load_id: Option<i64>, force: Option<bool>) -> i64 {
    let undo = || {
        let force = if required("force", force)? { Force::Yes } else { Force::No };
        amend::undo(required("load_id", load_id)?, force)
    };
    undo().unwrap_or_else(|error: Error| error.raise()) as i64
}

/// `mend_reject(load_id, byte_offset, new_text)`.
#[pg_extern(sql = false)]
fn mend_reject(load_id: Option<i64>, byte_offset: Option<i64>, new_text: Option<&[u8]>) {
    let mend = || amend::mend(required("load_id", load_id)?, required("byte_offset", byte_offset)?, new_text);
    mend().unwrap_or_else(|error: Error| error.raise())
}

/// `mend_rejects(load_id, error_type, expression)`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn mend_rejects(
    load_id: Option<i64>,
    error_type: Option<&[u8]>,
    expression: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(rejects_mended, i64),
        name!(rejects_still_bad, i64),
        name!(rejects_unchanged, i64),
        name!(rejects_truncated, i64),
    ),
> {
    let mend =
        || amend::mend_all(required("load_id", load_id)?, error_type, required("expression", expression)?);
    let Mended { mended, still_bad, unchanged, truncated } =
        mend().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once((mended as i64, still_bad as i64, unchanged as i64, truncated as i64))
}

/// `retry_rejects(load_id)`.
#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn retry_rejects(
    load_id: Option<i64>,
) -> TableIterator<
    'static,
    (
        name!(load_id, Option<i64>),
        name!(status, &'static str),
        name!(rows_loaded, i64),
        name!(rows_rejected, i64),
    ),
> {
    let retry = || amend::retry(required("load_id", load_id)?);
    let Retried { load_id, rows_loaded, rows_rejected } =
        retry().unwrap_or_else(|error: Error| error.raise());
    TableIterator::once((load_id, "loaded", rows_loaded as i64, rows_rejected as i64))
}

/// `read_json_file` of 0.2.0, until the extension is updated.
#[pg_extern(sql = false)]
fn read_json_file() {
    Error::OldFunctions.raise()
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
            format: required("format", format)?,
            input: input(compression, encoding, on_corrupt)?,
            on_error: required("on_error", on_error)?,
            records_path,
            keep: &[],
            max_records,
            line_prefix,
        })
    };
    let rows = read().unwrap_or_else(|error: Error| error.raise());
    TableIterator::new(rows.map(|row| {
        let row = row.unwrap_or_else(|error| error.raise());
        (
            row.file,
            row.place.number as i64,
            row.place.line as i64,
            row.place.offset as i64,
            row.data,
            row.fault.map(|fault| error::error_type(fault.kind)),
            row.fault.map(|fault| fault.what),
        )
    }))
}

/// `infer_schema(pattern, ...)`. Texts are handed over as their bytes.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
#[pg_extern(sql = false)]
fn infer_schema(
    pattern: Option<&[u8]>,
    format: Option<&[u8]>,
    sample_size: Option<i64>,
    compression: Option<&[u8]>,
    records_path: Option<&[u8]>,
    encoding: Option<&[u8]>,
    on_corrupt: Option<&[u8]>,
    line_prefix: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(ordinal, i32),
        name!(field, Vec<u8>),
        name!(column_name, Identifier),
        name!(r#type, &'static str),
        name!(nullable, bool),
        name!(records, i64),
        name!(nulls, i64),
        name!(absent, i64),
        name!(max_length, Option<i32>),
        name!(reason, Option<String>),
        name!(counter_example, Option<Lent>),
    ),
> {
    let infer = || {
        let call = read::ReadArguments {
            path: required("pattern", pattern)?,
            format: required("format", format)?,
            input: input(compression, encoding, on_corrupt)?,
            on_error: b"ignore",
            records_path,
            keep: &[],
            max_records: None,
            line_prefix,
        };
        schema::infer(&call, required("sample_size", sample_size)?)
    };
    let columns = infer().unwrap_or_else(|error: Error| error.raise());
    TableIterator::new((1..).zip(columns).map(|(ordinal, column)| {
        (
            ordinal,
            column.field,
            Identifier(column.name),
            column.data_type,
            column.nullable,
            column.records as i64,
            column.nulls as i64,
            column.absent as i64,
            column.max_length.map(|length| i32::try_from(length).unwrap_or(i32::MAX)),
            column.reason,
            column.counter_example,
        )
    }))
}

/// `seed_table(name, pattern, ...)`. The symbol `seed_table` is that of `seed_json_table`.
#[allow(clippy::too_many_arguments)]
#[pg_extern(sql = false)]
fn seed_columns(
    name: Option<&[u8]>,
    pattern: Option<&[u8]>,
    key: Option<pgrx::Array<'_, &[u8]>>,
    types: Option<AnyElement>,
    infer_types: Option<bool>,
    normalize_names: Option<bool>,
    rescue: Option<bool>,
    lineage: Option<bool>,
    unlogged: Option<bool>,
    if_not_exists: Option<bool>,
    records_path: Option<&[u8]>,
) -> Oid {
    let create = || {
        let types = types.and_then(|types| object::members(&types)).unwrap_or_default();
        let types = types.into_iter().map(|(field, name)| Ok((field, required("types", name)?)));
        schema::create(&schema::Seed {
            name: required("name", name)?,
            pattern: required("pattern", pattern)?,
            key: key.map(|key| texts("key", &key)).transpose()?.unwrap_or_default(),
            types: types.collect::<Result<_, Error>>()?,
            infer_types: required("infer_types", infer_types)?,
            normalize_names: required("normalize_names", normalize_names)?,
            rescue: required("rescue", rescue)?,
            lineage: required("lineage", lineage)?,
            unlogged: required("unlogged", unlogged)?,
            if_not_exists: required("if_not_exists", if_not_exists)?,
            records_path,
        })
    };
    create().unwrap_or_else(|error: Error| error.raise())
}

/// `loader.raw_text(raw, truncated)`: text of the database, handed over as its bytes.
#[pg_extern(sql = false)]
fn raw_text(raw: &[u8], truncated: bool) -> Option<Vec<u8>> {
    text::from_utf8(raw, truncated).unwrap_or_else(|bytes| Error::OutOfMemory(bytes).raise())
}

/// The arguments that say how the bytes of a file become text.
fn input<'a>(
    compression: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
    on_corrupt: Option<&'a [u8]>,
) -> Result<RawInputOptions<'a>, Error> {
    Ok(RawInputOptions {
        compression: required("compression", compression)?,
        encoding: required("encoding", encoding)?,
        on_corrupt: required("on_corrupt", on_corrupt)?,
    })
}

/// A list of texts without NULLs.
fn texts(name: &'static str, list: &pgrx::Array<'_, &[u8]>) -> Result<Vec<Vec<u8>>, Error> {
    required_all(name, list.iter().map(|text| text.map(<[u8]>::to_vec)).collect())
}

fn required_all<T>(name: &'static str, list: Vec<Option<T>>) -> Result<Vec<T>, Error> {
    list.into_iter().map(|item| required(name, item)).collect()
}

fn required<T>(name: &'static str, argument: Option<T>) -> Result<T, Error> {
    argument.ok_or(Error::NullArgument(name))
}
