//! `load_json_files`: the files of a pattern, loaded by workers, each exactly
//! once, however often it is called and wherever it is stopped.
//!
//! What makes it so: every transaction writes rows, rejects, and how far the file is.
//! The first of a file does so under a claim on its path and content, each later one
//! only if the file still is where it found it.

mod arguments;
mod board;
mod call_context;
mod conflicts;
mod file_decision;
mod file_hook;
mod file_load;
mod last_call;
mod list;
mod lock_waits;
pub mod mailbox;
mod open_transaction;
mod pending_commit;
mod progress;
mod range;
mod report;
pub mod serialise;
mod unchanged_files;
mod wait_notices;
mod worker_loop;
mod worker_pool;
mod worker_transaction;

use arguments::CallPlan;
pub use arguments::{BulkArguments, OnFileError};
pub use file_hook::FileHook;
pub use last_call::{forget as forget_last, last};
pub use list::{FileEnd, FileResult, Scope, load_list};
pub use unchanged_files::find_loaded;

use crate::access::{self, FoundFile};
use crate::catalog::{Catalog, Content};
use crate::error::{Error, Failure};
use crate::load::{self, IfEmptied, IfLoaded, LoadOptions};
use crate::pg;
use crate::pg::executor::transaction::Transactions;
use crate::pg::memory::context::{Context, RESERVE};
use crate::pg::memory::shared::Segment;
use crate::pg::processes::session::Session;
use crate::pg::relations::relation;
use crate::schema;
use crate::settings;
use crate::sink::{Insert, Target};
use board::{Board, FileOutcome, QueueState, SLOTS};
use last_call::CallRecord;
use loader_core::memory;
use progress::Progress;
use std::rc::Rc;
use worker_loop::WorkerLoop;
use worker_pool::WorkerPool;
use worker_transaction::WorkerTransaction;

/// By default there is a worker for each so many bytes of files.
const BYTES_WORTH_A_WORKER: u64 = 8 * 1024 * 1024;

/// By default there is also a worker for each so many files.
const FILES_WORTH_A_WORKER: usize = 100;

/// Loads the files that match the pattern. `workers` is how many are asked for.
pub fn run(pattern: &[u8], workers: Option<i32>, arguments: BulkArguments) -> Result<(), Error> {
    let mut record = CallRecord::new();
    pg::prevent_if_read_only(if arguments.csv.is_some() { c"load_csv_files" } else { c"load_json_files" });
    access::require_file_role()?;
    access::require_known_directories()?;
    let keeps_rejects = arguments.options()?.on_error != load::OnError::Ignore;
    let most = SLOTS as i32 - 1;
    if let Some(workers) = workers.filter(|workers| !(0..=most).contains(workers)) {
        return Err(Error::WorkersOutOfRange { workers, most });
    }
    // First, so that it outlives what the transactions bring.
    let memory = Context::new(c"loader", RESERVE);
    let mut transactions = Transactions::of_procedure();
    let failed = match memory.within(|| load_all(pattern, workers, arguments, &mut transactions, &mut record))
    {
        Ok(failed) => failed,
        Err(error) => {
            if let Some((target, summary)) = record.stop() {
                report::log_call(pattern, &target, &summary);
            }
            return Err(error);
        }
    };
    pg::processes::progress::end();
    transactions.finish();
    let (target, summary) = record.finish();
    report::log_call(pattern, &target, &summary);
    report::summary(&summary, keeps_rejects);
    failed.map_or(Ok(()), Err)
}

