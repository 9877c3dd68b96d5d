//! The form that records have: what each format means to those who make something of records.

use super::columns::{Columns, DelimitedRows, JsonRows, MatchError, RowEncoder};
use super::delimited::{Buffers, Delimited};
use crate::memory::{self, OutOfMemory};
use std::ffi::CStr;
use std::sync::Arc;

/// The form of the records of a stream. Threads share it.
#[derive(Clone, Debug)]
pub enum RecordForm {
    /// JSON values.
    Json,
    /// Delimited text.
    Delimited(Arc<Delimited>),
}

impl RecordForm {
    /// What makes rows of records. Where the names of all fields are known, an error says which
    /// of them does not find its column.
    #[expect(clippy::disallowed_methods, reason = "a small type of a constant size")]
    pub fn rows(&self, columns: Arc<Columns>) -> Result<Box<dyn RowEncoder>, MatchError> {
        Ok(match self {
            RecordForm::Json => Box::new(JsonRows::new(columns)?),
            RecordForm::Delimited(delimited) => Box::new(DelimitedRows::new(columns, delimited.clone())?),
        })
    }

    /// The JSON text of a record; `None` where the text is no record of this form, as may be for
    /// one that does not come from the stream.
    pub fn json<'a>(
        &self,
        record: &'a [u8],
        made: &'a mut JsonText,
    ) -> Result<Option<&'a [u8]>, OutOfMemory> {
        match self {
            RecordForm::Json => Ok(Some(record)),
            RecordForm::Delimited(delimited) => {
                made.text.clear();
                let is_made = delimited.document(record, &mut made.buffers, &mut made.text)?;
                Ok(is_made.then_some(made.text.as_slice()))
            }
        }
    }

    /// The same of a record with a NUL behind it, with such a NUL.
    pub fn c_json<'a>(
        &self,
        record: &'a CStr,
        made: &'a mut JsonText,
    ) -> Result<Option<&'a CStr>, OutOfMemory> {
        let RecordForm::Delimited(delimited) = self else { return Ok(Some(record)) };
        let JsonText { text, buffers } = made;
        text.clear();
        if !delimited.document(record.to_bytes(), buffers, text)? {
            return Ok(None);
        }
        memory::push(text, 0)?;
        Ok(CStr::from_bytes_with_nul(text).ok())
    }
}

/// The JSON text of a record, where it had to be made.
#[derive(Debug, Default)]
pub struct JsonText {
    text: Vec<u8>,
    buffers: Buffers,
}
