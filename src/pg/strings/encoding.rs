//! From UTF-8 to the encoding of the database and back, without errors: the client's
//! encoding plays no role, and neither do conversions that users made.

use pgrx::pg_sys;

/// UTF-8 bytes that are converted at a time.
const BLOCK: usize = 64 * 1024;

/// What has to be done with text.
#[derive(Clone, Copy)]
pub enum Encoding {
    /// Nothing: the database is UTF8.
    Utf8,
    /// Nothing either: the database is SQL_ASCII and takes any bytes.
    SqlAscii,
    /// Conversion by a function of the server.
    Other(Conversion),
}

/// A conversion that the server has.
#[derive(Clone, Copy)]
pub struct Conversion {
    /// OID of the function.
    function: pg_sys::Oid,
    /// Numbers of the encodings.
    from: i32,
    to: i32,
}

/// Whether the database is UTF8.
pub fn database_is_utf8() -> bool {
    // SAFETY: reads a variable.
    unsafe { pg_sys::GetDatabaseEncoding() == pg_sys::pg_enc::PG_UTF8 as i32 }
}

impl Encoding {
    /// That of the database; `None` where no conversion leads to it.
    pub fn of_database() -> Option<Self> {
        // SAFETY: reads a variable.
        let encoding = unsafe { pg_sys::GetDatabaseEncoding() };
        if encoding == pg_sys::pg_enc::PG_UTF8 as i32 {
            return Some(Encoding::Utf8);
        }
        if encoding == pg_sys::pg_enc::PG_SQL_ASCII as i32 {
            return Some(Encoding::SqlAscii);
        }
        Conversion::find(pg_sys::pg_enc::PG_UTF8 as i32, encoding).map(Encoding::Other)
    }

    /// From that of the database to UTF-8; `None` where no conversion leads there.
    pub fn to_utf8() -> Option<Self> {
        match Encoding::of_database()? {
            Encoding::Other(Conversion { from, to, .. }) => Conversion::find(to, from).map(Encoding::Other),
            same => Some(same),
        }
    }

    /// Appends `text`, which is in the encoding converted from, to `out` in the other one.
    /// `Ok(false)` where it has a character that the encoding lacks; an error where there
    /// is no memory, with the size that was asked for.
    pub fn append(self, text: &[u8], out: &mut Vec<u8>) -> Result<bool, usize> {
        let Encoding::Other(Conversion { function, from, to }) = self else {
            out.try_reserve(text.len()).map_err(|_| text.len())?;
            out.extend_from_slice(text);
            return Ok(true);
        };
        let mut rest = text;
        while !rest.is_empty() {
            let block = &rest[..cut(rest)];
            rest = &rest[block.len()..];
            let room = block.len() * pg_sys::MAX_CONVERSION_GROWTH as usize + 1;
            out.try_reserve(room).map_err(|_| out.len() + room)?;
            let used = out.len();
            // SAFETY: the source is only read; there is room for the longest
            // result and its NUL behind what is used.
            let written = unsafe {
                let target = out.as_mut_ptr().add(used);
                let converted = pg_sys::pg_do_encoding_conversion_buf(
                    function,
                    from,
                    to,
                    block.as_ptr().cast_mut(),
                    block.len() as i32,
                    target,
                    room as i32,
                    true,
                );
                if converted as usize != block.len() {
                    return Ok(false);
                }
                std::ffi::CStr::from_ptr(target.cast()).count_bytes()
            };
            // SAFETY: so many bytes were written there.
            unsafe { out.set_len(used + written) };
        }
        Ok(true)
    }
}

impl Conversion {
    /// The server's own conversion between two encodings, if it has one.
    fn find(from: i32, to: i32) -> Option<Self> {
        // SAFETY: a catalog look-up. In pg_catalog and nowhere else: the usual
        // look-up follows the search_path, where anybody may plant one.
        let function = unsafe {
            pg_sys::FindDefaultConversion(pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE), from, to)
        };
        (function != pg_sys::InvalidOid).then_some(Conversion { function, from, to })
    }
}

/// The length of the next block: whole characters only, where the text is UTF-8. Other text
/// is arguments of calls, which are shorter than a block.
fn cut(text: &[u8]) -> usize {
    let mut end = text.len().min(BLOCK);
    while end < text.len() && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    end
}
