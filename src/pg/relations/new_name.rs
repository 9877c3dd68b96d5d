//! The name of a relation that is to be made.

use super::relation;
use crate::pg::Oid;
use crate::pg::strings::text;
use pgrx::pg_sys;
use std::ffi::CStr;

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
        relation::quote_qualified(&schema.unwrap_or_default(), &self.name)
    }

    /// Without its schema, as the server's messages show it.
    pub fn shown(&self) -> String {
        text::show(&self.name)
    }
}
