//! What the sessions and the launcher of pipelines tell each other, in shared memory that the
//! server sets aside when it starts: it is there only where the library is in
//! `shared_preload_libraries`.
//!
//! A session says which database is to be asked, and wakes the launcher. That is a hint: it may be
//! given too often, and the launcher looks again at times of its own.

use super::thread::AtExit;
use crate::pg::memory::shared::shared_struct;
use crate::pg::{self, Oid};
use pgrx::{pg_guard, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// What the memory is called in `pg_shmem_allocations`.
const NAME: &CStr = c"loader launcher";

/// So many databases can be named between two looks of the launcher. Where there are more, all
/// databases are asked.
const NAMED: usize = 64;

shared_struct! {
    /// All zero when the server starts, after a crash too.
    struct Exchange {
        /// The process of the launcher; 0 while there is none.
        launcher: AtomicI32,
        /// What pipelines wait for, a [`Lack`].
        lack: AtomicU32,
        /// Where the latch of the launcher is. It lies in memory of the server that stays for good.
        latch: AtomicU64,
        /// Whether all databases are to be asked.
        all: AtomicU32,
        /// OIDs of databases that are to be asked; 0 is none.
        databases: [AtomicU32; NAMED],
        /// How often loads have ceased to be in force, see [`loads_gone`].
        loads_gone: AtomicU64,
    }
}

/// What the server lacks, so that no worker can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Lack {
    Nothing,
    /// A slot for a background worker.
    Slot,
    /// Shared memory for what a worker is told.
    Memory,
}

impl Lack {
    fn of(number: u32) -> Self {
        let found = [Lack::Slot, Lack::Memory].into_iter().find(|&lack| lack as u32 == number);
        found.unwrap_or(Lack::Nothing)
    }
}

/// Where the memory is, the same in all processes; null where there is none.
static EXCHANGE: AtomicPtr<Exchange> = AtomicPtr::new(ptr::null_mut());

fn exchange() -> Option<&'static Exchange> {
    // SAFETY: the server's main shared memory, which stays mapped to the end of the process.
    unsafe { EXCHANGE.load(Ordering::Relaxed).as_ref() }
}

/// The hooks that were set before ours.
static mut REQUESTED_BEFORE: pg_sys::shmem_request_hook_type = None;
static mut STARTED_BEFORE: pg_sys::shmem_startup_hook_type = None;

