//! A chunk of jsonb values, and `loader.chunk_records`, which hands them to an
//! INSERT one by one, without a copy and without detoasting. In step with it,
//! `loader.chunk_offsets` hands out a number that stands beside each.
//!
//! The values lie in a memory context of the chunk's own, or in buffers that it
//! holds. While an [`Offer`] is alive, a statement of this session finds the chunk by its token. A
//! trigger of the target may load a file itself: offers nest.

use super::memory::Context;
use pgrx::{AnyElement, FromDatum, PgSqlErrorCode, ereport, pg_guard, pg_sys};
use std::cell::RefCell;
use std::ffi::CStr;
use std::marker::PhantomData;

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
    memory: Context,
    scratch: Context,
    scratch_text: usize,
    held: Vec<Vec<u8>>,
    values: Vec<pg_sys::Datum>,
    bytes: usize,
}

/// Room for a call of a function with one argument.
#[repr(C)]
struct Call {
    info: pg_sys::FunctionCallInfoBaseData,
    argument: pg_sys::NullableDatum,
}

impl Chunk {
    /// An empty chunk.
    pub fn new() -> Self {
        Chunk {
            memory: Context::new(c"loader chunk", 1024 * 1024),
            scratch: Context::new(c"loader scratch", SCRATCH),
            scratch_text: 0,
            held: Vec::new(),
            values: Vec::new(),
            bytes: 0,
        }
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
        self.bytes = 0;
        self.memory.reset();
        self.reset_scratch();
        let done = self.held.len().saturating_sub(1);
        self.held.drain(..done)
    }

    /// Takes everything out, and returns the buffer that it held last.
    pub fn release(&mut self) -> Option<Vec<u8>> {
        drop(self.clear());
        self.held.pop()
    }

    /// The value that was added last, for a row that the server takes before
    /// anything is taken out of the chunk.
    pub fn last(&self) -> Option<AnyElement> {
        let value = *self.values.last()?;
        // SAFETY: a jsonb datum.
        unsafe { AnyElement::from_polymorphic_datum(value, false, pg_sys::JSONBOID) }
    }

    /// Makes room for one more value; an error is the size that was asked for.
    pub fn reserve(&mut self) -> Result<(), usize> {
        self.values.try_reserve(1).map_err(|_| (self.values.len() + 1) * size_of::<pg_sys::Datum>())
    }

    /// Holds a buffer with datums, for [`Chunk::push_held`]. An error is the size
    /// that was asked for.
    pub fn hold(&mut self, buffer: Vec<u8>) -> Result<(), usize> {
        self.held.try_reserve(1).map_err(|_| (self.held.len() + 1) * size_of::<Vec<u8>>())?;
        self.held.push(buffer);
        Ok(())
    }

    /// Adds the datum of so many bytes at `at` of the buffer that is held last.
    /// It was [`reserve`](Chunk::reserve)d for.
    pub fn push_held(&mut self, at: usize, length: usize) {
        let buffer = self.held.last().expect("a buffer");
        let datum = &buffer[at..at + length];
        assert!(datum.as_ptr().cast::<u32>().is_aligned(), "a datum is aligned to four bytes");
        self.values.push(pg_sys::Datum::from(datum.as_ptr()));
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
        let mut call = Call {
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

    fn reset_scratch(&mut self) {
        self.scratch.reset();
        self.scratch_text = 0;
    }

    /// Offers the values to the statements of this session; `offsets` has one
    /// for each of them, or none where nobody asks for them.
    pub fn offer<'a>(&'a self, offsets: &'a [i64]) -> Offer<'a> {
        assert!(offsets.is_empty() || offsets.len() == self.values.len(), "an offset for each value");
        OFFERS.with_borrow_mut(|offers| {
            let token = offers.next;
            offers.next += 1;
            offers.open.push(Open {
                token,
                values: self.values.as_ptr(),
                count: self.values.len(),
                offsets: if offsets.is_empty() { None } else { Some(offsets.as_ptr()) },
                handed_out: 0,
                exhausted: false,
            });
            Offer { token, chunk: PhantomData }
        })
    }
}

/// The time in which a chunk can be found.
pub struct Offer<'a> {
    token: i64,
    chunk: PhantomData<&'a Chunk>,
}

/// How far a statement has got with the values of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOut {
    /// It has not asked yet.
    None,
    /// The last value that it got, from 0.
    UpTo(usize),
    /// It knows that there are no more.
    All,
}

impl Offer<'_> {
    /// The argument for `loader.chunk_records` and `loader.chunk_offsets`.
    pub fn token(&self) -> i64 {
        self.token
    }

    /// How far the values have been taken.
    pub fn handed_out(&self) -> HandedOut {
        OFFERS.with_borrow(|offers| match offers.find(self.token) {
            None => HandedOut::None,
            Some(open) if open.exhausted => HandedOut::All,
            Some(open) => open.handed_out.checked_sub(1).map_or(HandedOut::None, HandedOut::UpTo),
        })
    }
}

