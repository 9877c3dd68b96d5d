//! The target table: checks, lock, and INSERT. Knows nothing of files and of
//! the tables of the schema `loader`.

mod column_options;
mod insert;
mod lineage;
mod placement;
mod ranges;
mod remove;
mod route;
mod seed;
mod statement;
mod storage;
#[cfg(any(test, feature = "pg_test"))]
mod storage_tests;
mod transform;
mod upsert;

pub use column_options::{ColumnOptions, MappedField, RawColumnOptions, WriteMode};
pub use insert::{Insert, Rows};
pub use lineage::{BYTE_OFFSET, KEY, LOAD_ID, Records};
pub use placement::Placement;
pub use ranges::Companion;
pub use remove::remove;
pub use route::{ColumnRoute, OnRefusal, RESCUED, Route, require_names};
pub use seed::{Seed, create};
pub use upsert::Upsert;

use crate::error::{ColumnError, Error};
use crate::pg::relations::emptiness;
use crate::pg::relations::relation::{self, Kind};
use crate::pg::relations::storage::Open;
use crate::pg::{self, Oid};
use lineage::Lineage;
use std::cell::OnceCell;
use transform::Transform;

/// The column that documents go into if nothing else is said.
const DEFAULT_COLUMN: &[u8] = b"data";

/// A table that may be loaded into, locked against changes of its definition.
pub struct Target {
    /// Its OID, and that of its row type. Both together are never those of another relation.
    pub oid: Oid,
    pub row_type: Oid,
    /// How records go into it.
    pub route: Route,
    /// The columns that take where a record came from.
    pub lineage: Lineage,
    /// The table's name without its schema, ready to be shown.
    pub shown: String,
    placement: OnceCell<Placement>,
}

impl Target {
    /// Locks the table by its OID and checks the caller's rights and the columns. Records are
    /// documents if the table has a jsonb column named `column`; otherwise their fields go to
    /// columns, as they do where there is no `column`.
    /// With a transform they become rows of its query.
    pub fn lock(
        oid: Oid,
        column: Option<&[u8]>,
        records: Records,
        options: &ColumnOptions,
    ) -> Result<Self, Error> {
        relation::lock_for_writing(oid);
        // It may have gone while the lock was waited for.
        let (Some(kind), Some(name)) = (relation::kind(oid), relation::name(oid)) else {
            return Err(Error::NoTable(oid.to_u32()));
        };
        let table = pg::strings::text::show(&name);
        if kind == Kind::Other {
            return Err(Error::NotATable(table));
        }
        placement::require_coordinator(oid, &name)?;
        let mut lineage = Lineage::of(oid, records);
        let route = match (&options.transform, column) {
            (Some(query), _) => {
                let transform = Transform::new(query)?;
                let all = ColumnRoute::of(oid, Lineage::none());
                for name in &transform.columns {
                    all.find(name, &table, "transform")?;
                }
                lineage = lineage.beside(&transform.columns);
                Route::Transform(transform)
            }
            (None, Some(column)) => match document_column(oid, &table, column)? {
                true => Route::Document(column.to_vec()),
                false => Route::Columns(ColumnRoute::of(oid, lineage)),
            },
            (None, None) => Route::Columns(ColumnRoute::of(oid, lineage)),
        };
        if route.types().is_empty() {
            return Err(ColumnError::NoColumns(table).into());
        }
        lineage.require_insert(oid)?;
        let row_type = relation::row_type(oid);
        Ok(Target { oid, row_type, route, lineage, shown: table, placement: OnceCell::new() })
    }

    /// Whether it is a table of this server without rules.
    fn is_plain(&self) -> bool {
        let is_table = matches!(relation::kind(self.oid), Some(Kind::Table | Kind::Partitioned));
        let has_rule = || Open::locked(self.oid, |table| table.has_insert_rule());
        is_table && !self.placement().is_far() && has_rule() == Some(false)
    }

    /// The table's name with its schema, quoted, as it is now: the lock does
    /// not keep others from renaming the schema.
    pub fn quoted_name(&self) -> Result<Vec<u8>, Error> {
        relation::quoted_name(self.oid).ok_or(Error::NoTable(self.oid.to_u32()))
    }

    /// Whether the table has no row; `false` where that cannot be told.
    pub fn is_empty(&self) -> bool {
        emptiness::is_empty(self.oid)
    }
}

/// Whether the table has a column for documents of that name. Only the name that is the default
/// may be one of no column, or of another kind: the fields of records go to columns then.
fn document_column(oid: Oid, table: &str, column: &[u8]) -> Result<bool, Error> {
    let (table, shown) = (table.to_string(), pg::strings::text::show(column));
    let is_default = column == DEFAULT_COLUMN;
    let Some(found) = relation::column(oid, column) else {
        return if is_default { Ok(false) } else { Err(Error::NoColumn { table, column: shown }) };
    };
    if !found.is_jsonb {
        return if is_default { Ok(false) } else { Err(Error::NotJsonb { table, column: shown }) };
    }
    if !relation::may_insert(oid, found.number) {
        return Err(Error::NoInsertRight { table, column: shown });
    }
    if found.is_generated {
        return Err(Error::GeneratedColumn { table, column: shown });
    }
    Ok(true)
}
