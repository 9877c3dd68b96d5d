//! `read_json_file`: the records of files as rows, one by one, as they are asked
//! for. The files are opened one after the other; nothing is written anywhere.
//!
//! Between two rows the server may do anything, also end it all: it drops what is
//! here then, in no transaction that could be relied on.

mod options;
mod reading;
mod stream;

pub use options::{ReadArguments, ReadOptions};
pub use reading::Row;
pub use stream::{FileStream, Refused};

use crate::access;
use crate::error::Error;
use crate::load::Values;
use crate::pg;
use crate::pg::memory::allocator;
use reading::Reading;
use std::vec;

/// The records of all files, in order.
pub struct Rows {
    files: vec::IntoIter<Vec<u8>>,
    options: ReadOptions,
    /// So many rows are still wanted; `None` is all there are.
    wanted: Option<u64>,
    reading: Option<Reading>,
    values: Values,
}

/// Finds the files. The order of the checks is that of a load.
pub fn rows(arguments: &ReadArguments<'_>) -> Result<Rows, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    access::require_file_role()?;
    let options = ReadOptions::of(arguments)?;
    let files = access::expand(arguments.path)?;
    if files.is_empty() {
        return Err(Error::NoMatch(pg::strings::text::show(arguments.path)));
    }
    let values = Values::of_documents()?;
    let wanted = options.max_records;
    Ok(Rows { files: files.into_iter(), options, wanted, reading: None, values })
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl Rows {
    fn step(&mut self) -> Result<Option<Row>, Error> {
        if self.wanted == Some(0) {
            return Ok(None);
        }
        let Some(row) = self.next_row()? else { return Ok(None) };
        if let Some(wanted) = &mut self.wanted {
            *wanted -= 1;
            if let (0, Some(reading)) = (*wanted, &self.reading) {
                // Nothing more is read; the values stay for this row.
                reading.stop();
            }
        }
        Ok(Some(row))
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            if let Some(reading) = &mut self.reading
                && let Some(row) = reading.next(&mut self.values)?
            {
                return Ok(Some(row));
            }
            if let Some(reading) = self.reading.take() {
                reading.finish()?;
            }
            let Some(path) = self.files.next() else { return Ok(None) };
            allocator::refill().map_err(Error::OutOfMemory)?;
            let reading = Reading::open(&path, &self.options, self.wanted, &self.values.server)?;
            self.values.form = reading.form();
            self.reading = Some(reading);
        }
    }
}