/// Asks the server for the memory, while it loads the libraries that it starts with.
pub(super) fn request_memory() {
    // SAFETY: the postmaster is one thread, and sets its hooks before it has a child.
    unsafe {
        REQUESTED_BEFORE = pg_sys::shmem_request_hook;
        pg_sys::shmem_request_hook = Some(request);
        STARTED_BEFORE = pg_sys::shmem_startup_hook;
        pg_sys::shmem_startup_hook = Some(start);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn request() {
    // SAFETY: called by the server, at the one time at which memory may be asked for.
    unsafe {
        if let Some(before) = REQUESTED_BEFORE {
            before();
        }
        pg_sys::RequestAddinShmemSpace(size_of::<Exchange>());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn start() {
    // SAFETY: called by the postmaster, which is alone; the memory is as large as was asked for,
    // and all zero is a value of the type.
    unsafe {
        if let Some(before) = STARTED_BEFORE {
            before();
        }
        let mut found = false;
        let memory: *mut c_void =
            pg_sys::ShmemInitStruct(NAME.as_ptr(), size_of::<Exchange>(), &raw mut found);
        if !found {
            memory.cast::<Exchange>().write_bytes(0, 1);
        }
        EXCHANGE.store(memory.cast(), Ordering::Relaxed);
    }
}

thread_local! {
    /// Whether the transaction under way has asked for [`launcher_at_commit`].
    static AT_COMMIT: Cell<bool> = const { Cell::new(false) };
    /// Whether the transaction under way has called [`count_loads_gone`].
    static LOADS_GONE: Cell<bool> = const { Cell::new(false) };
    /// Whether the server calls [`at_end`].
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// Has the launcher ask this database when the transaction commits, at once; nothing where there
/// is no launcher, or where the transaction is rolled back. Of a transaction that is prepared
/// first the launcher hears when it next asks by itself.
pub fn launcher_at_commit() {
    if exchange().is_some() {
        register();
        AT_COMMIT.set(true);
    }
}

fn register() {
    if !REGISTERED.replace(true) {
        // SAFETY: the function is there as long as the library, which is never unloaded.
        unsafe { pg_sys::RegisterXactCallback(Some(at_end), ptr::null_mut()) };
    }
}

/// Counts that loads cease to be in force with this transaction: once now, so that a look at files within
/// this transaction sees another number already, and once when it has committed. Where the transaction is
/// prepared first, nobody counts the commit.
pub fn count_loads_gone() {
    if let Some(exchange) = exchange() {
        register();
        LOADS_GONE.set(true);
        exchange.loads_gone.fetch_add(1, Ordering::AcqRel);
    }
}

/// What [`count_loads_gone`] has counted, in all databases, since the server was started. Whoever asks
/// before a snapshot is taken, and later finds the same number, may take the loads that the snapshot saw
/// in force as still in force. Two cases are not heard of: a transaction that was prepared, and rows of the
/// history that somebody has deleted by hand.
pub fn loads_gone() -> u64 {
    exchange().map_or(0, |exchange| exchange.loads_gone.load(Ordering::Acquire))
}

/// Has the launcher ask this database now.
pub fn launcher() {
    // SAFETY: a plain variable.
    wake(unsafe { pg_sys::MyDatabaseId });
}

#[pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_COMMIT => {
            if LOADS_GONE.replace(false)
                && let Some(exchange) = exchange()
            {
                exchange.loads_gone.fetch_add(1, Ordering::AcqRel);
            }
            if AT_COMMIT.replace(false) {
                launcher();
            }
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            LOADS_GONE.set(false);
            AT_COMMIT.set(false);
        }
        _ => {}
    }
}

/// Names the database, and wakes the launcher.
fn wake(database: Oid) {
    let Some(exchange) = exchange() else { return };
    let database = database.to_u32();
    let named = exchange.databases.iter().any(|entry| {
        let found = entry.compare_exchange(0, database, Ordering::AcqRel, Ordering::Acquire);
        found.is_ok() || found == Err(database)
    });
    if !named {
        exchange.all.store(1, Ordering::Release);
    }
    let latch = exchange.latch.load(Ordering::Acquire) as *mut pg_sys::Latch;
    if !latch.is_null() {
        // SAFETY: the latch of a process of the server, whose memory stays. One that is somebody
        // else's by now wakes that process for nothing, which the server allows.
        unsafe { pg_sys::SetLatch(latch) };
    }
}

/// Whether pipelines are started by the server: `none`, `launcher`, `launcher (waits for a worker slot)`,
/// or `launcher (waits for shared memory)`.
pub fn scheduler() -> &'static str {
    match exchange() {
        Some(exchange) if exchange.launcher.load(Ordering::Acquire) != 0 => {
            match Lack::of(exchange.lack.load(Ordering::Relaxed)) {
                Lack::Slot => "launcher (waits for a worker slot)",
                Lack::Memory => "launcher (waits for shared memory)",
                Lack::Nothing => "launcher",
            }
        }
        _ => "none",
    }
}

/// Which databases are to be asked.
pub enum Woken {
    /// All of them.
    All,
    /// These.
    Named(Vec<Oid>),
}

/// The launcher's end of the exchange.
pub struct Launcher {
    exchange: &'static Exchange,
    /// A FATAL error leaves without unwinding.
    _at_exit: AtExit,
}

impl Launcher {
    /// This process is the launcher now, and is woken; `None` where the server has no memory of ours.
    pub fn enter() -> Option<Self> {
        let exchange = exchange()?;
        // SAFETY: a plain variable.
        exchange.latch.store(unsafe { pg_sys::MyLatch } as u64, Ordering::Release);
        let at_exit = AtExit::new(|| exchange.leave());
        Some(Launcher { exchange, _at_exit: at_exit })
    }

    /// Whether it starts pipelines: what [`scheduler`] says.
    pub fn show_active(&self, active: bool) {
        self.exchange.launcher.store(if active { pg::process_id() } else { 0 }, Ordering::Release);
    }

    /// Shows what the server lacks, so that pipelines wait. Returns what that was before.
    pub fn show_lack(&self, lack: Lack) -> Lack {
        Lack::of(self.exchange.lack.swap(lack as u32, Ordering::Relaxed))
    }

    /// Which databases are to be asked, since the last call.
    pub fn take_woken(&self) -> Woken {
        let named = self.exchange.databases.iter().map(|entry| entry.swap(0, Ordering::AcqRel));
        let named: Vec<Oid> = named.filter(|&oid| oid != 0).map(Oid::from).collect();
        if self.exchange.all.swap(0, Ordering::AcqRel) != 0 { Woken::All } else { Woken::Named(named) }
    }
}

impl Exchange {
    fn leave(&self) {
        self.latch.store(0, Ordering::Release);
        self.launcher.store(0, Ordering::Release);
        self.lack.store(Lack::Nothing as u32, Ordering::Relaxed);
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.exchange.leave();
    }
}
