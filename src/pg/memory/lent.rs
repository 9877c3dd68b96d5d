//! Values for rows that a function returns, handed to the server without a copy. They lie in
//! memory of Rust, which is kept until the memory context of the row is reset: as long as the
//! server may use values of that context.

use crate::pg::Oid;
use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::{IntoDatum, pg_guard, pg_sys};
use std::any::Any;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// A value of a type that the declaration of the function says, and what it lies in.
pub struct Lent {
    datum: pg_sys::Datum,
    keeper: Rc<dyn Any>,
}

impl Lent {
    /// # Safety
    /// The datum is of the type that the column is declared with, and is there, and
    /// unchanged, as long as `keeper`.
    pub(in crate::pg) unsafe fn new(datum: pg_sys::Datum, keeper: Rc<dyn Any>) -> Self {
        Lent { datum, keeper }
    }
}

/// What is kept until a memory context is reset.
struct Kept {
    callback: pg_sys::MemoryContextCallback,
    keeper: ManuallyDrop<Rc<dyn Any>>,
}

impl IntoDatum for Lent {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // SAFETY: room for the struct, aligned for any type of the server, which the
        // context frees after it has called back, once.
        unsafe {
            let context = pg_sys::CurrentMemoryContext;
            let kept = pg_sys::MemoryContextAlloc(context, size_of::<Kept>()).cast::<Kept>();
            let callback =
                pg_sys::MemoryContextCallback { func: Some(let_go), arg: kept.cast(), ..Default::default() };
            kept.write(Kept { callback, keeper: ManuallyDrop::new(self.keeper) });
            pg_sys::MemoryContextRegisterResetCallback(context, &raw mut (*kept).callback);
        }
        Some(self.datum)
    }

    fn type_oid() -> Oid {
        pg_sys::ANYELEMENTOID
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn let_go(kept: *mut c_void) {
    // SAFETY: written by `into_datum`, and called back once.
    unsafe { ManuallyDrop::drop(&mut (*kept.cast::<Kept>()).keeper) }
}

// SAFETY: the datum is returned as it is.
unsafe impl BoxRet for Lent {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        // SAFETY: by contract.
        unsafe { fcinfo.return_optional_datum(self.into_datum()) }
    }
}

pgrx::impl_sql_translatable!(Lent, "anyelement");
