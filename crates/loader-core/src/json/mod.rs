//! One record: is it JSON that `jsonb` takes, where does it end, what shape has it, and
//! which fields.

pub(crate) mod field_table;
pub(crate) mod number;
pub(crate) mod object;
pub mod scan;
pub mod shape;
pub(crate) mod swar;

pub use field_table::{MAX_FIELDS, MAX_NAME_BYTES};
