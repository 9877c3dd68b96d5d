//! The fields of a record → the columns of a row.
//!
//! ```text
//! plan            what the columns take, and which field goes to which of them
//! rows            what makes rows of records
//! rescue          under which names it is kept what no column takes
//! json_rows       from a JSON object to the cells of its row
//! delimited_rows  from a record of delimited text to the cells of its row
//! cells           what both have in common
//! ```
//!
//! What a value of JSON becomes is what `json_populate_record` of the server makes of it, and what
//! a field of delimited text becomes is what COPY makes of it. Here it is made where that is certain; what is doubtful is left to the server, which also says what is
//! wrong with a value that it refuses.

mod cells;
mod delimited_rows;
mod json_rows;
mod plan;
mod rescue;
mod rows;
#[cfg(test)]
mod tests;

pub use delimited_rows::DelimitedRows;
pub use json_rows::JsonRows;
pub use plan::{
    Columns, Conversion, Mapping, MatchColumns, MatchError, Path, PlanError, TargetColumn, Unknown,
};
pub use rescue::Rescued;
pub use rows::{Encoded, RowEncoder};
