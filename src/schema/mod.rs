//! `infer_schema` and `seed_table`: which columns a table needs that is to take the records of
//! files, and such a table.

mod columns;
mod evolve;
mod sniff;
mod survey;
mod table;

pub use columns::{infer, observe_file};
pub use evolve::{add_columns, add_columns_seen, evolve};
pub use sniff::sniff;
pub use table::{Seed, create};
