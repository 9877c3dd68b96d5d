//! The settings `loader.*`: their names, limits and why these.

use crate::pg::processes::setting;
use loader_core::stream;
use pgrx::PostgresGucEnum;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};

// What the zstd program itself accepts; a decoder takes memory for all of it.
static ZSTD_WINDOW_MAX: GucSetting<i32> = GucSetting::<i32>::new((stream::ZSTD_WINDOW_MAX / 1024) as i32);

// The largest window that its decoder can be told of, kilobytes.
const LARGEST_WINDOW: i32 = 2 * 1024 * 1024;

const ALLOWED_DIRECTORIES_NAME: &CStr = c"loader.allowed_directories";

static ALLOWED_DIRECTORIES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

// One jsonb value can hold 256 MB of strings or elements: most longer records
// would be refused anyway, after having been held in memory several times over.
static MAX_RECORD_SIZE: GucSetting<i32> = GucSetting::<i32>::new(256 * 1024 * 1024);

// A text of 1 GB minus its header is the longest that jsonb_in can be given.
const LARGEST_RECORD: i32 = 1024 * 1024 * 1024 - 64;

// Enough to see what is wrong; offset and length lead to the rest.
static REJECT_RAW_LIMIT: GucSetting<i32> = GucSetting::<i32>::new(64 * 1024);

// A bytea twice as long could not be shown: its text form doubles it.
const LARGEST_RAW: i32 = 256 * 1024 * 1024;

// More make datums faster than one backend can insert them.
const MOST_BY_DEFAULT: usize = 4;

// More would never pay, and each takes its share of memory.
const MOST_THREADS: i32 = 64;

// Smaller files are parsed without threads, bytes.
const SMALL: u64 = 1024 * 1024;

// -1 counts the cores.
static PARSE_THREADS: GucSetting<i32> = GucSetting::<i32>::new(-1);

// Some tenths of a second of work: little to do again after a crash, and long enough
// that commits do not count.
static TRANSACTION_SIZE: GucSetting<i32> = GucSetting::<i32>::new(64 * 1024);

// A cluster that was copied with its files may be started without its pipelines.
static LAUNCHER: GucSetting<bool> = GucSetting::<bool>::new(true);

// Of the eight background workers that a server has by default, one more is the launcher and one
// asks what is due: some are left for parallel queries.
static MAX_PIPELINE_WORKERS: GucSetting<i32> = GucSetting::<i32>::new(4);

// As many as the server allows of background workers.
const MOST_WORKERS: i32 = 262_143;

static LOG_LOADS: GucSetting<LogLoads> = GucSetting::<LogLoads>::new(LogLoads::all);

static VERIFY: GucSetting<bool> = GucSetting::<bool>::new(false);

// Whether what a superuser had set was lost to a client's attempt to set it.
static ALLOWED_DIRECTORIES_LOST: AtomicBool = AtomicBool::new(false);

/// `loader.allowed_directories`.
pub enum AllowedDirectories {
    /// Files may lie in every directory.
    Any,
    /// Files may lie in the directories of this list, as it was set.
    List(CString),
    /// It cannot be told what the setting in force is.
    Unknown,
}

/// `loader.log_loads`: which lines go to the server's log. The names are those of the
/// setting's values.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum LogLoads {
    /// One for each file, and one for each call.
    all,
    /// One for each call.
    summary,
    /// None.
    off,
}

