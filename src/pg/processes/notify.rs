//! NOTIFY.

use crate::pg::strings::text;
use pgrx::pg_sys;

/// The longest name of a channel, in bytes.
pub const LONGEST_CHANNEL: usize = pg_sys::NAMEDATALEN as usize - 1;

/// Sends a notification when the transaction commits. Raises where the name of the channel is empty or
/// too long, or the payload has 8,000 bytes or more.
pub fn send(channel: &[u8], payload: &[u8]) {
    let (channel, payload) = (text::c_string(channel), text::c_string(payload));
    // SAFETY: both are copied.
    unsafe { pg_sys::Async_Notify(channel.as_ptr(), payload.as_ptr()) }
}
