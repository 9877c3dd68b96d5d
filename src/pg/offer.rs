//! `loader.chunk_records`, which hands the values of a chunk to an INSERT one by one,
//! without a copy and without detoasting. In step with it, `loader.chunk_offsets`
//! hands out a number that stands beside each.
//!
//! While an [`Offer`] is alive, a statement of this session finds the values by its
//! token. A trigger of the target may load a file itself: offers nest.

use pgrx::{PgSqlErrorCode, ereport, pg_guard, pg_sys};
use std::cell::RefCell;
use std::marker::PhantomData;

/// The time in which values can be found.
pub struct Offer<'a> {
    token: i64,
    values: PhantomData<&'a [pg_sys::Datum]>,
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

impl<'a> Offer<'a> {
    /// Offers the values to the statements of this session; `offsets` has one
    /// for each of them, or none where nobody asks for them.
    pub fn new(values: &'a [pg_sys::Datum], offsets: &'a [i64]) -> Self {
        assert!(offsets.is_empty() || offsets.len() == values.len(), "an offset for each value");
        OFFERS.with_borrow_mut(|offers| {
            let token = offers.next;
            offers.next += 1;
            offers.open.push(Open {
                token,
                values: values.as_ptr(),
                count: values.len(),
                offsets: if offsets.is_empty() { None } else { Some(offsets.as_ptr()) },
                handed_out: 0,
                exhausted: false,
            });
            Offer { token, values: PhantomData }
        })
    }

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
    /// As many as values.
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
        // SAFETY: the offer borrows the values, so they are where they were.
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
