//! Why the fields of records cannot go to columns.

use super::Error;
use super::messages::Message;
use crate::pg::strings::text;
use loader_core::encode::columns::MatchError;
use loader_core::fault::Mismatch;
use pgrx::PgSqlErrorCode as Code;

/// Why they cannot. Names and paths are ready to be shown.
#[derive(Debug)]
pub enum ColumnError {
    /// The target has no column that rows can be inserted into.
    NoColumns(String),
    /// The target has no column of that name, which an argument gives.
    NoColumnFor { table: String, column: String, argument: &'static str },
    /// The target has no column for what no other column takes.
    NoRescued(String),
    /// `column_map` has a field twice.
    MappedTwice { field: String },
    /// `column_map` gives a column to two fields; one of them.
    ColumnTwice { column: String, field: String },
    /// `column_map` has a path that is none; why.
    BadFieldPath { path: String, what: &'static str },
    /// `column_map` has a path into a field, and the fields of the file have none within them.
    NestedField { path: String },
    /// Fields go to columns by their positions, and the table is to get columns by their names.
    PositionAddsColumns,
    /// Fields of a file that has no names for them, from this one on, have no column.
    NamelessFields { path: String, from: usize, of: usize },
    /// A field of the records fits no column, or too many.
    Mismatch { path: String, mismatch: Mismatch },
    /// The header of a file does not name the columns of the table, from this one on.
    HeaderMismatch { path: String, position: usize, found: Option<String>, expected: Option<String> },
    /// No field of the records fits a column; some fields.
    NoFieldFits { path: String, table: String, fields: Vec<String> },
    /// The columns of the target have changed while it was loaded.
    TargetChanged(String),
    /// An argument needs another `write_mode`.
    NeedsWriteMode(&'static str),
    /// Rows of documents have no key.
    UpsertOfDocuments(String),
    /// `transform` is something else than one query.
    NotAQuery,
    /// The target has no primary key, and no other key was given.
    NoKey(String),
}

impl From<ColumnError> for Error {
    fn from(error: ColumnError) -> Self {
        Error::Columns(error)
    }
}

impl From<ColumnMatch> for Error {
    fn from(ColumnMatch { path, error }: ColumnMatch) -> Self {
        match error {
            MatchError::Mismatch(mismatch) => ColumnError::Mismatch { path, mismatch }.into(),
            MatchError::OutOfMemory(error) => error.into(),
        }
    }
}

/// Why a field of a file was given to no column.
pub struct ColumnMatch {
    pub path: String,
    pub error: MatchError,
}

impl ColumnError {
    pub(super) fn message(self) -> Message {
        match self {
            ColumnError::NoColumns(table) => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("table \"{table}\" has no column that can be loaded into"),
            )
            .detail("Columns that the server computes, and those that the role may not insert into, are left alone."),
            ColumnError::NoColumnFor { table, column, argument } => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("column \"{column}\" of table \"{table}\" cannot be loaded into"),
            )
            .detail(format!("The argument \"{argument}\" names it."))
            .hint("It must exist, must not be computed by the server, and the role needs the INSERT privilege on it."),
            ColumnError::NoRescued(table) => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("table \"{table}\" has no column \"_rescued\" of type jsonb"),
            )
            .hint("Add the column, or choose another schema_evolution or on_value_error."),
            ColumnError::HeaderMismatch { path, position, found, expected } => {
                let quoted = |name: Option<String>| name.map_or("nothing".to_string(), |name| format!("\"{name}\""));
                Message::new(
                    Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                    format!("header of file \"{path}\" does not match the columns of the table"),
                )
                .detail(format!("Field {position} is {}, and column {position} is {}.", quoted(found), quoted(expected)))
                .hint("Without header => 'match', fields find their columns in any order.")
            }
            ColumnError::MappedTwice { field } => Message::new(
                Code::ERRCODE_AMBIGUOUS_ALIAS,
                format!("column_map has field \"{field}\" more than once"),
            ),
            ColumnError::ColumnTwice { column, field } => Message::new(
                Code::ERRCODE_AMBIGUOUS_ALIAS,
                format!("column_map gives column \"{column}\" to more than one field"),
            )
            .detail(format!("One of them is \"{field}\".")),
            ColumnError::BadFieldPath { path, what } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid path of a field in column_map: \"{path}\""),
            )
            .detail(format!("{}.", super::messages::sentence(what)))
            .hint("Use a name, or a path such as $.city.name."),
            ColumnError::PositionAddsColumns => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                "match_columns => 'position' excludes schema_evolution => 'add_new_columns'",
            )
            .detail("By position, fields go to the columns that there are, whatever their names.")
            .hint("Add the columns before the load, or use match_columns => 'auto'."),
            ColumnError::NamelessFields { path, from, of } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("new fields of file \"{path}\" have no names for columns"),
            )
            .detail(format!("It has no header, and field {from} of {of} has no column."))
            .hint("Add a column for each field before the load, or drop fields with column_map."),
            ColumnError::NestedField { path } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid path of a field in column_map: \"{path}\""),
            )
            .detail("The fields of a CSV file have no fields within them.")
            .hint("Use the name of the field."),
            ColumnError::Mismatch { path, mismatch: Mismatch::TwoColumns { field, columns: [one, other] } } => {
                Message::new(
                    Code::ERRCODE_AMBIGUOUS_ALIAS,
                    format!("field \"{field}\" of file \"{path}\" fits more than one column"),
                )
                .detail(format!("It fits columns \"{one}\" and \"{other}\"."))
                .hint("Map it with column_map.")
            }
            ColumnError::Mismatch { path, mismatch: Mismatch::TwoFields { column, fields: [one, other] } } => {
                Message::new(
                    Code::ERRCODE_AMBIGUOUS_ALIAS,
                    format!("more than one field of file \"{path}\" fits column \"{column}\""),
                )
                .detail(text::keep(&format!("Fields \"{one}\" and \"{other}\" do.")))
                .hint("Map one of them with column_map, to another column or to null.")
            }
            ColumnError::Mismatch { path, mismatch: Mismatch::NoColumn { field } } => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("field \"{field}\" of file \"{path}\" has no column"),
            )
            .hint("Add a column for it, map it with column_map, or choose another schema_evolution."),
            ColumnError::NoFieldFits { path, table, fields } => {
                let message = Message::new(
                    Code::ERRCODE_UNDEFINED_COLUMN,
                    format!("no field of file \"{path}\" fits a column of table \"{table}\""),
                )
                .hint("Map fields with column_map. Whole records go to a column of type jsonb: name it with target_column.");
                match fields.is_empty() {
                    true => message,
                    false => message.detail(format!("Its fields are: \"{}\".", text::keep(&fields.join("\", \"")))),
                }
            }
            ColumnError::TargetChanged(table) => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("columns of table \"{table}\" were changed while it was loaded"),
            )
            .hint("Load the file again."),
            ColumnError::NeedsWriteMode(argument) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"{argument}\" needs another write_mode"),
            )
            .hint(match argument {
                "key" => "Use write_mode => 'insert_only' or write_mode => 'upsert'.",
                _ => "Use write_mode => 'upsert'.",
            }),
            ColumnError::UpsertOfDocuments(table) => Message::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                format!("rows of table \"{table}\" cannot be found by a key"),
            )
            .detail("Its records go into one column as documents.")
            .hint("Use target_column => NULL to load fields into columns, or a transform."),
            ColumnError::NotAQuery => {
                Message::new(Code::ERRCODE_SYNTAX_ERROR, "argument \"transform\" must be one SELECT")
                    .hint("It reads the relation record (data, record_no, line, byte_offset, file).")
            }
            ColumnError::NoKey(table) => Message::new(
                Code::ERRCODE_INVALID_COLUMN_REFERENCE,
                format!("table \"{table}\" has no primary key"),
            )
            .hint("Name the columns of a unique index with key."),
        }
    }
}
