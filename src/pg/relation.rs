//! Relations: names, columns, rights, locks, and whether there is a row.

use super::snapshot::{self, Snapshot};
use super::{Oid, subtransaction, text};
use pgrx::pg_sys;
use std::ffi::CStr;

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary table.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A view.
    View,
    /// A foreign table.
    Foreign,
    /// A sequence, an index, a materialized view ...
    Other,
}

/// A column.
pub struct Column {
    /// Its number.
    pub number: i16,
    /// jsonb, or a domain over it.
    pub is_jsonb: bool,
    /// bigint, and no domain.
    pub is_bigint: bool,
    /// Its value is computed.
    pub is_generated: bool,
    /// Its value comes from a sequence of its own.
    pub is_identity: bool,
}

/// Takes the lock of an INSERT or a DELETE, to the end of the transaction.
pub fn lock_for_writing(relation: Oid) {
    // SAFETY: any OID can be locked.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::RowExclusiveLock as i32) }
}

/// What the relation is; `None` where the OID names none.
pub fn kind(relation: Oid) -> Option<Kind> {
    // SAFETY: a look-up.
    let kind = unsafe { pg_sys::get_rel_relkind(relation) } as u8;
    match kind {
        0 => None,
        pg_sys::RELKIND_RELATION => Some(Kind::Table),
        pg_sys::RELKIND_PARTITIONED_TABLE => Some(Kind::Partitioned),
        pg_sys::RELKIND_VIEW => Some(Kind::View),
        pg_sys::RELKIND_FOREIGN_TABLE => Some(Kind::Foreign),
        _ => Some(Kind::Other),
    }
}

/// Its name, in the database's encoding.
pub fn name(relation: Oid) -> Option<Vec<u8>> {
    // SAFETY: a look-up that returns a copy.
    unsafe { text::take(pg_sys::get_rel_name(relation)) }
}

/// Its name with its schema, quoted as SQL needs it.
pub fn quoted_name(relation: Oid) -> Option<Vec<u8>> {
    // SAFETY: look-ups by OID that return copies; a missing relation is in no schema.
    let schema = unsafe { text::take(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation))) };
    Some(quote_qualified(&schema?, &name(relation)?))
}

fn quote_qualified(schema: &[u8], name: &[u8]) -> Vec<u8> {
    let (schema, name) = (text::c_string(schema), text::c_string(name));
    // SAFETY: returns a copy.
    unsafe { text::take(pg_sys::quote_qualified_identifier(schema.as_ptr(), name.as_ptr())) }
        .unwrap_or_default()
}

/// `name` quoted as an identifier.
pub fn quote_identifier(name: &[u8]) -> Vec<u8> {
    let name = text::c_string(name);
    // SAFETY: the result is either the argument or a copy in the current context.
    unsafe { CStr::from_ptr(pg_sys::quote_identifier(name.as_ptr())) }.to_bytes().to_vec()
}

/// A column by its name.
pub fn column(relation: Oid, name: &[u8]) -> Option<Column> {
    let name = text::c_string(name);
    // SAFETY: look-ups by OID, name and number.
    unsafe {
        let number = pg_sys::get_attnum(relation, name.as_ptr());
        if number <= 0 {
            return None;
        }
        let kind = pg_sys::get_atttype(relation, number);
        Some(Column {
            number,
            is_jsonb: pg_sys::getBaseType(kind) == pg_sys::JSONBOID,
            is_bigint: kind == pg_sys::INT8OID,
            is_generated: pg_sys::get_attgenerated(relation, number) != 0,
            is_identity: is_identity(relation, number),
        })
    }
}

fn is_identity(relation: Oid, number: i16) -> bool {
    // SAFETY: a look-up; the tuple is released after its field was copied.
    unsafe {
        let tuple = pg_sys::SearchSysCache2(
            pg_sys::SysCacheIdentifier::ATTNUM as i32,
            relation.into(),
            pg_sys::Datum::from(number),
        );
        if tuple.is_null() {
            return false;
        }
        let identity = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_attribute>()).attidentity;
        pg_sys::ReleaseSysCache(tuple);
        identity != 0
    }
}

/// Whether the current role may insert into the column.
pub fn may_insert(relation: Oid, column: i16) -> bool {
    let role = super::user::current();
    let right = pg_sys::ACL_INSERT as pg_sys::AclMode;
    // SAFETY: look-ups; both raise where the relation is gone.
    unsafe {
        pg_sys::pg_class_aclcheck(relation, role, right) == pg_sys::AclResult::ACLCHECK_OK
            || pg_sys::pg_attribute_aclcheck(relation, column, role, right) == pg_sys::AclResult::ACLCHECK_OK
    }
}

/// The relation `name` in `schema`, whatever the search_path.
pub fn in_schema(schema: &CStr, name: &CStr) -> Oid {
    // SAFETY: look-ups; a missing schema has no relations.
    unsafe { pg_sys::get_relname_relid(name.as_ptr(), pg_sys::get_namespace_oid(schema.as_ptr(), true)) }
}

