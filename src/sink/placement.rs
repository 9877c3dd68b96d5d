//! Where a target keeps its rows, on this server or on others, and what follows from that.

use super::Target;
use crate::error::Error;
use crate::pg::Oid;
use crate::pg::executor::chunk::FULL;
use crate::pg::relations::relation::{self, Kind};
use crate::pg::relations::{distribution, storage};
use crate::pg::strings::text;

/// A chunk for other servers is closed when it has this many bytes. It is larger than one for this
/// server, because each chunk is a statement that the other servers run.
const FULL_FAR: usize = 4 * FULL;

/// Where the rows of a target are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On this server. Views count as such, wherever their rows are.
    Local,
    /// At least some of the rows are behind a foreign table. The other server commits by itself.
    Foreign,
    /// In shards of Citus. They are committed on all nodes or on none.
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

    /// Whether other servers take part in a load.
    pub fn is_far(self) -> bool {
        self != Placement::Local
    }
}

impl Target {
    /// Where the rows of the target are kept.
    pub fn placement(&self) -> Placement {
        *self.placement.get_or_init(|| Placement::of(self.oid))
    }

    /// Whether its unique indexes can only be on other tables: it is a foreign table, or has a partition
    /// that is one.
    pub fn has_keys_elsewhere(&self) -> bool {
        self.placement() == Placement::Foreign && relation::kind(self.oid) != Some(Kind::Table)
    }

    /// A chunk for the target is closed when it has this many bytes.
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
