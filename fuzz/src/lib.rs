//! What the fuzz targets check: each module takes any bytes and panics where
//! they show a fault. Nothing here knows of libFuzzer, so that a finding can be
//! looked at without it.

pub mod corpora;
pub mod decode;
pub mod delimited;
pub mod encode;
pub mod mutate;
pub mod server;
pub mod split;
pub mod steps;
pub mod toast;

// The decoder that the encoder's own tests use; its writer serves only them.
#[allow(dead_code)]
#[path = "../../crates/loader-core/tests/jsonb/value.rs"]
mod value;
