//! Columns for what files have.

use super::arguments::{dialect, input, optional_texts, required, values};
use crate::error::Error;
use crate::formats::{RawCsv, RawFormat, RawJson};
use crate::pg::Oid;
use crate::pg::executor::object;
use crate::pg::memory::lent::Lent;
use crate::pg::strings::identifier::Identifier;
use crate::read;
use crate::schema;
use crate::sink::{self, Seed};
use pgrx::AnyElement;
use pgrx::prelude::*;

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
    delimiter: Option<&[u8]>,
    quote: Option<&[u8]>,
    escape: Option<&[u8]>,
    new_line: Option<&[u8]>,
    header: Option<AnyElement>,
    skip: Option<i64>,
    comment: Option<&[u8]>,
    null: Option<&[u8]>,
    strict_mode: Option<bool>,
    decimal_separator: Option<&[u8]>,
    thousands: Option<&[u8]>,
    date_format: Option<&[u8]>,
    timestamp_format: Option<&[u8]>,
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
        let csv = values(
            dialect(delimiter, quote, escape, new_line, header, skip, comment)?,
            null,
            strict_mode,
            decimal_separator,
            thousands,
            date_format,
            timestamp_format,
        )?;
        let json = RawJson { format: required("format", format)?, records_path, keep: &[], line_prefix };
        let call = read::ReadArguments {
            path: required("pattern", pattern)?,
            format: either(json, &csv),
            input: input(compression, encoding, on_corrupt)?,
            on_error: b"ignore",
            max_records: None,
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
    format: Option<&[u8]>,
    encoding: Option<&[u8]>,
    delimiter: Option<&[u8]>,
    quote: Option<&[u8]>,
    escape: Option<&[u8]>,
    new_line: Option<&[u8]>,
    header: Option<AnyElement>,
    skip: Option<i64>,
    comment: Option<&[u8]>,
    null: Option<&[u8]>,
    strict_mode: Option<bool>,
    decimal_separator: Option<&[u8]>,
    thousands: Option<&[u8]>,
    date_format: Option<&[u8]>,
    timestamp_format: Option<&[u8]>,
) -> Oid {
    let create = || {
        let csv = values(
            dialect(delimiter, quote, escape, new_line, header, skip, comment)?,
            null,
            strict_mode,
            decimal_separator,
            thousands,
            date_format,
            timestamp_format,
        )?;
        let json =
            RawJson { format: required("format", format)?, records_path, keep: &[], line_prefix: None };
        let types = types.and_then(|types| object::members(&types)).unwrap_or_default();
        let types = types.into_iter().map(|(field, name)| Ok((field, required("types", name)?)));
        schema::create(&schema::Seed {
            name: required("name", name)?,
            pattern: required("pattern", pattern)?,
            key: optional_texts("key", key)?,
            types: types.collect::<Result<_, Error>>()?,
            infer_types: required("infer_types", infer_types)?,
            normalize_names: required("normalize_names", normalize_names)?,
            rescue: required("rescue", rescue)?,
            lineage: required("lineage", lineage)?,
            unlogged: required("unlogged", unlogged)?,
            if_not_exists: required("if_not_exists", if_not_exists)?,
            format: either(json, &csv),
            records_path,
            encoding: required("encoding", encoding)?,
        })
    };
    create().unwrap_or_else(|error: Error| error.raise())
}

/// What files are: JSON where a framing of JSON is named, or something of JSON is; delimited text
/// where that is; otherwise each is looked at.
fn either<'a>(json: RawJson<'a>, csv: &'a RawCsv) -> RawFormat<'a> {
    if json.format.eq_ignore_ascii_case(b"csv") {
        RawFormat::Csv(csv)
    } else if !json.format.eq_ignore_ascii_case(b"auto")
        || json.records_path.is_some()
        || json.line_prefix.is_some()
    {
        RawFormat::Json(json)
    } else {
        RawFormat::Either(json, csv)
    }
}
