//! Memory is bounded by chunk and record, never by the file; a disk or an
//! address space that is full is a clean error.

use crate::helpers::{backend, count, lines, session, table};
use loader_client_tests::{Cluster, Limits, empty, load, load_with, rss_anon, sqlstate};
use postgres::error::SqlState;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const MEGABYTE: u64 = 1 << 20;
/// A chunk closes at 4 MB of records.
const CHUNK: u64 = 4 * MEGABYTE;

/// The most private memory that a load of `megabytes` of records takes, beyond
/// what a small load took.
fn growth(name: &str, megabytes: u64, record: &str) -> u64 {
    growth_of(name, "data jsonb", "", megabytes, record)
}

/// The same in a table with these columns, of a file that begins with `head`.
fn growth_of(name: &str, columns: &str, head: &str, megabytes: u64, record: &str) -> u64 {
    let (database, mut client) = session(name);
    // Views take no storage: what counts is the backend's memory.
    client
        .batch_execute(&format!(
            "CREATE TABLE sink ({columns});
             CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER nothing BEFORE INSERT ON sink FOR EACH ROW EXECUTE FUNCTION nothing();
             SET loader.verify = off"
        ))
        .expect("a table that keeps nothing");
    let few = if head.is_empty() { lines(100) } else { head.to_string() };
    let small = database.file(&format!("{name}_small"), few);
    load_with(&mut client, &small, "sink", "if_loaded => 'force'").expect("a small load");
    let pid = backend(&mut client);
    let baseline = rss_anon(pid);

    let line = format!("{record}\n");
    let times = (megabytes * MEGABYTE).div_ceil(line.len() as u64);
    let size = times * line.len() as u64 + head.len() as u64;
    let path = database.large_file(name, head, &line, times as usize, "");

    let done = AtomicBool::new(false);
    let most = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(rss_anon(pid));
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let outcome = load_with(&mut client, &path, "sink", "if_loaded => 'force', on_error => 'ignore'");
        done.store(true, Ordering::Relaxed);
        assert_eq!(outcome.expect("a load").bytes_read as u64, size);
        watch.join().expect("the watch")
    });
    let growth = most.saturating_sub(baseline);
    println!(
        "{name}: {megabytes} MB, private memory {} MB over {} MB",
        growth / MEGABYTE,
        baseline / MEGABYTE
    );
    growth
}

#[test]
fn memory_does_not_grow_with_refused_values() {
    let record = format!("{{\"id\": 1, \"other\": \"{}\"}}", "x".repeat(200));
    // One good record, so that the file is not given up.
    let of = |name, megabytes| growth_of(name, "id int, other int", "{\"id\": 1}\n", megabytes, &record);
    assert!(of("resources_refused_values", 120) <= 64 * MEGABYTE + 2 * CHUNK);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let record = lines(1);
    assert!(growth("resources_small_records", 30, record.trim_end()) <= 64 * MEGABYTE + 2 * CHUNK);
    let large = format!("{{\"fill\": \"{}\"}}", "large record ".repeat(80_000));
    assert!(growth("resources_large_records", 60, &large) <= 64 * MEGABYTE + 2 * CHUNK);
}

#[test]
fn memory_does_not_grow_with_rejects() {
    let record = format!("{{\"fill\": \"{}\"", "bad ".repeat(10_000));
    let good = format!("{{\"fill\": 1}}\n{record}");
    assert!(growth("resources_rejects", 60, &good) <= 64 * MEGABYTE + 2 * CHUNK);
}

#[test]
#[ignore = "takes long: make soak"]
fn memory_on_a_large_file() {
    let record = lines(1);
    let small = growth("resources_soak_50", 50, record.trim_end());
    let large = growth("resources_soak_1000", 1000, record.trim_end());
    assert!(large <= 64 * MEGABYTE + 2 * CHUNK);
    assert!(large <= small + 4 * MEGABYTE, "{small} bytes on 50 MB, {large} on 1000 MB");
}

#[test]
fn a_full_disk() {
    let limits = Limits { file_size: Some(8 * MEGABYTE), ..Limits::default() };
    let cluster = Cluster::start(&[], limits);
    let database = cluster.database("resources");
    let mut client = database.connect();
    table(&mut client, "t");
    let path = database.file("full", lines(100_000));
    let error = load(&mut client, &path, "t").expect_err("a full disk");
    let message = error.as_db_error().expect("the server's error").message().to_owned();
    assert!(message.starts_with("could not extend file"), "{error:?}");
    assert!(empty(&mut client, "t"));
    // The pages of the load that failed are still there: without them there is
    // room again.
    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    let path = database.file("small", lines(100));
    assert_eq!(load(&mut client, &path, "t").expect("a small load").rows_loaded, 100);
}

#[test]
fn an_address_space_that_is_full() {
    let limits = Limits { address_space: Some(400 * MEGABYTE), ..Limits::default() };
    // Each thread has some of it reserved, be it used or not.
    let cluster = Cluster::start(&["loader.parse_threads = 1"], limits);
    let database = cluster.database("resources");
    let mut client = database.connect();
    table(&mut client, "t");
    let mut witness = database.connect();
    for (name, head, piece, times, tail) in [
        ("one string", "{\"fill\": \"", "x", 200_000_000, "\"}\n"),
        ("many values", "[", "1, ", 60_000_000, "1]\n"),
    ] {
        let head = format!("{{\"first\": 1}}\n{head}");
        let path = database.large_file("large", &head, &piece.repeat(1000), times / 1000, tail);
        let code = sqlstate(load_with(&mut client, &path, "t", "format => 'newline_delimited'"));
        assert_eq!(code, SqlState::OUT_OF_MEMORY, "{name}");
        assert!(empty(&mut client, "t"), "{name}");
        // A session that was there before is there still: no restart.
        assert_eq!(count(&mut witness, "t"), 0, "{name}");
    }
    let path = database.file("small", lines(100));
    assert_eq!(load(&mut client, &path, "t").expect("a small load").rows_loaded, 100);
}
