//! The keys of the rows of a chunk that is written with ON CONFLICT: the statement takes each key
//! once, and takes keys in one order, so that loads side by side do not wait for each other in a
//! circle.

use super::chunk::Chunk;
use super::chunk_handle::CellDatum;
use crate::pg::Oid;
use crate::pg::memory::context::Context;
use pgrx::pg_sys;
use std::cell::UnsafeCell;
use std::cmp::Ordering;
use std::ops::Range;

/// The length of a uuid (`UUID_LEN` of the server).
const UUID_BYTES: usize = 16;

/// A column whose values are compared.
struct Compared {
    column: usize,
    by: By,
}

/// How values are compared. Any order will do for keys, as long as all loads have the same and
/// values are equal in it exactly if a unique index finds them equal.
enum By {
    /// As signed numbers: that is how they are passed.
    Number,
    /// As bytes of this many, …
    Bytes(usize),
    /// … or of as many as they say.
    Varlena,
    /// By the function of the type's default B-tree operator class.
    Function(Box<UnsafeCell<pg_sys::FmgrInfo>>, Oid),
}

/// Which of the rows with one key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// The first one: it stays as it is.
    First,
    /// The last one, if it has all that a row can have. Otherwise each of them has its say.
    Last,
}

/// How the rows of a chunk are written: the order in which they stand, and what becomes of the parts.
#[derive(Debug, Default)]
pub struct Resolved {
    /// The rows.
    pub order: Vec<u32>,
    /// So many of them go into one statement, each with another key, in the order of their keys.
    pub main: usize,
    /// Behind these stand rows that go into statements of their own, one after the other: where each
    /// of these ends.
    pub passes: Vec<usize>,
    /// Behind these stand rows that do not count if the one at that index of the first statement is
    /// written, and are tried one by one if it is refused: its index, and where they stand.
    pub losers: Vec<(usize, Range<usize>)>,
}

/// Finds the rows of chunks that have the same key.
pub struct KeyOrder {
    key: Vec<Compared>,
    version: Option<Compared>,
    winner: Winner,
    /// What the functions keep from call to call.
    _memory: Context,
}

/// A column, its type, and its collation.
pub type KeyColumn = (usize, Oid, Oid);

impl KeyOrder {
    /// For a key of these columns. With a version, a row with a lower one does not count where
    /// one with a higher one stands before it. Raises where a type has no order.
    pub fn new(key: &[KeyColumn], version: Option<KeyColumn>, winner: Winner) -> Self {
        let memory = Context::new(c"loader key order", 8 * 1024);
        let compared = |&(column, kind, collation): &KeyColumn, is_key| {
            let by = By::of(kind, collation, is_key, &memory);
            Compared { column, by }
        };
        KeyOrder {
            key: key.iter().map(|column| compared(column, true)).collect(),
            version: version.as_ref().map(|column| compared(column, false)),
            winner,
            _memory: memory,
        }
    }

    /// Which rows go into which statement. An error is the size of memory that was asked for.
    pub fn resolve(&mut self, chunk: &Chunk) -> Result<Resolved, usize> {
        let rows = chunk.len();
        let size = rows * size_of::<u32>();
        let mut sorted: Vec<u32> = Vec::new();
        sorted.try_reserve_exact(rows).map_err(|_| size)?;
        sorted.extend(0..rows as u32);
        sorted.sort_unstable_by(|&a, &b| self.compare_keys(chunk, a, b).then(a.cmp(&b)));
        let mut resolved = Resolved::default();
        resolved.order.try_reserve_exact(rows).map_err(|_| size)?;
        let (mut losers, mut one_by_one) = (Vec::new(), Vec::new());
        for group in sorted.chunk_by(|&a, &b| self.is_same_key(chunk, a, b)) {
            let Some(winner) = self.winner_of(chunk, group) else {
                one_by_one.try_reserve(group.len()).map_err(|_| size)?;
                one_by_one.extend((0_u32..).zip(group.iter().copied()));
                continue;
            };
            if group.len() > 1 {
                losers.try_reserve(1).map_err(|_| size)?;
                losers.push((resolved.order.len(), winner, group));
            }
            resolved.order.push(winner);
        }
        resolved.main = resolved.order.len();
        // The first of each key, then the second of each; in the order of their keys.
        one_by_one.sort_by_key(|(occurrence, _)| *occurrence);
        for pass in one_by_one.chunk_by(|(a, _), (b, _)| a == b) {
            resolved.order.extend(pass.iter().map(|(_, row)| row));
            resolved.passes.push(resolved.order.len());
        }
        for (index, winner, group) in losers {
            let start = resolved.order.len();
            resolved.order.extend(group.iter().filter(|&&row| row != winner));
            resolved.losers.push((index, start..resolved.order.len()));
        }
        Ok(resolved)
    }

    fn compare_keys(&self, chunk: &Chunk, a: u32, b: u32) -> Ordering {
        let orders = self.key.iter().map(|compared| compared.compare(chunk, a, b));
        orders.fold(Ordering::Equal, Ordering::then)
    }

