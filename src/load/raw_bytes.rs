//! The bytes of the records of a chunk, for those that the server refuses when they are inserted.
//! Where the file is the stream they are read from it again; where it is compressed or in another
//! encoding they are kept until then.

use crate::error::{Error, RecordPosition};
use crate::pg;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Pieces of text, one for each record of a chunk.
#[derive(Default)]
pub struct Pieces {
    bytes: Vec<u8>,
    /// Where each lies in `bytes`, if the record has one.
    spans: Vec<Option<Range<usize>>>,
}

impl Pieces {
    /// Adds that of the next record.
    pub fn push(&mut self, piece: Option<&[u8]>) -> Result<(), Error> {
        self.spans
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory((self.spans.len() + 1) * size_of::<Option<Range<usize>>>()))?;
        let start = self.bytes.len();
        let span = match piece {
            Some(piece) => {
                append(&mut self.bytes, piece)?;
                Some(start..self.bytes.len())
            }
            None => None,
        };
        self.spans.push(span);
        Ok(())
    }

    /// That of the record at `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.spans.get(index)?.clone().map(|span| &self.bytes[span])
    }

    /// Keeps the pieces of these records, in this order; none where none was added.
    pub fn keep(&mut self, records: &[u32]) -> Result<(), Error> {
        if self.spans.is_empty() {
            return Ok(());
        }
        let mut spans = Vec::new();
        let size = records.len() * size_of::<Option<Range<usize>>>();
        spans.try_reserve(records.len()).map_err(|_| Error::OutOfMemory(size))?;
        spans.extend(records.iter().map(|&record| self.spans[record as usize].clone()));
        self.spans = spans;
        Ok(())
    }

    /// How many bytes they have.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }
}

/// Where the bytes of the records of a chunk can be had.
pub enum RawBytes {
    /// Nobody asks for them.
    Unneeded,
    /// In the file.
    InFile(Arc<File>),
    /// Here, the first ones of each.
    Kept(Pieces),
}

impl RawBytes {
    /// The first bytes of the record at `index` of the chunk, no more than `limit`. `path` is
    /// the file's, for errors.
    pub fn get(
        &self,
        index: usize,
        place: RecordPosition,
        limit: usize,
        path: &str,
    ) -> Result<Vec<u8>, Error> {
        let mut raw = Vec::new();
        match self {
            RawBytes::Unneeded => {}
            RawBytes::Kept(pieces) => append(&mut raw, pieces.get(index).unwrap_or_default())?,
            RawBytes::InFile(file) => {
                let size = usize::try_from(place.length).unwrap_or(usize::MAX).min(limit);
                raw.try_reserve_exact(size).map_err(|_| Error::OutOfMemory(size))?;
                raw.resize(size, 0);
                read_at(file, place.offset, &mut raw, path)?;
            }
        }
        Ok(raw)
    }
}

fn append(to: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    to.try_reserve(bytes.len()).map_err(|_| Error::OutOfMemory(to.len() + bytes.len()))?;
    to.extend_from_slice(bytes);
    Ok(())
}

/// Reads so many bytes from that place on.
fn read_at(file: &File, offset: u64, buf: &mut [u8], path: &str) -> Result<(), Error> {
    let mut read = 0;
    while read < buf.len() {
        match file.read_at(&mut buf[read..], offset + read as u64) {
            // It has become shorter.
            Ok(0) => return Err(Error::Changed(path.to_string())),
            Ok(n) => read += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => pg::check_for_interrupts(),
            Err(error) => return Err(Error::Read { path: path.to_string(), error }),
        }
    }
    Ok(())
}
