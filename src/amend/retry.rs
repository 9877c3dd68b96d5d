//! `retry_rejects`: loads the mended rejects of a load that are good now.

use super::{gone, hold, target};
use crate::catalog::{self, Catalog, MendedReject, Past};
use crate::error::{Error, RecordPosition};
use crate::pg;
use crate::pg::executor::chunk::Chunk;
use crate::pg::memory::allocator;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::strings::{error_context, text};
use crate::sink::{Insert, Records, Target};
use crate::verdict;
use std::ffi::CStr;
use std::fmt::Write;

/// A chunk is closed when it has this many rows, or when it is full.
const CHUNK_ROWS: usize = 10_000;

/// What `retry_rejects` returns.
pub struct Retried {
    /// The number of the retry, if it loaded anything.
    pub load_id: Option<i64>,
    pub rows_loaded: u64,
    /// How many mended rejects are still bad.
    pub rows_rejected: u64,
}

/// Loads the mended rejects of a load into its table and column, as a load of its own.
pub fn retry(load_id: i64) -> Result<Retried, Error> {
    pg::prevent_during_recovery(c"retry_rejects");
    allocator::refill().map_err(Error::OutOfMemory)?;
    let again = &|line: &mut dyn Write| write!(line, "retrying rejects of load {load_id}");
    Context::new(c"loader", RESERVE).within(|| error_context::with_context(again, || retry_load(load_id)))
}

fn retry_load(load_id: i64) -> Result<Retried, Error> {
    let started_at = pg::now();
    let catalog = Catalog::open()?;
    let past = hold(&catalog, load_id)?;
    if let Some(original) = past.retry_of {
        return Err(Error::IsRetry { load_id, original });
    }
    let records = if past.keyed { Records::Members } else { Records::Elements };
    let target = match Target::lock(target(&past)?, &past.column, records) {
        Err(Error::NoTable(_)) => return Err(gone(&past)),
        target => target?,
    };
    let mut run = Run {
        insert: Insert::prepare(&target)?,
        shown: text::show(&past.file_path),
        id: None,
        chunk: Chunk::new(),
        places: Vec::new(),
        records: 0,
        bytes: 0,
        rows_loaded: 0,
        still_bad: 0,
        catalog: &catalog,
        past: &past,
        target: &target,
    };
    run.load_mended()?;
    if let Some(id) = run.id {
        let Run { records, bytes, rows_loaded, .. } = run;
        catalog.record_retry(&catalog::Retry {
            id,
            original: load_id,
            records,
            bytes,
            rows_loaded,
            started_at,
        })?;
    }
    Ok(Retried { load_id: run.id, rows_loaded: run.rows_loaded, rows_rejected: run.still_bad })
}

/// A retry under way.
struct Run<'a> {
    insert: Insert,
    /// The path of the file, for errors.
    shown: String,
    /// The number of the retry, which is drawn with its first chunk.
    id: Option<i64>,
    chunk: Chunk,
    /// The positions of the rejects of the chunk.
    places: Vec<RecordPosition>,
    records: u64,
    bytes: u64,
    rows_loaded: u64,
    still_bad: u64,
    catalog: &'a Catalog,
    past: &'a Past,
    target: &'a Target,
}

impl Run<'_> {
    /// Goes through the mended rejects, and loads those that are good.
    fn load_mended(&mut self) -> Result<(), Error> {
        let mut mended = self.catalog.mended(self.past.id);
        while let Some(mut reject) = mended.next()? {
            pg::check_for_interrupts();
            reject.text.push(0);
            self.take(&reject)?;
            if self.chunk.len() >= CHUNK_ROWS || self.chunk.bytes() >= self.target.full_chunk() {
                self.insert_chunk()?;
            }
        }
        self.insert_chunk()
    }

    /// Adds what the server makes of the text, which ends with a NUL, to the chunk, if it
    /// takes it.
    fn take(&mut self, reject: &MendedReject) -> Result<(), Error> {
        let text = reject.text.as_slice();
        self.chunk.reserve().map_err(Error::OutOfMemory)?;
        self.places
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory((self.places.len() + 1) * size_of::<RecordPosition>()))?;
        // A text of the server has no NUL in it.
        let good =
            CStr::from_bytes_with_nul(text).is_ok_and(|text| verdict::ask(text, &mut self.chunk).is_ok());
        if good {
            if self.target.lineage.key {
                self.chunk.push_key(reject.key.as_deref()).map_err(Error::OutOfMemory)?;
            }
            self.places.push(reject.place);
            self.records += 1;
            self.bytes += (text.len() - 1) as u64;
        } else {
            self.still_bad += 1;
        }
        Ok(())
    }

    fn insert_chunk(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        allocator::refill().map_err(Error::OutOfMemory)?;
        let id = match self.id {
            Some(id) => id,
            None => *self.id.insert(self.catalog.next_load_id()?),
        };
        // Before the rows: a trigger that retries too finds these done.
        let offsets: Vec<i64> = self.places.iter().map(|place| place.offset as i64).collect();
        self.catalog.set_resolved(self.past.id, &offsets, id)?;
        self.rows_loaded += self.insert.run(self.target, id, &self.shown, &self.chunk, &self.places)?;
        self.chunk.clear().for_each(drop);
        self.places.clear();
        Ok(())
    }
}
