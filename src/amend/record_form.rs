//! What the records of a load are, so that a text can be read as one of them.

use crate::catalog::{Catalog, SavedOptions};
use crate::error::{AmendError, Error};
use crate::formats::{RawCsv, force_list};
use crate::pg::executor::chunk::Chunk;
use crate::pg::strings::text;
use crate::values;
use loader_core::encode::delimited::{Delimited, NullRules};
use loader_core::encode::{JsonText, RecordForm};
use std::ffi::CStr;
use std::sync::Arc;

/// Reads texts as records of a load.
pub struct TextReader {
    pub form: RecordForm,
    json: JsonText,
}

impl TextReader {
    /// For the records of a load that was made with these options.
    pub fn new(catalog: &Catalog, load_id: i64, saved: &SavedOptions) -> Result<Self, Error> {
        let form = match catalog.saved_dialect(load_id)? {
            None => RecordForm::Json,
            Some(dialect) => {
                let null = saved.word("null").unwrap_or_default();
                let null = text::to_utf8(&null).map_err(Error::OutOfMemory)?.unwrap_or_default();
                let force_null = force_list("force_null", &saved.force_null)?;
                let force_not_null = force_list("force_not_null", &saved.force_not_null)?;
                let nulls = NullRules::of(&dialect.names, &null, &force_null, &force_not_null)
                    .map_err(|_| AmendError::NoLoad(load_id))?;
                let strict = saved.word("strict_mode").is_none_or(|word| word != b"false");
                let formats = RawCsv {
                    decimal_separator: saved.word("decimal_separator").unwrap_or_else(|| b".".to_vec()),
                    thousands: saved.word("thousands"),
                    date_format: saved.word("date_format"),
                    timestamp_format: saved.word("timestamp_format"),
                    ..RawCsv::default()
                }
                .formats()?;
                let delimited = Delimited::new(dialect.dialect, strict, dialect.names, nulls, formats);
                RecordForm::Delimited(Arc::new(delimited))
            }
        };
        Ok(TextReader { form, json: JsonText::default() })
    }

    /// Whether a text, which is in the encoding of the database, is a good record.
    pub fn is_good(&mut self, text: &CStr, chunk: &mut Chunk) -> Result<bool, Error> {
        match &self.form {
            RecordForm::Json => Ok(values::look_at(text, chunk).is_ok()),
            RecordForm::Delimited(delimited) => Ok(record_of(delimited, text)?.is_some()),
        }
    }

    /// Adds the document of a text, which is in the encoding of the database, to the chunk, and
    /// returns whether it is a good record.
    pub fn push_document(&mut self, text: &CStr, chunk: &mut Chunk) -> Result<bool, Error> {
        let RecordForm::Delimited(delimited) = &self.form else {
            return Ok(values::ask(text, chunk).is_ok());
        };
        let Some(record) = record_of(delimited, text)? else { return Ok(false) };
        let document = self.form.json(&record, &mut self.json)?.unwrap_or_default();
        // The names of the fields may have characters that the encoding of the database lacks.
        let document = text::from_utf8(document, false).map_err(Error::OutOfMemory)?;
        Ok(document.is_some_and(|document| values::ask(&text::c_string(&document), chunk).is_ok()))
    }
}

/// A text in the encoding of the database as UTF-8, if it is one record.
fn record_of(delimited: &Delimited, text: &CStr) -> Result<Option<Vec<u8>>, Error> {
    let Some(utf8) = text::to_utf8(text.to_bytes()).map_err(Error::OutOfMemory)? else { return Ok(None) };
    Ok(delimited.is_record(&utf8)?.then_some(utf8))
}
