//! The executor and SPI: statements, the values that they take and return, and the
//! transactions that they run in.
//!
//! The safe surface: values are lent to a statement only while it runs, rows only to a
//! closure, and no transaction ends while something relies on it (`nesting`).

pub mod array;
pub mod chunk;
pub mod chunk_functions;
pub mod chunk_handle;
pub mod chunk_scan;
pub mod constraint;
pub mod expression;
pub mod hook;
pub mod input_function;
pub mod key_order;
mod multi_insert;
pub(in crate::pg) mod nesting;
pub mod object;
pub mod own_statement;
pub mod procedure;
pub mod query_text;
mod slot;
pub mod snapshot;
pub mod statement;
pub mod subtransaction;
pub mod transaction;
pub mod utility;
