//! Clusters of their own for the client tests: made in a temporary directory,
//! reached through a Unix socket there, gone when the test binary ends.
//!
//! `PG_CONFIG` names the PostgreSQL under test; the extension is installed in
//! it. As root, servers run as the user `postgres`.

mod cluster;
mod load;
mod many;

pub use cluster::{Cluster, Database, Limits, Said, send_signal};
pub use load::{Outcome, empty, load, load_csv, load_with, sqlstate};
pub use many::{Left, Summary, last_call, left, load_many, load_many_csv, message};

use std::time::{Duration, Instant};

/// What should happen at once has this long on a busy machine. No test asserts
/// speed; this only bounds a wait that would otherwise hang.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// Asks `happened` again and again until it says yes; panics, naming `what`,
/// at the deadline.
pub fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    assert!(happens(&mut happened), "waited too long for {what}");
}

/// The same; `false` at the deadline.
fn happens(mut happened: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + DEADLINE;
    while !happened() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Private memory of a process, in bytes: what it does not share with others.
pub fn rss_anon(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status of a backend");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon in status");
    let kilobytes: u64 = line.split_whitespace().nth(1).expect("a figure").parse().expect("a number");
    kilobytes * 1024
}
