//! A chunk of jsonb values: made by `jsonb_in`, or brought in buffers. They lie in a
//! memory context of the chunk's own, or in the buffers, which it holds.

use super::chunk_handle::{self, HandedOut, Statement, Values};
use crate::pg::memory::context::Context;
use crate::pg::memory::lent::Lent;
use pgrx::pg_sys;
use pgrx::spi::SpiError;
use std::any::Any;
use std::cell::Cell;
use std::ffi::CStr;
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

/// What a value takes beside its own bytes: the allocator's header, the datum,
/// and where its record came from.
const BESIDE: usize = 64;

unsafe extern "C-unwind" {
    /// The server's, without the guard that pgrx puts around it.
    fn jsonb_in(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
}

/// jsonb values of one chunk.
pub struct Chunk {
    /// Shared with rows that were lent.
    memory: Rc<Context>,
    scratch: Context,
    scratch_text: usize,
    /// Shared with them, too.
    held: Vec<Rc<Vec<u8>>>,
    /// The value that was added last lies in the buffer that is held last.
    last_is_held: bool,
    values: Vec<pg_sys::Datum>,
    /// Texts in `memory`, one for each value, or none at all.
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

/// Room for a call of a function with one argument.
#[repr(C)]
struct FunctionCall {
    info: pg_sys::FunctionCallInfoBaseData,
    argument: pg_sys::NullableDatum,
}

impl Chunk {
    /// An empty chunk.
    pub fn new() -> Self {
        Chunk {
            memory: Rc::new(Chunk::memory()),
            scratch: Context::new(c"loader scratch", SCRATCH),
            scratch_text: 0,
            held: Vec::new(),
            last_is_held: false,
            values: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
        }
    }

    fn memory() -> Context {
        Context::new(c"loader chunk", 1024 * 1024)
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes that the values take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes everything out, and returns the buffers that it held but for the
    /// last one, which may have more to give.
    pub fn clear(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.values.clear();
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
        let value = *self.values.last()?;
        let keeper: Rc<dyn Any> =
            if self.last_is_held { self.held.last()?.clone() } else { self.memory.clone() };
        // SAFETY: a jsonb datum, which lies in what is kept: nothing changes that while it
        // is shared.
        Some(unsafe { Lent::new(value, keeper) })
    }

    /// Makes room for one more value; an error is the size that was asked for.
    pub fn reserve(&mut self) -> Result<(), usize> {
        self.values.try_reserve(1).map_err(|_| (self.values.len() + 1) * size_of::<pg_sys::Datum>())
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
        // SAFETY: aligned, and the slice has the four bytes of the header, or that panics.
        let header = unsafe { datum[..pg_sys::VARHDRSZ].as_ptr().cast::<u32>().read() };
        assert!(header_length(header) == Some(length), "a datum is as long as it says");
        self.values.push(pg_sys::Datum::from(datum.as_ptr()));
        self.last_is_held = true;
        self.bytes += length + BESIDE;
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
        // Counted first: what an error leaves behind goes with the next value.
        self.scratch_text += text.count_bytes() + SCRATCH_LEAST;
        let value = self.parse(text);
        // SAFETY: `jsonb_in` returns a plain (4-byte header) varlena.
        let size = unsafe { pgrx::varsize_4b(value.cast_mut_ptr()) };
        let copy = self.memory.alloc(size);
        // SAFETY: both are `size` bytes long, and apart.
        unsafe { std::ptr::copy_nonoverlapping(value.cast_mut_ptr::<u8>(), copy, size) };
        self.values.push(pg_sys::Datum::from(copy));
        self.last_is_held = false;
        self.bytes += size + BESIDE;
        if self.scratch_text > SCRATCH_TEXT {
            self.reset_scratch();
        }
    }

    /// What `jsonb_in` makes of `text`, in the scratch memory. The guard copies
    /// an error into the context that it was entered with: were that the
    /// scratch memory, and the error that it cannot grow, the copy would fail
    /// the same way, again and again, until the server gives up.
    fn parse(&self, text: &CStr) -> pg_sys::Datum {
        let mut call = FunctionCall {
            info: pg_sys::FunctionCallInfoBaseData { nargs: 1, ..Default::default() },
            argument: pg_sys::NullableDatum { value: pg_sys::Datum::from(text.as_ptr()), isnull: false },
        };
        let call = (&raw mut call).cast();
        // SAFETY: a call frame as the server lays it out: the argument follows
        // the struct; `jsonb_in` looks at nothing else in it. What is guarded
        // has no destructors.
        unsafe {
            pg_sys::ffi::pg_guard_ffi_boundary(|| {
                let before = self.scratch.enter();
                let value = jsonb_in(call);
                pg_sys::MemoryContextSwitchTo(before);
                value
            })
        }
    }

    /// Puts a key beside the value that was added last, as text of the database; all of them
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
        self.scratch_text = 0;
    }

    /// Runs a statement that takes the values, and returns how many rows it was about.
    /// `offsets` has one for each value, or none where the statement does not ask for
    /// them; `number` is its second parameter. `handed_out` says meanwhile how far it has
    /// got.
    pub fn hand_to(
        &self,
        statement: &Statement,
        offsets: &[i64],
        number: i64,
        handed_out: &Cell<HandedOut>,
    ) -> Result<usize, SpiError> {
        let given = Values { values: &self.values, offsets, keys: &self.keys };
        // SAFETY: the values are jsonb, the keys are text.
        unsafe { chunk_handle::run(statement, given, number, handed_out) }
    }
}
