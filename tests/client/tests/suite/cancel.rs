//! Cancel, statement_timeout and terminate at every stage of a load: it ends,
//! and nothing is left.

use crate::helpers::{Gate, backend, count, gzip, lines, session, table};
use loader_client_tests::{Cluster, Database, empty, load_with, sqlstate, wait_for};
use postgres::error::SqlState;
use std::thread;

/// Starts a load in a session of its own, sends `end` to it once `under_way`
/// says so, and checks what is left.
fn interrupted(database: &Database, path: &str, options: &str, under_way: &str, end: &str, code: SqlState) {
    let mut watcher = database.connect();
    let mut loader = database.connect();
    let pid = backend(&mut loader);
    thread::scope(|scope| {
        let load = scope.spawn(move || load_with(&mut loader, path, "t", options));
        wait_for("the load to get under way", || {
            let statement = format!("SELECT EXISTS ({under_way})");
            assert!(!load.is_finished(), "the load ended before it was interrupted");
            watcher.query_one(&statement, &[&pid]).expect("a look at the load").get(0)
        });
        watcher.query_one(&format!("SELECT {end}($1)"), &[&pid]).expect("the interrupt");
        let error = load.join().expect("the loading session").expect_err("an interrupted load");
        // A session that is terminated may be closed before its client has read
        // why.
        let closed = error.is_closed() && code == SqlState::ADMIN_SHUTDOWN;
        assert!(closed || error.code() == Some(&code), "{error:?}");
    });
    wait_for("the transaction to be gone", || {
        let left: i64 = watcher
            .query_one("SELECT count(*) FROM pg_locks WHERE pid = $1 AND locktype = 'relation'", &[&pid])
            .expect("pg_locks")
            .get(0);
        left == 0
    });
    assert!(empty(&mut watcher, "t"));
    assert_eq!(count(&mut watcher, "pg_stat_progress_copy WHERE datname = current_database()"), 0);
}

/// Bytes have been read, and the load goes on.
const READING: &str = "SELECT FROM pg_stat_progress_copy WHERE pid = $1 AND bytes_processed > 0";
/// Rows have been inserted.
const INSERTING: &str = "SELECT FROM pg_stat_progress_copy WHERE pid = $1 AND tuples_processed > 0";
/// The load stands before the gate.
const WAITING: &str = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'";

/// A file that takes a second or more.
const MANY: usize = 150_000;

#[test]
fn cancel_and_terminate_while_rows_are_inserted() {
    let (database, _client) = session("cancel_insert");
    let path = database.file("cancel_insert", lines(MANY));
    interrupted(&database, &path, "chunk => 1000", INSERTING, "pg_cancel_backend", SqlState::QUERY_CANCELED);
    interrupted(
        &database,
        &path,
        "chunk => 1000",
        INSERTING,
        "pg_terminate_backend",
        SqlState::ADMIN_SHUTDOWN,
    );
}

#[test]
fn cancel_while_the_target_waits() {
    let (database, _client) = session("cancel_gate");
    let path = database.file("cancel_gate", lines(100));
    let gate = Gate::close(&database, "t", 50);
    interrupted(&database, &path, "chunk => 10", WAITING, "pg_cancel_backend", SqlState::QUERY_CANCELED);
    interrupted(&database, &path, "chunk => 10", WAITING, "pg_terminate_backend", SqlState::ADMIN_SHUTDOWN);
    gate.open();
}

#[test]
fn cancel_inside_one_record() {
    let (database, mut client) = session("cancel_record");
    // Over the limit, so that it is passed over by our own code alone. Three gigabytes,
    // and next to nothing on the disk.
    client
        .batch_execute("ALTER DATABASE cancel_record SET loader.max_record_size = '1MB'")
        .expect("the limit");
    let middle = gzip("1, ".repeat(1_000_000).as_bytes()).repeat(1000);
    let path = database.file("cancel_record", [gzip(b"{\"fill\": ["), middle, gzip(b"1]}")].concat());
    interrupted(&database, &path, "", READING, "pg_cancel_backend", SqlState::QUERY_CANCELED);
}

#[test]
fn cancel_while_decompressing() {
    let (database, _client) = session("cancel_gzip");
    // White space between records: nothing but decompression and framing. One
    // member of a gzip file, many times over.
    let member = gzip(&[b"{\"a\": 1}\n", &[b' '; 4 << 20][..]].concat());
    let path = database.file("cancel_gzip", member.repeat(1000));
    interrupted(&database, &path, "", READING, "pg_cancel_backend", SqlState::QUERY_CANCELED);
}

#[test]
fn statement_timeout() {
    let (database, mut client) = session("cancel_timeout");
    let path = database.file("cancel_timeout", lines(MANY));
    client.batch_execute("SET statement_timeout = '100ms'").expect("the timeout");
    assert_eq!(sqlstate(load_with(&mut client, &path, "t", "")), SqlState::QUERY_CANCELED);
    client.batch_execute("RESET statement_timeout").expect("the timeout");
    assert!(empty(&mut client, "t"));
    // The session is as good as before.
    let small = database.file("cancel_timeout_small", lines(10));
    assert_eq!(load_with(&mut client, &small, "t", "").expect("a load").rows_loaded, 10);
}

#[test]
fn cancel_in_many_moments() {
    let database = Cluster::shared().database("cancel_moments");
    let mut client = database.connect();
    table(&mut client, "t");
    let path = database.file("cancel_moments", lines(50_000));
    for milliseconds in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89] {
        client.batch_execute(&format!("SET statement_timeout = {milliseconds}")).expect("the timeout");
        match load_with(&mut client, &path, "t", "chunk => 100") {
            // A fast machine may have been done.
            Ok(_) => client.batch_execute("RESET statement_timeout; TRUNCATE t").expect("TRUNCATE"),
            Err(error) => {
                assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error:?}");
                client.batch_execute("RESET statement_timeout").expect("the timeout");
                assert_eq!(count(&mut client, "t"), 0);
            }
        }
    }
}
