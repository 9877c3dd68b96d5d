//! `infer_schema`: the columns that the records of files need.

use super::survey::{survey, survey_file};
use crate::access;
use crate::error::{Error, SchemaError};
use crate::pg::executor::chunk::Chunk;
use crate::pg::memory::allocator;
use crate::pg::memory::lent::Lent;
use crate::pg::strings::text;
use crate::read::{self, ReadOptions};
use loader_core::infer::{Column, Observations, Reason, column_names};

/// One row of `infer_schema`. Texts are the database's.
pub struct InferredColumn {
    pub field: Vec<u8>,
    pub name: Vec<u8>,
    pub data_type: &'static str,
    pub nullable: bool,
    pub records: u64,
    pub nulls: u64,
    pub absent: u64,
    pub max_length: Option<u64>,
    pub reason: Option<String>,
    pub counter_example: Option<Lent>,
}

/// The columns of the records of files, in the order in which their fields first appear. No
/// more than `sample` records are looked at; -1 is all of them.
pub fn infer(call: &read::ReadArguments<'_>, sample: i64) -> Result<Vec<InferredColumn>, Error> {
    let observations = observe(call, sample)?;
    let columns = observations.columns()?;
    let names = names_of(&columns, true, &[])?;
    let mut values = Chunk::new();
    let mut rows = Vec::new();
    for (column, name) in columns.iter().zip(&names) {
        allocator::refill().map_err(Error::OutOfMemory)?;
        loader_core::memory::push(&mut rows, row(column, name, &mut values)?)?;
    }
    Ok(rows)
}

/// What is observed of the records of files.
pub(super) fn observe(call: &read::ReadArguments<'_>, sample: i64) -> Result<Observations, Error> {
    let options = checked_options(call)?;
    let sample = match sample {
        -1 => None,
        1.. => Some(sample as u64),
        _ => return Err(SchemaError::SampleOutOfRange(sample).into()),
    };
    survey(call.path, &options, sample)
}

/// What is observed of the records of one file, whose path is taken as it is.
pub fn observe_file(call: &read::ReadArguments<'_>) -> Result<Observations, Error> {
    survey_file(call.path, &checked_options(call)?)
}

fn checked_options(call: &read::ReadArguments<'_>) -> Result<ReadOptions, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    access::require_file_role()?;
    ReadOptions::of(call)
}

/// Names for columns, beside some that are there already.
pub(super) fn names_of(
    columns: &[Column<'_>],
    normalize: bool,
    reserved: &[&str],
) -> Result<Vec<String>, Error> {
    let fields = loader_core::memory::collect(columns.iter().map(|column| column.field))?;
    Ok(column_names(&fields, normalize, reserved)?)
}

/// Text of a file in the encoding of the database, which the server has found it to have.
pub(super) fn in_database(utf8: &[u8]) -> Result<Vec<u8>, Error> {
    text::from_utf8(utf8, false).map_err(Error::OutOfMemory)?.ok_or(Error::NoConversion)
}

fn row(column: &Column<'_>, name: &str, values: &mut Chunk) -> Result<InferredColumn, Error> {
    let counter_example = match column.counter_example {
        Some(json) => {
            let json = text::c_string(&in_database(json)?);
            values.reserve().map_err(Error::OutOfMemory)?;
            values.push_text(&json);
            values.last()
        }
        None => None,
    };
    Ok(InferredColumn {
        field: in_database(column.field.as_bytes())?,
        name: in_database(name.as_bytes())?,
        data_type: column.data_type.name(),
        nullable: column.nulls + column.absent > 0,
        records: column.records,
        nulls: column.nulls,
        absent: column.absent,
        max_length: column.max_length,
        reason: column.reason.map(words),
        counter_example,
    })
}

/// What is said of a reason.
fn words(reason: Reason) -> String {
    match reason {
        Reason::NoValue => "there is no value but null".to_string(),
        Reason::DoNotFit { values: 1, of } => format!("1 of {of} values does not fit"),
        Reason::DoNotFit { values, of } => format!("{values} of {of} values do not fit"),
        Reason::Mostly { other, values, of } => {
            format!("{values} of {of} values would fit {}", other.name())
        }
        Reason::FineTimestamps => "timestamps have more than six digits of a second".to_string(),
        Reason::Mixed => "values are of several types".to_string(),
    }
}
