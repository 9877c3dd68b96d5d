//! How a table stores a column, and who reads it while a row is inserted.
//! What follows from that is decided elsewhere.
//!
//! Sizes and conditions are those of `heap_prepare_insert` (heapam.c) and
//! `heap_toast_insert_or_update` (heaptoast.c), the same from 15 to 18.

use super::list::{elements, oids, slice};
use crate::pg::Oid;
use crate::pg::executor::nesting;
use loader_core::toast::Method;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// Bytes of a page.
pub const PAGE: usize = pg_sys::BLCKSZ as usize;

/// Tuples longer than this are toasted (TOAST_TUPLE_THRESHOLD): four of them
/// fill a page.
pub const TUPLE_THRESHOLD: usize = {
    const TUPLES: usize = 4;
    let page_header = align(size_of::<pg_sys::PageHeaderData>() + TUPLES * size_of::<pg_sys::ItemIdData>());
    align_down((PAGE - page_header) / TUPLES)
};

/// The header of a tuple without NULLs; with NULLs it is longer.
pub const TUPLE_HEADER: usize = align(std::mem::offset_of!(pg_sys::HeapTupleHeaderData, t_bits));

const fn align(size: usize) -> usize {
    align_down(size + pg_sys::MAXIMUM_ALIGNOF as usize - 1)
}

const fn align_down(size: usize) -> usize {
    size & !(pg_sys::MAXIMUM_ALIGNOF as usize - 1)
}

/// What may be done with long values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Compressed, then moved out (EXTENDED).
    Extended,
    /// Compressed once the other columns have been moved out (MAIN).
    Main,
    /// Moved out as they are (EXTERNAL).
    External,
    /// Nothing (PLAIN).
    Plain,
}

/// A column of one table.
pub struct Column {
    /// Its number in that table.
    pub number: i16,
    /// Its type is jsonb itself, not a domain over it.
    pub is_plain_jsonb: bool,
    /// What is done with long values.
    pub storage: Storage,
    /// How they are compressed, by the column's own setting or the session's
    /// `default_toast_compression`; `None` for a method that is not ours.
    pub method: Option<Method>,
}

/// A relation that is open, lent for as long as it is.
pub struct Open {
    relation: pg_sys::Relation,
    /// What is unlocked when it is closed.
    lock: pg_sys::LOCKMODE,
}

impl Open {
    /// Looks at a relation that is to be inserted into: it is locked for that to the end
    /// of the transaction. `None` where the OID names none.
    pub fn locked<R>(relation: Oid, look: impl FnOnce(&Open) -> R) -> Option<R> {
        let kept = pg_sys::RowExclusiveLock as i32;
        // SAFETY: any OID can be locked. This lock keeps the definition as it is.
        let relation = unsafe { pg_sys::try_relation_open(relation, kept) };
        let open = (!relation.is_null()).then_some(Open { relation, lock: pg_sys::NoLock as i32 })?;
        Some(nesting::within_transaction(|| look(&open)))
    }

    /// Looks at a relation, locked as for reading meanwhile. `None` where that would mean
    /// waiting for somebody, and where it is gone.
    pub fn at_once<R>(relation: Oid, look: impl FnOnce(&Open) -> R) -> Option<R> {
        let open = Open::without_waiting(relation)?;
        Some(nesting::within_transaction(|| look(&open)))
    }

    fn without_waiting(relation: Oid) -> Option<Self> {
        let lock = pg_sys::AccessShareLock as i32;
        // SAFETY: any OID can be locked; the relation is looked up under the
        // lock, which is given back if there is none.
        unsafe {
            if !pg_sys::ConditionalLockRelationOid(relation, lock) {
                return None;
            }
            let opened = pg_sys::try_relation_open(relation, pg_sys::NoLock as i32);
            if opened.is_null() {
                pg_sys::UnlockRelationOid(relation, lock);
                return None;
            }
            Some(Open { relation: opened, lock })
        }
    }

    /// Whether it is an ordinary table of the server's own heap.
    pub fn is_heap_table(&self) -> bool {
        let class = self.class();
        class.relkind as u8 == pg_sys::RELKIND_RELATION && class.relam == pg_sys::HEAP_TABLE_AM_OID
    }

