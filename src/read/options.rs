//! The options of a reading: from the words of the call to values.

use crate::error::Error;
use crate::load::{OnError, compression_of, format_of, on_error_of};
use loader_core::framing::Format;
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
#[derive(Clone, Copy)]
pub struct Options {
    /// The framing; `None` finds it out.
    pub format: Option<Format>,
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
        if call.records_path.is_some() {
            return Err(Error::NoRecordsPath);
        }
        Ok(Options {
            format: format_of(call.format)?,
            compression: compression_of(call.compression)?,
            on_error: on_error_of(call.on_error)?,
            max_records: match call.max_records {
                None => None,
                Some(most) => Some(u64::try_from(most).map_err(|_| Error::NegativeMaxRecords(most))?),
            },
        })
    }
}
