//! How records go into a table: each as a document into one column, or its fields into columns
//! of their own.

use super::column_options::{ColumnOptions, MappedField, OnValueError, SchemaEvolution};
use super::lineage::Lineage;
use super::transform::Transform;
use crate::error::{ColumnError, Error};
use crate::pg::Oid;
use crate::pg::relations::relation;
use crate::pg::relations::table_columns::{self, TableColumn};
use crate::pg::relations::type_name::TypeName;
use crate::pg::strings::text;
use loader_core::encode::columns::{Columns, Mapping, Path, PlanError, TargetColumn, Unknown};
use loader_core::split::json::RecordsPath;

/// The column that takes what no other column does.
pub const RESCUED: &str = "_rescued";

/// How records go into the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A record is a value of this column, of type jsonb.
    Document(Vec<u8>),
    /// Its fields are the values of columns.
    Columns(ColumnRoute),
    /// It becomes the rows of a query.
    Transform(Transform),
}

/// The columns that take fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRoute {
    /// The columns, in the order of the table.
    pub columns: Vec<TableColumn>,
    /// Which of them is [`RESCUED`], if it is one of type jsonb.
    pub rescued: Option<usize>,
}

impl Route {
    /// The name of the column of documents, empty where fields go to columns: no column has that
    /// name.
    pub fn column(&self) -> &[u8] {
        match self {
            Route::Document(column) => column,
            Route::Columns(_) | Route::Transform(_) => &[],
        }
    }

    /// Whether rows that were made for this route fit another one.
    pub fn fits(&self, other: &Route) -> bool {
        let (Route::Columns(route), Route::Columns(other)) = (self, other) else { return self == other };
        let same = |(a, b): (&TableColumn, &TableColumn)| {
            a.number == b.number
                && a.name == b.name
                && a.data_type == b.data_type
                && a.collation == b.collation
                && a.default.is_some() == b.default.is_some()
        };
        route.columns.len() == other.columns.len()
            && route.rescued == other.rescued
            && route.columns.iter().zip(&other.columns).all(same)
    }

    /// The names of the columns that rows have, but for those of lineage.
    pub fn names(&self) -> Vec<&[u8]> {
        match self {
            Route::Document(column) => vec![column],
            Route::Columns(route) => route.columns.iter().map(|column| &*column.name).collect(),
            Route::Transform(transform) => transform.columns.iter().map(|name| &**name).collect(),
        }
    }

    /// The types of the cells of a row.
    pub fn types(&self) -> Vec<Oid> {
        match self {
            Route::Document(_) | Route::Transform(_) => vec![TypeName::jsonb().oid()],
            Route::Columns(route) => route.columns.iter().map(|column| column.data_type.oid()).collect(),
        }
    }
}

impl ColumnRoute {
    /// The columns of a table that the current role may insert into, but for those that the server
    /// computes and those of lineage.
    pub fn of(table: Oid, lineage: Lineage) -> Self {
        let mut columns = table_columns::of(table);
        columns.retain(|column| {
            let is_lineage = lineage.columns().any(|name| name.as_bytes() == column.name);
            !column.is_computed && !is_lineage && relation::may_insert(table, column.number)
        });
        let rescued = columns
            .iter()
            .position(|column| column.name == RESCUED.as_bytes() && column.data_type.is_jsonb());
        ColumnRoute { columns, rescued }
    }

    /// What becomes of a value that the type of a column refuses.
    pub fn on_value_error(&self, column: usize, options: &ColumnOptions) -> OnRefusal {
        let may_be_null = !self.columns[column].is_not_null && self.rescued != Some(column);
        match options.on_value_error {
            OnValueError::Auto | OnValueError::Rescue if self.rescued.is_some() && may_be_null => {
                OnRefusal::Rescue
            }
            OnValueError::Auto | OnValueError::Rescue | OnValueError::Reject => OnRefusal::Reject,
            OnValueError::SetNull => OnRefusal::SetNull,
        }
    }

