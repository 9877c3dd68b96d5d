//! Records → what the server stores.

pub mod jsonb;
pub mod values;

mod digits;
mod numeric;
mod varlena;
