//! Asking the server something that it may refuse with an error.

use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};
use std::panic::AssertUnwindSafe;

/// Runs `body` in a subtransaction. An error whose code `refusal` gives a
/// meaning is rolled back and returned as that; every other one (a cancel
/// request, no memory) goes on its way.
pub fn attempt<R, E>(
    body: impl FnOnce() -> R,
    refusal: impl Fn(PgSqlErrorCode) -> Option<E>,
) -> Result<R, E> {
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
    let body = AssertUnwindSafe(body);
    let (refusal, roll_back) = (AssertUnwindSafe(refusal), AssertUnwindSafe(roll_back));
    let result = PgTryBuilder::new(|| {
        let AssertUnwindSafe(body) = { body };
        let value = body();
        // SAFETY: ends what was begun above.
        unsafe { pg_sys::ReleaseCurrentSubTransaction() };
        Ok(value)
    })
    .catch_others(|error| {
        let (refusal, roll_back) = (&refusal, &roll_back);
        (roll_back.0)();
        let code = match &error {
            CaughtError::PostgresError(report) => report.sql_error_code(),
            CaughtError::ErrorReport(_) | CaughtError::RustPanic { .. } => error.rethrow(),
        };
        match (refusal.0)(code) {
            Some(meaning) => Err(meaning),
            None => error.rethrow(),
        }
    })
    .execute();
    restore();
    result
}
