//! Compression of long values, in the form in which the server stores them.
//!
//! A compressed datum is a header of four bytes with the compressed flag, four
//! bytes that hold the length of the content and the method, then what the
//! method made of the content (`varattrib_4b.va_compressed` in the server's
//! `varatt.h`). Whether a value is worth it is the server's own rule
//! (`toast_compress_datum`): the tables must not grow by our hand.
//!
//! Only for servers of little-endian machines, where the flag is the lowest bit
//! but one of the first byte.

#[cfg(not(target_endian = "little"))]
compile_error!("compressed datums are written in their little-endian form only");

mod lz4;
mod pglz;

use crate::memory::{self, OutOfMemory};

/// How a column's values are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The server's own method, which every server reads.
    Pglz,
    /// LZ4 blocks, which servers read that were built with it.
    Lz4,
}

impl Method {
    /// The two bits that name the method in a datum (`ToastCompressionId`).
    fn id(self) -> u32 {
        match self {
            Method::Pglz => 0,
            Method::Lz4 => 1,
        }
    }
}

/// Why a value was not compressed though it might have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressError {
    /// So many bytes could not be had.
    OutOfMemory(usize),
    /// The caller asked to stop.
    Stopped,
}

/// Bytes before the content of an uncompressed datum.
const HEADER: usize = 4;

/// Bytes before the content of a compressed datum.
const COMPRESSED_HEADER: usize = 8;

/// Bits for the length of the content; the method stands above them.
const LENGTH_BITS: u32 = 30;

/// Compresses one value after the other. Its tables are taken when they are
/// first needed, and kept.
#[derive(Default)]
pub struct Compressor {
    pglz: pglz::Pglz,
    lz4: lz4::Lz4,
}

impl Compressor {
    /// One without tables.
    pub fn new() -> Self {
        Compressor::default()
    }

    /// Appends to `out` the compressed form of `value`, a whole uncompressed
    /// datum with its four-byte header. Returns whether that is worth it; if it
    /// is not, or on error, `out` is as it was.
    ///
    /// What is appended depends on the value and the method only, not on the
    /// values before. `stop` is asked every 64 kB or so.
    ///
    /// # Errors
    /// `OutOfMemory` where memory is not to be had, `Stopped` when `stop` says
    /// so.
    pub fn compress(
        &mut self,
        value: &[u8],
        method: Method,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, CompressError> {
        let Some(content) = value.get(HEADER..) else { return Ok(false) };
        // Also: a total length that fits its 30 bits.
        let length = match u32::try_from(content.len()) {
            Ok(length) if length < 1 << LENGTH_BITS => length,
            _ => return Ok(false),
        };
        // The server takes a compressed datum that is smaller than the content
        // by more than two bytes, header included.
        let Some(below) = content.len().checked_sub(COMPRESSED_HEADER + 2) else { return Ok(false) };
        let start = out.len();
        let mut make = || {
            memory::resize(out, start + COMPRESSED_HEADER, 0)?;
            match method {
                Method::Pglz => self.pglz.compress(content, below, out, stop),
                Method::Lz4 => self.lz4.compress(content, below, out, stop),
            }
        };
        let made = make();
        if made != Ok(true) {
            out.truncate(start);
            return made;
        }
        let total = (out.len() - start) as u32;
        let (size, rest) = out[start..].split_at_mut(HEADER);
        size.copy_from_slice(&(total << 2 | 0x02).to_le_bytes());
        rest[..4].copy_from_slice(&(length | method.id() << LENGTH_BITS).to_le_bytes());
        Ok(true)
    }
}

impl From<OutOfMemory> for CompressError {
    fn from(OutOfMemory(bytes): OutOfMemory) -> Self {
        CompressError::OutOfMemory(bytes)
    }
}

/// An array of zeros on the heap.
#[expect(clippy::disallowed_methods, reason = "the list has the very size: nothing is allocated")]
fn zeros<T: Copy + Default, const N: usize>() -> Result<Box<[T; N]>, CompressError> {
    let zeros = memory::filled(N, T::default())?;
    zeros.into_boxed_slice().try_into().map_err(|_| CompressError::OutOfMemory(N * size_of::<T>()))
}
