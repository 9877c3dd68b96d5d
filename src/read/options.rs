//! The options of a reading: from the arguments as they are given to values.

use crate::error::Error;
use crate::load::{
    OnError, RawInputOptions, format_of, keep_of, line_prefix_of, on_error_of, records_path_of,
};
use loader_core::split::json::{Format, Keep, RecordsPath};
use loader_core::stream;
use std::sync::Arc;

/// The arguments of a reading, texts in the database's encoding.
pub struct ReadArguments<'a> {
    pub path: &'a [u8],
    pub format: &'a [u8],
    pub input: RawInputOptions<'a>,
    pub on_error: &'a [u8],
    pub records_path: Option<&'a [u8]>,
    /// The fields of each document that are given to its records.
    pub keep: &'a [Vec<u8>],
    pub max_records: Option<i64>,
    pub line_prefix: Option<&'a [u8]>,
}

/// The options of one reading.
pub struct ReadOptions {
    /// The framing; `None` finds it out.
    pub format: Option<Format>,
    /// Where in a file the array lies that holds the records.
    pub records_path: Option<RecordsPath>,
    /// The fields of each document that are given to its records.
    pub keep: Keep,
    /// What the record of each line starts behind. UTF-8.
    pub line_prefix: Option<Arc<[u8]>>,
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
        let format = format_of(arguments.format)?;
        let records_path = arguments.records_path.map(|path| records_path_of(path, format)).transpose()?;
        let line_prefix = line_prefix_of(arguments.line_prefix, format, records_path.is_some())?;
        let (keep, _) = keep_of(arguments.keep, records_path.as_ref())?;
        Ok(ReadOptions {
            format,
            records_path,
            keep,
            line_prefix,
            input: arguments.input.options()?,
            on_error: on_error_of(arguments.on_error)?,
            max_records: match arguments.max_records {
                None => None,
                Some(most) => Some(u64::try_from(most).map_err(|_| Error::NegativeMaxRecords(most))?),
            },
        })
    }
}
