//! Memory: the allocator of this library, memory contexts of the server, and memory that
//! processes share.
//!
//! The safe surface: memory is owned by a value and goes with it. What the server may use for
//! longer than a call is kept for as long as the memory context of the row that it is in.

pub mod allocator;
pub mod context;
pub mod lent;
pub mod shared;
