//! Why no columns or table can be made of the fields of files.

use super::messages::Message;
use super::{Error, Misfit};
use loader_core::json::{MAX_FIELDS, MAX_NAME_BYTES};
use pgrx::PgSqlErrorCode as Code;

/// Why they cannot. Names and paths are ready to be shown.
#[derive(Debug)]
pub enum SchemaError {
    /// `sample_size` is neither -1 nor above 0.
    SampleOutOfRange(i64),
    /// The records of these files have more fields than a table has columns.
    TooManyFields(String),
    /// No record of these files is an object with a field.
    NoFields(String),
    /// An argument names something that is neither a field nor a column.
    NoField { name: String, argument: &'static str },
    /// `types` has two for one column.
    TwoTypes(String),
    /// `seed_table` is to make a table that is there.
    TableExists(String),
    /// `seed_json_table` found a relation of that name without a fitting column.
    SeededOtherwise { table: String, column: &'static str, misfit: Misfit },
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        Error::Schema(error)
    }
}

impl SchemaError {
    pub(super) fn message(self) -> Message {
        match self {
            SchemaError::SampleOutOfRange(size) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"sample_size\" must be positive, or -1 for all records: {size}"),
            ),
            SchemaError::TooManyFields(path) => Message::new(
                Code::ERRCODE_TOO_MANY_COLUMNS,
                format!("records of \"{path}\" have too many fields"),
            )
            .detail(format!(
                "No more than {MAX_FIELDS} fields, with names of {MAX_NAME_BYTES} bytes in all, can become columns."
            ))
            .hint("Where the keys are data, load the records as documents into a table of seed_json_table, or use a records_path that ends in \".*\"."),
            SchemaError::NoFields(path) => {
                Message::new(Code::ERRCODE_DATA_EXCEPTION, format!("records of \"{path}\" have no fields"))
                    .detail("No record is an object that has a field.")
                    .hint("If the records lie deeper in a document, use records_path. For values that are not objects, create the table with seed_json_table.")
            }
            SchemaError::NoField { name, argument } => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("argument \"{argument}\" names \"{name}\", which is neither a field nor a column"),
            )
            .hint("infer_schema lists the fields and their columns."),
            SchemaError::TwoTypes(column) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"types\" has two types for column \"{column}\""),
            ),
            SchemaError::TableExists(name) => {
                Message::new(Code::ERRCODE_DUPLICATE_TABLE, format!("relation \"{name}\" already exists"))
            }
            SchemaError::SeededOtherwise { table, column, misfit } => {
                let (code, what) = match misfit {
                    Misfit::Missing => (Code::ERRCODE_UNDEFINED_COLUMN, format!("has no column \"{column}\"")),
                    Misfit::NotOfType(name) => (
                        Code::ERRCODE_DATATYPE_MISMATCH,
                        format!("its column \"{column}\" is not of type {name}"),
                    ),
                    Misfit::Computed => (
                        Code::ERRCODE_GENERATED_ALWAYS,
                        format!("its column \"{column}\" is a generated or identity column"),
                    ),
                };
                Message::new(code, format!("relation \"{table}\" already exists, and {what}"))
            }
        }
    }
}
