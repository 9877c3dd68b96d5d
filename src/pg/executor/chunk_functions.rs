//! Functions that hand the rows of a chunk to a statement: `loader.chunk_records` hands the values of
//! documents to an INSERT one by one, without a copy and without detoasting; `loader.chunk_cells` does
//! so with the cells of one column. In step with them, `loader.chunk_numbers`, `chunk_lines` and
//! `chunk_offsets` hand out where the record of each row came from, `loader.chunk_keys` a text or NULL,
//! and `loader.chunk_absent` whether the record lacks the field of a column.
//!
//! Three more functions are called for the row that was handed out last: `loader.chunk_has` says
//! whether its record has the field of a column, `loader.chunk_conflict` is told that its key is
//! in the table, and `loader.chunk_written` that the row was written.

use super::chunk_handle::{self, ChunkHandle};
use pgrx::{PgSqlErrorCode, ereport, pg_guard, pg_sys};

/// What a function takes by a handle: the element at an index, `None` behind the last. The last
/// argument is the number of a column.
type Take = fn(&ChunkHandle, index: usize, column: usize) -> Option<pg_sys::NullableDatum>;

/// A call of one of the functions, by the server: the call frame, which has the arguments that the
/// function is declared with.
#[derive(Clone, Copy)]
struct Call(pg_sys::FunctionCallInfo);

impl Call {
    /// The argument at `index`.
    fn argument(self, index: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: a call frame of the server's, see the type.
        unsafe { (*self.0).args.as_slice((*self.0).nargs as usize).get(index).copied() }
    }

    /// The first argument, a bigint: it tells the handle.
    fn token(self) -> Option<i64> {
        let argument = self.argument(0).filter(|argument| !argument.isnull)?;
        Some(argument.value.value() as i64)
    }

    /// The second argument, the number of a column.
    fn column(self) -> usize {
        let argument = self.argument(1).filter(|argument| !argument.isnull);
        argument.map_or(0, |argument| argument.value.value() as u32 as usize)
    }
}

/// Makes a function known to the server: its symbol, and that it is called in the usual way.
macro_rules! server_function {
    ($(#[doc = $doc:literal])* $symbol:ident, $finfo:ident, $body:expr) => {
        $(#[doc = $doc])*
        ///
        /// # Safety
        /// Called by the server with a valid call frame, as the function is declared.
        #[unsafe(no_mangle)]
        #[pg_guard]
        pub unsafe extern "C-unwind" fn $symbol(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
            let body: fn(Call) -> pg_sys::Datum = $body;
            // By contract it is such a call.
            body(Call(fcinfo))
        }

        /// Tells the server how to call the function.
        #[unsafe(no_mangle)]
        pub extern "C" fn $finfo() -> &'static pg_sys::Pg_finfo_record {
            &V1
        }
    };
}

const V1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

server_function!(
    /// `loader.chunk_records(bigint)`.
    loader_chunk_records,
    pg_finfo_loader_chunk_records,
    |call| hand_out(call, None, ChunkHandle::document)
);
server_function!(
    /// `loader.chunk_cells(bigint, integer, anyelement)`.
    loader_chunk_cells,
    pg_finfo_loader_chunk_cells,
    |call| {
        let column = call.column();
        hand_out(call, Some(column), ChunkHandle::value)
    }
);
server_function!(
    /// `loader.chunk_absent(bigint, integer)`.
    loader_chunk_absent,
    pg_finfo_loader_chunk_absent,
    |call| {
        let column = call.column();
        hand_out(call, Some(column), ChunkHandle::absent)
    }
);
server_function!(
    /// `loader.chunk_offsets(bigint)`.
    loader_chunk_offsets,
    pg_finfo_loader_chunk_offsets,
    |call| hand_out(call, None, ChunkHandle::offset)
);
server_function!(
    /// `loader.chunk_numbers(bigint)`.
    loader_chunk_numbers,
    pg_finfo_loader_chunk_numbers,
    |call| hand_out(call, None, ChunkHandle::number)
);
server_function!(
    /// `loader.chunk_lines(bigint)`.
    loader_chunk_lines,
    pg_finfo_loader_chunk_lines,
    |call| hand_out(call, None, ChunkHandle::line)
);
server_function!(
    /// `loader.chunk_keys(bigint)`.
    loader_chunk_keys,
    pg_finfo_loader_chunk_keys,
    |call| hand_out(call, None, ChunkHandle::key)
);
server_function!(
    /// `loader.chunk_has(bigint, integer)`.
    loader_chunk_has,
    pg_finfo_loader_chunk_has,
    |call| {
        let column = call.column();
        pg_sys::Datum::from(with_handle(call, |handle| handle.has(column)))
    }
);
server_function!(
    /// `loader.chunk_conflict(bigint, boolean)`.
    loader_chunk_conflict,
    pg_finfo_loader_chunk_conflict,
    |call| {
        with_handle(call, ChunkHandle::note_conflict);
        call.argument(1).map_or(pg_sys::Datum::from(false), |argument| argument.value)
    }
);
server_function!(
    /// `loader.chunk_written(bigint)`.
    loader_chunk_written,
    pg_finfo_loader_chunk_written,
    |call| {
        with_handle(call, ChunkHandle::note_written);
        pg_sys::Datum::from(true)
    }
);

/// Runs `body` with the handle that the first argument tells. No other function has the parameters of
/// its statement: only the number says who asks, which nobody can know.
fn with_handle<R>(call: Call, body: impl FnOnce(&ChunkHandle) -> R) -> R {
    chunk_handle::with(call.token(), None, body).unwrap_or_else(|| chunk_handle::refuse())
}

/// A set in value-per-call mode. Where it stands is kept per call site and scan,
/// as the server does for its own. Where cells are taken (`column`), its third argument, if it has
/// three, is of the type that it returns.
fn hand_out(call: Call, column: Option<usize>, take: Take) -> pg_sys::Datum {
    let Call(fcinfo) = call;
    // SAFETY: a call frame of the server's; its result info, if any, is a ReturnSetInfo.
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
        let index = (*state).call_cntr as usize;
        let context = (*result_info).econtext.as_ref();
        let statement = context.map_or(std::ptr::null_mut(), |context| context.ecxt_param_list_info);
        let taken = chunk_handle::with(call.token(), Some(statement), |handle| {
            if index == 0 && (*fcinfo).nargs == 3 {
                let declared = pg_sys::get_fn_expr_argtype((*fcinfo).flinfo, 2);
                let fits = column.is_some_and(|column| handle.fits(column, declared));
                assert!(fits, "cells of the type that the statement expects");
            }
            take(handle, index, column.unwrap_or(0))
        });
        match taken {
            Some(Some(pg_sys::NullableDatum { value, isnull })) => {
                (*state).call_cntr += 1;
                (*result_info).isDone = pg_sys::ExprDoneCond::ExprMultipleResult;
                (*fcinfo).isnull = isnull;
                value
            }
            Some(None) => {
                pg_sys::end_MultiFuncCall(fcinfo, state);
                (*result_info).isDone = pg_sys::ExprDoneCond::ExprEndResult;
                (*fcinfo).isnull = true;
                pg_sys::Datum::null()
            }
            None => chunk_handle::refuse(),
        }
    }
}
