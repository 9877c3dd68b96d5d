//! Memory that runs out at whatever point: an error each time, and the session goes on.
//! The limit is set to a running backend, a little above what it has.

use crate::helpers::{backend, count, lines, table};
use loader_client_tests::{Cluster, Database, Limits};
use postgres::Client;
use postgres::error::{DbError, Severity, SqlState};
use std::fmt::Write as _;
use std::fs::{self, File};

const MEGABYTE: u64 = 1 << 20;

/// A session, another one that sees whether the server restarts, and its process.
struct Squeezed<'a> {
    cluster: &'a Cluster,
    client: Client,
    witness: Client,
    pid: i32,
}

impl<'a> Squeezed<'a> {
    fn new(database: &Database<'a>) -> Self {
        let mut client = database.connect();
        table(&mut client, "t");
        client.batch_execute("SET loader.verify = off").expect("SET");
        let pid = backend(&mut client);
        Squeezed { cluster: database.cluster, client, witness: database.connect(), pid }
    }

    /// Lets the session's process take so many bytes of address space more than it has;
    /// `None` any. Only its own user may do that.
    fn limit(&self, more: Option<u64>) {
        let size = || -> u64 {
            let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid)).expect("statm of a backend");
            let pages: u64 = statm.split(' ').next().expect("a size").parse().expect("a number");
            // SAFETY: has no conditions.
            pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
        };
        let soft = more.map_or("unlimited".to_owned(), |more| (size() + more).to_string());
        let mut prlimit = self.cluster.command("/usr/bin/prlimit");
        let limited = prlimit.args(["--pid", &self.pid.to_string(), &format!("--as={soft}:")]).status();
        assert!(limited.expect("prlimit runs").success());
    }

    /// The error of a statement that has so many bytes more.
    fn refused(&mut self, statement: &str, more: u64) -> DbError {
        self.limit(Some(more));
        let result = self.client.batch_execute(statement);
        self.limit(None);
        assert_eq!(backend(&mut self.client), self.pid);
        result.expect_err("no memory").as_db_error().expect("the server's error").clone()
    }

    /// Runs a statement with more and more memory, from `least` to `most` in so many
    /// steps. It fails for want of memory first, and succeeds in the end.
    fn squeeze(&mut self, statement: &str, least: u64, most: u64, steps: u64) {
        let (mut refused, mut done) = (0, 0);
        for step in 0..=steps {
            let more = least + (most - least) * step / steps;
            self.limit(Some(more));
            let result = self.client.batch_execute(statement);
            self.limit(None);
            match result {
                Ok(()) => done += 1,
                Err(error) => {
                    let error = error.as_db_error().unwrap_or_else(|| panic!("{more} bytes: {error:?}"));
                    assert_eq!(error.parsed_severity(), Some(Severity::Error), "{more} bytes: {error:?}");
                    assert_eq!(error.code(), &SqlState::OUT_OF_MEMORY, "{more} bytes: {error:?}");
                    refused += 1;
                }
            }
            assert_eq!(backend(&mut self.client), self.pid);
            // A session that was there before is there still: no restart.
            assert!(count(&mut self.witness, "t") >= 0);
        }
        println!("{statement}: {refused} refused, {done} done");
        assert!(refused > 0 && done > 0, "{statement}: {refused} refused, {done} done");
    }
}

fn cluster() -> Cluster {
    Cluster::start(&[], Limits::default())
}

#[test]
fn threads_that_find_no_memory() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database);
    let path = database.file("records", lines(20_000));
    squeezed.client.batch_execute("SET loader.parse_threads = 8").expect("SET");
    let load = format!("SELECT load_json_file('{path}', 't', if_loaded => 'force')");
    // Up to where there is room for none of them, in the steps that a thread takes …
    squeezed.squeeze(&load, 0, 24 * MEGABYTE, 96);
    // … and up to where there is room for the arenas of some.
    squeezed.squeeze(&load, 0, 512 * MEGABYTE, 32);
    squeezed.squeeze(&format!("SELECT count(*) FROM read_json_file('{path}')"), 0, 64 * MEGABYTE, 64);
}

#[test]
fn what_is_learned_of_arrays() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database);
    squeezed.client.batch_execute("SET loader.parse_threads = 0").expect("SET");
    // Small objects take more to note down than they have bytes.
    let path = database.large_file("arrays", "{\"list\": [", &"{},".repeat(1000), 3000, "{}]}\n");
    let load = format!("SELECT load_json_file('{path}', 't', if_loaded => 'force')");
    squeezed.squeeze(&load, 8 * MEGABYTE, 400 * MEGABYTE, 40);
}

#[test]
fn rejects_that_are_kept_whole() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database);
    squeezed
        .client
        .batch_execute("SET loader.parse_threads = 0; SET loader.reject_raw_limit = '256MB'")
        .expect("SET");
    let head = "{\"first\": 1}\n{\"second\": ";
    let path = database.large_file("reject", head, &"x ".repeat(5000), 5_000, "\n{\"third\": 3}\n");
    let load = format!("SELECT load_json_file('{path}', 't', if_loaded => 'force')");
    squeezed.squeeze(&load, 8 * MEGABYTE, 700 * MEGABYTE, 40);
}

#[test]
fn a_pattern_that_many_files_match() {
    let cluster = cluster();
    let database = cluster.database("memory");
    let mut squeezed = Squeezed::new(&database);
    let folder = database.folder("many");
    let mut name = String::new();
    let long = "a name so long that so is the list ".repeat(6);
    for n in 0..30_000 {
        name.clear();
        write!(name, "{long}{n}").expect("a string");
        File::create(folder.join(&name)).expect("a file");
    }
    fs::write(folder.join("a"), "{\"n\": 1}\n").expect("a file");
    cluster.give(&folder.join("a"));
    let pattern = format!("{}/*", folder.display());
    let read = format!("SELECT count(*) FROM read_json_file('{pattern}', max_records => 1)");
    squeezed.squeeze(&read, 0, 40 * MEGABYTE, 40);
    // There is not enough for the list alone.
    for more in [MEGABYTE, 5 * MEGABYTE, 8 * MEGABYTE] {
        let error = squeezed.refused(&format!("CALL load_json_files('{pattern}', 't')"), more);
        assert_eq!(error.code(), &SqlState::OUT_OF_MEMORY, "{more} bytes: {error:?}");
    }
}
