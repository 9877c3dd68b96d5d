//! Several sessions: the same file twice at once, DDL on the target, locks.

use crate::helpers::{Gate, count, lines, session};
use loader_client_tests::{empty, load, load_with, sqlstate};
use postgres::error::SqlState;
use std::thread;

#[test]
fn two_loads_of_one_file_load_once() {
    let (database, mut first) = session("concurrent_twice");
    let mut second = database.connect();
    let path = database.file("concurrent_twice", lines(100));
    let mut gate = Gate::close(&database, "t", 50);
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(|| load(&mut first, &path, "t"));
        gate.wait_for_waiters(1);
        let two = scope.spawn(|| load(&mut second, &path, "t"));
        gate.wait_for_waiters(2);
        gate.open();
        (one.join().expect("a session").expect("a load"), two.join().expect("a session").expect("a load"))
    });
    assert_eq!((one.status.as_str(), one.rows_loaded), ("loaded", 100));
    assert_eq!((two.status.as_str(), two.rows_loaded), ("skipped", 0));
    assert_eq!(one.load_id, two.load_id);
    let mut client = database.connect();
    assert_eq!(count(&mut client, "t"), 100);
    assert_eq!(count(&mut client, "loader.load_history"), 1);
}

#[test]
fn the_first_fails_and_the_second_loads() {
    let (database, mut first) = session("concurrent_fails");
    let mut second = database.connect();
    let path = database.file("concurrent_fails", lines(100));
    let mut gate = Gate::close(&database, "t", 50);
    let pid = crate::helpers::backend(&mut first);
    thread::scope(|scope| {
        let one = scope.spawn(|| load(&mut first, &path, "t"));
        gate.wait_for_waiters(1);
        let two = scope.spawn(|| load(&mut second, &path, "t"));
        gate.wait_for_waiters(2);
        database.connect().query_one("SELECT pg_cancel_backend($1)", &[&pid]).expect("cancel");
        assert_eq!(sqlstate(one.join().expect("a session")), SqlState::QUERY_CANCELED);
        gate.open();
        assert_eq!(two.join().expect("a session").expect("a load").rows_loaded, 100);
    });
    assert_eq!(count(&mut database.connect(), "t"), 100);
}

#[test]
fn a_snapshot_that_cannot_see_the_other_load() {
    let (database, mut client) = session("concurrent_snapshot");
    let mut other = database.connect();
    let path = database.file("concurrent_snapshot", lines(100));
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).expect("BEGIN");
        // Takes the snapshot.
        assert_eq!(count(&mut client, "t"), 0);
        load_with(&mut other, &path, "t", "if_loaded => 'force'").expect("the other load");
        assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::T_R_SERIALIZATION_FAILURE, "{level}");
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
        assert_eq!(load(&mut client, &path, "t").expect("a load").status, "skipped", "{level}");
    }
}

#[test]
fn ddl_waits_for_the_load() {
    let (database, mut client) = session("concurrent_ddl");
    let path = database.file("concurrent_ddl", lines(100));
    let mut gate = Gate::close(&database, "t", 50);
    let mut other = database.connect();
    other.batch_execute("SET lock_timeout = '50ms'").expect("the timeout");
    thread::scope(|scope| {
        let load = scope.spawn(|| load_with(&mut client, &path, "t", "chunk => 10"));
        gate.wait_for_waiters(1);
        for statement in [
            "DROP TABLE t",
            "TRUNCATE t",
            "ALTER TABLE t RENAME data TO other",
            "ALTER TABLE t RENAME TO other",
        ] {
            assert_eq!(sqlstate(other.batch_execute(statement)), SqlState::LOCK_NOT_AVAILABLE, "{statement}");
        }
        gate.open();
        assert_eq!(load.join().expect("a session").expect("a load").rows_loaded, 100);
    });
}

#[test]
fn a_load_waits_for_ddl() {
    let (database, mut client) = session("concurrent_locked");
    let path = database.file("concurrent_locked", lines(100));
    let mut other = database.connect();
    other.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").expect("a lock");
    client.batch_execute("SET lock_timeout = '50ms'").expect("the timeout");
    assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::LOCK_NOT_AVAILABLE);
    other.batch_execute("ROLLBACK").expect("ROLLBACK");
    assert!(empty(&mut client, "t"));
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 100);
}

#[test]
fn a_target_dropped_meanwhile() {
    let (database, mut client) = session("concurrent_dropped");
    let path = database.file("concurrent_dropped", lines(100));
    let mut other = database.connect();
    other.batch_execute("BEGIN; DROP TABLE t").expect("DROP");
    let mut watcher = database.connect();
    thread::scope(|scope| {
        let load = scope.spawn(|| load(&mut client, &path, "t"));
        loader_client_tests::wait_for("the load to wait", || {
            count(
                &mut watcher,
                "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            ) == 1
        });
        other.batch_execute("COMMIT").expect("COMMIT");
        assert_eq!(sqlstate(load.join().expect("a session")), SqlState::UNDEFINED_TABLE);
    });
}
