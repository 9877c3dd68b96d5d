//! The server's own functions behind safe ones. The only place with `unsafe`
//! and `pg_sys`; knows nothing of files or records, and of loader only what the
//! server calls by name.
//!
//! The modules are grouped by what of the server they stand for. Here is what all of them
//! need: interrupts, the clock, and the state of the transaction.
#![allow(unsafe_code)]
// Types of the server's constants differ between its versions.
#![allow(clippy::unnecessary_cast)]

pub mod executor;
pub mod memory;
pub mod processes;
pub mod relations;
pub mod strings;

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;
pub use pgrx::pg_sys::Oid;

/// Raises the error of a cancel or terminate request, if there is one.
pub fn check_for_interrupts() {
    pgrx::check_for_interrupts!();
}

/// The time by the clock.
pub fn now() -> TimestampWithTimeZone {
    // SAFETY: reads the clock.
    timestamp(unsafe { pg_sys::GetCurrentTimestamp() })
}

/// A timestamp from microseconds since 1970.
pub fn timestamp_from_unix(micros: i64) -> TimestampWithTimeZone {
    const EPOCHS_APART: i64 = 10_957 * 86_400 * 1_000_000;
    timestamp(micros.saturating_sub(EPOCHS_APART))
}

fn timestamp(micros: pg_sys::TimestampTz) -> TimestampWithTimeZone {
    // Out of range only where a file system says so.
    TimestampWithTimeZone::try_from(micros).unwrap_or_else(|_| TimestampWithTimeZone::negative_infinity())
}

/// Whether the transaction looks at one snapshot all along.
pub fn transaction_has_one_snapshot() -> bool {
    // SAFETY: a plain variable of this single-threaded process.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// Whether the transaction may write what it could do without: it is not read-only, and
/// what others have written meanwhile is no conflict.
pub fn transaction_may_note() -> bool {
    // SAFETY: a plain variable of this single-threaded process.
    !transaction_has_one_snapshot() && unsafe { !pg_sys::XactReadOnly }
}

/// Whether the transaction may write nothing.
pub fn transaction_is_read_only() -> bool {
    // SAFETY: a plain variable of this single-threaded process.
    unsafe { pg_sys::XactReadOnly }
}

/// Lets the transaction write that is open, whatever `default_transaction_read_only` says: for what is
/// written down in tables of ours by a worker. Never on a standby, where no worker is started.
pub fn allow_writing() {
    // SAFETY: plain variables of this single-threaded process. The server sets them anew for the next
    // transaction.
    unsafe {
        if !pg_sys::RecoveryInProgress() {
            pg_sys::XactReadOnly = false;
        }
    }
}

/// Whether the transaction has written anything that others may wait for.
pub fn transaction_has_written() -> bool {
    // SAFETY: looks at this process's own state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// Where OIDs that rows of a table hold are this database's own: the cluster, the database,
/// and that table. In another one, such as one that a dump was restored into, they name
/// anything, and in a table that was made anew and filled from a dump they may.
pub fn origin(table: Oid) -> String {
    // SAFETY: reads shared memory that the server has filled when it started, and a
    // plain variable.
    let (cluster, database) = unsafe { (pg_sys::GetSystemIdentifier(), pg_sys::MyDatabaseId) };
    format!("{cluster}/{}/{}", database.to_u32(), table.to_u32())
}

/// The number of this process.
pub fn process_id() -> i32 {
    // SAFETY: a plain variable.
    unsafe { pg_sys::MyProcPid }
}

/// Raises an error in a transaction that may not write.
pub fn prevent_if_read_only(command: &'static std::ffi::CStr) {
    // SAFETY: the name is static.
    unsafe { pg_sys::PreventCommandIfReadOnly(command.as_ptr()) }
}

/// Raises an error on a standby.
pub fn prevent_during_recovery(command: &'static std::ffi::CStr) {
    // SAFETY: the name is static.
    unsafe { pg_sys::PreventCommandDuringRecovery(command.as_ptr()) }
}
