//! Arguments that several functions have.

use crate::error::Error;
use crate::formats::RawCsv;
use crate::load::RawInputOptions;
use crate::pg::executor::object;
use crate::pg::executor::procedure::ProcedureCall;
use pgrx::AnyElement;

/// The arguments that say how the bytes of a file become text.
pub(super) fn input<'a>(
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
pub(super) fn texts(name: &'static str, list: &pgrx::Array<'_, &[u8]>) -> Result<Vec<Vec<u8>>, Error> {
    required_all(name, list.iter().map(|text| text.map(<[u8]>::to_vec)).collect())
}

pub(super) fn required_all<T>(name: &'static str, list: Vec<Option<T>>) -> Result<Vec<T>, Error> {
    list.into_iter().map(|item| required(name, item)).collect()
}

pub(super) fn required<T>(name: &'static str, argument: Option<T>) -> Result<T, Error> {
    argument.ok_or(Error::NullArgument(name))
}

/// Fails where a call of a procedure cannot commit.
pub(super) fn require_commits(call: &ProcedureCall, procedure: &'static str) -> Result<(), Error> {
    match call.obstacle_to_commit() {
        Some(obstacle) => Err(Error::NoTransactions { procedure, obstacle }),
        None => Ok(()),
    }
}

/// The arguments that say what the dialect of delimited text is.
pub(super) fn dialect(
    delimiter: Option<&[u8]>,
    quote: Option<&[u8]>,
    escape: Option<&[u8]>,
    new_line: Option<&[u8]>,
    header: Option<AnyElement>,
    skip: Option<i64>,
    comment: Option<&[u8]>,
) -> Result<RawCsv, Error> {
    Ok(RawCsv {
        delimiter: required("delimiter", delimiter)?.to_vec(),
        quote: required("quote", quote)?.to_vec(),
        escape: required("escape", escape)?.to_vec(),
        new_line: required("new_line", new_line)?.to_vec(),
        header: object::as_text(&required("header", header)?),
        skip,
        comment: comment.map(<[u8]>::to_vec),
        ..RawCsv::default()
    })
}

/// A dialect with the arguments that say what the fields of delimited text mean.
#[allow(clippy::too_many_arguments)]
pub(super) fn values(
    dialect: RawCsv,
    null: Option<&[u8]>,
    strict_mode: Option<bool>,
    decimal_separator: Option<&[u8]>,
    thousands: Option<&[u8]>,
    date_format: Option<&[u8]>,
    timestamp_format: Option<&[u8]>,
) -> Result<RawCsv, Error> {
    Ok(RawCsv {
        null: required("null", null)?.to_vec(),
        strict_mode: required("strict_mode", strict_mode)?,
        decimal_separator: required("decimal_separator", decimal_separator)?.to_vec(),
        thousands: thousands.map(<[u8]>::to_vec),
        date_format: date_format.map(<[u8]>::to_vec),
        timestamp_format: timestamp_format.map(<[u8]>::to_vec),
        ..dialect
    })
}

/// A list of texts without NULLs, which may be left out.
pub(super) fn optional_texts(
    name: &'static str,
    list: Option<pgrx::Array<'_, &[u8]>>,
) -> Result<Vec<Vec<u8>>, Error> {
    Ok(list.map(|list| texts(name, &list)).transpose()?.unwrap_or_default())
}
