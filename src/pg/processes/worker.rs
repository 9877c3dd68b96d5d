//! Background workers: started on demand. What they take over of the session that starts
//! them is in `session`.

use super::session;
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
    /// Starts one that runs `loader_worker_main` with `segment` and `number`;
    /// `None` where the server has no slot free.
    pub fn start(segment: &Segment, number: usize) -> Option<Self> {
        let mut worker = pg_sys::BackgroundWorker {
            bgw_flags: (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as i32,
            bgw_start_time: pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished,
            bgw_restart_time: pg_sys::BGW_NEVER_RESTART,
            bgw_main_arg: pg_sys::Datum::from(segment.handle()),
            // SAFETY: a plain variable.
            bgw_notify_pid: unsafe { pg_sys::MyProcPid },
            ..Default::default()
        };
        put(&mut worker.bgw_name, c"loader worker");
        put(&mut worker.bgw_type, c"loader worker");
        put(&mut worker.bgw_library_name, c"$libdir/loader");
        put(&mut worker.bgw_function_name, c"loader_worker_main");
        worker.bgw_extra[0] = number as c_char;
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

/// What a worker runs: the segment, and its number. Set by the library when it
/// is loaded: this module knows nothing of loads.
pub type Main = fn(Segment, usize);

static MAIN: std::sync::OnceLock<Main> = std::sync::OnceLock::new();

/// Says what workers run.
pub fn set_main(main: Main) {
    // The library is loaded once.
    let _ = MAIN.set(main);
}

/// Called by the server in the new process.
///
/// # Safety
/// Called by the server only.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn loader_worker_main(argument: pg_sys::Datum) {
    // SAFETY: the process is new and single-threaded; the entry is the server's.
    let number = unsafe {
        // The server's own answer to SIGTERM ends the process where it stands.
        // This one waits for the next look at interrupts.
        set_handler(libc::SIGTERM, Some(die));
        set_handler(libc::SIGHUP, Some(SignalHandlerForConfigReload));
        pg_sys::BackgroundWorkerUnblockSignals();
        (*pg_sys::MyBgworkerEntry).bgw_extra[0] as u8 as usize
    };
    let segment = Segment::attach(argument.value() as u32);
    // The session that started this has gone.
    if let (Some(segment), Some(main)) = (segment, MAIN.get()) {
        session::permit_take_over();
        main(segment, number);
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
