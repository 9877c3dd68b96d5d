//! The threads beside the backend: they change nothing that is loaded, and they
//! are gone when the load is, whatever way it ends.

use crate::helpers::{Gate, backend, count, lines, session, table};
use loader_client_tests::{Cluster, Limits, empty, load, load_with, send_signal, wait_for};
use loader_damage::rng::Rng;
use postgres::Client;
use postgres::error::SqlState;
use std::fmt::Write;
use std::thread;

/// Threads of a process, the first one counted.
fn tasks(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// Lines of which some are bad, some must be decided by the server, and some
/// are long enough to be compressed.
fn mixed(records: usize) -> String {
    let mut rng = Rng::new(records as u64);
    let mut text = String::new();
    for n in 0..records {
        match rng.below(40) {
            0 => writeln!(text, "{{\"n\": {n}, \"cut\": "),
            1 => writeln!(text, "{{\"n\": {n}, \"deep\": {}{}}}", "[".repeat(600), "]".repeat(600)),
            2..6 => writeln!(text, "{{\"n\": {n}, \"fill\": \"{}\"}}", format!("word {n} ").repeat(800)),
            _ => writeln!(text, "{{\"n\": {n}, \"name\": \"record {n}\", \"value\": [1.50, null]}}"),
        }
        .expect("a string");
    }
    text
}

/// Everything that a load leaves but for its number and the time.
fn left(client: &mut Client, load_id: i64) -> Vec<String> {
    let statement = format!(
        "SELECT md5(string_agg(data::text, ' ' ORDER BY ctid)) || ' ' || count(*) FROM t
         UNION ALL
         SELECT md5(string_agg(r::text, ' ' ORDER BY record_no)) || ' ' || count(*)
         FROM (SELECT record_no, byte_offset, byte_length, line, error_type, message, raw
               FROM loader.rejects WHERE load_id = {load_id}) AS r
         UNION ALL
         SELECT concat_ws(' ', rows_loaded, rows_rejected, stream_bytes, bytes_loaded, bytes_rejected,
                          bytes_framing, content_hash, format)
         FROM loader.load_history WHERE load_id = {load_id}"
    );
    client.query(&statement, &[]).expect("what is left").iter().map(|row| row.get(0)).collect()
}

#[test]
fn any_number_loads_the_same() {
    let (database, mut client) = session("threads_number");
    let path = database.file("threads_number", mixed(20_000));
    let mut first = None;
    for threads in [0, 1, 2, 3, 8] {
        client
            .batch_execute(&format!("TRUNCATE t; SET loader.parse_threads = {threads}"))
            .expect("the setting");
        let outcome = load(&mut client, &path, "t").expect("a load");
        assert!(outcome.rows_loaded > 15_000 && outcome.rows_rejected > 300, "{outcome:?}");
        let found = left(&mut client, outcome.load_id);
        assert_eq!(&found, first.get_or_insert_with(|| found.clone()), "{threads} threads");
        assert_eq!(tasks(backend(&mut client)), 1);
    }
}

#[test]
fn threads_that_cannot_be_started_are_done_without() {
    // More than threads may make in advance: they stand before the gate, too.
    let mut text = String::new();
    for n in 0..6000 {
        writeln!(text, "{{\"n\": {n}, \"fill\": \"{}\"}}", "x".repeat(10_000)).expect("a string");
    }
    for (name, limited) in [("threads_four", false), ("threads_none", true)] {
        let (database, mut client) = session(name);
        client.batch_execute("SET loader.parse_threads = 4").expect("the setting");
        let path = database.file(name, &text);
        let pid = backend(&mut client);
        if limited {
            limit(database.cluster, pid, "nproc", 1);
        }
        let mut gate = Gate::close(&database, "t", 5);
        thread::scope(|scope| {
            let load = scope.spawn(|| load_with(&mut client, &path, "t", "chunk => 10"));
            gate.wait_for_waiters(1);
            assert_eq!(tasks(pid), if limited { 1 } else { 5 });
            gate.open();
            assert_eq!(load.join().expect("a session").expect("a load").rows_loaded, 6000);
        });
    }
}

/// Sets a soft limit of a running backend, as the user that it runs as.
fn limit(cluster: &Cluster, pid: i32, resource: &str, value: u64) {
    let done = cluster
        .command("/usr/bin/prlimit")
        .arg(format!("--pid={pid}"))
        .arg(format!("--{resource}={value}:"))
        .status()
        .expect("prlimit runs");
    assert!(done.success(), "prlimit: {done}");
}

/// Ends loads after so many bytes that are drawn by lot, by all means there are.
fn ended(name: &str, moments: usize) {
    let cluster =
        Cluster::start(&["restart_after_crash = on", "loader.parse_threads = 3"], Limits::default());
    let database = cluster.database("threads");
    table(&mut database.connect(), "t");
    let text = mixed(60_000);
    let path = database.file(name, &text);
    let mut rng = Rng::named(1, name);
    let mut kills = 0;

    for moment in 0..moments {
        let mut loader = database.connect();
        let mut watcher = database.connect();
        let pid = backend(&mut loader);
        let bytes = rng.below(text.len()) as i64;
        let end = ["cancel", "terminate", "cancel", "terminate", "kill"][moment % 5];
        let mut done = false;
        thread::scope(|scope| {
            let load = scope
                .spawn(|| (load_with(&mut loader, &path, "t", "chunk => 500, if_loaded => 'force'"), loader));
            wait_for("the load to come so far", || {
                let statement = "SELECT FROM pg_stat_progress_copy WHERE pid = $1 AND bytes_processed >= $2";
                load.is_finished()
                    || watcher.query_opt(statement, &[&pid, &bytes]).expect("progress").is_some()
            });
            match end {
                "kill" => send_signal(pid, libc::SIGKILL),
                _ => drop(watcher.query_one(&format!("SELECT pg_{end}_backend($1)"), &[&pid])),
            }
            let (outcome, mut loader) = load.join().expect("the loading session");
            match (end, outcome) {
                // Before the signal came.
                (_, Ok(_)) => done = true,
                ("cancel", Err(error)) => {
                    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error:?}");
                    assert_eq!(tasks(pid), 1, "threads are gone before the error is told");
                    loader.batch_execute("SELECT").expect("the session is as good as before");
                }
                (_, Err(_)) => wait_for("the backend to be gone", || tasks(pid) == 0),
            }
            if end == "kill" {
                kills += 1;
                // The postmaster ends the other sessions before it starts over.
                wait_for("the server to notice", || watcher.simple_query("SELECT").is_err());
                cluster.wait_until_ready();
            }
        });
        let mut client = database.connect();
        if done {
            client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        }
        assert_eq!(count(&mut client, "t"), 0, "moment {moment}, {end}");
    }
    let crashes = cluster.log().matches("was terminated by signal").count();
    assert_eq!(crashes, kills, "crashes that are not the kill's own:\n{}", cluster.log());
}

