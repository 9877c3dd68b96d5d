//! Arrays as parameters of a statement, each made in one allocation however
//! many elements it has.

use crate::pg::memory::context::Context;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use std::borrow::Cow;

/// Bytes before the first element of an array with one dimension and no NULL.
const HEADER: usize = size_of::<pg_sys::ArrayType>() + 2 * size_of::<i32>();

/// A `bigint[]` in `memory`.
pub fn bigints<'a>(memory: &'a Context, elements: &[i64]) -> DatumWithOid<'a> {
    fixed(memory, elements, pg_sys::INT8OID, pg_sys::INT8ARRAYOID)
}

/// A `boolean[]` in `memory`.
pub fn booleans<'a>(memory: &'a Context, elements: &[bool]) -> DatumWithOid<'a> {
    fixed(memory, elements, pg_sys::BOOLOID, pg_sys::BOOLARRAYOID)
}

/// A `text[]` in `memory`, of text in the database's encoding.
pub fn texts<'a>(memory: &'a Context, elements: &[Cow<'static, str>]) -> DatumWithOid<'a> {
    varying(memory, elements, pg_sys::TEXTOID, pg_sys::TEXTARRAYOID)
}

/// A `text[]` in `memory`, of texts that are the server's own.
pub fn database_texts<'a>(memory: &'a Context, elements: &[&[u8]]) -> DatumWithOid<'a> {
    varying(memory, elements, pg_sys::TEXTOID, pg_sys::TEXTARRAYOID)
}

/// The same; some of them may be NULL.
pub fn nullable_texts<'a>(memory: &'a Context, elements: &[Option<Vec<u8>>]) -> DatumWithOid<'a> {
    varying(memory, elements, pg_sys::TEXTOID, pg_sys::TEXTARRAYOID)
}

/// A `bytea[]` in `memory`.
pub fn byteas<'a>(memory: &'a Context, elements: &[Vec<u8>]) -> DatumWithOid<'a> {
    varying(memory, elements, pg_sys::BYTEAOID, pg_sys::BYTEAARRAYOID)
}

/// An element that is bytes, or NULL.
trait Varying {
    fn content(&self) -> Option<&[u8]>;
}

impl Varying for Cow<'_, str> {
    fn content(&self) -> Option<&[u8]> {
        Some(self.as_bytes())
    }
}

impl Varying for &[u8] {
    fn content(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Varying for Vec<u8> {
    fn content(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Varying for Option<Vec<u8>> {
    fn content(&self) -> Option<&[u8]> {
        self.as_deref()
    }
}

/// Elements whose Rust form is the server's.
fn fixed<'a, T: Copy>(
    memory: &'a Context,
    elements: &[T],
    element: pg_sys::Oid,
    array: pg_sys::Oid,
) -> DatumWithOid<'a> {
    let bytes = HEADER + size_of_val(elements);
    let start = memory.alloc(bytes);
    // SAFETY: `bytes` were allocated, aligned for any type of the server, and
    // the header leaves that alignment as it is; the elements fill the rest.
    unsafe {
        write_header(start, bytes, elements.len(), element);
        std::ptr::copy_nonoverlapping(elements.as_ptr(), start.add(HEADER).cast(), elements.len());
        DatumWithOid::new(pg_sys::Datum::from(start), array)
    }
}

/// Elements that are bytes behind a header with their length. Where one is NULL, a bit for
/// each says which are not.
fn varying<'a, T: Varying>(
    memory: &'a Context,
    elements: &[T],
    element: pg_sys::Oid,
    array: pg_sys::Oid,
) -> DatumWithOid<'a> {
    let size = |content: &[u8]| (pg_sys::VARHDRSZ + content.len()).next_multiple_of(4);
    let contents = || elements.iter().map(Varying::content);
    let has_nulls = contents().any(|content| content.is_none());
    let header = match has_nulls {
        true => (HEADER + elements.len().div_ceil(8)).next_multiple_of(pg_sys::MAXIMUM_ALIGNOF as usize),
        false => HEADER,
    };
    let bytes = header + contents().flatten().map(size).sum::<usize>();
    let start = memory.alloc(bytes);
    // SAFETY: `bytes` were allocated, which is the header with the bits and every element
    // with its own header, padded to the alignment of the next one.
    unsafe {
        write_header(start, bytes, elements.len(), element);
        if has_nulls {
            (*start.cast::<pg_sys::ArrayType>()).dataoffset = header as i32;
            std::ptr::write_bytes(start.add(HEADER), 0, header - HEADER);
            for (index, _) in contents().enumerate().filter(|(_, content)| content.is_some()) {
                *start.add(HEADER + index / 8) |= 1 << (index % 8);
            }
        }
        let mut at = start.add(header);
        for content in contents().flatten() {
            std::ptr::write_bytes(at, 0, size(content));
            pgrx::set_varsize_4b(at.cast(), (pg_sys::VARHDRSZ + content.len()) as i32);
            std::ptr::copy_nonoverlapping(content.as_ptr(), at.add(pg_sys::VARHDRSZ), content.len());
            at = at.add(size(content));
        }
        DatumWithOid::new(pg_sys::Datum::from(start), array)
    }
}

/// # Safety
/// `start` is aligned as an allocation and has room for [`HEADER`] bytes.
unsafe fn write_header(start: *mut u8, bytes: usize, elements: usize, element: pg_sys::Oid) {
    // SAFETY: by contract. Length and lower bound follow the struct.
    unsafe {
        let array = start.cast::<pg_sys::ArrayType>();
        array.write(pg_sys::ArrayType { vl_len_: 0, ndim: 1, dataoffset: 0, elemtype: element });
        pgrx::set_varsize_4b(array.cast(), bytes as i32);
        array.add(1).cast::<[i32; 2]>().write([elements as i32, 1]);
    }
}