/// Whether it is a temporary table.
pub fn is_temporary(relation: Oid) -> bool {
    // SAFETY: a look-up; one that is gone counts as permanent.
    unsafe { pg_sys::get_rel_persistence(relation) as u8 == pg_sys::RELPERSISTENCE_TEMP }
}

/// The role that owns the relation.
pub fn owner(relation: Oid) -> Option<Oid> {
    // SAFETY: a look-up; the tuple is released after its field was copied.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relation.into());
        if tuple.is_null() {
            return None;
        }
        let owner = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>()).relowner;
        pg_sys::ReleaseSysCache(tuple);
        Some(owner)
    }
}

/// Whether a table has no row that this transaction sees, whatever the rights
/// and policies on it. Where that cannot be told, it counts as not empty. Tables
/// that inherit from it are looked at too, and what a query says: some keep their
/// rows elsewhere.
pub fn is_empty(relation: Oid) -> bool {
    if !matches!(kind(relation), Some(Kind::Table | Kind::Partitioned)) {
        return false;
    }
    let heaps_are_empty = partitions(relation).into_iter().all(|partition| match kind(partition) {
        Some(Kind::Table) => table_is_empty(partition),
        Some(Kind::Partitioned) => true,
        _ => false,
    });
    heaps_are_empty && query_is_empty(relation)
}

fn query_is_empty(relation: Oid) -> bool {
    let (Some(owner), Some(name)) = (owner(relation), quoted_name(relation)) else { return false };
    let mut query = b"SELECT 1::pg_catalog.int8 FROM ".to_vec();
    query.extend_from_slice(&name);
    query.extend_from_slice(b" LIMIT 1");
    let look = || {
        super::user::run_as(owner, || match snapshot::select_bigint(Snapshot::Transaction, &query, &[]) {
            None => Ok(()),
            Some(_) => Err(()),
        })
    };
    // An owner need not be able to read the table.
    subtransaction::contain(look, |_| ()).is_ok()
}

/// A table and all that inherit from it, its partitions among them, locked as for reading.
fn partitions(relation: Oid) -> Vec<Oid> {
    // SAFETY: returns a list of OIDs in the current context, never NULL.
    unsafe {
        let list =
            pg_sys::find_all_inheritors(relation, pg_sys::AccessShareLock as i32, std::ptr::null_mut());
        (0..(*list).length as usize).map(|i| (*(*list).elements.add(i)).oid_value).collect()
    }
}

fn table_is_empty(table: Oid) -> bool {
    Snapshot::Transaction.within(|| {
        // SAFETY: everything that is opened is closed; on an error the server's
        // resource owner does it.
        unsafe {
            let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
            let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
            let scan =
                pg_sys::table_beginscan(relation, pg_sys::GetActiveSnapshot(), 0, std::ptr::null_mut());
            let found =
                pg_sys::table_scan_getnextslot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            pg_sys::table_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::table_close(relation, pg_sys::NoLock as i32);
            !found
        }
    })
}

/// A name that a relation is to have.
pub struct NewName {
    /// Where it will be made, by the search_path if the name does not say.
    schema: Oid,
    name: Vec<u8>,
}

impl NewName {
    /// Reads a name as regclass does. Raises where it is not one.
    pub fn parse(name: &[u8]) -> Self {
        let name = text::c_string(name);
        // SAFETY: lists and nodes in the current context; the range variable
        // has a name.
        unsafe {
            #[cfg(feature = "pg15")]
            let parts = pg_sys::stringToQualifiedNameList(name.as_ptr());
            #[cfg(not(feature = "pg15"))]
            let parts = pg_sys::stringToQualifiedNameList(name.as_ptr(), std::ptr::null_mut());
            let variable = pg_sys::makeRangeVarFromNameList(parts);
            NewName {
                schema: pg_sys::RangeVarGetCreationNamespace(variable),
                name: CStr::from_ptr((*variable).relname).to_bytes().to_vec(),
            }
        }
    }

    /// The relation that has the name now.
    pub fn relation(&self) -> Option<Oid> {
        let name = text::c_string(&self.name);
        // SAFETY: a look-up.
        let relation = unsafe { pg_sys::get_relname_relid(name.as_ptr(), self.schema) };
        (relation != Oid::INVALID).then_some(relation)
    }

    /// With its schema, quoted as SQL needs it.
    pub fn quoted(&self) -> Vec<u8> {
        // SAFETY: a look-up that returns a copy; the schema was found by `parse`.
        let schema = unsafe { text::take(pg_sys::get_namespace_name(self.schema)) };
        quote_qualified(&schema.unwrap_or_default(), &self.name)
    }

    /// Without its schema, as the server's messages show it.
    pub fn shown(&self) -> String {
        text::show(&self.name)
    }
}
