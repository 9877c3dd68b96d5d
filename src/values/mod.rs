//! Values that only the server can make or decide on: records of databases that are not in UTF-8,
//! those that it may refuse, and cells of types that have no parser here.

mod rows;
mod server;
mod verdict;

pub use rows::{Cells, NoRow, RowMaker};
pub use server::Server;
pub use verdict::{ask, look_at};