    /// Whether it is a partitioned table.
    pub fn is_partitioned(&self) -> bool {
        self.class().relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE
    }

    /// Whether it is a partition.
    pub fn is_partition(&self) -> bool {
        self.class().relispartition
    }

    /// Whether it has a TOAST table to move values to.
    pub fn has_toast_table(&self) -> bool {
        self.class().reltoastrelid != Oid::INVALID
    }

    /// Whether row level security is on, for whomever.
    pub fn has_row_security(&self) -> bool {
        self.class().relrowsecurity
    }

    /// Whether a rule is there for INSERT.
    pub fn has_insert_rule(&self) -> bool {
        // SAFETY: as long as the relation is open, NULL or as many rules as it says.
        unsafe {
            let rules = (*self.relation).rd_rules;
            !rules.is_null()
                && slice((*rules).rules, (*rules).numLocks as usize).iter().any(|&rule| {
                    (*rule).event == pg_sys::CmdType::CMD_INSERT
                        && (*rule).enabled as u8 != pg_sys::RULE_DISABLED
                })
        }
    }

    /// Whether an INSERT trigger keeps the new rows for its function (REFERENCING
    /// NEW TABLE).
    pub fn has_transition_table(&self) -> bool {
        self.insert_triggers().any(|trigger| !trigger.tgnewtable.is_null())
    }

    /// Whether an INSERT trigger gets each row. The server's own for foreign
    /// keys and deferrable unique constraints do not count: the columns that
    /// they read are those of the constraint, see [`Open::reads`].
    pub fn has_row_trigger(&self) -> bool {
        const OF_CONSTRAINTS: [u32; 2] = [pg_sys::F_RI_FKEY_CHECK_INS, pg_sys::F_UNIQUE_KEY_RECHECK];
        self.insert_triggers().any(|trigger| {
            trigger.tgtype as u32 & pg_sys::TRIGGER_TYPE_ROW != 0
                && !(trigger.tgisinternal && OF_CONSTRAINTS.contains(&trigger.tgfoid.to_u32()))
        })
    }

    /// `toast_tuple_target`: a toasted tuple is made no longer than this if that
    /// can be done. Of ordinary tables only.
    pub fn toast_tuple_target(&self) -> usize {
        // SAFETY: of an ordinary table the options, if any, are these.
        unsafe {
            let options = (*self.relation).rd_options.cast::<pg_sys::StdRdOptions>();
            if options.is_null() { TUPLE_THRESHOLD } else { (*options).toast_tuple_target as usize }
        }
    }

    /// A column by its name.
    pub fn column(&self, name: &[u8]) -> Option<Column> {
        self.attributes().find(|attribute| name_of(attribute) == name).map(|attribute| Column {
            number: attribute.attnum,
            is_plain_jsonb: attribute.atttypid == pg_sys::JSONBOID,
            storage: storage_of(attribute),
            method: method_of(attribute),
        })
    }

    /// Whether there is another column whose values may be moved out.
    pub fn has_other_movable(&self, column: i16) -> bool {
        self.attributes().any(|attribute| {
            attribute.attnum != column
                && attribute.attlen == -1
                && matches!(storage_of(attribute), Storage::Extended | Storage::External)
        })
    }

    /// Whether storing a row reads the column: for a generated column, a check,
    /// an index, a foreign key or a partition key. An expression over the row as
    /// a whole reads every column.
    pub fn reads(&self, column: i16) -> bool {
        let Some(readers) = self.readers(column) else {
            return true;
        };
        let readers = readers.as_slice();
        self.checks().any(|check| mentions(check, readers))
            || self.indexes().into_iter().any(|index| index_reads(index, readers))
            || self.foreign_key_columns().iter().any(|number| readers.contains(number))
            || self.is_partitioned_by(readers)
    }

