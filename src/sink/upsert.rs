//! Rows whose key may be in the table: by which columns they are found, and what happens to them.

use super::Target;
use super::column_options::{ColumnOptions, WriteMode};
use super::route::Route;
use crate::error::{ColumnError, Error};
use crate::pg::executor::key_order::{KeyOrder, Winner};
use crate::pg::relations::table_columns;
use crate::pg::strings::text;

/// How rows are written whose key may be in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upsert {
    /// The columns of the key, by their index in the route.
    pub key: Vec<usize>,
    /// The column that says which of two rows is newer.
    pub version: Option<usize>,
    /// The operator that says whether a version is not before another one, if its type is known.
    pub not_before: Option<Vec<u8>>,
    /// A row that is there is updated; otherwise it stays as it is.
    pub updates: bool,
}

impl Upsert {
    /// What the options ask for; `None` where rows are only added.
    pub fn of(target: &Target, options: &ColumnOptions) -> Result<Option<Self>, Error> {
        let updates = match options.write_mode {
            WriteMode::Append => {
                return match (&options.key, &options.version_column) {
                    (None, None) => Ok(None),
                    (Some(_), _) => Err(ColumnError::NeedsWriteMode("key").into()),
                    (None, Some(_)) => Err(ColumnError::NeedsWriteMode("version_column").into()),
                };
            }
            WriteMode::InsertOnly => false,
            WriteMode::Upsert => true,
        };
        if matches!(target.route, Route::Document(_)) {
            return Err(ColumnError::UpsertOfDocuments(target.shown.clone()).into());
        }
        if options.version_column.is_some() && !updates {
            return Err(ColumnError::NeedsWriteMode("version_column").into());
        }
        let wanted = match &options.key {
            Some(names) => names.clone(),
            None => table_columns::primary_key(target.oid),
        };
        if wanted.is_empty() {
            return Err(ColumnError::NoKey(target.shown.clone()).into());
        }
        let names = target.route.names();
        let find = |name: &Vec<u8>, argument| {
            let found = names.iter().position(|other| *other == name);
            let (table, column) = (target.shown.clone(), text::show(name));
            found.ok_or(ColumnError::NoColumnFor { table, column, argument })
        };
        let mut key = Vec::new();
        for name in &wanted {
            key.push(find(name, "key")?);
        }
        let version = options.version_column.as_ref().map(|name| find(name, "version_column")).transpose()?;
        let not_before = match (&target.route, version) {
            (Route::Columns(route), Some(version)) => route.columns[version].data_type.base().not_before(),
            _ => None,
        };
        Ok(Some(Upsert { key, version, not_before, updates }))
    }

    /// Finds the rows of chunks that have the same key; `None` where only a query knows the rows.
    pub fn key_order(&self, route: &Route) -> Option<KeyOrder> {
        let Route::Columns(route) = route else { return None };
        let column = |&index: &usize| {
            let column = &route.columns[index];
            (index, column.data_type.oid(), column.collation)
        };
        let key: Vec<_> = self.key.iter().map(column).collect();
        let winner = if self.updates { Winner::Last } else { Winner::First };
        Some(KeyOrder::new(&key, self.version.as_ref().map(column), winner))
    }
}
