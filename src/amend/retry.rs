//! `retry_rejects`: loads the mended rejects of a load that are good now.

use super::record_form::TextReader;
use super::{gone, hold, target};
use crate::catalog::{self, Catalog, MendedReject, Past, SavedOptions};
use crate::error::{AmendError, Error, RecordPosition, RejectReason};
use crate::pg;
use crate::pg::executor::chunk::Chunk;
use crate::pg::memory::allocator;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::strings::{error_context, text};
use crate::sink::{ColumnOptions, Companion, Insert, RawColumnOptions, Records, Rows, Target, Upsert};
use crate::values::{RowMaker, Server};
use std::ffi::CStr;
use std::fmt::Write;
use std::ops::Range;

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
        return Err(AmendError::IsRetry { load_id, original }.into());
    }
    let saved = catalog.saved_options(load_id)?;
    let reader = TextReader::new(&catalog, load_id, &saved)?;
    let options = options_of(saved)?;
    // The query of another role would run with the rights of this one.
    if options.transform.is_some() && !past.is_own {
        return Err(AmendError::RetriesOthersQuery(load_id).into());
    }
    let records = if past.keyed { Records::Members } else { Records::Elements };
    let target = match Target::lock(
        target(&past)?,
        (!past.column.is_empty()).then_some(&*past.column),
        records,
        &options,
    ) {
        Err(Error::NoTable(_)) => return Err(gone(&past)),
        target => target?,
    };
    let shown = text::show(&past.file_path);
    let mut server = Server::new()?;
    let upsert = Upsert::of(&target, &options)?;
    let rows =
        RowMaker::for_target(&shown, &target, &options, upsert.as_ref(), &reader.form, server.is_utf8())?;
    let mut run = Run {
        insert: Insert::prepare(&target, &options)?,
        shown,
        server: &mut server,
        reader,
        rows,
        by_key: upsert.is_some(),
        id: None,
        chunk: Chunk::of(target.route.types()),
        places: Vec::new(),
        lengths: Vec::new(),
        records: 0,
        bytes: 0,
        rows_loaded: 0,
        rows_updated: 0,
        still_bad: 0,
        catalog: &catalog,
        past: &past,
        target: &target,
    };
    run.load_mended()?;
    // A number was drawn for those that the server has then refused.
    run.id = run.id.filter(|_| run.records > 0);
    if let Some(id) = run.id {
        let Run { records, bytes, rows_loaded, rows_updated, .. } = run;
        catalog.record_retry(&catalog::Retry {
            id,
            original: load_id,
            records,
            bytes,
            rows_loaded,
            rows_updated,
            started_at,
        })?;
    }
    Ok(Retried { load_id: run.id, rows_loaded: run.rows_loaded, rows_rejected: run.still_bad })
}

/// How the load that is retried has put fields into columns.
fn options_of(saved: SavedOptions) -> Result<ColumnOptions, Error> {
    let word = |name: &str| saved.word(name);
    let or_default = |name, default: &[u8]| word(name).unwrap_or_else(|| default.to_vec());
    let raw = RawColumnOptions {
        match_columns: or_default("match_columns", b"auto"),
        column_map: saved.column_map.clone(),
        keep: Vec::new(),
        transform: word("transform"),
        schema_evolution: or_default("schema_evolution", b"auto"),
        on_value_error: or_default("on_value_error", b"auto"),
        write_mode: or_default("write_mode", b"append"),
        key: (!saved.key.is_empty()).then(|| saved.key.clone()),
        version_column: word("version_column"),
    };
    raw.options()
}