    /// The column, and those columns that are computed from it whenever they
    /// are asked for. `None` if storing a row computes one.
    fn readers(&self, column: i16) -> Option<Vec<i16>> {
        let mut readers = vec![column];
        for attribute in self.attributes().filter(|attribute| attribute.attgenerated != 0) {
            let reads = match self.default_expression(attribute.attnum) {
                Some(expression) => mentions(expression, &[column]),
                None => true,
            };
            if reads {
                // To know whether it is NULL it must be computed.
                if attribute.attgenerated as u8 == pg_sys::ATTRIBUTE_GENERATED_STORED || attribute.attnotnull
                {
                    return None;
                }
                readers.push(attribute.attnum);
            }
        }
        Some(readers)
    }

    /// Whether a partition key has one of the columns in it.
    pub fn is_partitioned_by(&self, columns: &[i16]) -> bool {
        // SAFETY: a set in the current context; looks at nothing but partitioned tables.
        unsafe {
            let set = columns
                .iter()
                .fold(std::ptr::null_mut(), |set, &column| pg_sys::bms_add_member(set, member(column)));
            pg_sys::has_partition_attrs(self.relation, set, std::ptr::null_mut())
        }
    }

    fn class(&self) -> &pg_sys::FormData_pg_class {
        // SAFETY: there as long as the relation is open.
        unsafe { &*(*self.relation).rd_rel }
    }

    /// The columns, without those that were dropped.
    fn attributes(&self) -> impl Iterator<Item = &pg_sys::FormData_pg_attribute> {
        // SAFETY: there as long as the relation is open, and as many as it says.
        let (descriptor, count) = unsafe {
            let descriptor = (*self.relation).rd_att;
            (descriptor, (*descriptor).natts)
        };
        (0..count)
            // SAFETY: as above.
            .map(move |index| unsafe { &*attribute(descriptor, index) })
            .filter(|attribute| !attribute.attisdropped)
    }

    /// What a column is computed from, as a node tree in text.
    fn default_expression(&self, column: i16) -> Option<*const c_char> {
        // SAFETY: as long as the relation is open, NULL or as many as it says.
        unsafe {
            let constraints = (*(*self.relation).rd_att).constr;
            if constraints.is_null() {
                return None;
            }
            slice((*constraints).defval, (*constraints).num_defval as usize)
                .iter()
                .find(|default| default.adnum == column && !default.adbin.is_null())
                .map(|default| default.adbin.cast_const())
        }
    }

    /// CHECK constraints, as node trees in text.
    fn checks(&self) -> impl Iterator<Item = *const c_char> {
        // SAFETY: as long as the relation is open, NULL or as many as it says.
        let checks = unsafe {
            let constraints = (*(*self.relation).rd_att).constr;
            if constraints.is_null() {
                &[]
            } else {
                slice((*constraints).check, (*constraints).num_check as usize)
            }
        };
        checks.iter().map(|check| check.ccbin.cast_const())
    }

    fn insert_triggers(&self) -> impl Iterator<Item = &pg_sys::Trigger> {
        // SAFETY: as long as the relation is open, NULL or as many as it says.
        let triggers = unsafe {
            let triggers = (*self.relation).trigdesc;
            if triggers.is_null() {
                &[]
            } else {
                slice((*triggers).triggers, (*triggers).numtriggers as usize)
            }
        };
        triggers.iter().filter(|trigger| {
            trigger.tgtype as u32 & pg_sys::TRIGGER_TYPE_INSERT != 0
                && trigger.tgenabled as u8 != pg_sys::TRIGGER_DISABLED
        })
    }

    fn indexes(&self) -> Vec<Oid> {
        // SAFETY: a list of OIDs in the current context.
        unsafe { oids(pg_sys::RelationGetIndexList(self.relation)) }
    }

