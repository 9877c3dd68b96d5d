//! What is held of the records of a chunk beside their values, until they are inserted: where each lies in
//! the stream, and its bytes and its key for the case that the table refuses it.

use super::raw_bytes::{Pieces, RawBytes};
use crate::error::{Error, RecordPosition};
use loader_core::pipeline::{Batch, Entry, RecordOutcome};

/// Where each record of a chunk lies in its file, and what is kept of it for a reject.
pub(super) struct Beside {
    /// The positions in the stream.
    pub(super) places: Vec<RecordPosition>,
    /// The bytes, as far as they are kept with rejects.
    raw_bytes: RawBytes,
    /// The keys, if the records are the values of an object and keys are kept with rejects.
    pub(super) keys: Pieces,
    has_keys: bool,
    raw_limit: usize,
}

impl Beside {
    /// Of no record yet. `has_keys`: keys are kept with rejects; `raw_limit`: the most bytes that are kept
    /// of one.
    pub(super) fn new(raw_bytes: RawBytes, has_keys: bool, raw_limit: usize) -> Self {
        Beside { places: Vec::new(), raw_bytes, keys: Pieces::default(), has_keys, raw_limit }
    }

    /// Adds what there is of the next record.
    pub(super) fn push(&mut self, batch: &Batch, entry: &Entry, key: Option<&[u8]>) -> Result<(), Error> {
        self.places
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory((self.places.len() + 1) * size_of::<RecordPosition>()))?;
        self.places.push(entry.place);
        if self.has_keys && !batch.keys.is_empty() {
            self.keys.push(key)?;
        }
        if let RawBytes::Kept(pieces) = &mut self.raw_bytes {
            let text = match entry.outcome {
                RecordOutcome::WithText { text, .. }
                | RecordOutcome::Text { text, .. }
                | RecordOutcome::Row { text, .. }
                | RecordOutcome::NotAnObject { text } => batch.text(text),
                RecordOutcome::Value(_) | RecordOutcome::Reject { .. } => &[],
            };
            pieces.push(Some(cut(text, self.raw_limit)))?;
        }
        Ok(())
    }

    /// Holds these records alone, in this order.
    pub(super) fn keep(&mut self, records: &[u32]) -> Result<(), Error> {
        let mut places = Vec::new();
        let size = records.len() * size_of::<RecordPosition>();
        places.try_reserve(records.len()).map_err(|_| Error::OutOfMemory(size))?;
        places.extend(records.iter().map(|&record| self.places[record as usize]));
        self.places = places;
        self.keys.keep(records)?;
        if let RawBytes::Kept(pieces) = &mut self.raw_bytes {
            pieces.keep(records)?;
        }
        Ok(())
    }

    /// Those bytes of a record that are kept with a reject.
    pub(super) fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        cut(text, self.raw_limit)
    }

    /// The same bytes of the record at `index`: they are read from the file again if they are not held.
    /// `path` is the file's, for errors.
    pub(super) fn raw(&self, index: usize, path: &str) -> Result<Vec<u8>, Error> {
        self.raw_bytes.get(index, self.places[index], self.raw_limit, path)
    }

    /// How many bytes are held of bytes and keys.
    pub(super) fn len(&self) -> usize {
        let kept = match &self.raw_bytes {
            RawBytes::Kept(pieces) => pieces.len(),
            RawBytes::Unneeded | RawBytes::InFile(_) => 0,
        };
        kept + self.keys.len()
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.keys.clear();
        if let RawBytes::Kept(pieces) = &mut self.raw_bytes {
            pieces.clear();
        }
    }
}

fn cut(text: &[u8], limit: usize) -> &[u8] {
    &text[..text.len().min(limit)]
}