/// Loads what can be loaded. The inner error is what `on_file_error => 'raise'` makes of
/// files that failed.
fn load_all(
    pattern: &[u8],
    workers: Option<i32>,
    arguments: BulkArguments,
    transactions: &mut Transactions,
    record: &mut CallRecord,
) -> Result<Option<Error>, Error> {
    let CallScope { files, table, name, column, alone } = find(pattern, &arguments, transactions)?;
    record.begin(name);
    if files.is_empty() {
        report::nothing_matches(pattern);
        return Ok(None);
    }
    let known = skip_known(&arguments, &column, &files, transactions)?;
    let wanted = how_many(workers, alone, &files, &known);
    let plan = CallPlan { arguments, threads: threads_each(wanted), hook: None };
    let board = Rc::new(Board::new(&Session::own(), &plan.to_bytes(), &files, pg::process_id()));
    known.iter().for_each(|known| board.record(known));
    record.watch(board.clone());
    let mut progress = Progress::new(table, plan.arguments.table, board.totals().disk_all);
    let asked = workers.is_some().then_some(wanted);
    load_files(&board, &plan, wanted, asked, &mut progress, transactions)?;
    transactions.begin();
    let failed = report::files(&board, &Catalog::open()?, progress.table());
    report::left_out(&board, pattern, progress.table());
    transactions.commit();
    match board.failure() {
        Some(failure) => Err(Error::Worker(failure)),
        None => Ok(failed.filter(|_| plan.arguments.on_file_error == OnFileError::Raise)),
    }
}

/// Has so many workers load the files of a board, and does itself what they leave. `asked` is how many
/// the caller has asked for.
fn load_files(
    board: &Rc<Board>,
    plan: &CallPlan,
    wanted: usize,
    asked: Option<usize>,
    progress: &mut Progress,
    transactions: &mut Transactions,
) -> Result<(), Error> {
    let pool = WorkerPool::start(board.clone(), wanted);
    let started = pool.count();
    if let Some(asked) = asked.filter(|&asked| started < asked) {
        report::fewer_workers(started, asked);
    }
    board.expect(started as u64);
    if let Some(pid) = pool.look_after(progress, transactions) {
        report::a_worker_waits_for_its_call(pid);
        pool.end();
    } else if started > 0 && !board.is_over() {
        report::workers_have_ended();
    }
    drop(pool);
    loop {
        if !board.is_over() {
            WorkerLoop::new(WorkerTransaction::new(board, 0, transactions, plan)?, Some(progress)).run()?;
        }
        if board.is_stopped() || !look_again(board, &plan.arguments, transactions)? {
            return Ok(());
        }
    }
}

/// What a call is about.
struct CallScope {
    files: Vec<FoundFile>,
    /// Name of the target, and its name with its schema.
    table: String,
    name: Vec<u8>,
    /// The column that takes documents, empty where fields go to columns.
    column: Vec<u8>,
    /// Why no worker can load it, if none can.
    alone: Option<&'static str>,
}

/// Looks for the files, at the target, and whether that was emptied, in a transaction of
/// its own.
fn find(
    pattern: &[u8],
    arguments: &BulkArguments,
    transactions: &mut Transactions,
) -> Result<CallScope, Error> {
    transactions.begin();
    let options = arguments.options()?;
    if options.columns.adds_columns() {
        let files = arguments.reading(pattern);
        let (table, column) = (arguments.table, arguments.target_column.as_deref());
        schema::add_columns(&files, table, column, options.records(), &options.columns)?;
    }
    let target = lock_target(arguments, &options)?;
    let alone = obstacle_to_workers(&target);
    let files = access::find(pattern)?;
    if let [file] = &files[..] {
        // A pattern that is none, and meant what lies in there.
        access::require_no_directory(&file.path)?;
    }
    // Nothing is forgotten where there is nothing to load.
    if !files.is_empty() {
        bring_history_up_to_date(&target, &options)?;
    }
    let (name, column) = (target.quoted_name()?, target.route.column().to_vec());
    let table = target.shown;
    transactions.commit();
    Ok(CallScope { files, table, name, column, alone })
}

/// Locks the target to the end of the transaction, and checks that it takes what is to be loaded.
fn lock_target(arguments: &BulkArguments, options: &LoadOptions) -> Result<Target, Error> {
    let target = Target::lock(
        arguments.table,
        arguments.target_column.as_deref(),
        options.records(),
        &options.columns,
    )?;
    Insert::prepare(&target, &options.columns)?;
    Ok(target)
}

/// Why no worker can load into the target, if none can.
fn obstacle_to_workers(target: &Target) -> Option<&'static str> {
    if relation::is_temporary(target.oid) {
        Some("its target is a temporary table")
    } else if !Session::own().can_be_taken_over() {
        Some("the session's user may not log in")
    } else {
        None
    }
}

