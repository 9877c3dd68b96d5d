//! One record: is it JSON that `jsonb` takes, where does it end, and what shape
//! has it.

mod number;
pub mod scan;
pub mod shape;
pub(crate) mod swar;
