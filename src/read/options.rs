//! The options of a reading: from the words of the call to values.

use crate::error::Error;
use crate::load::{OnError, compression_of, format_of, on_error_of, records_path_of};
use loader_core::framing::{Format, RecordsPath};
use loader_core::input::Compression;

/// The arguments of `read_json_file`, texts in the database's encoding.
pub struct Call<'a> {
    pub path: &'a [u8],
    pub format: &'a [u8],
    pub compression: &'a [u8],
    pub on_error: &'a [u8],
    pub records_path: Option<&'a [u8]>,
    pub max_records: Option<i64>,
}

/// The options of one call.
pub struct Options {
    /// The framing; `None` finds it out.
    pub format: Option<Format>,
    /// Where in a file the array lies that holds the records.
    pub records_path: Option<RecordsPath>,
    /// The compression; `None` finds it out.
    pub compression: Option<Compression>,
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
        Ok(Options {
            format,
            records_path,
            compression: compression_of(call.compression)?,
            on_error: on_error_of(call.on_error)?,
            max_records: match call.max_records {
                None => None,
                Some(most) => Some(u64::try_from(most).map_err(|_| Error::NegativeMaxRecords(most))?),
            },
        })
    }
}
