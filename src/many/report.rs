//! What a call of `load_json_files` tells its client: how far it is now and then,
//! what went wrong, and the summary.

use super::board::{Board, State, Totals};
use crate::catalog::{Catalog, Position};
use crate::error::{Error, Failure};
use crate::load::log_line;
use crate::pg::message::{self, count};
use crate::pg::text;
use pgrx::PgLogLevel;
use std::time::{Duration, Instant};

/// What a call came to.
#[derive(Clone)]
pub struct Summary {
    pub totals: Totals,
    pub elapsed: Duration,
}

/// So many files that failed, or changed, are named; the history has them all.
const NAMED: usize = 10;

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

/// What `if_loaded => 'error'` makes of a file that was loaded before.
pub fn refused(path: &[u8], table: &str, load_id: i64, changed: bool) -> Error {
    let (path, table) = (text::show(path), table.to_string());
    if changed {
        Error::ChangedSince { path, load_id, skipped: false }
    } else {
        Error::AlreadyLoaded { path, table, load_id }
    }
}

/// Writes a line to the server's log.
pub fn log(line: String) {
    tell(PgLogLevel::LOG, line, None);
}

/// No file has a name that the pattern matches.
pub fn nothing_matches(pattern: &[u8]) {
    tell(PgLogLevel::WARNING, format!("no file matches \"{}\"", text::show(pattern)), None);
}

/// The session does what its workers have left.
pub fn workers_have_ended() {
    tell(PgLogLevel::NOTICE, "continuing without workers: all of them have ended".to_string(), None);
}

/// A worker ends: it cannot read what its session has written down.
pub fn other_version() {
    log("loader worker: the session has another version of the library".to_string());
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

/// Names what failed and what was passed over though it had changed.
pub fn files(board: &Board, catalog: &Catalog, table: &str) {
    let failed = |file| {
        let (path, load_id) = (text::show(&board.path(file)), board.load_of(file));
        tell(
            PgLogLevel::WARNING,
            format!("file \"{path}\" failed: {}", catalog.failure(load_id).unwrap_or_default()),
            Some(format!("See SELECT * FROM loader.load_history WHERE load_id = {load_id};")),
        );
    };
    first_of(board, &[State::Failed], failed, |others| {
        tell(
            PgLogLevel::WARNING,
            format!("{} failed", count(others, "more file", "more files")),
            Some("See SELECT * FROM loader.load_history WHERE status = 'failed';".to_string()),
        );
    });
    let before = |file| {
        let changed = board.state(file) == State::RefusedChanged;
        refused(&board.path(file), table, board.load_of(file), changed).warn();
    };
    first_of(board, &[State::Refused, State::RefusedChanged], before, |others| {
        let files = count(others, "more file was", "more files were");
        tell(PgLogLevel::WARNING, format!("{files} loaded before"), None);
    });
    let changed = |file| {
        let (path, load_id) = (text::show(&board.path(file)), board.load_of(file));
        tell(
            PgLogLevel::WARNING,
            format!("file \"{path}\" has changed since load {load_id}, skipping"),
            Some("Use if_loaded => 'replace' to load it in place of what it was, or 'force' to load it in addition.".to_string()),
        );
    };
    first_of(board, &[State::Changed], changed, |others| {
        let files = count(others, "more file has", "more files have");
        tell(PgLogLevel::WARNING, format!("{files} changed, skipping"), None);
    });
}

/// Names the first files in these states, and counts the others.
fn first_of(board: &Board, states: &[State], name: impl Fn(usize), tell_others: impl Fn(u64)) {
    let files: Vec<usize> = (0..board.files()).filter(|&file| states.contains(&board.state(file))).collect();
    files.iter().take(NAMED).for_each(|&file| name(file));
    if files.len() > NAMED {
        tell_others((files.len() - NAMED) as u64);
    }
}

/// How it ended.
pub fn summary(summary: &Summary, keeps_rejects: bool) {
    let totals = &summary.totals;
    let rate = summary.rate().map_or(String::new(), |rate| format!(", {rate:.1} MB/s"));
    let hint = (keeps_rejects && totals.rejects > 0).then(|| "See SELECT * FROM loader.rejects;".to_string());
    tell(
        PgLogLevel::NOTICE,
        format!(
            "{}: {} loaded, {} skipped, {} failed; {}, {}, {} in {:.3} s{rate}",
            count(totals.files, "file", "files"),
            totals.loaded,
            totals.skipped,
            totals.failed,
            count(totals.rows, "row", "rows"),
            count(totals.rejects, "reject", "rejects"),
            count(totals.stream_bytes, "byte", "bytes"),
            summary.elapsed.as_secs_f64()
        ),
        hint,
    );
}

impl Summary {
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
                totals.loaded + totals.skipped + totals.failed,
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
