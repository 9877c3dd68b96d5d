//! `load_json_files`, as the server calls it: arguments by their numbers, and a
//! row of INOUT parameters back. pgrx knows functions only.

use super::Oid;
use super::transaction;
use pgrx::{FromDatum, IntoDatum, pg_guard, pg_sys};
use std::sync::OnceLock;

/// A call under way.
pub struct Call(pg_sys::FunctionCallInfo);

impl Call {
    fn argument<T: FromDatum>(&self, index: usize) -> Option<T> {
        // SAFETY: the procedure is declared with as many parameters; each caller
        // below asks for what the declaration says.
        unsafe {
            let argument = (*self.0).args.as_slice((*self.0).nargs as usize)[index];
            T::from_datum(argument.value, argument.isnull)
        }
    }

    /// A `text`, in the database's encoding.
    pub fn text(&self, index: usize) -> Option<Vec<u8>> {
        self.argument::<&[u8]>(index).map(<[u8]>::to_vec)
    }

    /// An `integer`.
    pub fn integer(&self, index: usize) -> Option<i32> {
        self.argument(index)
    }

    /// A `bigint`.
    pub fn bigint(&self, index: usize) -> Option<i64> {
        self.argument(index)
    }

    /// A `regclass`.
    pub fn oid(&self, index: usize) -> Option<Oid> {
        self.argument(index)
    }

    /// Whether it may commit: not in a transaction block, nor in a function.
    pub fn may_commit(&self) -> bool {
        // SAFETY: the server's call frame.
        unsafe { transaction::may_commit(self.0) }
    }

    /// Makes the row that the call returns.
    fn answer(&self, answer: &Answer) -> pg_sys::Datum {
        let counts = answer.counts.iter().map(|count| count.into_datum());
        let row: Vec<_> = counts.chain([answer.rate.into_datum()]).collect();
        let mut nulls: Vec<_> = row.iter().map(Option::is_none).collect();
        let mut values: Vec<_> =
            row.into_iter().map(|value| value.unwrap_or(pg_sys::Datum::null())).collect();
        let mut descriptor = std::ptr::null_mut();
        // SAFETY: the result is a row of the INOUT parameters, as many as values.
        unsafe {
            pg_sys::get_call_result_type(self.0, std::ptr::null_mut(), &raw mut descriptor);
            let descriptor = pg_sys::BlessTupleDesc(descriptor);
            assert_eq!((*descriptor).natts as usize, values.len(), "as declared");
            let tuple = pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
            pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data)
        }
    }
}

/// The INOUT parameters.
pub struct Answer {
    /// The bigint ones.
    pub counts: [i64; 7],
    /// The last one.
    pub rate: Option<f64>,
}

/// What the procedure runs.
pub type Main = fn(&Call) -> Answer;

static MAIN: OnceLock<Main> = OnceLock::new();

/// Says what the procedure runs. Set when the library is loaded.
pub fn set_main(main: Main) {
    // The library is loaded once.
    let _ = MAIN.set(main);
}

/// `CALL load_json_files(...)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_load_json_files_v3(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    let call = Call(call);
    let main = MAIN.get().expect("set when the library is loaded");
    let answer = main(&call);
    call.answer(&answer)
}

/// Tells the server how to call [`loader_load_json_files_v3`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_load_json_files_v3() -> &'static pg_sys::Pg_finfo_record {
    const V1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &V1
}

/// The same of 0.2.0, which had other parameters, until the extension is updated.
///
/// # Safety
/// Called by the server only.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_load_json_files(_call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    crate::error::Error::OldFunctions.raise()
}

/// Tells the server how to call [`loader_load_json_files`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_load_json_files() -> &'static pg_sys::Pg_finfo_record {
    pg_finfo_loader_load_json_files_v3()
}
