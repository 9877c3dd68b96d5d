//! Splits the bytes of a JSON file, however damaged, into records and faults.
//!
//! This crate is pure Rust: it knows nothing of PostgreSQL and opens no files.
//! The way of a byte: a [`input::Source`] hands out the
//! bytes of the file, [`input::Decoded`] undoes its compression,
//! [`framing::Splitter`] cuts the stream into records and rejects with the help
//! of the scanner in [`json`], and [`tally`] keeps the ledger.
#![deny(unsafe_code)]
// See clippy.toml.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]

pub mod fault;
pub mod framing;
pub mod input;
pub mod json;
pub mod jsonb;
pub mod looks;
pub mod memory;
pub mod pipeline;
pub mod tally;
pub mod toast;
