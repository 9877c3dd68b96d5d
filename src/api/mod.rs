//! The SQL functions: read arguments, call one function, return. Texts come as bytes: they are in
//! the database's encoding.

mod amend;
mod arguments;
mod csv;
mod json;
mod old;
mod pipes;
mod rows;
mod schema;
mod state;

pub use csv::load_csv_files;
pub use json::load_json_files;
pub use old::old_load_json_files;
pub use pipes::{run_pipeline, run_pipelines};
