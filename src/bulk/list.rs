//! Files that are given, rather than those of a pattern: what a pipeline loads of what it has found.

use super::arguments::{BulkArguments, CallPlan};
use super::board::{Board, QueueState, Totals};
use super::file_hook::FileHook;
use super::last_call::CallRecord;
use super::progress::Progress;
use super::{by_default, load_files, report, threads_each};
use crate::access::FoundFile;
use crate::catalog::{Catalog, Content};
use crate::error::{Error, Failure};
use crate::pg;
use crate::pg::executor::subtransaction::contain;
use crate::pg::executor::transaction::Transactions;
use crate::pg::processes::session::Session;
use crate::pg::relations::relation;
use crate::pg::strings::text;
use crate::schema;
use loader_core::memory;
use std::cell::Cell;
use std::rc::Rc;

/// What files are loaded into, as it was when they were looked for.
pub struct Scope {
    /// Name of the target, and its name with its schema.
    pub table: String,
    name: Vec<u8>,
    /// The column that takes documents, empty where fields go to columns.
    column: Vec<u8>,
    records_path: Option<String>,
    /// Why no worker can load into it, if none can.
    alone: Option<&'static str>,
}

impl Scope {
    /// Locks the target, checks that the current role may load what the arguments say, and brings
    /// the history up to date. In a transaction of the caller.
    pub fn open(arguments: &BulkArguments) -> Result<Self, Error> {
        let options = arguments.options()?;
        let target = super::lock_target(arguments, &options)?;
        super::bring_history_up_to_date(&target, &options)?;
        Ok(Scope {
            name: target.quoted_name()?,
            column: target.route.column().to_vec(),
            records_path: options.format.records_path().map(str::to_string),
            alone: super::obstacle_to_workers(&target),
            table: target.shown,
        })
    }

    /// What makes loads into it the same, of files of any size.
    pub fn content(&self, arguments: &BulkArguments) -> Content<'_> {
        Content {
            target: arguments.table,
            target_type: relation::row_type(arguments.table),
            target_name: &self.name,
            column: &self.column,
            file_size: 0,
            records_path: self.records_path.as_deref(),
        }
    }
}

/// What came of a file.
pub struct FileResult {
    pub end: FileEnd,
    /// The load of the file, or the one that it was skipped for; 0 where there is none.
    pub load_id: i64,
}

/// How it ended.
pub enum FileEnd {
    Loaded,
    /// A load had its content.
    Skipped,
    /// It is not what it was when it was loaded, and stays as it is.
    Changed,
    Failed(Failure),
    /// Another session was at it.
    HeldUp,
    /// The call came to its end before.
    NotBegun,
}

/// What came of a list.
#[derive(Default)]
pub struct ListResult {
    /// One for each file, in order.
    pub files: Vec<FileResult>,
    pub totals: Totals,
    /// What ended the call before its files were done.
    pub failure: Option<Failure>,
    /// The error for the files that failed, if any did.
    pub failed: Option<Error>,
}

/// Loads the files, except those whose columns cannot be added: loaded without them they would be without
/// them for good. `workers` is how many are asked for. `pattern` is what they have been looked for by.
pub fn load_list(
    files: &[FoundFile],
    pattern: &[u8],
    scope: &Scope,
    workers: i32,
    plan: (BulkArguments, FileHook),
    transactions: &mut Transactions,
) -> Result<ListResult, Error> {
    let refused = add_columns(files, &plan.0, transactions)?;
    let Some(first) = refused.iter().position(Option::is_some) else {
        return load_all(files, pattern, scope, workers, plan, transactions);
    };
    let rest = files.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
    let rest = memory::collect(rest.map(|(file, _)| file.clone()))?;
    let mut result = match rest.is_empty() {
        true => ListResult::default(),
        false => load_all(&rest, pattern, scope, workers, plan, transactions)?,
    };
    if result.failed.is_none() {
        result.failed = Some(Error::FilesFailed {
            failed: refused.iter().flatten().count() as u64,
            files: files.len() as u64,
            path: text::show(&files[first].path),
            first: refused[first].clone().unwrap_or_default(),
            hint: None,
        });
    }
    let mut loaded = result.files.into_iter();
    let mut results = Vec::new();
    for (file, refused) in files.iter().zip(refused) {
        let result = match refused {
            Some(failure) => {
                report::without_columns(&file.path, &failure);
                Some(FileResult { end: FileEnd::Failed(failure), load_id: 0 })
            }
            None => loaded.next(),
        };
        if let Some(result) = result {
            memory::push(&mut results, result)?;
        }
    }
    Ok(ListResult { files: results, ..result })
}

