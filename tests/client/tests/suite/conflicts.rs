//! Loads that are in each other's way, and what the number of workers must not decide.

use crate::helpers::{Gate, count, session, table, tiny};
use loader_client_tests::{load, load_many, load_with, sqlstate};
use postgres::Client;
use postgres::error::SqlState;
use std::thread;

/// Records of a file that is loaded in ranges.
const RECORDS: usize = 30_000;

/// Loads a file by three workers, in ranges, while a statement trigger of the table
/// runs `body`: what one range does there is in the way of the others until it is
/// committed.
fn load_with_trigger(client: &mut Client, path: &str, body: &str) {
    client
        .batch_execute(&format!(
            "CREATE TABLE counter (n int); INSERT INTO counter VALUES (0);
             CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;
             CREATE TRIGGER in_the_way AFTER INSERT ON t EXECUTE FUNCTION in_the_way();
             SET loader.transaction_size = '64kB'"
        ))
        .expect("a trigger");
    let summary = load_many(client, path, "t", "workers => 3").expect("a call");
    assert_eq!((summary.loaded, summary.failed, summary.rows), (1, 0, RECORDS as i64));
    assert_eq!(count(client, "t"), RECORDS as i64);
}

/// Nobody waits for a lock that the server knows of: the one that is first in the file
/// waits in a loop, as one would for another server.
#[test]
fn a_wait_that_the_lock_table_does_not_show() {
    let (database, mut client) = session("conflicts_unseen");
    let path = database.cluster.file("conflicts_unseen", tiny(RECORDS));
    let body = "WHILE NOT pg_try_advisory_xact_lock(4713) LOOP PERFORM pg_sleep(0.01); END LOOP;";
    load_with_trigger(&mut client, &path, body);
}

#[test]
fn a_lock_that_is_not_waited_for() {
    let (database, mut client) = session("conflicts_nowait");
    let path = database.cluster.file("conflicts_nowait", tiny(RECORDS));
    load_with_trigger(&mut client, &path, "PERFORM FROM counter FOR UPDATE NOWAIT;");
}

/// The call may have to wait for a row that the transaction has written.
#[test]
fn load_json_file_does_not_wait_for_a_call_that_may_wait_for_it() {
    let (database, mut client) = session("conflicts_circle");
    table(&mut client, "other");
    let path = database.cluster.file("conflicts_circle", tiny(RECORDS));
    // The last range waits; who has cut the file holds no lock but the claim.
    let mut gate = Gate::close(&database, "t", RECORDS - 1);
    let mut watcher = database.connect();
    let pattern = path.clone();
    client.batch_execute("SET loader.transaction_size = '64kB'").expect("the setting");
    let call = thread::spawn(move || load_many(&mut client, &pattern, "t", "workers => 2"));
    gate.wait_for_waiters(1);
    watcher
        .batch_execute("SET statement_timeout = '30s'; BEGIN; INSERT INTO other VALUES ('{}')")
        .expect("a row");
    let refused = sqlstate(load(&mut watcher, &path, "t"));
    gate.open();
    assert_eq!(refused.code(), "55006");
    assert_eq!(call.join().expect("a session").expect("a call").loaded, 1);
}

/// A file that is not JSON fails with its first thousand records.
#[test]
fn what_is_not_json_fails_with_any_number_of_workers() {
    let (database, mut client) = session("conflicts_rubbish");
    let path =
        database.cluster.file("conflicts_rubbish", format!("{}\n", "rubbish ".repeat(100)).repeat(4_000));
    client.batch_execute("SET loader.transaction_size = '64kB'").expect("the setting");
    for workers in [0, 3] {
        let options = format!("workers => {workers}, format => 'newline_delimited', if_loaded => 'force'");
        let summary = load_many(&mut client, &path, "t", &options).expect("a call");
        assert_eq!((summary.loaded, summary.failed), (0, 1), "{workers} workers");
        let query = "SELECT error_sqlstate FROM loader.load_history ORDER BY load_id DESC LIMIT 1";
        let code: String = client.query_one(query, &[]).expect("history").get(0);
        assert_eq!(code, "22P04", "{workers} workers");
        client
            .batch_execute("DELETE FROM loader.rejects_data; DELETE FROM loader.load_history_data")
            .expect("none");
    }
}

/// An attempt that brought nothing is not a part of a file.
#[test]
fn load_json_file_after_an_attempt_that_brought_nothing() {
    let (database, mut client) = session("conflicts_vain");
    let path = database.cluster.file("conflicts_vain", "1\n2\n");
    client.batch_execute("ALTER TABLE t ADD CONSTRAINT c CHECK (data <> '1')").expect("a constraint");
    assert_eq!(load_many(&mut client, &path, "t", "on_error => 'stop'").expect("a call").failed, 1);
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'failed' AND rows_loaded = 0"), 1);
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 2);
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'failed'"), 0);
}

/// Where the last record, which was good, has become longer, nobody knows what it was.
#[test]
fn what_does_not_continue_what_was_loaded_fails() {
    let (database, mut client) = session("conflicts_longer");
    let file = |text: &str| database.cluster.file("conflicts_longer", text);
    let path = file("1\n2");
    load_many(&mut client, &path, "t", "").expect("a call");
    file("1\n23\n4\n");
    assert_eq!(load_many(&mut client, &path, "t", "").expect("a call").failed, 1);
    assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    let forced = load_with(&mut client, &path, "t", "if_loaded => 'force'").expect("all of it");
    assert_eq!(forced.rows_loaded, 3);
}