    /// The columns of all foreign keys of this table.
    fn foreign_key_columns(&self) -> Vec<i16> {
        // SAFETY: a list of such structs that is the relation's own: it is
        // gone through before anything else is looked up. Each has as many
        // columns as it says.
        unsafe {
            elements(pg_sys::RelationGetFKeyList(self.relation))
                .iter()
                .flat_map(|cell| {
                    let key = cell.ptr_value.cast::<pg_sys::ForeignKeyCacheInfo>();
                    (&(*key).conkey)[..(*key).nkeys as usize].iter().copied()
                })
                .collect()
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: was opened, and locked, by us.
        unsafe { pg_sys::relation_close(self.relation, self.lock) }
    }
}

/// A partitioned table and everything below it. Nothing is locked: each may be
/// gone the next moment.
pub fn partitions(relation: Oid) -> Vec<Oid> {
    // SAFETY: a list of OIDs in the current context.
    unsafe { oids(pg_sys::find_all_inheritors(relation, pg_sys::NoLock as i32, std::ptr::null_mut())) }
}

/// The partitioned tables above a partition.
pub fn ancestors(partition: Oid) -> Vec<Oid> {
    // SAFETY: a list of OIDs in the current context.
    unsafe { oids(pg_sys::get_partition_ancestors(partition)) }
}

/// Whether an index has one of the columns in its columns, its expressions or
/// its condition. One that is gone or half made counts as if it had.
fn index_reads(index: Oid, columns: &[i16]) -> bool {
    let cache = pg_sys::SysCacheIdentifier::INDEXRELID as i32;
    // SAFETY: a look-up; the tuple is released after everything was copied from
    // it. The columns, which follow the fixed part, are never NULL.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache, index.into());
        if tuple.is_null() {
            return true;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_index>();
        let keys = (&raw const (*form).indkey.values).cast::<i16>();
        let is_column =
            (0..(*form).indnatts as usize).any(|i| columns.contains(&keys.add(i).read_unaligned()));
        let is_mentioned = || {
            [pg_sys::Anum_pg_index_indexprs, pg_sys::Anum_pg_index_indpred].into_iter().any(|field| {
                let mut is_null = false;
                let tree = pg_sys::SysCacheGetAttr(cache, tuple, field as i16, &mut is_null);
                !is_null && mentions(pg_sys::text_to_cstring(tree.cast_mut_ptr()), columns)
            })
        };
        let reads = is_column || is_mentioned();
        pg_sys::ReleaseSysCache(tuple);
        reads
    }
}

/// Whether a node tree in text, over one table, mentions one of the columns, or
/// the row as a whole.
fn mentions(tree: *const c_char, columns: &[i16]) -> bool {
    const WHOLE_ROW: i16 = 0;
    // SAFETY: the tree is the catalog's own, whose only table is number 1; node
    // and set lie in the current context.
    unsafe {
        let mut set = std::ptr::null_mut();
        pg_sys::pull_varattnos(pg_sys::stringToNode(tree).cast(), 1, &mut set);
        columns.iter().chain([&WHOLE_ROW]).any(|&column| pg_sys::bms_is_member(member(column), set))
    }
}

/// A column's number as it stands in a set.
fn member(column: i16) -> i32 {
    i32::from(column) - pg_sys::FirstLowInvalidHeapAttributeNumber
}

fn name_of(attribute: &pg_sys::FormData_pg_attribute) -> &[u8] {
    // SAFETY: names end with a NUL byte.
    unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) }.to_bytes()
}

fn storage_of(attribute: &pg_sys::FormData_pg_attribute) -> Storage {
    match attribute.attstorage as u8 {
        pg_sys::TYPSTORAGE_EXTENDED => Storage::Extended,
        pg_sys::TYPSTORAGE_MAIN => Storage::Main,
        pg_sys::TYPSTORAGE_EXTERNAL => Storage::External,
        _ => Storage::Plain,
    }
}

fn method_of(attribute: &pg_sys::FormData_pg_attribute) -> Option<Method> {
    let method = match attribute.attcompression as u8 {
        // SAFETY: a plain variable of this single-threaded process.
        0 => unsafe { pg_sys::default_toast_compression as u8 },
        own => own,
    };
    match method {
        pg_sys::TOAST_PGLZ_COMPRESSION => Some(Method::Pglz),
        pg_sys::TOAST_LZ4_COMPRESSION => Some(Method::Lz4),
        _ => None,
    }
}

/// # Safety
/// `index` is that of a column of the descriptor.
unsafe fn attribute(descriptor: pg_sys::TupleDesc, index: i32) -> *const pg_sys::FormData_pg_attribute {
    // SAFETY: by contract.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
        return (*descriptor).attrs.as_ptr().add(index as usize);
        #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17")))]
        return pg_sys::TupleDescAttr(descriptor, index);
    }
}
