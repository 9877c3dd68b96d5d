//! Text and encodings: strings of the server, messages to its clients, and the CONTEXT lines
//! of errors.
//!
//! The safe surface: text of the database is bytes until it is known to be UTF-8; conversions
//! return what they cannot convert instead of raising.

pub mod encoding;
pub mod error_context;
pub mod identifier;
pub mod literal;
pub mod message;
pub mod text;
