//! From UTF-8 to the encoding of the database, without errors: the client's
//! encoding plays no role, and neither do conversions that users made.

use pgrx::pg_sys;

/// UTF-8 bytes that are converted at a time.
const BLOCK: usize = 64 * 1024;

/// What has to be done with UTF-8 text.
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
    /// Number of the encoding.
    encoding: i32,
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
        // SAFETY: a catalog look-up. In pg_catalog and nowhere else: the usual
        // look-up follows the search_path, where anybody may plant one.
        let function = unsafe {
            pg_sys::FindDefaultConversion(
                pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE),
                pg_sys::pg_enc::PG_UTF8 as i32,
                encoding,
            )
        };
        (function != pg_sys::InvalidOid).then_some(Encoding::Other(Conversion { function, encoding }))
    }

    /// Appends `text`, which is UTF-8, to `out` in this encoding. `Ok(false)`
    /// where it has a character that the encoding lacks; an error where there
    /// is no memory, with the size that was asked for.
    pub fn append(self, text: &[u8], out: &mut Vec<u8>) -> Result<bool, usize> {
        let Encoding::Other(Conversion { function, encoding }) = self else {
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
                    pg_sys::pg_enc::PG_UTF8 as i32,
                    encoding,
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

/// The length of the next block: whole characters only.
fn cut(text: &[u8]) -> usize {
    let mut end = text.len().min(BLOCK);
    while end < text.len() && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    end
}
