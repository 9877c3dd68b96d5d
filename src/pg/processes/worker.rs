//! Background workers: started on demand, and the launcher of pipelines, which the server starts
//! and starts again. As whom they connect is in `session`.

use super::{session, wake};
use crate::pg::memory::shared::Segment;
use crate::pg::strings::text;
use pgrx::{pg_guard, pg_sys};
use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

unsafe extern "C-unwind" {
    /// The server's own handlers, without the guard that pgrx puts around them.
    fn die(
        signal: i32,
        #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18")))]
        sender: *const pg_sys::pg_signal_info,
    );
    fn SignalHandlerForConfigReload(
        signal: i32,
        #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18")))]
        sender: *const pg_sys::pg_signal_info,
    );
    fn SignalHandlerForShutdownRequest(
        signal: i32,
        #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18")))]
        sender: *const pg_sys::pg_signal_info,
    );
}

/// What a worker does, and what it is called in `pg_stat_activity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Works for the session that starts it, as the worker of this number.
    Session(u8),
    /// Finds out when the pipelines of a database are due.
    Schedule,
    /// Runs a pipeline.
    Pipeline,
}

impl Job {
    /// Its name for users, and the function that the server calls.
    fn names(self) -> (&'static CStr, &'static CStr) {
        match self {
            Job::Session(_) => (c"loader worker", c"loader_worker_main"),
            Job::Schedule => (c"loader schedule", c"loader_schedule_main"),
            Job::Pipeline => (c"loader pipeline", c"loader_pipeline_main"),
        }
    }
}

/// A worker that was started. It is told to end when this value goes.
pub struct Worker(NonNull<pg_sys::BackgroundWorkerHandle>);

/// What has become of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The server has not got round to it.
    NotStarted,
    /// It runs, in that process.
    Running(i32),
    /// It has ended, or could not be started.
    Ended,
}

impl Worker {
    /// Starts one that does `job` with what `segment` says; `None` where the server has no slot
    /// free.
    pub fn start(segment: &Segment, job: Job) -> Option<Self> {
        let (name, function) = job.names();
        let mut worker = describe(name, function);
        worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
        worker.bgw_main_arg = pg_sys::Datum::from(segment.handle());
        // SAFETY: a plain variable.
        worker.bgw_notify_pid = unsafe { pg_sys::MyProcPid };
        if let Job::Session(number) = job {
            worker.bgw_extra[0] = number as c_char;
        }
        let mut handle = std::ptr::null_mut();
        // SAFETY: a complete description, which is copied; the handle is
        // allocated in a context that outlives the call.
        let started = unsafe {
            let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
            let started = pg_sys::RegisterDynamicBackgroundWorker(&raw mut worker, &raw mut handle);
            pg_sys::MemoryContextSwitchTo(before);
            started
        };
        NonNull::new(handle).filter(|_| started).map(Worker)
    }

