//! What a call of `load_json_files` tells its client: how far it is now and then,
//! what went wrong, and the summary.

use super::board::{Board, InTheWay, QueueState, Totals};
use crate::catalog::{Catalog, Position};
use crate::error::{Error, Failure, braces_hint};
use crate::load::{damaged, in_the_way, log_line, tell_left_out};
use crate::pg::processes::worker;
use crate::pg::strings::message::{self, count};
use crate::pg::strings::text;
use crate::settings::{self, LogLoads};
use loader_core::stream::Damage;
use pgrx::PgLogLevel;
use std::time::{Duration, Instant};

/// What a call came to.
#[derive(Clone)]
pub struct Summary {
    pub totals: Totals,
    pub elapsed: Duration,
}

/// Files that failed in so many different ways are named; the history has them all.
const NAMED: usize = 10;

/// Failures that are read from the history at once.
const ASKED_AT_ONCE: usize = 1000;

/// The first word on how far it is comes after so long, each later one after twice
/// as long, …
const FIRST: Duration = Duration::from_secs(5);

/// … up to this.
const LONGEST: Duration = Duration::from_secs(60);

/// An estimate beyond this many seconds says nothing, as in `loader.progress`.
const TOLD: f64 = 1e8;

/// The line for the server's log on a file that is loaded. It has no time: others,
/// and earlier calls, may have loaded parts of it.
pub fn loaded_line(path: &[u8], target: &[u8], load_id: i64, position: &Position) -> String {
    log_line(&text::show(path), target, load_id, position.rows, position.rejects, position.offset)
}

/// The one on a file that failed.
pub fn failed_line(path: &[u8], load_id: i64, failure: &Failure) -> String {
    format!("load {load_id} of file \"{}\" failed: {}", text::show(path), failure.message)
}

/// A file is not loaded, because columns for its fields could not be added.
pub fn without_columns(path: &[u8], failure: &Failure) {
    let words = format!("could not add columns for file \"{}\": {}", text::show(path), failure.message);
    tell(PgLogLevel::WARNING, words, None);
}

/// What `if_loaded => 'error'` makes of a file that was loaded before.
pub fn refused(path: &[u8], table: &str, load_id: i64, changed: bool) -> Error {
    let (path, table) = (text::show(path), table.to_string());
    if changed {
        Error::ChangedSince { path, load_id, skipped: false }
    } else {
        Error::AlreadyLoaded { path, table, load_id }
    }
}

/// Shows the server's users which file the process in a slot is at, if it is a worker.
pub fn show_file(slot: usize, path: &[u8]) {
    if slot > 0 {
        worker::report_activity(path);
    }
}

/// Writes a line on a file to the server's log.
pub fn log_file(line: String) {
    if settings::log_loads() == LogLoads::all {
        tell(PgLogLevel::LOG, line, None);
    }
}

/// Writes the line on a call to the server's log.
pub fn log_call(pattern: &[u8], target: &[u8], summary: &Summary) {
    if settings::log_loads() != LogLoads::off {
        let (pattern, target) = (text::show(pattern), text::show(target));
        tell(
            PgLogLevel::LOG,
            format!("call for \"{pattern}\" into table {target}: {}", summary.words()),
            None,
        );
    }
}

/// No file has a name that the pattern matches.
pub fn nothing_matches(pattern: &[u8]) {
    let pattern = text::show(pattern);
    let hint = braces_hint(&pattern).map(str::to_string);
    tell(PgLogLevel::WARNING, format!("no file matches \"{pattern}\""), hint);
}

/// The session does what its workers have left.
pub fn workers_have_ended() {
    tell(PgLogLevel::NOTICE, "continuing without workers: all of them have ended".to_string(), None);
}

/// The session does what its workers have left: one of them waits for the call itself.
pub fn a_worker_waits_for_its_call(pid: i32) {
    message::tell(
        PgLogLevel::NOTICE,
        "continuing without workers: one waits for a lock that this call holds".to_string(),
        Some(format!("Process {pid} waits for this session, or for a worker that has nothing left to do.")),
        Some("Give back advisory locks that triggers of the table ask for before the call.".to_string()),
    );
}

/// A worker ends: it cannot read what its session has written down.
pub fn other_version() {
    tell(PgLogLevel::LOG, "loader worker: the session has another version of the library".to_string(), None);
}

/// The session does the work itself.
pub fn no_workers_because(reason: &str) {
    tell(PgLogLevel::NOTICE, format!("loading without workers: {reason}"), None);
}

/// There were fewer free slots than workers asked for.
pub fn fewer_workers(started: usize, wanted: usize) {
    tell(
        PgLogLevel::NOTICE,
        format!("started {started} of {}", count(wanted as u64, "worker", "workers")),
        Some("Raise max_worker_processes to have more of them.".to_string()),
    );
}

