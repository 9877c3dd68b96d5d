//! Records → what the server stores.

pub mod jsonb;
