//! Splits the bytes of a JSON file, however damaged, into records and faults.
//!
//! This crate is pure Rust: it knows nothing of PostgreSQL and opens no files.
//! The way of a byte: a [`stream::Source`] hands out the
//! bytes of the file, [`stream::Decoded`] undoes its compression,
//! [`framing::Splitter`] cuts the stream into records and rejects with the help
//! of the scanner in [`json`], and [`tally`] keeps the ledger.
#![deny(unsafe_code)]
// See clippy.toml.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]

pub mod encode;
pub mod fault;
pub mod infer;
mod iso8601;
pub mod json;
pub mod looks;
pub mod memory;
pub mod pipeline;
pub mod split;
pub mod stream;
pub mod tally;
pub mod toast;