/// Makes the settings known to the server.
pub fn register() {
    let lost = setting::was_overridden_at_connect(ALLOWED_DIRECTORIES_NAME);
    ALLOWED_DIRECTORIES_LOST.store(lost, Ordering::Relaxed);
    GucRegistry::define_string_guc(
        ALLOWED_DIRECTORIES_NAME,
        c"Sets the directories that files may be loaded from.",
        c"A comma-separated list; empty allows every directory. Symbolic links are resolved before the comparison.",
        &ALLOWED_DIRECTORIES,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_int_guc(
        c"loader.max_record_size",
        c"Sets the maximum size of a record.",
        c"Longer records are rejected without being held in memory.",
        &MAX_RECORD_SIZE,
        64,
        LARGEST_RECORD,
        GucContext::Userset,
        GucFlags::UNIT_BYTE,
    );
    GucRegistry::define_int_guc(
        c"loader.reject_raw_limit",
        c"Sets how many bytes of a rejected record are kept in loader.rejects.",
        c"The offset and the length of the whole record in the file are kept too.",
        &REJECT_RAW_LIMIT,
        0,
        LARGEST_RAW,
        GucContext::Userset,
        GucFlags::UNIT_BYTE,
    );
    GucRegistry::define_int_guc(
        c"loader.parse_threads",
        c"Sets the number of threads that parse a file while the backend inserts.",
        c"-1 starts one less than there are cores, at least one and at most four; 0 parses in the backend.",
        &PARSE_THREADS,
        -1,
        MOST_THREADS,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"loader.transaction_size",
        c"Sets how much of a file load_json_files loads in one transaction.",
        c"Files that are much smaller share transactions.",
        &TRANSACTION_SIZE,
        1,
        1024 * 1024,
        GucContext::Userset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_enum_guc(
        c"loader.log_loads",
        c"Sets which loads are written to the server's log.",
        c"\"all\" writes a line for each file and each call, \"summary\" one for each call, \"off\" none.",
        &LOG_LOADS,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"loader.zstd_window_max",
        c"Sets the largest window that a Zstandard file may need.",
        c"The window is held in memory while the file is read.",
        &ZSTD_WINDOW_MAX,
        1,
        LARGEST_WINDOW,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_bool_guc(
        c"loader.launcher",
        c"Starts pipelines when they are due.",
        c"The library has to be in shared_preload_libraries. Pipelines that run are not ended.",
        &LAUNCHER,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"loader.max_pipeline_workers",
        c"Sets the maximum number of pipelines that run at the same time.",
        c"Each of them is one of max_worker_processes, and so are the workers that it starts for its files.",
        &MAX_PIPELINE_WORKERS,
        1,
        MOST_WORKERS,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"loader.verify",
        c"Compares each value with what jsonb_in makes of its record.",
        c"A difference fails the load. Loading takes as long as COPY then.",
        &VERIFY,
        GucContext::Userset,
        GucFlags::default(),
    );
    setting::reserve_prefix(c"loader");
}

/// `loader.allowed_directories` as it was set.
pub fn allowed_directories() -> AllowedDirectories {
    match ALLOWED_DIRECTORIES.get() {
        Some(list) if !list.to_bytes().trim_ascii().is_empty() => AllowedDirectories::List(list),
        _ if ALLOWED_DIRECTORIES_LOST.load(Ordering::Relaxed) => AllowedDirectories::Unknown,
        _ => AllowedDirectories::Any,
    }
}

/// `loader.max_record_size` in bytes.
pub fn max_record_size() -> usize {
    MAX_RECORD_SIZE.get() as usize
}

/// `loader.reject_raw_limit` in bytes.
pub fn reject_raw_limit() -> usize {
    REJECT_RAW_LIMIT.get() as usize
}

/// `loader.transaction_size` in bytes.
pub fn transaction_size() -> u64 {
    TRANSACTION_SIZE.get() as u64 * 1024
}

/// How many threads `loader.parse_threads` asks for, if it says a number.
pub fn parse_threads_if_set() -> Option<usize> {
    usize::try_from(PARSE_THREADS.get()).ok()
}

/// How many threads `loader.parse_threads` asks for.
pub fn parse_threads() -> usize {
    parse_threads_if_set().unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores - 1).clamp(1, MOST_BY_DEFAULT)
    })
}

/// How many of `threads` threads are worth having for a file of this size. Where there is little
/// to parse, threads cost more than they save.
pub fn threads_for(bytes: u64, threads: usize) -> usize {
    if bytes < SMALL { 0 } else { threads }
}

/// `loader.zstd_window_max` in bytes.
pub fn zstd_window_max() -> u64 {
    ZSTD_WINDOW_MAX.get() as u64 * 1024
}

/// `loader.launcher`.
pub fn launcher() -> bool {
    LAUNCHER.get()
}

/// `loader.max_pipeline_workers`.
pub fn max_pipeline_workers() -> usize {
    MAX_PIPELINE_WORKERS.get() as usize
}

/// `loader.verify`.
pub fn verify() -> bool {
    VERIFY.get()
}

/// `loader.log_loads`.
pub fn log_loads() -> LogLoads {
    LOG_LOADS.get()
}