/// Says what failed and what was passed over though it had changed; the error for files
/// that failed, if any did.
pub fn files(board: &Board, catalog: &Catalog, table: &str) -> Option<Error> {
    tell_damaged(board);
    let failed = tell_failed(board, catalog);
    let refused = |state| {
        let files = Files::in_state(board, state)?;
        let error = || {
            refused(
                &board.path(files.first),
                table,
                board.load_of(files.first),
                state == QueueState::RefusedChanged,
            )
        };
        match (files.others, state) {
            (0, _) => error().warn(),
            (others, QueueState::RefusedChanged) => {
                let names = files.named(others);
                tell(PgLogLevel::WARNING, format!("{names} have changed since they were loaded"), None);
            }
            (others, _) => {
                let names = files.named(others);
                tell(
                    PgLogLevel::WARNING,
                    format!("contents of {names} are already loaded into table \"{table}\""),
                    None,
                );
            }
        }
        Some(First { file: files.first, failure: Failure::from(error()), has_row: false })
    };
    let refused = [refused(QueueState::Refused), refused(QueueState::RefusedChanged)];
    if let Some(files) = Files::in_state(board, QueueState::Changed) {
        let load_id = board.load_of(files.first);
        let (names, words) = match files.others {
            0 => (files.named(0), format!("has changed since load {load_id}")),
            others => (files.named(others), "have changed since they were loaded".to_string()),
        };
        tell(
            PgLogLevel::WARNING,
            format!("{names} {words}, skipping"),
            Some("Use if_loaded => 'replace' to load it in place of what it was, or 'add' to load what is new in addition.".to_string()),
        );
    }
    let held_up = tell_held_up(board);
    let first = refused.into_iter().flatten().chain(held_up).chain(failed).min_by_key(|first| first.file)?;
    let totals = board.totals();
    Some(Error::FilesFailed {
        failed: totals.failed,
        files: totals.files,
        path: text::show(&board.path(first.file)),
        first: first.failure,
        hint: first.has_row.then(|| FAILED_LOADS.to_string()),
    })
}

/// Says what of the records of all files went to no column.
pub fn left_out(board: &Board, pattern: &[u8], table: &str) {
    tell_left_out(&format!("files \"{}\"", text::show(pattern)), table, &board.left_out());
}

/// Where to look for what failed in a call.
const FAILED_LOADS: &str = "See SELECT h.* FROM loader.load_history AS h, loader.last_call AS c WHERE h.load_id = ANY (c.load_ids) AND h.status = 'failed';";

/// The first file of those that failed.
struct First {
    file: usize,
    failure: Failure,
    /// The history has it.
    has_row: bool,
}

/// Files that share a line.
struct Files<'a> {
    board: &'a Board,
    first: usize,
    /// How many more there are.
    others: u64,
}

impl<'a> Files<'a> {
    fn in_state(board: &'a Board, state: QueueState) -> Option<Self> {
        let mut files = (0..board.files()).filter(|&file| board.state(file) == state);
        files.next().map(|first| Files { board, first, others: files.count() as u64 })
    }

    /// How they are called in a line.
    fn named(&self, others: u64) -> String {
        let path = text::show(&self.board.path(self.first));
        match others {
            0 => format!("file \"{path}\""),
            others => format!("file \"{path}\" and {}", count(others, "other", "others")),
        }
    }
}

/// Says which files were loaded though their compressed streams are not all that they should be.
fn tell_damaged(board: &Board) {
    let damage = |&file: &usize| board.damage_of(file) != Damage::default();
    let loaded = (0..board.files()).filter(|&file| board.state(file) == QueueState::Loaded);
    let mut files = loaded.filter(damage);
    for file in files.by_ref().take(NAMED) {
        damaged(&text::show(&board.path(file)), board.damage_of(file));
    }
    let beyond = files.count() as u64;
    if beyond > 0 {
        let files = count(beyond, "more file is", "more files are");
        tell(PgLogLevel::WARNING, format!("{files} damaged too"), None);
    }
}

/// Says which files others were at for too long, one line for those that the same process has
/// for the same reason.
fn tell_held_up(board: &Board) -> Option<First> {
    let mut kinds: Vec<(Option<InTheWay>, Files<'_>)> = Vec::new();
    let mut beyond = 0;
    for file in (0..board.files()).filter(|&file| board.state(file) == QueueState::HeldUp) {
        let what = board.in_the_way(file);
        match kinds.iter().position(|(other, _)| *other == what) {
            Some(known) => kinds[known].1.others += 1,
            None if kinds.len() < NAMED => kinds.push((what, Files { board, first: file, others: 0 })),
            None => beyond += 1,
        }
    }
    let error = |what: Option<InTheWay>, files: &Files<'_>| {
        let who = what.map(|what| in_the_way(&board.path(files.first), &[what.pid], what.same));
        let others = match files.others {
            0 => String::new(),
            others => format!(" and {}", count(others, "other", "others")),
        };
        Error::HeldUp(who.unwrap_or_default() + &others)
    };
    kinds.iter().for_each(|(what, files)| error(*what, files).warn());
    if beyond > 0 {
        let files = count(beyond, "more file is", "more files are");
        tell(PgLogLevel::WARNING, format!("{files} being loaded by other sessions"), None);
    }
    let (what, files) = kinds.first()?;
    Some(First { file: files.first, failure: Failure::from(error(*what, files)), has_row: false })
}