    /// Which field of the records of one file goes where.
    pub fn plan(&self, table: &str, options: &ColumnOptions, is_utf8: bool) -> Result<Columns, Error> {
        let needs_rescued = options.schema_evolution == SchemaEvolution::Rescue
            || options.on_value_error == OnValueError::Rescue;
        if needs_rescued && self.rescued.is_none() {
            return Err(ColumnError::NoRescued(table.to_string()).into());
        }
        let unknown = match (options.schema_evolution, self.rescued) {
            (SchemaEvolution::Auto | SchemaEvolution::Rescue, Some(column)) => Unknown::Rescue(column),
            (SchemaEvolution::FailOnNewColumns, _) => Unknown::Fail,
            // A field may have come into the file after its columns were added.
            (SchemaEvolution::AddNewColumns, Some(column)) => Unknown::Rescue(column),
            _ => Unknown::Ignore,
        };
        let columns = self.columns.iter().map(|column| target_column(column, is_utf8));
        let mut mappings = Vec::new();
        for (field, column) in &options.column_map {
            mappings.push(Mapping {
                path: path_of(field)?,
                column: column.as_deref().map(|name| self.find(name, table, "column_map")).transpose()?,
            });
        }
        let columns = columns.collect::<Result<_, Error>>()?;
        Columns::new(columns, options.match_columns, unknown, &mappings).map_err(|error| {
            let of = |index: usize| {
                let (field, column) = &options.column_map[index];
                (text::show(field), column.as_deref().map(text::show).unwrap_or_default())
            };
            match error {
                PlanError::PathTwice(index) => ColumnError::MappedTwice { field: of(index).0 }.into(),
                PlanError::ColumnTwice(index) => {
                    let (field, column) = of(index);
                    ColumnError::ColumnTwice { column, field }.into()
                }
                PlanError::OutOfMemory(error) => error.into(),
            }
        })
    }

    /// The column of that name, which an argument gives.
    pub fn find(&self, name: &[u8], table: &str, argument: &'static str) -> Result<usize, Error> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            ColumnError::NoColumnFor { table: table.to_string(), column: text::show(name), argument }.into()
        })
    }
}

/// What becomes of one value that its column's type refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefusal {
    /// Its record is rejected.
    Reject,
    /// The column is NULL, and [`RESCUED`] takes the value.
    Rescue,
    /// The column is NULL.
    SetNull,
}

fn target_column(column: &TableColumn, is_utf8: bool) -> Result<TargetColumn, Error> {
    let utf8 = |text: &[u8]| -> Result<Option<String>, Error> {
        let utf8 = text::to_utf8(text).map_err(Error::OutOfMemory)?;
        Ok(utf8.and_then(|utf8| String::from_utf8(utf8).ok()))
    };
    Ok(TargetColumn {
        name: utf8(&column.name)?.unwrap_or_default(),
        original: match &column.comment {
            Some(comment) => utf8(comment)?,
            None => None,
        },
        conversion: column.data_type.conversion(is_utf8),
    })
}

/// Fails where `column_map` has a field that lies within another one: those of delimited text have none.
pub fn require_names(column_map: &[MappedField]) -> Result<(), Error> {
    for (field, _) in column_map {
        if path_of(field).is_ok_and(|path| path.0.len() > 1) {
            return Err(ColumnError::NestedField { path: text::show(field) }.into());
        }
    }
    Ok(())
}

/// A field by its name, or by its path if that begins with `$.` or `$[`.
fn path_of(field: &[u8]) -> Result<Path, Error> {
    let utf8 =
        text::to_utf8(field).map_err(Error::OutOfMemory)?.and_then(|utf8| String::from_utf8(utf8).ok());
    let bad = |what| ColumnError::BadFieldPath { path: text::show(field), what }.into();
    let Some(utf8) = utf8 else { return Err(bad("it cannot be converted to UTF-8")) };
    if !utf8.starts_with("$.") && !utf8.starts_with("$[") {
        return Ok(Path(vec![utf8]));
    }
    let path = RecordsPath::parse(&utf8).map_err(|error| bad(error.what))?;
    path.field_keys().map(Path).ok_or_else(|| bad("the path of a field consists of keys"))
}
