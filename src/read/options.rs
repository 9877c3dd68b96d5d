//! The options of a reading: from the arguments as they are given to values.

use crate::error::Error;
use crate::formats::{FormatOptions, RawFormat};
use crate::load::{OnError, RawInputOptions, on_error_of};
use loader_core::stream;

/// The arguments of a reading, texts in the database's encoding.
pub struct ReadArguments<'a> {
    pub path: &'a [u8],
    pub format: RawFormat<'a>,
    pub input: RawInputOptions<'a>,
    pub on_error: &'a [u8],
    pub max_records: Option<i64>,
}

/// The options of one reading.
pub struct ReadOptions {
    /// What the files are.
    pub format: FormatOptions,
    /// How the bytes of a file become UTF-8 text.
    pub input: stream::Options,
    /// What to do with a bad record.
    pub on_error: OnError,
    /// So many rows are wanted; `None` is all there are.
    pub max_records: Option<u64>,
}

impl ReadOptions {
    /// Reads and checks the options as they were given.
    pub fn of(arguments: &ReadArguments<'_>) -> Result<Self, Error> {
        Ok(ReadOptions {
            format: arguments.format.options()?,
            input: arguments.input.options()?,
            on_error: on_error_of(arguments.on_error)?,
            max_records: match arguments.max_records {
                None => None,
                Some(most) => Some(u64::try_from(most).map_err(|_| Error::NegativeMaxRecords(most))?),
            },
        })
    }
}
