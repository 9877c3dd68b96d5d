//! Records that become the rows of a query of the caller's.

use crate::error::{ColumnError, Error};
use crate::pg::executor::query_text;
use crate::pg::executor::statement;
use crate::pg::strings::text;

/// The relation that the query reads: the records of a chunk.
const RECORD: &str = "WITH record (data, record_no, line, byte_offset, file) AS (
    SELECT loader.chunk_records($1), loader.chunk_numbers($1), loader.chunk_lines($1),
           loader.chunk_offsets($1), $3::pg_catalog.text) ";

/// A query that makes rows of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transform {
    query: Vec<u8>,
    /// The columns of its rows, which are columns of the table.
    pub columns: Vec<Vec<u8>>,
}

impl Transform {
    /// Checks a query. Raises the server's error where it is none.
    pub fn new(query: &[u8]) -> Result<Self, Error> {
        let query = query_text::one_select(query).ok_or(ColumnError::NotAQuery)?;
        let mut all = RECORD.as_bytes().to_vec();
        all.extend_from_slice(b"SELECT q.* FROM (\n");
        all.extend_from_slice(&query);
        all.extend_from_slice(b"\n) AS q");
        let columns = statement::columns_of(&text::c_string(&all));
        Ok(Transform { query, columns })
    }

    /// Adds the SELECT of its columns, with `more` behind them.
    pub fn select(&self, sql: &mut Vec<u8>, quote: impl Fn(&[u8]) -> Vec<u8>, more: &str) {
        sql.extend_from_slice(RECORD.as_bytes());
        sql.extend_from_slice(b"SELECT ");
        let columns: Vec<Vec<u8>> =
            self.columns.iter().map(|name| [b"q.".to_vec(), quote(name)].concat()).collect();
        sql.extend_from_slice(&columns.join(&b", "[..]));
        sql.extend_from_slice(more.as_bytes());
        sql.extend_from_slice(b" FROM (\n");
        sql.extend_from_slice(&self.query);
        sql.extend_from_slice(b"\n) AS q");
    }
}
