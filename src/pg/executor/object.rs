//! Arguments that are jsonb objects, or of any type.

use super::snapshot::{self, Snapshot};
use pgrx::datum::DatumWithOid;
use pgrx::{AnyElement, pg_sys};
use std::ffi::CStr;

/// A key, and its value as text, NULL being `None`.
pub type Member = (Vec<u8>, Option<Vec<u8>>);

/// The members of a jsonb object, in the database's encoding. Raises where it is a jsonb of
/// another kind; `None` where it is not jsonb.
pub fn members(object: &AnyElement) -> Option<Vec<Member>> {
    (object.oid() == pg_sys::JSONBOID).then(|| members_of(object.datum()))
}

/// A value as text, in the database's encoding, whatever its type.
pub fn as_text(value: &AnyElement) -> Vec<u8> {
    text_of(value.datum(), value.oid())
}

/// The same of a datum of that type.
pub(super) fn text_of(value: pg_sys::Datum, kind: pg_sys::Oid) -> Vec<u8> {
    // SAFETY: a datum of that type, which is not NULL; a literal without a type is a C string. The
    // output function makes one, too.
    unsafe {
        if kind == pg_sys::UNKNOWNOID {
            return CStr::from_ptr(value.cast_mut_ptr()).to_bytes().to_vec();
        }
        let (mut output, mut is_varlena) = (pg_sys::InvalidOid, false);
        pg_sys::getTypeOutputInfo(kind, &mut output, &mut is_varlena);
        CStr::from_ptr(pg_sys::OidOutputFunctionCall(output, value)).to_bytes().to_vec()
    }
}

/// The members of a datum of type jsonb, which is there as long as the call that it is an argument of.
pub(super) fn members_of(object: pg_sys::Datum) -> Vec<Member> {
    // SAFETY: a datum of that type.
    let argument = unsafe { DatumWithOid::new(object, pg_sys::JSONBOID) };
    let mut members = Vec::new();
    snapshot::select(
        Snapshot::Transaction,
        "SELECT m.key, m.value FROM pg_catalog.jsonb_each_text($1) AS m",
        &[argument],
        |row| members.push((row.bytes(1).unwrap_or_default(), row.bytes(2))),
    );
    members
}
