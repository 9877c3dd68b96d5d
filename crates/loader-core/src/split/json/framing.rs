//! The bytes that stand between records and are none of them.

use crate::json::scan::RECORD_SEPARATOR;

/// The UTF-8 byte order mark.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Whether a byte at the end of a reject is framing.
pub(super) fn is_framing(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR)
}
