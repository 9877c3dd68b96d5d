//! What a worker has open within a transaction: the target, which is locked, the prepared INSERT,
//! and the catalog.

use super::arguments::BulkArguments;
use crate::access;
use crate::catalog::{Catalog, Position, Status};
use crate::error::Error;
use crate::load::{LoadOptions, Sink};
use crate::sink::{Insert, Target};

/// What belongs to the transaction under way.
pub struct OpenTransaction {
    pub target: Target,
    pub target_name: Vec<u8>,
    insert: Insert,
    catalog: Catalog,
}

impl OpenTransaction {
    /// Locks the target in a transaction that has just begun, and checks what may have changed
    /// since the last one.
    pub fn open(arguments: &BulkArguments, options: &LoadOptions) -> Result<Self, Error> {
        access::require_file_role()?;
        let catalog = Catalog::open_kept()?;
        let target = Target::lock(
            arguments.table,
            arguments.target_column.as_deref(),
            options.records(),
            &options.columns,
        )?;
        let target_name = target.quoted_name()?;
        let insert = Insert::prepare(&target, &options.columns)?;
        Ok(OpenTransaction { target, target_name, insert, catalog })
    }

    /// Where the records of a load go, and the name of the target.
    pub fn sink(&mut self) -> (Sink<'_>, &[u8]) {
        let OpenTransaction { target, target_name, insert, catalog } = self;
        (Sink { target, insert, catalog }, target_name)
    }

    /// How far a load is; `None` where it is not under way.
    pub fn position(&self, load_id: i64) -> Option<Position> {
        self.catalog.position(load_id, &[Status::Running])
    }
}
