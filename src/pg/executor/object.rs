//! Arguments that are jsonb objects.

use super::snapshot::{self, Snapshot};
use pgrx::datum::DatumWithOid;
use pgrx::{AnyElement, pg_sys};

/// A key, and its value as text, NULL being `None`.
pub type Member = (Vec<u8>, Option<Vec<u8>>);

/// The members of a jsonb object, in the database's encoding. Raises where it is a jsonb of
/// another kind; `None` where it is not jsonb.
pub fn members(object: &AnyElement) -> Option<Vec<Member>> {
    (object.oid() == pg_sys::JSONBOID).then(|| members_of(object.datum()))
}

/// The same of a datum of type jsonb, which is there as long as the call that it is an argument of.
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
