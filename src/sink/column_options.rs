//! What the caller says of how the fields of records go to columns, and rows to the table.

use crate::error::Error;
use crate::words::{name_of, quoted, quoted_list, word};
use loader_core::encode::columns::MatchColumns;

/// What becomes of a field that no column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaEvolution {
    /// `_rescued` takes it where the table has that column; it is ignored otherwise.
    Auto,
    /// `_rescued` takes it.
    Rescue,
    /// It is ignored.
    Ignore,
    /// The table gets a column for it.
    AddNewColumns,
    /// The load fails.
    FailOnNewColumns,
}

/// What becomes of a value that its column's type refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnValueError {
    /// `_rescued` takes it where the table has that column and the value's column may be NULL; the
    /// record is rejected otherwise.
    Auto,
    /// The same, and the table must have that column.
    Rescue,
    /// The record is rejected.
    Reject,
    /// The column is NULL.
    SetNull,
}

/// What happens to a row whose key is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// There are no keys.
    Append,
    /// The row that is there stays as it is.
    InsertOnly,
    /// It is updated.
    Upsert,
}

/// A field, or a path to one, and the column that takes it; `None` where it is dropped.
pub type MappedField = (Vec<u8>, Option<Vec<u8>>);

/// The options. Names are in the database's encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnOptions {
    pub match_columns: MatchColumns,
    pub column_map: Vec<MappedField>,
    pub transform: Option<Vec<u8>>,
    pub schema_evolution: SchemaEvolution,
    pub on_value_error: OnValueError,
    pub write_mode: WriteMode,
    pub key: Option<Vec<Vec<u8>>>,
    pub version_column: Option<Vec<u8>>,
}

/// The arguments that say how fields go to columns, as they were given. Texts are in the
/// database's encoding.
#[derive(Clone, Debug)]
pub struct RawColumnOptions {
    pub match_columns: Vec<u8>,
    pub column_map: Vec<MappedField>,
    pub keep: Vec<Vec<u8>>,
    pub transform: Option<Vec<u8>>,
    pub schema_evolution: Vec<u8>,
    pub on_value_error: Vec<u8>,
    pub write_mode: Vec<u8>,
    pub key: Option<Vec<Vec<u8>>>,
    pub version_column: Option<Vec<u8>>,
}

impl Default for ColumnOptions {
    fn default() -> Self {
        ColumnOptions {
            match_columns: MatchColumns::Auto,
            column_map: Vec::new(),
            transform: None,
            schema_evolution: SchemaEvolution::Auto,
            on_value_error: OnValueError::Auto,
            write_mode: WriteMode::Append,
            key: None,
            version_column: None,
        }
    }
}

impl ColumnOptions {
    /// Whether the table is to get columns for fields that it has none for.
    pub fn adds_columns(&self) -> bool {
        self.schema_evolution == SchemaEvolution::AddNewColumns
    }

    /// Adds those that are not what they are by default to the members of a JSON object.
    pub fn add_to(&self, json: &mut Vec<u8>) {
        let mut add = |name: &str, value: Vec<u8>| {
            json.extend(format!(", \"{name}\": ").into_bytes());
            json.extend(value);
        };
        if let Some(word) = name_of(&MATCH_COLUMNS[1..], self.match_columns) {
            add("match_columns", quoted(word.as_bytes()));
        }
        if !self.column_map.is_empty() {
            let member = |(field, column): &MappedField| {
                let column = column.as_ref().map_or(b"null".to_vec(), |column| quoted(column));
                [quoted(field), b": ".to_vec(), column].concat()
            };
            let members: Vec<_> = self.column_map.iter().map(member).collect();
            add("column_map", [&b"{"[..], &members.join(&b", "[..]), b"}"].concat());
        }
        if let Some(transform) = &self.transform {
            add("transform", quoted(transform));
        }
        if let Some(word) = name_of(&SCHEMA_EVOLUTION[1..], self.schema_evolution) {
            add("schema_evolution", quoted(word.as_bytes()));
        }
        if let Some(word) = name_of(&ON_VALUE_ERROR[1..], self.on_value_error) {
            add("on_value_error", quoted(word.as_bytes()));
        }
        if let Some(word) = name_of(&WRITE_MODE[1..], self.write_mode) {
            add("write_mode", quoted(word.as_bytes()));
        }
        if let Some(key) = &self.key {
            add("key", quoted_list(key));
        }
        if let Some(column) = &self.version_column {
            add("version_column", quoted(column));
        }
    }
}

const MATCH_COLUMNS: [(&str, MatchColumns); 3] =
    [("auto", MatchColumns::Auto), ("exact", MatchColumns::Exact), ("position", MatchColumns::Position)];

const SCHEMA_EVOLUTION: [(&str, SchemaEvolution); 5] = [
    ("auto", SchemaEvolution::Auto),
    ("rescue", SchemaEvolution::Rescue),
    ("ignore", SchemaEvolution::Ignore),
    ("add_new_columns", SchemaEvolution::AddNewColumns),
    ("fail_on_new_columns", SchemaEvolution::FailOnNewColumns),
];

const ON_VALUE_ERROR: [(&str, OnValueError); 4] = [
    ("auto", OnValueError::Auto),
    ("rescue", OnValueError::Rescue),
    ("reject", OnValueError::Reject),
    ("set_null", OnValueError::SetNull),
];

const WRITE_MODE: [(&str, WriteMode); 3] =
    [("append", WriteMode::Append), ("insert_only", WriteMode::InsertOnly), ("upsert", WriteMode::Upsert)];

impl RawColumnOptions {
    /// The options that the arguments stand for.
    pub fn options(&self) -> Result<ColumnOptions, Error> {
        let options = ColumnOptions {
            match_columns: word(
                "match_columns",
                &self.match_columns,
                "auto, exact, position",
                &MATCH_COLUMNS,
            )?,
            column_map: self.column_map.clone(),
            transform: self.transform.clone(),
            schema_evolution: word(
                "schema_evolution",
                &self.schema_evolution,
                "auto, rescue, ignore, add_new_columns, fail_on_new_columns",
                &SCHEMA_EVOLUTION,
            )?,
            on_value_error: word(
                "on_value_error",
                &self.on_value_error,
                "auto, rescue, reject, set_null",
                &ON_VALUE_ERROR,
            )?,
            write_mode: word("write_mode", &self.write_mode, "append, insert_only, upsert", &WRITE_MODE)?,
            key: self.key.clone(),
            version_column: self.version_column.clone(),
        };
        Ok(options)
    }
}
