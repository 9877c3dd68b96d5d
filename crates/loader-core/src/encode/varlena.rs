//! Values of variable length (`varatt.h` of the server).

/// Bytes of the header in front of every value that is not compressed.
pub(super) const HEADER: usize = 4;

/// The header of a value that is so long with it.
#[inline]
pub(super) fn header(length: usize) -> u32 {
    if cfg!(target_endian = "big") { length as u32 & 0x3FFF_FFFF } else { (length as u32) << 2 }
}