/// A retry under way.
struct Run<'a> {
    insert: Insert,
    /// The path of the file, for errors.
    shown: String,
    server: &'a mut Server,
    reader: TextReader,
    /// What makes rows where fields go to columns.
    rows: Option<RowMaker>,
    /// Rows are found by their keys.
    by_key: bool,
    /// The number of the retry, which is drawn with its first chunk.
    id: Option<i64>,
    chunk: Chunk,
    /// The positions of the rejects of the chunk.
    places: Vec<RecordPosition>,
    /// How many bytes each of their texts has.
    lengths: Vec<u64>,
    records: u64,
    bytes: u64,
    rows_loaded: u64,
    rows_updated: u64,
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
            // A statement takes each key once.
            if self.by_key || self.chunk.len() >= CHUNK_ROWS || self.chunk.bytes() >= self.target.full_chunk()
            {
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
        self.lengths
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory((self.lengths.len() + 1) * size_of::<u64>()))?;
        // A text of the server has no NUL in it.
        let good = match CStr::from_bytes_with_nul(text) {
            Ok(text) => self.make(text)?,
            Err(_) => false,
        };
        if good {
            if self.target.lineage.key {
                self.chunk.push_key(reject.key.as_deref()).map_err(Error::OutOfMemory)?;
            }
            let length = (text.len() - 1) as u64;
            self.places.push(reject.place);
            self.lengths.push(length);
            self.records += 1;
            self.bytes += length;
        } else {
            self.still_bad += 1;
        }
        Ok(())
    }

    /// Adds the row of a mended text, which is in the database's encoding, to the chunk, if the
    /// server takes it.
    fn make(&mut self, text: &CStr) -> Result<bool, Error> {
        let Some(rows) = &mut self.rows else { return self.reader.push_document(text, &mut self.chunk) };
        if !self.reader.is_good(text, &mut self.chunk)? {
            return Ok(false);
        }
        let utf8 = text::to_utf8(text.to_bytes()).map_err(Error::OutOfMemory)?;
        let Some(utf8) = utf8 else { return Ok(false) };
        Ok(rows.make_of_text(self.server, &utf8, &mut self.chunk)?.is_ok())
    }

    fn insert_chunk(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        allocator::refill().map_err(Error::OutOfMemory)?;
        let id = match self.id {
            Some(id) => id,
            None => *self.id.insert(self.catalog.next_load_id()),
        };
        let rows = Rows { load_id: id, file: &self.shown, chunk: &self.chunk, places: &self.places };
        let mut resolving = Resolving {
            catalog: self.catalog,
            original: self.past.id,
            retry: id,
            places: &self.places,
            lengths: &self.lengths,
            refused: 0,
            refused_bytes: 0,
        };
        let written =
            self.insert.run_what_is_taken(self.target, rows, 0..self.places.len(), &mut resolving)?;
        self.rows_loaded += written.inserted + written.updated;
        self.rows_updated += written.updated;
        let Resolving { refused, refused_bytes, .. } = resolving;
        self.still_bad += refused;
        self.records -= refused;
        self.bytes -= refused_bytes;
        self.chunk.clear().for_each(drop);
        self.places.clear();
        self.lengths.clear();
        Ok(())
    }
}

/// Marks rejects as resolved while they are inserted.
struct Resolving<'a> {
    catalog: &'a Catalog,
    /// The load whose rejects they are, and the one that loads them.
    original: i64,
    retry: i64,
    places: &'a [RecordPosition],
    lengths: &'a [u64],
    /// How many the server refuses again, and how many bytes their texts have.
    refused: u64,
    refused_bytes: u64,
}

impl Companion for Resolving<'_> {
    /// A trigger that retries too finds these done.
    fn before(&mut self, rows: Range<usize>) -> Result<(), Error> {
        let offsets: Vec<i64> = self.places[rows].iter().map(|place| place.offset as i64).collect();
        self.catalog.set_resolved(self.original, &offsets, self.retry)
    }

    fn refused(&mut self, row: usize, _: RejectReason) -> Result<(), Error> {
        self.refused += 1;
        self.refused_bytes += self.lengths[row];
        Ok(())
    }

    fn inserted(&mut self, _: Range<usize>) {}

    /// All of them are marked before they are inserted.
    fn takes_parts(&self) -> bool {
        false
    }
}
