//! The keys of the rows of a chunk that is written with ON CONFLICT: the statement takes each key
//! once, and takes keys in one order, so that loads side by side do not wait for each other in a
//! circle.

use super::chunk::Chunk;
use super::chunk_handle::CellDatum;
use crate::pg::Oid;
use crate::pg::memory::context::Context;
use pgrx::pg_sys;
use std::cmp::Ordering;

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
    Function(Box<pg_sys::FmgrInfo>, Oid),
}

/// Which of two rows with one key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
    /// The first one: it stays as it is.
    First,
    /// The last one. What it does not have, it has from those before it.
    Last,
}

/// Finds the rows of chunks that have the same key.
pub struct KeyOrder {
    key: Vec<Compared>,
    version: Option<Compared>,
    winner: Winner,
    order: Vec<u32>,
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
            order: Vec::new(),
            _memory: memory,
        }
    }

    /// The rows of the chunk that are to be written, in the order of their keys. An error is the
    /// size of memory that was asked for.
    pub fn resolve(&mut self, chunk: &mut Chunk) -> Result<&[u32], usize> {
        let KeyOrder { key, version, winner, order, .. } = self;
        let rows = chunk.len();
        order.clear();
        order.try_reserve(rows).map_err(|_| rows * size_of::<u32>())?;
        order.extend(0..rows as u32);
        let compare = |key: &mut [Compared], chunk: &Chunk, a: u32, b: u32| {
            key.iter_mut().map(|compared| compared.compare(chunk, a, b)).find(|order| order.is_ne())
        };
        order.sort_unstable_by(|&a, &b| compare(key, chunk, a, b).unwrap_or_else(|| a.cmp(&b)));
        let mut kept = 0;
        for index in 0..order.len() {
            let row = order[index];
            let is_known = kept > 0 && {
                let before = order[kept - 1];
                let has_key = key.iter().all(|compared| chunk.value_at(row, compared.column).is_some());
                has_key && compare(key, chunk, before, row).is_none()
            };
            if !is_known {
                order[kept] = row;
                kept += 1;
                continue;
            }
            let before = order[kept - 1];
            let counts = match (*winner, &mut *version) {
                (Winner::First, _) => false,
                (Winner::Last, None) => true,
                // As the statement has it: whatever is newer than nothing.
                (Winner::Last, Some(version)) => match chunk.value_at(before, version.column) {
                    None => true,
                    Some(_) if chunk.value_at(row, version.column).is_none() => false,
                    Some(_) => version.compare(chunk, row, before).is_ge(),
                },
            };
            if counts {
                chunk.fill_from(row, before);
                order[kept - 1] = row;
            }
        }
        order.truncate(kept);
        Ok(order)
    }
}

impl Compared {
    /// NULL is above all others.
    fn compare(&mut self, chunk: &Chunk, a: u32, b: u32) -> Ordering {
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
                let mut function = Box::<pg_sys::FmgrInfo>::default();
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
                    pg_sys::fmgr_info_cxt(entry.cmp_proc, &mut *function, pg_sys::CurrentMemoryContext);
                    pg_sys::MemoryContextSwitchTo(before);
                }
                By::Function(function, collation)
            }
        }
    }

    fn compare(&mut self, a: pg_sys::Datum, b: pg_sys::Datum) -> Ordering {
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
                    let order = pg_sys::FunctionCall2Coll(&mut **function, *collation, a, b);
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
}
