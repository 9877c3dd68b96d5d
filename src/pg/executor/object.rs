//! Arguments that are jsonb objects, or of any type.

use super::snapshot::{self, Snapshot};
use crate::pg::strings::text;
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

/// What a member of a JSON object is. Texts are in the database's encoding.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Text(Vec<u8>),
    /// As it is written.
    Number(Vec<u8>),
    Boolean(bool),
    List(Vec<Option<Vec<u8>>>),
    Object(Vec<Member>),
}

/// The members of a jsonb object that is given as text; `None` where it is no object.
pub fn values(json: &[u8]) -> Option<Vec<(Vec<u8>, Value)>> {
    const KIND: &str = "SELECT pg_catalog.jsonb_typeof(pg_catalog.jsonb_in(pg_catalog.textout($1)))";
    const EACH: &str = "SELECT e.key, pg_catalog.jsonb_typeof(e.value),
            e.value OPERATOR(pg_catalog.#>>) '{}'::pg_catalog.text[]
        FROM pg_catalog.jsonb_each(pg_catalog.jsonb_in(pg_catalog.textout($1))) AS e";
    const ELEMENTS: &str = "SELECT e.value FROM pg_catalog.jsonb_array_elements_text(
            pg_catalog.jsonb_in(pg_catalog.textout($1))) AS e(value)";
    const MEMBERS: &str = "SELECT e.key, e.value FROM pg_catalog.jsonb_each_text(
            pg_catalog.jsonb_in(pg_catalog.textout($1))) AS e";
    let select = |query: &str, json: &[u8], take: &mut dyn FnMut(&snapshot::Row<'_>)| {
        snapshot::select(Snapshot::Transaction, query, &[text::parameter(json)], take);
    };
    let mut is_object = false;
    select(KIND, json, &mut |row| is_object = row.bytes(1).as_deref() == Some(b"object"));
    if !is_object {
        return None;
    }
    let mut members = Vec::new();
    select(EACH, json, &mut |row| {
        let text = |column| row.bytes(column).unwrap_or_default();
        members.push((text(1), text(2), text(3)));
    });
    let value = |(key, kind, text): (Vec<u8>, Vec<u8>, Vec<u8>)| {
        let value = match &kind[..] {
            b"null" => Value::Null,
            b"string" => Value::Text(text),
            b"boolean" => Value::Boolean(text == b"true"),
            b"array" => {
                let mut list = Vec::new();
                select(ELEMENTS, &text, &mut |row| list.push(row.bytes(1)));
                Value::List(list)
            }
            b"object" => {
                let mut members = Vec::new();
                select(MEMBERS, &text, &mut |row| {
                    members.push((row.bytes(1).unwrap_or_default(), row.bytes(2)));
                });
                Value::Object(members)
            }
            _ => Value::Number(text),
        };
        (key, value)
    };
    Some(members.into_iter().map(value).collect())
}
