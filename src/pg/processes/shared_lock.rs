//! Locks in memory that processes share: the server's lightweight locks. Whoever waits for one
//! sleeps, requests to cancel wait while one is held, and the server releases them where an
//! error or the end of the process gets in between.
//!
//! All of them are of one tranche, which the cluster makes once and keeps until it is started
//! again. A tranche for each call or session would use them up: their numbers have 16 bits, and
//! from 19 on there are 256 of them.

use pgrx::pg_sys;
use std::cell::{Cell, UnsafeCell};
use std::ffi::CStr;
#[cfg(not(any(feature = "pg15", feature = "pg16")))]
use std::ffi::c_void;

/// What the server calls these locks in `pg_stat_activity`.
const NAME: &CStr = c"loader";

/// A lock in shared memory.
#[repr(transparent)]
pub(in crate::pg) struct SharedLock(UnsafeCell<pg_sys::LWLock>);

impl SharedLock {
    /// Makes a lock, which nobody holds.
    ///
    /// # Safety
    /// `this` is aligned shared memory for a lock, which nobody else looks at yet.
    pub unsafe fn initialize(this: *mut SharedLock) {
        // SAFETY: by contract.
        unsafe { pg_sys::LWLockInitialize(this.cast(), tranche()) }
    }

    /// Gives the lock its name in this process, which has not made it.
    pub fn attach(&self) {
        // SAFETY: the tranche of a lock does not change.
        register(i32::from(unsafe { (*self.0.get()).tranche }));
    }

    /// Runs `body` while nobody else does so with this lock. To ask for it again in there is a
    /// mistake of ours: without the panic the process would wait for itself.
    pub fn hold<R>(&self, body: impl FnOnce() -> R) -> R {
        let lock = self.0.get();
        // SAFETY: a lock in shared memory, which is mapped as long as `self`.
        let _held = unsafe {
            assert!(!pg_sys::LWLockHeldByMe(lock), "a lock is taken once");
            Held::acquire(lock)
        };
        body()
    }
}

/// A lock that this process holds.
struct Held(*mut pg_sys::LWLock);

impl Held {
    /// # Safety
    /// The lock is there as long as this value.
    unsafe fn acquire(lock: *mut pg_sys::LWLock) -> Self {
        // SAFETY: by contract.
        unsafe { pg_sys::LWLockAcquire(lock, pg_sys::LWLockMode::LW_EXCLUSIVE) };
        Held(lock)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: it is there, and this process holds it. Where the server has raised an error
        // meanwhile it has forgotten that interrupts were held, as it does when it releases all
        // locks itself.
        unsafe {
            if pg_sys::InterruptHoldoffCount == 0 {
                pg_sys::InterruptHoldoffCount = 1;
            }
            pg_sys::LWLockRelease(self.0);
        }
    }
}

/// The tranche of these locks.
fn tranche() -> i32 {
    thread_local! {
        static TRANCHE: Cell<Option<i32>> = const { Cell::new(None) };
    }
    TRANCHE.get().unwrap_or_else(|| {
        let tranche = tranche_of_cluster();
        register(tranche);
        TRANCHE.set(Some(tranche));
        tranche
    })
}

/// Before 17 the number lies in the memory that the server keeps for what libraries ask for
/// after it has started.
#[cfg(any(feature = "pg15", feature = "pg16"))]
fn tranche_of_cluster() -> i32 {
    /// The number of the server's own lock for that, `AddinShmemInitLock`.
    const ADDIN_SHMEM_INIT: usize = 21;
    // SAFETY: the server's array has the lock, which is there for this; what is found was
    // written by this function with the lock held.
    unsafe {
        let _held = Held::acquire(&raw mut (*pg_sys::MainLWLockArray.add(ADDIN_SHMEM_INIT)).lock);
        let mut found = false;
        let tranche = pg_sys::ShmemInitStruct(NAME.as_ptr(), size_of::<i32>(), &raw mut found).cast::<i32>();
        if !found {
            tranche.write(pg_sys::LWLockNewTrancheId());
        }
        tranche.read()
    }
}

/// The number lies in a segment that the server knows by name.
#[cfg(not(any(feature = "pg15", feature = "pg16")))]
fn tranche_of_cluster() -> i32 {
    let mut found = false;
    // SAFETY: a segment of this name is of this library, and filled in by `write_tranche`.
    unsafe {
        pg_sys::GetNamedDSMSegment(
            NAME.as_ptr(),
            size_of::<i32>(),
            Some(write_tranche),
            &raw mut found,
            #[cfg(not(any(feature = "pg17", feature = "pg18")))]
            std::ptr::null_mut(),
        )
        .cast::<i32>()
        .read()
    }
}

/// Fills in the segment, once in a cluster.
///
/// # Safety
/// Called by the server with memory for an `i32`.
#[cfg(any(feature = "pg17", feature = "pg18"))]
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn write_tranche(segment: *mut c_void) {
    // SAFETY: by contract.
    unsafe { segment.cast::<i32>().write(pg_sys::LWLockNewTrancheId()) }
}

/// Fills in the segment, once in a cluster.
///
/// # Safety
/// Called by the server with memory for an `i32`.
#[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18")))]
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn write_tranche(segment: *mut c_void, _argument: *mut c_void) {
    // SAFETY: by contract; the name is copied.
    unsafe { segment.cast::<i32>().write(pg_sys::LWLockNewTrancheId(NAME.as_ptr())) }
}

/// Gives the tranche its name in this process. From 19 on all processes know it.
fn register(tranche: i32) {
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18"))]
    // SAFETY: the name is static.
    unsafe {
        pg_sys::LWLockRegisterTranche(tranche, NAME.as_ptr());
    }
    #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18")))]
    let _ = tranche;
}