    /// Whether two rows have one key. A default that the server computes may be any.
    fn is_same_key(&self, chunk: &Chunk, a: u32, b: u32) -> bool {
        let has_key = |row| self.key.iter().all(|compared| chunk.value_at(row, compared.column).is_some());
        has_key(a) && has_key(b) && self.compare_keys(chunk, a, b).is_eq()
    }

    /// The row of those with one key, in the order of the file, that counts; `None` where each has to
    /// be written.
    fn winner_of(&self, chunk: &Chunk, group: &[u32]) -> Option<u32> {
        let (&first, others) = group.split_first()?;
        if others.is_empty() || self.winner == Winner::First {
            return Some(first);
        }
        let Some(version) = &self.version else {
            let last = *others.last()?;
            return chunk.is_complete(last).then_some(last);
        };
        if group.iter().any(|&row| chunk.is_absent(row, version.column)) {
            return None;
        }
        let mut winner = first;
        for &row in others {
            // As the statement has it: whatever is newer than nothing.
            let counts = match chunk.value_at(winner, version.column) {
                None => true,
                Some(_) if chunk.value_at(row, version.column).is_none() => false,
                Some(_) => version.compare(chunk, row, winner).is_ge(),
            };
            if counts {
                winner = row;
            }
        }
        chunk.is_complete(winner).then_some(winner)
    }
}

impl Compared {
    /// NULL is above all others.
    fn compare(&self, chunk: &Chunk, a: u32, b: u32) -> Ordering {
        let (Some(a), Some(b)) = (chunk.value_at(a, self.column), chunk.value_at(b, self.column)) else {
            let is_null = |row| chunk.value_at(row, self.column).is_none();
            return is_null(a).cmp(&is_null(b));
        };
        self.by.compare(a, b)
    }
}

impl By {
    fn of(kind: Oid, collation: Oid, is_key: bool, memory: &Context) -> Self {
        // SAFETY: look-ups.
        let is_deterministic =
            collation == pg_sys::InvalidOid || unsafe { pg_sys::get_collation_isdeterministic(collation) };
        match kind {
            pg_sys::INT2OID
            | pg_sys::INT4OID
            | pg_sys::INT8OID
            | pg_sys::DATEOID
            | pg_sys::TIMESTAMPOID
            | pg_sys::TIMESTAMPTZOID => By::Number,
            pg_sys::UUIDOID => By::Bytes(UUID_BYTES),
            pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::BYTEAOID if is_key && is_deterministic => {
                By::Varlena
            }
            _ => {
                let mut function = pg_sys::FmgrInfo::default();
                // SAFETY: the entry is of the server's cache; raises where there is no such type.
                // The context lives as long as the function's information.
                unsafe {
                    let entry = &*pg_sys::lookup_type_cache(kind, pg_sys::TYPECACHE_CMP_PROC as i32);
                    if entry.cmp_proc == pg_sys::InvalidOid {
                        pgrx::ereport!(
                            ERROR,
                            pgrx::PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
                            "could not identify a comparison function for a column of the key"
                        );
                    }
                    let before = memory.enter();
                    pg_sys::fmgr_info_cxt(entry.cmp_proc, &raw mut function, pg_sys::CurrentMemoryContext);
                    pg_sys::MemoryContextSwitchTo(before);
                }
                By::Function(Box::new(UnsafeCell::new(function)), collation)
            }
        }
    }

    fn compare(&self, a: pg_sys::Datum, b: pg_sys::Datum) -> Ordering {
        // SAFETY: both are datums of the type that this was made for, plain ones.
        unsafe {
            match self {
                By::Number => (a.value() as i64).cmp(&(b.value() as i64)),
                By::Bytes(length) => {
                    let bytes = |datum: pg_sys::Datum| {
                        std::slice::from_raw_parts(datum.cast_mut_ptr::<u8>().cast_const(), *length)
                    };
                    bytes(a).cmp(bytes(b))
                }
                By::Varlena => {
                    let bytes = |datum: pg_sys::Datum| pgrx::varlena_to_byte_slice(datum.cast_mut_ptr());
                    bytes(a).cmp(bytes(b))
                }
                By::Function(function, collation) => {
                    let order = pg_sys::FunctionCall2Coll(function.get(), *collation, a, b);
                    (order.value() as i32).cmp(&0)
                }
            }
        }
    }
}

impl Chunk {
    /// The value of a row in a column, if there is one.
    fn value_at(&self, row: u32, column: usize) -> Option<pg_sys::Datum> {
        match self.cell(row, column) {
            CellDatum::Value(datum) => Some(datum),
            CellDatum::Absent | CellDatum::Null => None,
        }
    }

    /// Whether the record of a row lacks the field of a column.
    fn is_absent(&self, row: u32, column: usize) -> bool {
        matches!(self.cell(row, column), CellDatum::Absent)
    }

    /// Whether the record of a row has the fields of all columns.
    fn is_complete(&self, row: u32) -> bool {
        (0..self.width()).all(|column| !self.is_absent(row, column))
    }
}
