//! Relations: names, columns, rights and locks.

use crate::pg::Oid;
use crate::pg::executor::snapshot::{self, Snapshot};
use crate::pg::processes::user;
use crate::pg::strings::text;
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
    /// text, and no domain.
    pub is_text: bool,
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

/// Takes a lock that keeps out others who take it, and no reader and writer, to the end of the
/// transaction.
pub fn lock_for_new_columns(relation: Oid) {
    // SAFETY: any OID can be locked.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::ShareUpdateExclusiveLock as i32) }
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

/// The OID of its row type, 0 where it is gone. An OID may come round again for another
/// relation; that one has another row type.
pub fn row_type(relation: Oid) -> Oid {
    // SAFETY: a look-up.
    unsafe { pg_sys::get_rel_type_id(relation) }
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

/// The relation of a name with its schema, quoted as [`quoted_name`] has it.
pub fn of_quoted_name(name: &[u8]) -> Option<Oid> {
    let mut found = None;
    snapshot::select(
        Snapshot::Transaction,
        "SELECT c.oid::pg_catalog.int8 FROM pg_catalog.pg_class AS c
         JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE n.nspname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident($1))[1]::pg_catalog.name
           AND c.relname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident($1))[2]::pg_catalog.name",
        &[text::parameter(name)],
        |row| found = row.bigint(1).map(|oid| Oid::from(oid as u32)),
    );
    found
}

/// A schema and a name in it, quoted as SQL needs them.
pub fn quote_qualified(schema: &[u8], name: &[u8]) -> Vec<u8> {
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

/// The names of the columns, in the database's encoding.
pub fn column_names(relation: Oid) -> Vec<Vec<u8>> {
    super::table_columns::of(relation).into_iter().map(|column| column.name).collect()
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
            is_text: kind == pg_sys::TEXTOID,
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
    let role = user::current();
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

/// Whether the relation is a member of that extension, and not one that somebody has made under its
/// name.
pub fn is_member_of(relation: Oid, extension: &CStr) -> bool {
    // SAFETY: look-ups; a missing extension has no members.
    unsafe {
        let extension = pg_sys::get_extension_oid(extension.as_ptr(), true);
        extension != Oid::INVALID
            && pg_sys::getExtensionOfObject(pg_sys::RelationRelationId, relation) == extension
    }
}

/// Keeps others from dropping an extension, to the end of the transaction, and waits for those who do;
/// `false` where there is none of that name. Whoever drops it takes this lock before those of its members.
pub fn keep_extension(name: &CStr) -> bool {
    let find = || {
        // SAFETY: a look-up; one that is missing is no error.
        let oid = unsafe { pg_sys::get_extension_oid(name.as_ptr(), true) };
        (oid != Oid::INVALID).then_some(oid)
    };
    let mut kept = None;
    loop {
        let found = find();
        if found == kept {
            return found.is_some();
        }
        // Those that were locked before are gone.
        kept = found;
        if let Some(oid) = kept {
            // SAFETY: any object can be locked.
            unsafe {
                pg_sys::LockDatabaseObject(
                    pg_sys::ExtensionRelationId,
                    oid,
                    0,
                    pg_sys::AccessShareLock as i32,
                );
            }
        }
    }
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
