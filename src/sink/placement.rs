//! Where a target keeps its rows, on this server or on others, and what follows from that.

use super::Target;
use crate::error::Error;
use crate::pg::Oid;
use crate::pg::executor::chunk::FULL;
use crate::pg::relations::relation::{self, Kind};
use crate::pg::relations::{distribution, storage};
use crate::pg::strings::text;

/// A chunk for other servers is closed at so many bytes: each is a statement of theirs,
/// and what that costs is only worth it for more than is sent here.
const FULL_FAR: usize = 4 * FULL;

/// Where the rows of a target are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On this server; and where a view's are, nobody asks.
    Local,
    /// Some of them behind a foreign table. The other server commits by itself.
    Foreign,
    /// In shards, by Citus: committed on all nodes or on none.
    Distributed,
}

impl Placement {
    fn of(table: Oid) -> Self {
        if distribution::is_distributed(table) {
            return Placement::Distributed;
        }
        let is_foreign = |member| relation::kind(member) == Some(Kind::Foreign);
        match relation::kind(table) {
            Some(Kind::Table | Kind::Partitioned)
                if storage::partitions(table).into_iter().any(is_foreign) =>
            {
                Placement::Foreign
            }
            Some(Kind::Foreign) => Placement::Foreign,
            _ => Placement::Local,
        }
    }

    /// Whether other servers have a part in what a load does.
    pub fn is_far(self) -> bool {
        self != Placement::Local
    }
}

impl Target {
    /// Where its rows are kept.
    pub fn placement(&self) -> Placement {
        *self.placement.get_or_init(|| Placement::of(self.oid))
    }

    /// Bytes at which a chunk for it is closed.
    pub fn full_chunk(&self) -> usize {
        if self.placement().is_far() { FULL_FAR } else { FULL }
    }
}

/// Refuses a distributed table on a node other than the coordinator.
pub fn require_coordinator(table: Oid, name: &[u8]) -> Result<(), Error> {
    if distribution::is_worker_node() && distribution::is_distributed(table) {
        return Err(Error::NotOnCoordinator { table: text::show(name) });
    }
    Ok(())
}
