//! Values that the server keeps one behind the other.

use crate::pg::Oid;
use pgrx::pg_sys;

/// So many values that stand one behind the other.
///
/// # Safety
/// `first` is the first of `count` values that outlive the result; it is not
/// looked at if there are none.
pub unsafe fn slice<'a, T>(first: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(first, count) }
}

/// What is in a list.
///
/// # Safety
/// `list` is NULL or a list that outlives the result.
pub unsafe fn elements<'a>(list: *const pg_sys::List) -> &'a [pg_sys::ListCell] {
    if list.is_null() {
        return &[];
    }
    // SAFETY: by contract.
    unsafe { slice((*list).elements, (*list).length as usize) }
}

/// The OIDs in a list of them.
///
/// # Safety
/// `list` is NULL or a list of OIDs.
pub unsafe fn oids(list: *const pg_sys::List) -> Vec<Oid> {
    // SAFETY: by contract.
    unsafe { elements(list).iter().map(|cell| cell.oid_value).collect() }
}
