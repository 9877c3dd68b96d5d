//! A chunk of rows. A row is a value of type jsonb, made by `jsonb_in`, or has a cell for each of
//! some columns. Values lie in a memory context of the chunk's own, or in buffers that it holds.

use super::chunk_handle::{self, CellDatum, HandedOut, Values, Violation, Written};
use super::statement::{Parameters, Statement};
use crate::pg::Oid;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::memory::lent::Lent;
use loader_core::encode;
use loader_core::pipeline::RecordPosition;
use pgrx::pg_sys;
use pgrx::spi::SpiError;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::ops::Range;
use std::rc::Rc;

/// A chunk is to be closed when its values take so many bytes, however many rows it
/// has: so memory follows the records, not the file. Larger gains nothing.
pub const FULL: usize = 4 * 1024 * 1024;

/// Scratch memory that is kept between two values.
const SCRATCH: usize = 256 * 1024;

/// Text parsed before the scratch memory is reset: parsing leaves up to some
/// ten times its size behind.
const SCRATCH_TEXT: usize = 32 * 1024;

/// What parsing leaves behind however short the text, put as text: a lexer, two
/// string buffers.
const SCRATCH_LEAST: usize = 512;

/// What a row takes beside its cells: the allocator's header, and where its record came from.
const BESIDE: usize = 48;