fn load_all(
    files: &[FoundFile],
    pattern: &[u8],
    scope: &Scope,
    workers: i32,
    (arguments, hook): (BulkArguments, FileHook),
    transactions: &mut Transactions,
) -> Result<ListResult, Error> {
    let mut record = CallRecord::new();
    record.begin(scope.name.clone());
    let asked = usize::try_from(workers).unwrap_or(0);
    let wanted = match scope.alone {
        Some(reason) => {
            if asked > 0 {
                report::no_workers_because(reason);
            }
            0
        }
        // For a few files in a directory that is watched, no worker is worth its start.
        None => {
            let bytes = files.iter().map(FoundFile::size).sum();
            asked.min(by_default(bytes, files.len()).max(files.len() / 2))
        }
    };
    let plan = CallPlan { arguments, threads: threads_each(wanted), hook: Some(hook) };
    let board = Rc::new(Board::new(&Session::own(), &plan.to_bytes(), files, pg::process_id()));
    record.watch(board.clone());
    let mut progress = Progress::new(scope.table.clone(), plan.arguments.table, board.totals().disk_all);
    load_files(&board, &plan, wanted, Some(wanted), &mut progress, transactions)?;
    transactions.begin();
    let catalog = Catalog::open_kept()?;
    let failed = report::files(&board, &catalog, progress.table());
    report::left_out(&board, pattern, progress.table());
    let files = results(&board, &catalog, progress.table())?;
    transactions.commit();
    pg::processes::progress::end();
    let (_, summary) = record.finish();
    Ok(ListResult { files, totals: summary.totals, failure: board.failure(), failed })
}

fn results(board: &Board, catalog: &Catalog, table: &str) -> Result<Vec<FileResult>, Error> {
    let failed: Vec<i64> = (0..board.files())
        .filter(|&file| board.state(file) == QueueState::Failed)
        .map(|file| board.load_of(file))
        .collect();
    let failures = catalog.failures(&failed);
    let result = |file| {
        let load_id = board.load_of(file);
        let refused =
            |changed| FileEnd::Failed(report::refused(&board.path(file), table, load_id, changed).into());
        let end = match board.state(file) {
            QueueState::Loaded => FileEnd::Loaded,
            QueueState::Skipped => FileEnd::Skipped,
            QueueState::Changed => FileEnd::Changed,
            QueueState::Refused => refused(false),
            QueueState::RefusedChanged => refused(true),
            QueueState::Failed => FileEnd::Failed(failures.get(&load_id).cloned().unwrap_or_default()),
            QueueState::HeldUp => FileEnd::HeldUp,
            QueueState::Open | QueueState::Taken(_) | QueueState::Busy => FileEnd::NotBegun,
        };
        FileResult { end, load_id }
    };
    Ok(memory::collect((0..board.files()).map(result))?)
}

/// Adds the columns that the files need, if that is wanted. Says for each file why that could not be done,
/// if it could not. Where a right to change the table is missing, none of them can be loaded.
fn add_columns(
    files: &[FoundFile],
    arguments: &BulkArguments,
    transactions: &mut Transactions,
) -> Result<Vec<Option<Failure>>, Error> {
    let options = arguments.options()?;
    let mut failures = Vec::new();
    if !options.columns.adds_columns() {
        return Ok(failures);
    }
    for FoundFile { path, .. } in files {
        transactions.begin();
        let reading = arguments.reading(path);
        let is_of_file = Cell::new(false);
        let look = || {
            let observe = || schema::observe_file(&reading).map_err(Failure::from);
            match contain(observe, Failure::from) {
                Ok(observations) => Ok(Some(observations)),
                Err(failure) if failure.is_missing_file() => Ok(None),
                // What is loaded of it without its columns would be without them for good.
                Err(failure) => {
                    is_of_file.set(true);
                    Err(Error::Worker(failure))
                }
            }
        };
        let add = || {
            let column = arguments.target_column.as_deref();
            let (records, columns) = (options.records(), &options.columns);
            schema::add_columns_seen(path, arguments.table, column, records, columns, look)
                .map_err(Failure::from)
        };
        let failure = match contain(add, Failure::from) {
            Err(failure) if failure.is_lack_of_right() && !is_of_file.get() => {
                return Err(Error::Worker(failure));
            }
            Err(failure) => Some(failure),
            Ok(()) => None,
        };
        memory::push(&mut failures, failure)?;
        transactions.commit();
    }
    Ok(failures)
}
