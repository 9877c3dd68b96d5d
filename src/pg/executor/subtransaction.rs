//! Asking the server something that it may refuse with an error.

use super::nesting;
use crate::pg::memory::context::Context;
use crate::pg::strings::{error_context, text};
use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};
use std::ffi::CStr;
use std::panic::AssertUnwindSafe;

/// An error that was contained: what of it is kept.
#[derive(Clone, Debug)]
pub struct Contained {
    /// Its SQLSTATE.
    pub code: PgSqlErrorCode,
    /// Its message, without DETAIL and CONTEXT, which may hold contents of rows; see
    /// [`text::keep`].
    pub message: String,
    /// The column that may not be NULL, if that is the error, in the database's encoding.
    pub column_name: Option<Vec<u8>>,
    /// What [`error_context::noting`] says of where it arose.
    pub place: Option<String>,
    /// It answers a request to cancel. Code of users may raise what looks like one.
    is_request: bool,
}

impl Contained {
    /// What is kept of it.
    pub(in crate::pg) fn of(report: &ErrorReportWithLevel) -> Self {
        let code = report.sql_error_code();
        Contained {
            code,
            message: text::keep(report.message()),
            column_name: None,
            place: error_context::take_note(),
            is_request: code == PgSqlErrorCode::ERRCODE_QUERY_CANCELED
                && report.function_name() == Some("ProcessInterrupts"),
        }
    }

    /// Whether it answers a request to cancel.
    pub(in crate::pg) fn is_request(&self) -> bool {
        self.is_request
    }
}

/// Runs `body` in a subtransaction. An error whose code `refusal` gives a
/// meaning is rolled back and returned as that; every other one (a cancel
/// request, no memory) goes on its way.
pub fn attempt<R, E>(
    body: impl FnOnce() -> R,
    refusal: impl Fn(PgSqlErrorCode) -> Option<E>,
) -> Result<R, E> {
    run(|| Ok(body()), |error| refusal(error.code))
}

/// Runs `body` in a subtransaction. An error with one of the codes that `is_refusal` knows is
/// rolled back and returned; every other one goes on its way.
pub fn refusable<R>(
    body: impl FnOnce() -> R,
    is_refusal: impl Fn(PgSqlErrorCode) -> bool,
) -> Result<R, Contained> {
    run(|| Ok(body()), |error| if is_refusal(error.code) { Some(error) } else { None })
}

/// Runs `body` in a subtransaction, which is rolled back where it fails, and
/// where the server raises an error: that is returned as `translate` has it.
/// A request to cancel goes on its way; one to terminate never comes here.
pub fn contain<R, E>(
    body: impl FnOnce() -> Result<R, E>,
    translate: impl Fn(Contained) -> E,
) -> Result<R, E> {
    run(body, |error| if error.is_request { None } else { Some(translate(error)) })
}

/// Runs `body` in a subtransaction, which is rolled back where it fails. An error that the
/// server raises is returned as `refusal` has it, if that gives it a meaning; every other one
/// goes on its way, with all of its fields, and so does a request to cancel.
pub fn unless_refused<R, E>(
    body: impl FnOnce() -> Result<R, E>,
    refusal: impl Fn(&Contained) -> Option<E>,
) -> Result<R, E> {
    run(body, |error| if error.is_request { None } else { refusal(&error) })
}

/// Runs `body` in a subtransaction, which is rolled back where it fails. An error that the
/// server raises goes on its way.
pub fn all_or_nothing<R, E>(body: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
    run(body, |_| None)
}

/// Runs `body` in a subtransaction that is rolled back whatever comes of it.
pub fn take_back<R, E>(body: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
    let mut kept = None;
    let outcome: Result<(), Option<E>> = run(
        || {
            kept = Some(body().map_err(Some)?);
            Err(None)
        },
        |_| None,
    );
    match outcome {
        Err(Some(error)) => Err(error),
        _ => Ok(kept.expect("the body has run")),
    }
}

fn run<R, E>(body: impl FnOnce() -> Result<R, E>, meaning: impl Fn(Contained) -> Option<E>) -> Result<R, E> {
    // SAFETY: reads variables of this single-threaded process.
    let before = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    // SAFETY: ended below, on each way out.
    unsafe {
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(before.0);
    }
    let restore = || {
        // SAFETY: both outlive the subtransaction.
        unsafe {
            pg_sys::MemoryContextSwitchTo(before.0);
            pg_sys::CurrentResourceOwner = before.1;
        }
    };
    let roll_back = || {
        // SAFETY: it is the one begun above: what `body` began is rolled back with it.
        unsafe { pg_sys::RollbackAndReleaseCurrentSubTransaction() };
        restore();
    };
    error_context::take_note();
    let body = AssertUnwindSafe(body);
    let (meaning, roll_back) = (AssertUnwindSafe(meaning), AssertUnwindSafe(roll_back));
    let result = PgTryBuilder::new(|| {
        let AssertUnwindSafe(body) = { body };
        let roll_back = &roll_back;
        let result = nesting::within_transaction(body);
        match &result {
            // SAFETY: ends what was begun above.
            Ok(_) => unsafe { pg_sys::ReleaseCurrentSubTransaction() },
            Err(_) => (roll_back.0)(),
        }
        result
    })
    .catch_others(|error| {
        let (meaning, roll_back) = (&meaning, &roll_back);
        let column_name = null_column(&error);
        (roll_back.0)();
        let report = match &error {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
            CaughtError::RustPanic { .. } => error.rethrow(),
        };
        match (meaning.0)(Contained { column_name, ..Contained::of(report) }) {
            Some(meaning) => Err(meaning),
            None => error.rethrow(),
        }
    })
    .execute();
    restore();
    result
}

/// The column that may not be NULL, if that is the error. What was caught lacks it: it is read from
/// what the server still has of the error, which is there until the catch is over.
fn null_column(error: &CaughtError) -> Option<Vec<u8>> {
    let CaughtError::PostgresError(report) = error else { return None };
    if report.sql_error_code() != PgSqlErrorCode::ERRCODE_NOT_NULL_VIOLATION {
        return None;
    }
    let memory = Context::new(c"loader error", 8 * 1024);
    let _back = memory.switch_to();
    // SAFETY: an error of the server's is on its stack, and the context is another than that. The copy
    // goes with the context.
    unsafe {
        let name = (*pg_sys::CopyErrorData()).column_name;
        (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes().to_vec())
    }
}