unsafe extern "C-unwind" {
    /// The server's, without the guard that pgrx puts around it.
    fn jsonb_in(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
}

/// The rows of one chunk.
pub struct Chunk {
    /// The types of the columns, …
    types: Vec<Oid>,
    /// … and how values of them are passed.
    forms: Vec<Form>,
    /// Shared with rows that were lent.
    memory: Rc<Context>,
    scratch: Context,
    /// For copies of errors, of which the guard does not free everything.
    errors: Context,
    scratch_text: usize,
    /// Shared with them, too.
    held: Vec<Rc<Vec<u8>>>,
    /// The value that was added last lies in the buffer that is held last.
    last_is_held: bool,
    /// Row by row; the last one may lack some.
    cells: Vec<CellDatum>,
    /// Texts in `memory`, one for each row, or none at all.
    keys: Vec<Option<pg_sys::Datum>>,
    bytes: usize,
}

/// How long a datum is by its header of four bytes, plain or compressed; `None` where it
/// has another header.
fn header_length(header: u32) -> Option<usize> {
    // The two bits that tell are the last ones of the first byte, or its first ones.
    if cfg!(target_endian = "big") {
        (header >> 31 == 0).then_some(header as usize & 0x3FFF_FFFF)
    } else {
        (header & 1 == 0).then_some(header as usize >> 2)
    }
}

/// How values of a type are passed: `typbyval` and `typlen`.
#[derive(Clone, Copy)]
struct Form {
    by_value: bool,
    length: i16,
    /// It may refuse to be NULL.
    is_domain: bool,
}

impl Form {
    fn of(kind: Oid) -> Self {
        let mut form = Form { by_value: false, length: 0, is_domain: false };
        // SAFETY: look-ups, the first of which writes its results; they raise where there is no such type.
        unsafe {
            pg_sys::get_typlenbyval(kind, &raw mut form.length, &raw mut form.by_value);
            form.is_domain = pg_sys::getBaseType(kind) != kind;
        }
        form
    }

    /// Panics where a datum that is passed by reference has not this form: another length than its
    /// type, or than it says itself.
    fn check(self, datum: &[u8]) {
        let Form { by_value, length, .. } = self;
        assert!(!by_value, "a datum that is passed by reference");
        if length >= 0 {
            assert!(datum.len() == length as usize, "a datum is as long as its type");
            return;
        }
        let header = datum[..pg_sys::VARHDRSZ].first_chunk().expect("four bytes");
        let header = u32::from_ne_bytes(*header);
        assert!(length == -1 && header_length(header) == Some(datum.len()), "a datum is as long as it says");
    }
}

/// Room for a call of a function with one argument.
#[repr(C)]
struct FunctionCall {
    info: pg_sys::FunctionCallInfoBaseData,
    argument: pg_sys::NullableDatum,
}

impl Chunk {
    /// An empty chunk of jsonb values.
    pub fn new() -> Self {
        Chunk::of(vec![pg_sys::JSONBOID])
    }

    /// An empty chunk of rows with columns of these types.
    pub fn of(types: Vec<Oid>) -> Self {
        Chunk {
            forms: types.iter().map(|&kind| Form::of(kind)).collect(),
            types,
            memory: Rc::new(Chunk::memory()),
            scratch: Context::new(c"loader scratch", SCRATCH),
            errors: Context::new(c"loader errors", RESERVE),
            scratch_text: 0,
            held: Vec::new(),
            last_is_held: false,
            cells: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
        }
    }

    fn memory() -> Context {
        Context::new(c"loader chunk", 1024 * 1024)
    }

    /// Number of whole rows.
    pub fn len(&self) -> usize {
        self.cells.len() / self.types.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the rows take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes everything out, and returns the buffers that it held but for the
    /// last one, which may have more to give.
    pub fn clear(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.cells.clear();
        self.keys.clear();
        self.bytes = 0;
        match Rc::get_mut(&mut self.memory) {
            Some(memory) => memory.reset(),
            None => self.memory = Rc::new(Chunk::memory()),
        }
        self.reset_scratch();
        let done = self.held.len().saturating_sub(1);
        self.held.drain(..done).filter_map(Rc::into_inner)
    }

    /// Takes everything out, and returns the buffer that it held last.
    pub fn release(&mut self) -> Option<Vec<u8>> {
        drop(self.clear());
        self.held.pop().and_then(Rc::into_inner)
    }

    /// The value that was added last, for a row with a column of type jsonb.
    pub fn last(&self) -> Option<Lent> {
        let Some(&CellDatum::Value(value)) = self.cells.last() else { return None };
        let keeper: Rc<dyn Any> =
            if self.last_is_held { self.held.last()?.clone() } else { self.memory.clone() };
        // SAFETY: a jsonb datum, which lies in what is kept: nothing changes that while it
        // is shared.
        Some(unsafe { Lent::new(value, keeper) })
    }

    /// Makes room for one more row; an error is the size that was asked for.
    pub fn reserve(&mut self) -> Result<(), usize> {
        // A cell more is taken to and fro while a row is made.
        let more = self.types.len() + 1;
        self.cells.try_reserve(more).map_err(|_| (self.cells.len() + more) * size_of::<CellDatum>())
    }

    /// Holds a buffer with datums, for [`Chunk::push_held`]. An error is the size
    /// that was asked for.
    pub fn hold(&mut self, buffer: Vec<u8>) -> Result<(), usize> {
        self.held.try_reserve(1).map_err(|_| (self.held.len() + 1) * size_of::<Vec<u8>>())?;
        self.held.push(Rc::new(buffer));
        Ok(())
    }

    /// Adds the datum of so many bytes at `at` of the buffer that is held last, which the
    /// core has made: what is in it is the core's word. It was
    /// [`reserve`](Chunk::reserve)d for.
    pub fn push_held(&mut self, at: usize, length: usize) {
        let buffer = self.held.last().expect("a buffer");
        let datum = &buffer[at..at + length];
        assert!(datum.as_ptr().cast::<u32>().is_aligned(), "a datum is aligned to four bytes");
        self.check_form(datum);
        self.push(CellDatum::Value(pg_sys::Datum::from(datum.as_ptr())), length);
        self.last_is_held = true;
    }

    /// Adds a cell to the row in hand, which takes so many bytes beside. There is room for it.
    fn push(&mut self, cell: CellDatum, bytes: usize) {
        if self.cells.len().is_multiple_of(self.types.len()) {
            self.bytes += BESIDE;
        }
        self.cells.push(cell);
        self.bytes += bytes + size_of::<CellDatum>();
    }

    /// Adds a cell of a field that the record does not have.
    pub fn push_absent(&mut self) {
        self.push(CellDatum::Absent, 0);
    }

    /// Adds a cell that is NULL.
    pub fn push_null(&mut self) {
        self.push(CellDatum::Null, 0);
    }

    /// Adds a cell with a datum that is passed by value, which the core has made.
    pub fn push_word(&mut self, word: u64) {
        assert!(self.forms[self.cells.len() % self.forms.len()].by_value, "a datum that is passed by value");
        self.push(CellDatum::Value(pg_sys::Datum::from(word as usize)), 0);
    }

    /// Adds a cell with a copy of a datum that is passed by reference, which the core has made.
    pub fn push_copied(&mut self, datum: &[u8]) {
        self.check_form(datum);
        let copy = self.memory.alloc(datum.len());
        // SAFETY: so many bytes were allocated, apart from those.
        unsafe { std::ptr::copy_nonoverlapping(datum.as_ptr(), copy, datum.len()) };
        self.push(CellDatum::Value(pg_sys::Datum::from(copy)), datum.len());
        self.last_is_held = false;
    }

    /// Adds a row of cells that the core has made and that lie in the buffer which is held last.
    /// `false`, and there is no such row, where the server is to be asked about one of them. It was
    /// [`reserve`](Chunk::reserve)d for.
    pub fn push_row(&mut self, cells: &[encode::Cell]) -> bool {
        let before = (self.cells.len(), self.bytes);
        let held = self.held.last().map_or(&[][..], |buffer| buffer.as_slice());
        let mut bytes = BESIDE + size_of_val(cells);
        for (&cell, form) in cells.iter().zip(&self.forms) {
            let cell = match cell {
                encode::Cell::Word(word) if form.by_value => {
                    CellDatum::Value(pg_sys::Datum::from(word as usize))
                }
                encode::Cell::Null if !form.is_domain => CellDatum::Null,
                encode::Cell::Absent if !form.is_domain => CellDatum::Absent,
                encode::Cell::Datum(span) => {
                    let datum = &held[span.at..span.at + span.length];
                    assert!(datum.as_ptr().cast::<u32>().is_aligned(), "a datum is aligned to four bytes");
                    form.check(datum);
                    bytes += datum.len();
                    CellDatum::Value(pg_sys::Datum::from(datum.as_ptr()))
                }
                _ => {
                    self.cells.truncate(before.0);
                    return false;
                }
            };
            self.cells.push(cell);
        }
        self.bytes += bytes;
        self.last_is_held = true;
        debug_assert_eq!(self.cells.len(), before.0 + self.types.len());
        true
    }

    /// The buffer that is held last.
    pub fn held(&self) -> Option<Rc<Vec<u8>>> {
        self.held.last().cloned()
    }

    /// Panics where a datum has not the form of the column that it is for.
    fn check_form(&self, datum: &[u8]) {
        self.forms[self.cells.len() % self.forms.len()].check(datum);
    }

    /// Adds a cell with a copy of a datum that is for a column.
    ///
    /// # Safety
    /// The datum is of the type of the column.
    pub(in crate::pg) unsafe fn push_copy(&mut self, datum: pg_sys::Datum, column: usize) {
        let Form { by_value, length, .. } = self.forms[column];
        // SAFETY: by contract. The copy lives as long as the chunk's rows.
        let (copy, bytes) = unsafe {
            let before = self.memory.enter();
            let copy = pg_sys::datumCopy(datum, by_value, i32::from(length));
            pg_sys::MemoryContextSwitchTo(before);
            (copy, if by_value { 0 } else { pg_sys::datumGetSize(datum, false, i32::from(length)) })
        };
        self.push(CellDatum::Value(copy), bytes);
        self.last_is_held = false;
    }

    /// Takes the cell that was added last, and puts it in place of one of the row in hand. The row
    /// has all other cells.
    pub fn replace(&mut self, column: usize) {
        let cell = self.cells.pop().expect("a cell");
        let row = self.cells.len() - self.types.len();
        self.cells[row + column] = cell;
    }

    /// Takes back the cells of the row in hand, which may be all of them; `rows` were before it.
    pub fn take_back(&mut self, rows: usize) {
        self.cells.truncate(rows * self.types.len());
    }

    /// Whether the cell that was added last is NULL or absent.
    pub fn last_is_null(&self) -> bool {
        !matches!(self.cells.last(), Some(CellDatum::Value(_)))
    }

    /// Takes back the cell that was added last. Whether it has the bytes of the cell of the row in
    /// hand at `column`, which is of the same type.
    pub fn last_agrees(&mut self, column: usize) -> bool {
        let width = self.types.len();
        let Some(last) = self.cells.pop() else { return false };
        // Its cell of that column is there.
        let row = (self.cells.len() - 1) / width * width;
        let Form { by_value, length, .. } = self.forms[column];
        match (last, self.cells[row + column]) {
            // SAFETY: datums of the type, as they were pushed.
            (CellDatum::Value(theirs), CellDatum::Value(own)) => unsafe {
                pg_sys::datumIsEqual(own, theirs, by_value, i32::from(length))
            },
            _ => false,
        }
    }

    /// The cell of a row in a column.
    pub(super) fn cell(&self, row: u32, column: usize) -> CellDatum {
        self.cells[row as usize * self.types.len() + column]
    }

    /// How many columns a row has.
    pub(super) fn width(&self) -> usize {
        self.types.len()
    }

    /// Keeps these rows, in this order. An error is the size of memory that was asked for.
    pub fn keep(&mut self, rows: &[u32]) -> Result<(), usize> {
        let width = self.types.len();
        let mut cells = Vec::new();
        cells.try_reserve(rows.len() * width).map_err(|_| rows.len() * width * size_of::<CellDatum>())?;
        for &row in rows {
            let first = row as usize * width;
            cells.extend_from_slice(&self.cells[first..first + width]);
        }
        self.cells = cells;
        if !self.keys.is_empty() {
            let mut keys = Vec::new();
            let size = rows.len() * size_of::<Option<pg_sys::Datum>>();
            keys.try_reserve(rows.len()).map_err(|_| size)?;
            keys.extend(rows.iter().map(|&row| self.keys[row as usize]));
            self.keys = keys;
        }
        Ok(())
    }

    /// Counts so many bytes of text that an input function is called with, and frees what earlier
    /// calls have left behind if that is much.
    pub(in crate::pg) fn note_scratch(&mut self, text: usize) {
        if self.scratch_text > SCRATCH_TEXT {
            self.reset_scratch();
        }
        self.scratch_text += text + SCRATCH_LEAST;
    }

    /// Runs `body` with the scratch memory as the current context. The guard copies an error into the
    /// context that it was entered with: were that the scratch memory, and the error that it cannot
    /// grow, the copy would fail the same way, again and again, until the server gives up. Were it
    /// the caller's, that would grow with each value that is refused: the server copies names of
    /// files and functions that it does not free with the copy.
    ///
    /// # Safety
    /// `body` calls functions of the server without a guard around them, and has no destructors.
    pub(in crate::pg) unsafe fn within_scratch<R: Copy>(&self, body: impl FnOnce() -> R) -> R {
        let _back = self.errors.switch_to();
        // SAFETY: by contract.
        unsafe {
            pg_sys::ffi::pg_guard_ffi_boundary(|| {
                let before = self.scratch.enter();
                let result = body();
                pg_sys::MemoryContextSwitchTo(before);
                result
            })
        }
    }

    /// Whether the datum at `at` of the buffer that is held last is what
    /// `jsonb_in` makes of `text`, by bytes. Raises the server's error where it
    /// refuses the text.
    pub fn agrees(&mut self, at: usize, length: usize, text: &CStr) -> bool {
        let own = self.held.last().expect("a buffer")[at..at + length].as_ptr().cast_mut();
        self.reset_scratch();
        let theirs: *const u8 = self.parse(text).cast_mut_ptr();
        // SAFETY: both are whole varlenas; one that is compressed is decompressed
        // into memory that is given back.
        unsafe {
            let plain = pg_sys::pg_detoast_datum(own.cast()).cast::<u8>();
            let bytes =
                |varlena: *const u8| std::slice::from_raw_parts(varlena, pgrx::varsize_4b(varlena.cast()));
            let same = bytes(plain) == bytes(theirs);
            if plain != own {
                pg_sys::pfree(plain.cast());
            }
            same
        }
    }

    /// Adds what `jsonb_in` makes of `text`, which is in the database's
    /// encoding. Raises the server's error where it refuses the text.
    pub fn push_text(&mut self, text: &CStr) {
        // Counted first: what errors leave behind goes with a later value, good or not.
        self.note_scratch(text.count_bytes());
        let value = self.parse(text);
        // SAFETY: `jsonb_in` returns a plain (4-byte header) varlena.
        let size = unsafe { pgrx::varsize_4b(value.cast_mut_ptr()) };
        let copy = self.memory.alloc(size);
        // SAFETY: both are `size` bytes long, and apart.
        unsafe { std::ptr::copy_nonoverlapping(value.cast_mut_ptr::<u8>(), copy, size) };
        self.push(CellDatum::Value(pg_sys::Datum::from(copy)), size);
        self.last_is_held = false;
        if self.scratch_text > SCRATCH_TEXT {
            self.reset_scratch();
        }
    }

    /// Has `jsonb_in` look at a text, of which nothing is kept. Raises the server's error where it
    /// refuses the text.
    pub fn look_at_text(&mut self, text: &CStr) {
        self.note_scratch(text.count_bytes());
        self.parse(text);
    }

    /// What `jsonb_in` makes of `text`, in the scratch memory.
    fn parse(&self, text: &CStr) -> pg_sys::Datum {
        let mut call = FunctionCall {
            info: pg_sys::FunctionCallInfoBaseData { nargs: 1, ..Default::default() },
            argument: pg_sys::NullableDatum { value: pg_sys::Datum::from(text.as_ptr()), isnull: false },
        };
        let call = (&raw mut call).cast();
        // SAFETY: a call frame as the server lays it out: the argument follows
        // the struct; `jsonb_in` looks at nothing else in it.
        unsafe { self.within_scratch(|| jsonb_in(call)) }
    }

    /// Puts a key beside the row that was added last, as text of the database; all of them
    /// have one or NULL, or none has. An error is the size that was asked for.
    pub fn push_key(&mut self, key: Option<&[u8]>) -> Result<(), usize> {
        self.keys.try_reserve(1).map_err(|_| (self.keys.len() + 1) * size_of::<Option<pg_sys::Datum>>())?;
        let text = key.map(|key| {
            let size = pg_sys::VARHDRSZ + key.len();
            let text = self.memory.alloc(size);
            // SAFETY: so many bytes were allocated, aligned for any type of the server.
            unsafe {
                pgrx::set_varsize_4b(text.cast(), size as i32);
                text.add(pg_sys::VARHDRSZ).copy_from_nonoverlapping(key.as_ptr(), key.len());
            }
            self.bytes += size;
            pg_sys::Datum::from(text)
        });
        self.keys.push(text);
        Ok(())
    }

    fn reset_scratch(&mut self) {
        self.scratch.reset();
        self.errors.reset();
        self.scratch_text = 0;
    }

    /// Runs a statement that takes the rows at `indexes`, and returns what it has written.
    /// `places` has one for each of these. `handed_out` says meanwhile how far it has
    /// got, counted from the first of them. With `violations` it may leave out rows that a constraint
    /// refuses; they are counted alike.
    pub fn hand_to(
        &self,
        statement: &Statement,
        indexes: Range<usize>,
        places: &[RecordPosition],
        parameters: Parameters<'_>,
        handed_out: &Cell<HandedOut>,
        violations: Option<&RefCell<Vec<Violation>>>,
    ) -> Result<Written, SpiError> {
        let keys = if self.keys.is_empty() { &[] } else { &self.keys[indexes.clone()] };
        let width = self.types.len();
        let cells = &self.cells[indexes.start * width..indexes.end * width];
        let given = Values { types: &self.types, cells, places, keys, violations };
        // SAFETY: the cells are of the types, the keys are text.
        unsafe { chunk_handle::run(statement, given, parameters, handed_out) }
    }
}