/// Says which files failed, one line for those that did so in the same way; returns the
/// first of them.
fn tell_failed(board: &Board, catalog: &Catalog) -> Option<First> {
    let files: Vec<usize> =
        (0..board.files()).filter(|&file| board.state(file) == QueueState::Failed).collect();
    let mut kinds: Vec<(String, Files<'_>, Failure)> = Vec::new();
    let mut beyond = 0;
    for some in files.chunks(ASKED_AT_ONCE) {
        let loads: Vec<i64> = some.iter().map(|&file| board.load_of(file)).collect();
        let mut failures = catalog.failures(&loads);
        for (&file, load) in some.iter().zip(&loads) {
            let failure = failures.remove(load).unwrap_or_default();
            let kind = failure.kind(&text::show(&board.path(file)));
            match kinds.iter().position(|(other, ..)| *other == kind) {
                Some(known) => kinds[known].1.others += 1,
                None if kinds.len() < NAMED => {
                    kinds.push((kind, Files { board, first: file, others: 0 }, failure));
                }
                None => beyond += 1,
            }
        }
    }
    for (_, files, failure) in &kinds {
        let braces = if failure.is_missing_file() { braces_hint(&files.named(0)) } else { None };
        let hint = match files.others {
            _ if braces.is_some() => braces.unwrap_or_default().to_string(),
            0 => format!(
                "See SELECT * FROM loader.load_history WHERE load_id = {};",
                board.load_of(files.first)
            ),
            _ => FAILED_LOADS.to_string(),
        };
        let names = files.named(files.others);
        tell(PgLogLevel::WARNING, format!("{names} failed: {}", failure.message), Some(hint));
    }
    if beyond > 0 {
        let files = count(beyond, "more file", "more files");
        tell(PgLogLevel::WARNING, format!("{files} failed"), Some(FAILED_LOADS.to_string()));
    }
    kinds.into_iter().next().map(|(_, files, failure)| First { file: files.first, failure, has_row: true })
}

/// How it ended.
pub fn summary(summary: &Summary, keeps_rejects: bool) {
    let totals = &summary.totals;
    let hint = (keeps_rejects && totals.rejects > 0).then(|| {
        "See SELECT r.* FROM loader.rejects AS r, loader.last_call AS c WHERE r.load_id = ANY (c.load_ids);"
            .to_string()
    });
    tell(PgLogLevel::NOTICE, summary.words(), hint);
}

impl Summary {
    /// All of it in a line.
    fn words(&self) -> String {
        let totals = &self.totals;
        let rate = self.rate().map_or(String::new(), |rate| format!(", {rate:.1} MB/s"));
        format!(
            "{}: {} loaded, {} skipped, {} failed; {}, {}, {} in {:.3} s{rate}",
            count(totals.files, "file", "files"),
            totals.loaded,
            totals.skipped,
            totals.failed,
            count(totals.rows, "row", "rows"),
            count(totals.rejects, "reject", "rejects"),
            count(totals.stream_bytes, "byte", "bytes"),
            self.elapsed.as_secs_f64()
        )
    }

    /// Megabytes of the streams per second, to one decimal; `None` where nothing was
    /// read.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (self.totals.stream_bytes > 0 && seconds > 0.0)
            .then(|| (self.totals.stream_bytes as f64 / 1e5 / seconds).round() / 10.0)
    }
}

/// Words on how far it is, now and then.
pub struct Notices {
    began: Instant,
    last: Instant,
    pause: Duration,
}

impl Notices {
    pub fn new() -> Self {
        Notices { began: Instant::now(), last: Instant::now(), pause: FIRST }
    }

    /// Says how far it is, if it is time to.
    pub fn tell(&mut self, totals: &Totals, table: &str) {
        if self.last.elapsed() < self.pause {
            return;
        }
        self.last = Instant::now();
        self.pause = (2 * self.pause).min(LONGEST);
        let seconds = self.began.elapsed().as_secs_f64();
        let done = totals.disk_done as f64;
        let left = totals.disk_all.saturating_sub(totals.disk_done) as f64;
        let eta = left * seconds / done;
        let eta = if eta < TOLD { format!(", about {eta:.0} s left") } else { String::new() };
        tell(
            PgLogLevel::NOTICE,
            format!(
                "loading into table \"{table}\": {} of {} done, {} of {}, {:.1} MB/s{eta}",
                totals.files_done(),
                count(totals.files, "file", "files"),
                totals.disk_done,
                count(totals.disk_all, "byte", "bytes"),
                done / 1e6 / seconds
            ),
            None,
        );
    }
}

fn tell(level: PgLogLevel, message: String, hint: Option<String>) {
    message::tell(level, message, None, hint);
}
