//! `loader.chunk_records`, which hands the values of a chunk to an INSERT one by one,
//! without a copy and without detoasting. In step with it, `loader.chunk_offsets`
//! hands out a number that stands beside each, and `loader.chunk_keys` a text or NULL.
//!
//! They hand them to the one statement that [`run`] executes, and to nothing else that
//! the session runs meanwhile, such as a trigger of the target with the rights of
//! somebody else. What tells that statement from others is its list of parameters. The
//! server has the very list that it was given in the state of the execution, from which
//! each of its expressions has it; triggers, functions and loads within this one are
//! statements with lists of their own. What a rule of the target makes of the statement
//! is a part of it and has the same list. No SQL leads to the list of another statement.
//! A view or policy that a rule drags in is a part of it, too, and may be somebody
//! else's: the argument of the functions is a number that it cannot know.
//!
//! A trigger of the target may load a file itself: handles nest.

use super::nesting;
use pgrx::spi::{Spi, SpiError};
use pgrx::{PgSqlErrorCode, ereport, pg_guard, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// How far a statement has got with the values that it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandedOut {
    /// It has not asked yet.
    #[default]
    None,
    /// The last value that it got, from 0.
    UpTo(usize),
    /// It knows that there are no more.
    All,
}

/// A statement that takes values, prepared: its first parameter is the argument for
/// `loader.chunk_records` and the functions beside it, its second one is a bigint.
pub struct Statement(NonNull<pg_sys::_SPI_plan>);

impl Statement {
    /// Prepares it. Raises the server's error where it is none.
    pub fn prepare(sql: &CStr) -> Self {
        let mut types = [pg_sys::INT8OID; PARAMETERS];
        Spi::connect_mut(|_| {
            // SAFETY: the types are as many as is said; a plan that was made is kept, and
            // freed with this value.
            unsafe {
                let plan = pg_sys::SPI_prepare(sql.as_ptr(), PARAMETERS as i32, types.as_mut_ptr());
                let plan = NonNull::new(plan).expect("SPI_prepare raises");
                assert_eq!(pg_sys::SPI_keepplan(plan.as_ptr()), 0, "a plan of this connection can be kept");
                Statement(plan)
            }
        })
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: it was kept, and nothing executes it any more.
        unsafe { pg_sys::SPI_freeplan(self.0.as_ptr()) };
    }
}

/// Parameters of a statement, all of them bigint.
const PARAMETERS: usize = 2;

/// Values with what stands beside them.
#[derive(Clone, Copy)]
pub(in crate::pg) struct Values<'a> {
    pub values: &'a [pg_sys::Datum],
    /// One for each of them, or none where nobody asks for them.
    pub offsets: &'a [i64],
    /// The same: texts.
    pub keys: &'a [Option<pg_sys::Datum>],
}

/// Runs a statement that takes the values, and returns how many rows it was about.
/// `handed_out` says meanwhile how far it has got.
///
/// # Safety
/// The values are of type jsonb, the keys of type text.
pub(in crate::pg) unsafe fn run(
    statement: &Statement,
    given: Values<'_>,
    number: i64,
    handed_out: &Cell<HandedOut>,
) -> Result<usize, SpiError> {
    let fits = |beside: usize| beside == 0 || beside == given.values.len();
    assert!(fits(given.offsets.len()) && fits(given.keys.len()), "one beside each value");
    Spi::connect_mut(|_| {
        let (token, list) = open(given, number, handed_out);
        let _close = CloseHandle(token);
        // SAFETY: the plan has as many parameters, and is kept as long as the statement.
        // The list goes with the connection.
        unsafe {
            pg_sys::SPI_tuptable = std::ptr::null_mut();
            let code = nesting::within_transaction(|| {
                pg_sys::SPI_execute_plan_with_paramlist(statement.0.as_ptr(), list, false, 0)
            });
            Spi::check_status(code)?;
            Ok(match pg_sys::SPI_tuptable.as_ref() {
                Some(table) => table.numvals as usize,
                None => pg_sys::SPI_processed as usize,
            })
        }
    })
}

