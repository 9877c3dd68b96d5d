//! What makes rows of records.

use super::plan::{Columns, MatchError};
use crate::encode::Cell;
use std::sync::Arc;

/// What a record became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// A row: so many cells were added as there are columns.
    Row,
    /// Nothing: it is no object, and has no fields.
    NotAnObject,
}

/// Makes rows of records of one format, one after the other.
pub trait RowEncoder: Send {
    /// The columns.
    fn columns(&self) -> &Arc<Columns>;

    /// Adds the cells of a good record to `cells`. What does not fit there goes to `values`. In
    /// case of an error, both may have a part of the row.
    ///
    /// With `check`, as many cells follow: for each that was made here the text that the server
    /// is to make it of, and [`Cell::Absent`] for the others.
    fn encode(
        &mut self,
        text: &[u8],
        check: bool,
        cells: &mut Vec<Cell>,
        values: &mut Vec<u8>,
    ) -> Result<Encoded, MatchError>;

    /// The JSON object of what no column takes of the record: fields without a column, and the
    /// values of the columns `refused` under the names of those; `None` where there is nothing.
    fn rescued(&mut self, text: &[u8], refused: &[usize]) -> Result<Option<&[u8]>, MatchError>;
}
