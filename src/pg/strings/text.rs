//! Text between the server and us. Text of the server is bytes in the
//! database's encoding, which need not be UTF-8.

use super::encoding::{self, Encoding};
use crate::pg::memory::context::Context;
use crate::pg::memory::lent::Lent;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::rc::Rc;

/// Text of the database as it can be put into a message of ours. Bytes that cannot are shown as `\xHH`.
pub fn show(bytes: &[u8]) -> String {
    let mut shown = String::new();
    let show_bytes = |shown: &mut String, bytes: &[u8]| {
        bytes.iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02X}")));
    };
    if encoding::database_is_utf8() {
        for chunk in bytes.utf8_chunks() {
            shown.push_str(chunk.valid());
            show_bytes(&mut shown, chunk.invalid());
        }
        return shown;
    }
    for &byte in bytes {
        if byte.is_ascii() {
            shown.push(byte as char);
        } else {
            show_bytes(&mut shown, &[byte]);
        }
    }
    shown
}

/// Text of the database that stands for bytes, of which it says which they are: no two have the same.
/// Bytes that are text stand for themselves. In others each byte that is no part of a character is
/// written as `\xHH`, and so is each backslash. Text with such a sign in it is written like that, too.
pub fn spell(bytes: &[u8]) -> Cow<'_, [u8]> {
    if is_valid(bytes) && !has_sign(bytes) {
        return bytes.into();
    }
    let mut text = Vec::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let character = character(rest).filter(|_| first != b'\\');
        match character {
            Some(length) => text.extend_from_slice(&rest[..length]),
            None => text.extend_from_slice(format!("\\x{first:02X}").as_bytes()),
        }
        rest = &rest[character.unwrap_or(1)..];
    }
    text.into()
}

/// Whether there is a backslash as [`spell`] writes it.
fn has_sign(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
    bytes.contains(&b'\\')
        && bytes.windows(4).any(|four| four.starts_with(b"\\x") && four[2..].iter().all(is_digit))
}

/// The end of a text, of so many bytes at most, which begins with a whole character.
pub fn tail(text: &[u8], most: usize) -> &[u8] {
    let mut rest = text;
    while rest.len() > most {
        rest = &rest[character(rest).unwrap_or(1)..];
    }
    rest
}

/// Bytes of the first character; `None` where there is none.
fn character(bytes: &[u8]) -> Option<usize> {
    // SAFETY: reads so many bytes.
    let length = unsafe {
        pg_sys::pg_encoding_verifymbchar(
            pg_sys::GetDatabaseEncoding(),
            bytes.as_ptr().cast(),
            bytes.len() as i32,
        )
    };
    usize::try_from(length).ok().filter(|length| (1..=bytes.len()).contains(length))
}

/// A message that may be kept as text of the database: one of the server's comes to us
/// as if it were UTF-8, with its other bytes lost. Where the database has another
/// encoding, what is not ASCII is shown as question marks.
pub fn keep(message: &str) -> String {
    if encoding::database_is_utf8() {
        return message.to_owned();
    }
    message.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// Whether the bytes are text of the database.
pub fn is_valid(bytes: &[u8]) -> bool {
    // In every encoding that a database can have, ASCII is ASCII.
    if bytes.iter().all(|&byte| byte != 0 && byte.is_ascii()) {
        return true;
    }
    // SAFETY: reads so many bytes; does not raise if told not to.
    unsafe { pg_sys::pg_verifymbstr(bytes.as_ptr().cast(), bytes.len() as i32, true) }
}

/// What UTF-8 bytes are in the encoding of the database; `Ok(None)` where they are no text
/// of it. `is_cut` says that the last character may lack its end, and is left out then.
pub fn from_utf8(bytes: &[u8], is_cut: bool) -> Result<Option<Vec<u8>>, usize> {
    let Some(encoding) = Encoding::of_database() else { return Ok(None) };
    let whole = match str::from_utf8(bytes) {
        Err(error) if is_cut && error.error_len().is_none() => &bytes[..error.valid_up_to()],
        Err(_) if !matches!(encoding, Encoding::SqlAscii) => return Ok(None),
        _ => bytes,
    };
    let mut text = Vec::new();
    Ok((encoding.append(whole, &mut text)? && is_valid(&text)).then_some(text))
}

/// What text of the database is in UTF-8; `Ok(None)` where it cannot be converted. In SQL_ASCII
/// bytes are what they are.
pub fn to_utf8(text: &[u8]) -> Result<Option<Vec<u8>>, usize> {
    let Some(encoding) = Encoding::to_utf8() else { return Ok(None) };
    let mut utf8 = Vec::new();
    Ok(encoding.append(text, &mut utf8)?.then_some(utf8))
}

/// A `text` parameter of a statement.
pub fn parameter(bytes: &[u8]) -> DatumWithOid<'static> {
    // SAFETY: text and bytea have the same representation.
    unsafe { DatumWithOid::new(bytes, pg_sys::TEXTOID) }
}

/// A text that many rows of a set have.
pub struct Shared(Rc<Vec<u32>>);

impl Shared {
    /// From text of the database; bytes that are no text there are shown as they
    /// can be.
    pub fn new(bytes: &[u8]) -> Self {
        if is_valid(bytes) { Self::of(bytes) } else { Self::of(show(bytes).as_bytes()) }
    }

    fn of(bytes: &[u8]) -> Self {
        let length = pg_sys::VARHDRSZ + bytes.len();
        let mut words = vec![0_u32; length.div_ceil(size_of::<u32>())];
        let start = words.as_mut_ptr().cast::<u8>();
        // SAFETY: there is room for the header and the bytes behind it.
        unsafe {
            pgrx::set_varsize_4b(start.cast(), length as i32);
            start.add(pg_sys::VARHDRSZ).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Shared(Rc::new(words))
    }

    /// The text, for a row with a column of type text.
    pub fn value(&self) -> Lent {
        // SAFETY: a text datum, which lies in what is kept.
        unsafe { Lent::new(pg_sys::Datum::from(self.0.as_ptr()), self.0.clone()) }
    }
}

/// A C string from text of the database, which never has a NUL byte in it.
pub fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}

/// Takes over a string that the server allocated.
///
/// # Safety
/// `string` is NULL or a C string allocated with `palloc` that nobody else uses.
pub(in crate::pg) unsafe fn take(string: *mut std::ffi::c_char) -> Option<Vec<u8>> {
    if string.is_null() {
        return None;
    }
    // SAFETY: by contract.
    unsafe {
        let bytes = CStr::from_ptr(string).to_bytes().to_vec();
        pg_sys::pfree(string.cast());
        Some(bytes)
    }
}

/// Splits a list of directories as the server splits its own; `None` where the
/// syntax is wrong.
pub fn split_directories(list: &CStr) -> Option<Vec<Vec<u8>>> {
    let mut names: *mut pg_sys::List = std::ptr::null_mut();
    // SAFETY: the function writes to a copy of its own; its list is of C
    // strings, all of it in the current context.
    Context::new(c"loader directories", 1024).within(|| unsafe {
        let copy = pg_sys::pstrdup(list.as_ptr());
        if !pg_sys::SplitDirectoriesString(copy, b',' as std::ffi::c_char, &mut names) {
            return None;
        }
        let mut split = Vec::new();
        if !names.is_null() {
            for i in 0..(*names).length as usize {
                let name = (*(*names).elements.add(i)).ptr_value.cast::<std::ffi::c_char>();
                split.push(CStr::from_ptr(name).to_bytes().to_vec());
            }
        }
        Some(split)
    })
}