/// Before files are compared with the history: takes over what was written elsewhere, and forgets
/// what went with the rows of a table that was emptied.
fn bring_history_up_to_date(target: &Target, options: &LoadOptions) -> Result<(), Error> {
    load::at_least_once(target, &options.columns);
    let catalog = Catalog::open()?;
    catalog.adopt()?;
    if options.if_emptied == IfEmptied::Reload {
        load::forget_if_emptied(&catalog, target)?;
    }
    Ok(())
}

/// The files that need not be opened, because they are loaded and have not changed since.
fn skip_known(
    arguments: &BulkArguments,
    column: &[u8],
    files: &[FoundFile],
    transactions: &mut Transactions,
) -> Result<Vec<FileOutcome>, Error> {
    let options = arguments.options()?;
    // One that is refused may end the call: whoever comes to it says so.
    if matches!(options.if_loaded, IfLoaded::Force | IfLoaded::Error) {
        return Ok(Vec::new());
    }
    transactions.begin();
    let content = Content {
        target: arguments.table,
        target_type: relation::row_type(arguments.table),
        target_name: &[],
        column,
        file_size: 0,
        records_path: options.format.records_path(),
    };
    let known = unchanged_files::find(&Catalog::open()?, &content, files)?;
    transactions.commit();
    Ok(known)
}

/// How many workers there are to be, of those that were asked for if a number was.
fn how_many(asked: Option<i32>, alone: Option<&str>, files: &[FoundFile], known: &[FileOutcome]) -> usize {
    match (alone, asked) {
        (Some(reason), asked) => {
            if asked != Some(0) {
                report::no_workers_because(reason);
            }
            0
        }
        _ if known.len() == files.len() => 0,
        (None, Some(asked)) => asked as usize,
        (None, None) => {
            let done: u64 = known.iter().map(|known| files[known.file].size()).sum();
            let all: u64 = files.iter().map(FoundFile::size).sum();
            by_default(all - done, files.len() - known.len())
        }
    }
}

/// What a worker runs.
pub fn work(segment: Segment, slot: usize) {
    // Its session has another version: it does without.
    let (Some(session), Some(board)) = (Session::of(&segment), Board::of(segment)) else {
        return report::other_version();
    };
    let Some(plan) = CallPlan::from_bytes(board.plan_of_call()) else {
        return report::other_version();
    };
    session.take_over();
    let mut transactions = Transactions::of_worker();
    let memory = Context::new(c"loader", RESERVE);
    let outcome = memory.within(|| {
        WorkerLoop::new(WorkerTransaction::new(&board, slot, &mut transactions, &plan)?, None).run()
    });
    if let Err(error) = outcome {
        let failure = Failure::from(error);
        board.fail(&failure);
        transactions.roll_back();
    }
}

/// Has files looked at again that were skipped for a load that was replaced after
/// that: where contents move from one name to another, as where logs are rotated.
fn look_again(
    board: &Board,
    arguments: &BulkArguments,
    transactions: &mut Transactions,
) -> Result<bool, Error> {
    if arguments.options()?.if_loaded != IfLoaded::Replace {
        return Ok(false);
    }
    let skipped = (0..board.files()).filter(|&file| board.state(file) == QueueState::Skipped);
    let skipped = memory::collect(skipped.map(|file| (file, board.load_of(file))))?;
    let loads = memory::collect(skipped.iter().map(|&(_, load)| load))?;
    transactions.begin();
    let mut undone = Catalog::open()?.undone(&loads);
    undone.sort_unstable();
    transactions.commit();
    for (file, _) in skipped.iter().filter(|(_, load)| undone.binary_search(load).is_ok()) {
        board.look_again(*file);
    }
    Ok(!undone.is_empty())
}

/// As many workers as there are cores, but none where little is to be done.
fn by_default(bytes: u64, files: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let worth = (bytes / BYTES_WORTH_A_WORKER) as usize + files / FILES_WORTH_A_WORKER;
    match cores.min(worth).min(SLOTS - 1) {
        // One more process for the same work.
        1 => 0,
        workers => workers,
    }
}

/// Threads that parse, for each of so many workers.
fn threads_each(workers: usize) -> usize {
    settings::parse_threads_if_set().unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match cores.checked_div(workers) {
            Some(share) => share.saturating_sub(1),
            None => settings::parse_threads(),
        }
    })
}