#[test]
fn ended_at_some_moments() {
    ended("threads_some", 10);
}

#[test]
#[ignore = "takes long: make soak"]
fn ended_at_two_hundred_moments() {
    ended("threads_many", 200);
}

/// Loads with address spaces that are drawn by lot.
fn short_of_memory(name: &str, rounds: usize) {
    let cluster = Cluster::start(&["loader.parse_threads = 3"], Limits::default());
    let database = cluster.database("threads");
    let mut client = database.connect();
    table(&mut client, "t");
    let large = format!("{{\"fill\": [{}1]}}\n", "12, ".repeat(1_000_000));
    let path = database.file(name, mixed(5_000) + &large + &mixed(5_000));
    load(&mut client, &path, "t").expect("a load");
    client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    let mut rng = Rng::named(2, name);
    let (mut failed, mut loaded) = (0, 0);
    for round in 0..rounds {
        let mut loader = database.connect();
        let pid = backend(&mut loader);
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).expect("statm of a backend");
        let pages: u64 = statm.split(' ').next().expect("a size").parse().expect("a number");
        limit(&cluster, pid, "as", pages * 4096 + rng.below(600 << 20) as u64);
        match load_with(&mut loader, &path, "t", "if_loaded => 'force'") {
            Ok(_) => loaded += 1,
            Err(error) => {
                let code =
                    error.code().unwrap_or_else(|| panic!("round {round}: {error:?}\n{}", cluster.log()));
                assert!(
                    [SqlState::OUT_OF_MEMORY, SqlState::UNDEFINED_FILE, SqlState::INSUFFICIENT_RESOURCES]
                        .contains(code),
                    "{error:?}"
                );
                failed += 1;
            }
        }
        client.batch_execute("TRUNCATE t").expect("the server is as good as before");
    }
    println!("{name}: {loaded} loaded, {failed} without enough memory");
    assert!(failed > 0 && loaded > 0, "{loaded} loaded, {failed} failed");
    assert!(!cluster.log().contains("was terminated by signal"), "{}", cluster.log());
}

#[test]
fn without_enough_memory() {
    short_of_memory("threads_memory", 30);
}

#[test]
#[ignore = "takes long: make soak"]
fn without_enough_memory_two_hundred_times() {
    short_of_memory("threads_memory_soak", 200);
}

#[test]
fn nothing_is_left_of_a_load_that_fails_in_a_thread() {
    let (database, mut client) = session("threads_fail");
    // A gzip stream that ends too early, found out while rows are inserted.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, lines(200_000).as_bytes()).expect("gzip");
    let bytes = gzip.finish().expect("gzip");
    let path = database.file("threads_fail", &bytes[..bytes.len() - 1000]);
    for threads in [0, 1, 4] {
        client.batch_execute(&format!("SET loader.parse_threads = {threads}")).expect("the setting");
        let error = load(&mut client, &path, "t").expect_err("a stream that is cut off");
        assert_eq!(error.code(), Some(&SqlState::BAD_COPY_FILE_FORMAT), "{error:?}");
        assert!(empty(&mut client, "t"));
        assert_eq!(tasks(backend(&mut client)), 1);
    }
}
