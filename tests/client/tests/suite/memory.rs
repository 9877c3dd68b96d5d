//! Memory that runs out at whatever point: an error each time, and the session goes on.
//! The limit is set to a running backend, a little above what it has.

use crate::helpers::{backend, count, lines, table};
use loader_client_tests::{Cluster, Database, Limits};
use postgres::Client;
use postgres::error::{DbError, Severity, SqlState};
use std::fs::{self, File};

const MEGABYTE: u64 = 1 << 20;

/// A cluster of its own: what is tried here might end it.
struct Squeezed<'a> {
    database: &'a Database<'a>,
    /// What each session begins with.
    settings: &'static str,
    /// A session that was there before, and is there still if there is no restart.
    witness: Client,
}

impl<'a> Squeezed<'a> {
    fn new(database: &'a Database<'a>, settings: &'static str) -> Self {
        let mut witness = database.connect();
        table(&mut witness, "t");
        Squeezed { database, settings, witness }
    }

    /// Runs a statement in a new session that can take so many bytes of address space more
    /// than it has.
    fn run(&mut self, statement: &str, more: u64) -> Result<(), Box<DbError>> {
        let mut client = self.database.connect();
        // What the session takes but once is not what is tried.
        client.batch_execute("LOAD 'loader'; SET loader.verify = off").expect("the library");
        client.batch_execute(self.settings).expect("settings");
        let pid = backend(&mut client);
        self.limit(pid, Some(more));
        let result = client.batch_execute(statement).map_err(|error| match error.as_db_error() {
            Some(error) => Box::new(error.clone()),
            None => panic!("{statement}, {more} bytes: {error:?}\n{}", self.database.cluster.log()),
        });
        self.limit(pid, None);
        assert_eq!(backend(&mut client), pid, "{more} bytes");
        assert_eq!(count(&mut self.witness, "pg_class WHERE relname = 't'"), 1);
        result
    }

    /// Sets the limit, or takes it away. Only the user of a process may do that.
    fn limit(&self, pid: i32, more: Option<u64>) {
        let size = || -> u64 {
            let statm = fs::read_to_string(format!("/proc/{pid}/statm")).expect("statm of a backend");
            let pages: u64 = statm.split(' ').next().expect("a size").parse().expect("a number");
            // SAFETY: has no conditions.
            pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
        };
        let soft = more.map_or("unlimited".to_owned(), |more| (size() + more).to_string());
        let mut prlimit = self.database.cluster.command("/usr/bin/prlimit");
        let limited = prlimit.args(["--pid", &pid.to_string(), &format!("--as={soft}:")]).status();
        assert!(limited.expect("prlimit runs").success());
    }

    /// Runs a statement with more and more memory, up to `most` bytes in so many steps.
    /// It fails for want of memory first, and succeeds in the end.
    fn squeeze(&mut self, statement: &str, most: u64, steps: u64) {
        let (mut refused, mut done) = (0, 0);
        for step in 0..=steps {
            match self.run(statement, most * step / steps) {
                Ok(()) => done += 1,
                Err(error) => {
                    assert_eq!(error.parsed_severity(), Some(Severity::Error), "step {step}: {error:?}");
                    assert_eq!(error.code(), &SqlState::OUT_OF_MEMORY, "step {step}: {error:?}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0 && done > 0, "{statement}: {refused} refused, {done} done");
    }
}

fn load(path: &str) -> String {
    format!("SELECT load_json_file('{path}', 't', if_loaded => 'force')")
}

fn cluster() -> Cluster {
    Cluster::start(&[], Limits::default())
}

#[test]
fn threads_that_find_no_memory() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database, "SET loader.parse_threads = 6");
    let path = database.file("records", lines(15_000));
    // Up to where there is room for all of them, and for none of the pools that the
    // system's allocator would make for them …
    squeezed.squeeze(&load(&path), 40 * MEGABYTE, 60);
    squeezed.squeeze(&format!("SELECT count(*) FROM read_json_file('{path}')"), 40 * MEGABYTE, 30);
    // … and for some of those.
    squeezed.squeeze(&load(&path), 400 * MEGABYTE, 10);
}

#[test]
fn what_is_learned_of_arrays() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database, "SET loader.parse_threads = 0");
    // Small objects take more to note down than they have bytes.
    let path = database.large_file("arrays", "{\"list\": [", &"{},".repeat(1000), 2000, "{}]}\n");
    squeezed.squeeze(&load(&path), 240 * MEGABYTE, 12);
}

#[test]
fn rejects_that_are_kept_whole() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let settings = "SET loader.parse_threads = 0; SET loader.reject_raw_limit = '256MB'";
    let mut squeezed = Squeezed::new(&database, settings);
    let head = "{\"first\": 1}\n{\"second\": ";
    let path = database.large_file("reject", head, &"x ".repeat(5000), 3_000, "\n{\"third\": 3}\n");
    squeezed.squeeze(&load(&path), 480 * MEGABYTE, 12);
}

#[test]
fn a_pattern_that_many_files_match() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database, "");
    let folder = database.folder("many");
    let long = "a name so long that so is the list ".repeat(6);
    for n in 0..15_000 {
        File::create(folder.join(format!("{long}{n}"))).expect("a file");
    }
    fs::write(folder.join("a"), "{\"n\": 1}\n").expect("a file");
    cluster.give(&folder.join("a"));
    let pattern = format!("{}/*", folder.display());
    let read = format!("SELECT count(*) FROM read_json_file('{pattern}', max_records => 1)");
    squeezed.squeeze(&read, 16 * MEGABYTE, 16);
    // There is not enough for the list alone.
    for more in [0, MEGABYTE, 2 * MEGABYTE] {
        let called = squeezed.run(&format!("CALL load_json_files('{pattern}', 't')"), more);
        let error = called.expect_err("no memory");
        assert_eq!(error.code(), &SqlState::OUT_OF_MEMORY, "{more} bytes: {error:?}");
    }
}
