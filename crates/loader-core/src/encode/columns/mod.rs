//! The fields of a record → the columns of a row.
//!
//! ```text
//! plan     what the columns take, and which field goes to which of them
//! encoder  from the text of a record to the cells of its row
//! ```
//!
//! What a value becomes is what `json_populate_record` of the server makes of it. Here it is
//! made where that is certain; what is doubtful is left to the server, which also says what is
//! wrong with a value that it refuses.

mod encoder;
mod plan;
#[cfg(test)]
mod tests;

pub use encoder::{Encoded, RowEncoder};
pub use plan::{
    Columns, Conversion, Mapping, MatchColumns, MatchError, Path, PlanError, TargetColumn, Unknown,
};
