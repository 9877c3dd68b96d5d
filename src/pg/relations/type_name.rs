//! Names of types, as the caller writes them.

use crate::pg::strings::text;
use pgrx::pg_sys;

/// A type that there is.
pub struct TypeName {
    oid: pg_sys::Oid,
    /// Its length, precision and the like; -1 for none.
    modifier: i32,
}

impl TypeName {
    /// Reads the name of a type as SQL does, with its modifier. Raises where it is not one.
    pub fn parse(name: &[u8]) -> Self {
        let name = text::c_string(name);
        let mut found = TypeName { oid: pg_sys::Oid::INVALID, modifier: -1 };
        // SAFETY: the text is only read; both results are written to. Without a place to keep
        // an error, one is raised.
        unsafe {
            #[cfg(feature = "pg15")]
            pg_sys::parseTypeString(name.as_ptr(), &mut found.oid, &mut found.modifier, false);
            #[cfg(not(feature = "pg15"))]
            pg_sys::parseTypeString(name.as_ptr(), &mut found.oid, &mut found.modifier, std::ptr::null_mut());
        }
        found
    }

    /// With its schema and modifier, quoted as SQL needs it.
    pub fn quoted(&self) -> Vec<u8> {
        let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN | pg_sys::FORMAT_TYPE_FORCE_QUALIFY;
        // SAFETY: a look-up that returns a copy.
        unsafe { text::take(pg_sys::format_type_extended(self.oid, self.modifier, flags as _)) }
            .unwrap_or_default()
    }
}