impl Drop for Offer<'_> {
    fn drop(&mut self) {
        OFFERS.with_borrow_mut(|offers| offers.open.retain(|open| open.token != self.token));
    }
}

thread_local! {
    static OFFERS: RefCell<Offers> = const { RefCell::new(Offers { next: 1, open: Vec::new() }) };
}

struct Offers {
    next: i64,
    open: Vec<Open>,
}

struct Open {
    token: i64,
    values: *const pg_sys::Datum,
    count: usize,
    /// As many.
    offsets: Option<*const i64>,
    handed_out: usize,
    exhausted: bool,
}

impl Offers {
    fn find(&self, token: i64) -> Option<&Open> {
        self.open.iter().rev().find(|open| open.token == token)
    }

    /// The value at `index`, `Ok(None)` behind the last, `Err` without an offer.
    fn take(&mut self, token: i64, index: usize) -> Result<Option<pg_sys::Datum>, ()> {
        let open = self.open.iter_mut().rev().find(|open| open.token == token).ok_or(())?;
        if index >= open.count {
            open.exhausted = true;
            return Ok(None);
        }
        open.handed_out = index + 1;
        open.exhausted = false;
        // SAFETY: the offer borrows the chunk, so its values are where they were.
        Ok(Some(unsafe { *open.values.add(index) }))
    }

    /// The offset at `index`. How far the values have been taken is not touched.
    fn offset(&mut self, token: i64, index: usize) -> Result<Option<pg_sys::Datum>, ()> {
        let open = self.find(token).ok_or(())?;
        let offsets = open.offsets.ok_or(())?;
        // SAFETY: the offer borrows them too, and there is one for each value.
        Ok((index < open.count).then(|| pg_sys::Datum::from(unsafe { *offsets.add(index) })))
    }
}

/// What a function takes from an offer: the element at an index of it, `Ok(None)`
/// behind the last, `Err` without an offer.
type Take = fn(&mut Offers, token: i64, index: usize) -> Result<Option<pg_sys::Datum>, ()>;

/// `loader.chunk_records(bigint)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_chunk_records(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by contract.
    unsafe { hand_out(fcinfo, Offers::take) }
}

/// `loader.chunk_offsets(bigint)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_chunk_offsets(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by contract.
    unsafe { hand_out(fcinfo, Offers::offset) }
}

/// A set in value-per-call mode. Where it stands is kept per call site and scan,
/// as the server does for its own.
///
/// # Safety
/// The call frame is that of a function declared with one argument, a bigint,
/// strict, and returning a set.
unsafe fn hand_out(fcinfo: pg_sys::FunctionCallInfo, take: Take) -> pg_sys::Datum {
    // SAFETY: by contract the argument is there and the result info, if any, is
    // a ReturnSetInfo.
    unsafe {
        let result_info = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        if result_info.is_null() || (*(*fcinfo).flinfo).fn_extra.is_null() {
            if result_info.is_null()
                || (*result_info).type_ != pg_sys::NodeTag::T_ReturnSetInfo
                || (*result_info).allowedModes & pg_sys::SetFunctionReturnMode::SFRM_ValuePerCall as i32 == 0
            {
                ereport!(
                    ERROR,
                    PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                    "set-valued function called in context that cannot accept a set"
                );
            }
            pg_sys::init_MultiFuncCall(fcinfo);
        }
        let state = (*(*fcinfo).flinfo).fn_extra.cast::<pg_sys::FuncCallContext>();
        let argument = (*fcinfo).args.as_slice(1)[0];
        let token = argument.value.value() as i64;
        let index = (*state).call_cntr as usize;
        match OFFERS.with_borrow_mut(|offers| take(offers, token, index)) {
            Ok(Some(value)) => {
                (*state).call_cntr += 1;
                (*result_info).isDone = pg_sys::ExprDoneCond::ExprMultipleResult;
                value
            }
            Ok(None) => {
                pg_sys::end_MultiFuncCall(fcinfo, state);
                (*result_info).isDone = pg_sys::ExprDoneCond::ExprEndResult;
                (*fcinfo).isnull = true;
                pg_sys::Datum::null()
            }
            Err(()) => {
                ereport!(
                    ERROR,
                    PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "no chunk with that number is being loaded",
                    "Only a load can call this function."
                );
            }
        }
    }
}

const V1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

/// Tells the server how to call [`loader_chunk_records`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_chunk_records() -> &'static pg_sys::Pg_finfo_record {
    &V1
}

/// Tells the server how to call [`loader_chunk_offsets`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_chunk_offsets() -> &'static pg_sys::Pg_finfo_record {
    &V1
}