    /// What has become of it.
    pub fn status(&self) -> Status {
        let mut pid = 0;
        // SAFETY: the handle is ours.
        match unsafe { pg_sys::GetBackgroundWorkerPid(self.0.as_ptr(), &raw mut pid) } {
            pg_sys::BgwHandleStatus::BGWH_STARTED => Status::Running(pid),
            pg_sys::BgwHandleStatus::BGWH_NOT_YET_STARTED => Status::NotStarted,
            _ => Status::Ended,
        }
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<i32> {
        match self.status() {
            Status::Running(pid) => Some(pid),
            Status::NotStarted | Status::Ended => None,
        }
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        // SAFETY: the handle is ours; one that has ended is left alone.
        unsafe { pg_sys::TerminateBackgroundWorker(self.0.as_ptr()) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.terminate();
        // SAFETY: allocated by the server for us.
        unsafe { pg_sys::pfree(self.0.as_ptr().cast()) }
    }
}

/// A worker with the rights of a backend, which runs once there is no recovery any more.
fn describe(name: &CStr, function: &CStr) -> pg_sys::BackgroundWorker {
    let mut worker = pg_sys::BackgroundWorker {
        bgw_flags: (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as i32,
        bgw_start_time: pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished,
        ..Default::default()
    };
    put(&mut worker.bgw_name, name);
    put(&mut worker.bgw_type, name);
    put(&mut worker.bgw_library_name, c"$libdir/loader");
    put(&mut worker.bgw_function_name, function);
    worker
}

/// After an error the launcher is started again so much later, seconds: soon enough that nobody
/// waits for files long, and not so soon that an error that comes back fills the log.
const RESTART: i32 = 5;

/// Has the server start the launcher, and set memory aside for it, where it loads this library
/// when it starts; elsewhere nothing is done. An upgrade by pg_upgrade runs no pipelines.
pub fn register_launcher() {
    // SAFETY: plain variables; the description is copied.
    unsafe {
        if !pg_sys::process_shared_preload_libraries_in_progress || pg_sys::IsBinaryUpgrade {
            return;
        }
        wake::request_memory();
        let mut worker = describe(c"loader launcher", c"loader_launcher_main");
        worker.bgw_restart_time = RESTART;
        pg_sys::RegisterBackgroundWorker(&raw mut worker);
    }
}

fn put(field: &mut [c_char], text: &CStr) {
    for (to, &from) in field.iter_mut().zip(text.to_bytes_with_nul()) {
        *to = from as c_char;
    }
}

/// Says what this process is at, for pg_stat_activity.
pub fn report_activity(what: &[u8]) {
    let what = text::c_string(what);
    // SAFETY: the text is copied.
    unsafe {
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, what.as_ptr());
    }
}

/// What the workers run: this module knows nothing of loads.
#[derive(Clone, Copy)]
pub struct Mains {
    /// [`Job::Session`]: what the segment says, and the number.
    pub session: fn(Segment, usize),
    /// [`Job::Schedule`].
    pub schedule: fn(Segment),
    /// [`Job::Pipeline`].
    pub pipeline: fn(Segment),
    /// The launcher. It returns when it is told to end.
    pub launcher: fn(),
}

static MAINS: std::sync::OnceLock<Mains> = std::sync::OnceLock::new();

/// Says what workers run. Set when the library is loaded.
pub fn set_mains(mains: Mains) {
    // The library is loaded once.
    let _ = MAINS.set(mains);
}

/// Runs `main` with the segment that the worker was started with, unless who started it has gone.
fn with_segment(argument: pg_sys::Datum, main: impl FnOnce(&Mains, Segment)) {
    prepare(Some(die));
    if let (Some(segment), Some(mains)) = (Segment::attach(argument.value() as u32), MAINS.get()) {
        main(mains, segment);
    }
}

/// Prepares the new process of a worker: what SIGTERM does, and that it may connect.
fn prepare(on_sigterm: pg_sys::pqsigfunc) {
    // SAFETY: the process is new and single-threaded; the handlers are the server's.
    unsafe {
        set_handler(libc::SIGTERM, on_sigterm);
        set_handler(libc::SIGHUP, Some(SignalHandlerForConfigReload));
        pg_sys::BackgroundWorkerUnblockSignals();
    }
    session::permit_connection();
}

/// Called by the server in the new process.
///
/// # Safety
/// Called by the server only.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_worker_main(argument: pg_sys::Datum) {
    // SAFETY: the entry is the server's.
    let number = unsafe { (*pg_sys::MyBgworkerEntry).bgw_extra[0] as u8 as usize };
    with_segment(argument, |mains, segment| (mains.session)(segment, number));
}

/// Called by the server in the new process.
///
/// # Safety
/// Called by the server only.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_schedule_main(argument: pg_sys::Datum) {
    with_segment(argument, |mains, segment| (mains.schedule)(segment));
}

/// Called by the server in the new process.
///
/// # Safety
/// Called by the server only.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_pipeline_main(argument: pg_sys::Datum) {
    with_segment(argument, |mains, segment| (mains.pipeline)(segment));
}

/// Called by the server in the new process. It never ends with the code 0, after which the server
/// would not start it again.
///
/// # Safety
/// Called by the server only.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_launcher_main(_argument: pg_sys::Datum) {
    prepare(Some(SignalHandlerForShutdownRequest));
    if let Some(mains) = MAINS.get() {
        (mains.launcher)();
    }
    // SAFETY: nothing of this process is in use any more.
    unsafe { pg_sys::proc_exit(1) };
}

/// Whether this process was told to end: for who has [`SignalHandlerForShutdownRequest`].
pub fn is_told_to_end() -> bool {
    // SAFETY: a flag that a signal handler of this thread sets.
    unsafe { (&raw const pg_sys::ShutdownRequestPending).read_volatile() != 0 }
}

/// Reads the configuration again, if this process was told to.
pub fn reload_configuration() {
    // SAFETY: a flag that a signal handler of this thread sets; no transaction is open.
    unsafe {
        if (&raw const pg_sys::ConfigReloadPending).read_volatile() != 0 {
            pg_sys::ConfigReloadPending = 0;
            pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        }
    }
}

/// # Safety
/// The handler may be called at any time from now on.
unsafe fn set_handler(signal: i32, handler: pg_sys::pqsigfunc) {
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
    // SAFETY: the server's own way to set one of its own handlers.
    unsafe {
        pg_sys::pqsignal(signal, handler);
    }
    #[cfg(not(any(feature = "pg15", feature = "pg16", feature = "pg17")))]
    // SAFETY: the same, by the name that it has since 18.
    unsafe {
        pg_sys::pqsignal_be(signal, handler);
    }
}