thread_local! {
    /// The chunks whose values can be taken now: one within the other. Never dropped: to register what drops it
    /// takes memory, and where there is none that ends the process.
    static CHUNK_HANDLES: RefCell<ManuallyDrop<Vec<ChunkHandle>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Values that a statement can take. What it points to is there as long as it is in the
/// list: until [`run`] returns, in whatever way.
struct ChunkHandle {
    token: i64,
    /// The parameters of the statement.
    list: pg_sys::ParamListInfo,
    values: NonNull<[pg_sys::Datum]>,
    offsets: NonNull<[i64]>,
    keys: NonNull<[Option<pg_sys::Datum>]>,
    handed_out: NonNull<Cell<HandedOut>>,
}

/// Makes the parameters of a statement, and the values those that it can take.
fn open(given: Values<'_>, number: i64, handed_out: &Cell<HandedOut>) -> (i64, pg_sys::ParamListInfo) {
    // SAFETY: a list of so many parameters, all of which are filled in.
    let list = unsafe { pg_sys::makeParamList(PARAMETERS as i32) };
    let token = random();
    let Values { values, offsets, keys } = given;
    let handle = ChunkHandle {
        token,
        list,
        values: values.into(),
        offsets: offsets.into(),
        keys: keys.into(),
        handed_out: handed_out.into(),
    };
    CHUNK_HANDLES.with_borrow_mut(|handles| handles.push(handle));
    // SAFETY: as above.
    let parameters = unsafe { (*list).params.as_mut_slice(PARAMETERS) };
    for (parameter, value) in parameters.iter_mut().zip([token, number]) {
        *parameter = pg_sys::ParamExternData {
            value: pg_sys::Datum::from(value),
            isnull: false,
            pflags: pg_sys::PARAM_FLAG_CONST as u16,
            ptype: pg_sys::INT8OID,
        };
    }
    handed_out.set(HandedOut::None);
    (token, list)
}

fn random() -> i64 {
    let mut bits = 0_i64;
    // SAFETY: so many bytes are written to.
    if !unsafe { pg_sys::pg_strong_random((&raw mut bits).cast(), size_of::<i64>()) } {
        ereport!(ERROR, PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "could not generate a random number");
    }
    bits
}

/// Closes a handle: its values cannot be taken any more.
struct CloseHandle(i64);

impl Drop for CloseHandle {
    fn drop(&mut self) {
        CHUNK_HANDLES.with_borrow_mut(|handles| handles.retain(|handle| handle.token != self.0));
    }
}

impl ChunkHandle {
    /// The value at `index`; `None` behind the last.
    fn value(&self, index: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: both are there as long as the handle.
        let (values, handed_out) = unsafe { (self.values.as_ref(), self.handed_out.as_ref()) };
        let value = values.get(index).copied();
        handed_out.set(if value.is_some() { HandedOut::UpTo(index) } else { HandedOut::All });
        value.map(|value| nullable(Some(value)))
    }

    /// The offset at `index`. How far the values have been taken is not touched.
    fn offset(&self, index: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        let offset = unsafe { self.offsets.as_ref() }.get(index);
        offset.map(|&offset| nullable(Some(pg_sys::Datum::from(offset))))
    }

    /// The same for the key.
    fn key(&self, index: usize) -> Option<pg_sys::NullableDatum> {
        // SAFETY: they are there as long as the handle.
        unsafe { self.keys.as_ref() }.get(index).map(|&key| nullable(key))
    }
}

fn nullable(datum: Option<pg_sys::Datum>) -> pg_sys::NullableDatum {
    pg_sys::NullableDatum { value: datum.unwrap_or(pg_sys::Datum::null()), isnull: datum.is_none() }
}

/// What a function takes by a handle: the element at an index, `None` behind the last.
type Take = fn(&ChunkHandle, index: usize) -> Option<pg_sys::NullableDatum>;

/// `loader.chunk_records(bigint)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_chunk_records(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by contract.
    unsafe { hand_out(fcinfo, ChunkHandle::value) }
}

/// `loader.chunk_offsets(bigint)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_chunk_offsets(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by contract.
    unsafe { hand_out(fcinfo, ChunkHandle::offset) }
}

/// `loader.chunk_keys(bigint)`.
///
/// # Safety
/// Called by the server with a valid call frame.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_chunk_keys(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by contract.
    unsafe { hand_out(fcinfo, ChunkHandle::key) }
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
        let context = (*result_info).econtext.as_ref();
        let statement = context.map_or(std::ptr::null_mut(), |context| context.ecxt_param_list_info);
        let taken = CHUNK_HANDLES.with_borrow(|handles| {
            let found = handles.iter().rev().find(|handle| handle.token == token && handle.list == statement);
            found.map(|handle| take(handle, index))
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
            None => {
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

/// Tells the server how to call [`loader_chunk_keys`].
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_loader_chunk_keys() -> &'static pg_sys::Pg_finfo_record {
    &V1
}
