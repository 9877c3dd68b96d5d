//! Whether values may be handed to the target already compressed.
//!
//! A value that arrives compressed is stored as it is, whatever the table says,
//! and what reads it undoes that first. So it is never wrong to hand one over;
//! but the table has to end up as the server would have made it, and the time
//! is only saved where nobody reads the value on its way.
//!
//! All of it is looked at once, when the load begins. The lock of an INSERT lets
//! others set `toast_tuple_target` and attach partitions meanwhile; a partition
//! itself is locked when the first row goes into it, not before, so that nobody
//! waits who would not wait for an INSERT. What changes after the look makes no
//! value invalid: the rest of the load is stored by the rules from before.

use super::{Route, Target};
use crate::pg::memory::context::Context;
use crate::pg::relations::storage::{self, Open, Storage, TUPLE_HEADER, TUPLE_THRESHOLD};
use loader_core::pipeline::ToastPolicy;

/// At most this many partitions are looked at: the server remembers some 10 kB of each until the
/// session ends.
const MOST_PARTITIONS: usize = 1000;

/// What a partition does with values.
enum Partition {
    /// It is partitioned itself.
    OfPartitions,
    Stores(ToastPolicy),
}

impl Target {
    /// From which length on values are to be compressed, and how; `None` where
    /// they must arrive uncompressed.
    pub fn compression(&self) -> Option<ToastPolicy> {
        if !matches!(self.route, Route::Document(_)) {
            return None;
        }
        let memory = Context::new(c"loader storage", 8 * 1024);
        memory.within(|| Open::locked(self.oid, |table| self.look(table)).flatten())
    }

    fn look(&self, table: &Open) -> Option<ToastPolicy> {
        // On their way to another server values become text. What Citus keeps elsewhere
        // looks like a table of this server.
        if self.placement().is_far() {
            return None;
        }
        // These see the rows of a statement that names this very table.
        if table.has_row_security() || table.has_insert_rule() || table.has_transition_table() {
            return None;
        }
        if table.is_partition() && self.decides_above() {
            return None;
        }
        if !table.is_partitioned() {
            return self.stored_in(table);
        }
        if self.is_read_by(table) {
            return None;
        }
        let partitions = storage::partitions(self.oid);
        if partitions.len() > MOST_PARTITIONS {
            return None;
        }
        let mut common = None;
        for partition in partitions.into_iter().filter(|&partition| partition != self.oid) {
            match Open::at_once(partition, |partition| self.look_at_partition(partition)).flatten()? {
                Partition::OfPartitions => {}
                Partition::Stores(here) if *common.get_or_insert(here) != here => return None,
                Partition::Stores(_) => {}
            }
        }
        common
    }

    fn look_at_partition(&self, partition: &Open) -> Option<Partition> {
        if partition.is_partitioned() {
            return (!self.is_read_by(partition)).then_some(Partition::OfPartitions);
        }
        self.stored_in(partition).map(Partition::Stores)
    }

    /// Whether a table above has the column in its partition key: a row that
    /// goes into a partition directly is checked against all of them.
    fn decides_above(&self) -> bool {
        storage::ancestors(self.oid).into_iter().any(|ancestor| {
            let decides = |table: &Open| {
                table
                    .column(self.route.column())
                    .is_none_or(|column| table.is_partitioned_by(&[column.number]))
            };
            Open::at_once(ancestor, decides).unwrap_or(true)
        })
    }

    /// Whether anything in the table reads the column as a row is stored.
    fn is_read_by(&self, table: &Open) -> bool {
        table.has_row_trigger()
            || table.column(self.route.column()).is_none_or(|column| table.reads(column.number))
    }

    fn stored_in(&self, table: &Open) -> Option<ToastPolicy> {
        let column = table.column(self.route.column())?;
        // A domain's checks would read the value.
        if !table.is_heap_table() || !column.is_plain_jsonb || !table.has_toast_table() {
            return None;
        }
        match column.storage {
            Storage::Extended => {}
            // The server moves the other columns out before it compresses this
            // one. It would not, were this one small already.
            Storage::Main if table.has_other_movable(column.number) => return None,
            Storage::Main => {}
            Storage::External | Storage::Plain => return None,
        }
        // A tuple below the threshold is left alone, even if it is beyond the
        // target: a value compressed to that size would stay in the table,
        // where the server would have moved it out.
        let target = table.toast_tuple_target();
        if target < TUPLE_THRESHOLD || self.is_read_by(table) {
            return None;
        }
        // Header and value alone are then more than both the size at which the
        // server begins and the size at which it leaves off. Whatever NULLs and
        // other columns add, makes the tuple longer still.
        Some(ToastPolicy { method: column.method?, above: target - TUPLE_HEADER })
    }
}
