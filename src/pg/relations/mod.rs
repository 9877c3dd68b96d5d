//! Relations: names, columns, rights, locks, storage, and whether there are rows.
//!
//! The safe surface: a relation is named by its OID or by quoted bytes; it is opened and closed
//! within a call, and what is returned of it is a copy.

pub mod distribution;
pub mod emptiness;
pub mod grants;
pub(in crate::pg) mod list;
pub mod new_name;
pub mod relation;
pub mod storage;
pub mod table_columns;
pub mod type_name;
