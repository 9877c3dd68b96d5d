//! Values of the type `name`.

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::{IntoDatum, pg_sys};

/// An identifier of the database, for a column of type name.
pub struct Identifier(pub Vec<u8>);

impl IntoDatum for Identifier {
    /// What is longer than a name can be is cut, as the server does where it reads one.
    fn into_datum(self) -> Option<pg_sys::Datum> {
        let name = crate::pg::strings::text::c_string(&self.0);
        // SAFETY: reads a C string; makes a value in the current memory context.
        Some(unsafe {
            pg_sys::DirectFunctionCall1Coll(
                Some(namein),
                pg_sys::InvalidOid,
                pg_sys::Datum::from(name.as_ptr()),
            )
        })
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::NAMEOID
    }
}

unsafe extern "C-unwind" {
    /// The server's.
    fn namein(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
}

// SAFETY: a datum of the type that `type_oid` says.
unsafe impl BoxRet for Identifier {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: by contract.
        unsafe { fcinfo.return_optional_datum(self.into_datum()) }
    }
}

pgrx::impl_sql_translatable!(Identifier, "name");
