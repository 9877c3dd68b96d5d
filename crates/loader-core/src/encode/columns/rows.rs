//! What makes rows of records.

use super::plan::{Columns, MatchError};
use super::rescue::Rescued;
use crate::encode::Cell;
use crate::memory;
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

    /// Finds the fields of a good record, which becomes the one in hand; `false` where it has none.
    fn find_fields(&mut self, text: &[u8]) -> Result<bool, MatchError>;

    /// What the record in hand has in a column, if that is a datum which is passed by value and there is no
    /// more to say about it. It is what [`cell`](RowEncoder::cell) says, sooner.
    fn word(&self, _column: usize, _text: &[u8]) -> Option<u64> {
        None
    }

    /// What the record in hand has in a column. What does not fit into a cell goes to `values`.
    fn cell(&mut self, column: usize, text: &[u8], values: &mut Vec<u8>) -> Result<Cell, MatchError>;

    /// The text that the server is to make the value of a column of.
    fn source(&mut self, column: usize, text: &[u8], values: &mut Vec<u8>) -> Result<Cell, MatchError>;

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
    ) -> Result<Encoded, MatchError> {
        if !self.find_fields(text)? {
            return Ok(Encoded::NotAnObject);
        }
        let width = self.columns().columns().len();
        memory::reserve(cells, if check { 2 * width } else { width })?;
        for column in 0..width {
            let cell = match self.word(column, text) {
                Some(word) => Cell::Word(word),
                None => self.cell(column, text, values)?,
            };
            memory::push(cells, cell)?;
        }
        if check {
            let first = cells.len() - width;
            for column in 0..width {
                let is_made = matches!(cells[first + column], Cell::Word(_) | Cell::Datum(_));
                let source = if is_made { self.source(column, text, values)? } else { Cell::Absent };
                memory::push(cells, source)?;
            }
        }
        Ok(Encoded::Row)
    }

    /// The JSON object of what no column takes of the record: fields without a column, and the
    /// values of the columns `refused` under the names of those, or under the names of their fields
    /// where a field without a column has that of the column.
    fn rescued(&mut self, text: &[u8], refused: &[usize]) -> Result<Rescued<'_>, MatchError>;
}
