//! The target table: checks, lock, and INSERT. Knows nothing of files and of
//! the tables of the schema `loader`.

mod insert;
mod lineage;
mod placement;
mod remove;
mod seed;
mod storage;
#[cfg(any(test, feature = "pg_test"))]
mod storage_tests;

pub use insert::Insert;
pub use lineage::{BYTE_OFFSET, KEY, LOAD_ID, Records};
pub use placement::Placement;
pub use remove::remove;
pub use seed::{Seed, create};

use crate::error::Error;
use crate::pg::relations::emptiness;
use crate::pg::relations::relation::{self, Kind};
use crate::pg::{self, Oid};
use lineage::Lineage;
use std::cell::OnceCell;

/// A table that may be loaded into, locked against changes of its definition.
pub struct Target {
    /// Its OID, and that of its row type. Both together are never those of another relation.
    pub oid: Oid,
    pub row_type: Oid,
    /// The column that takes the records, in the database's encoding.
    pub column: Vec<u8>,
    /// The columns that take where a record came from.
    pub lineage: Lineage,
    /// The table's name without its schema, ready to be shown.
    pub shown: String,
    placement: OnceCell<Placement>,
}

impl Target {
    /// Locks the table by its OID and checks the caller's rights and the columns.
    pub fn lock(oid: Oid, column: &[u8], records: Records) -> Result<Self, Error> {
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
        let shown_column = pg::strings::text::show(column);
        let Some(found) = relation::column(oid, column) else {
            return Err(Error::NoColumn { table, column: shown_column });
        };
        if !relation::may_insert(oid, found.number) {
            return Err(Error::NoInsertRight { table, column: shown_column });
        }
        if !found.is_jsonb {
            return Err(Error::NotJsonb { table, column: shown_column });
        }
        if found.is_generated {
            return Err(Error::GeneratedColumn { table, column: shown_column });
        }
        let lineage = Lineage::of(oid, records);
        lineage.require_insert(oid)?;
        let row_type = relation::row_type(oid);
        Ok(Target {
            oid,
            row_type,
            column: column.to_vec(),
            lineage,
            shown: table,
            placement: OnceCell::new(),
        })
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
