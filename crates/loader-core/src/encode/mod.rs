//! Records → what the server stores.

pub mod jsonb;

mod digits;
mod numeric;
mod varlena;
