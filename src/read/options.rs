//! The options of a reading: from the words of the call to values.

use crate::error::Error;
use crate::load::{InputWords, OnError, format_of, line_prefix_of, on_error_of, records_path_of};
use loader_core::split::json::{Format, RecordsPath};
use loader_core::stream;
use std::sync::Arc;

/// The arguments of `read_json_file`, texts in the database's encoding.
pub struct Call<'a> {
    pub path: &'a [u8],
    pub format: &'a [u8],
    pub input: InputWords<'a>,
    pub on_error: &'a [u8],
    pub records_path: Option<&'a [u8]>,
    pub max_records: Option<i64>,
    pub line_prefix: Option<&'a [u8]>,
}

/// The options of one call.
pub struct Options {
    /// The framing; `None` finds it out.
    pub format: Option<Format>,
    /// Where in a file the array lies that holds the records.
    pub records_path: Option<RecordsPath>,
    /// What the record of each line starts behind. UTF-8.
    pub line_prefix: Option<Arc<[u8]>>,
    /// How the bytes of a file become UTF-8 text.
    pub input: stream::Options,
    /// What to do with a bad record.
    pub on_error: OnError,
    /// So many rows are wanted; `None` is all there are.
    pub max_records: Option<u64>,
}

impl Options {
    /// Reads the words of a call.
    pub fn of(call: &Call<'_>) -> Result<Self, Error> {
        let format = format_of(call.format)?;
        let records_path = call.records_path.map(|path| records_path_of(path, format)).transpose()?;
        let line_prefix = line_prefix_of(call.line_prefix, format, records_path.is_some())?;
        Ok(Options {
            format,
            records_path,
            line_prefix,
            input: call.input.options()?,
            on_error: on_error_of(call.on_error)?,
            max_records: match call.max_records {
                None => None,
                Some(most) => Some(u64::try_from(most).map_err(|_| Error::NegativeMaxRecords(most))?),
            },
        })
    }
}
