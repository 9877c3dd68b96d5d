//! A worker that is ended between its commit and the word of it: what is committed
//! counts, once, and the call comes to its end.

use crate::helpers::{Gate, backend, count, table, tiny};
use loader_client_tests::{Cluster, DEADLINE, Limits, Summary, load_many, wait_for};
use postgres::Client;
use std::thread;
use std::time::{Duration, Instant};

/// Records of the file; the last one waits at a gate.
const RECORDS: usize = 20_000;

/// Bytes of a range, at most: what loader.transaction_size allows, and a record.
const RANGE: usize = 1024 + 16;

/// From now on a commit waits for a standby that there is not: the moment between
/// the commit and what comes after it lasts until somebody ends the session.
fn let_commits_wait(cluster: &Cluster, client: &mut Client) {
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").expect("ALTER SYSTEM");
    client.batch_execute("SELECT pg_reload_conf()").expect("pg_reload_conf");
    // Until one is seen waiting it is not in force.
    let mut probe = cluster.connect("postgres");
    let pid = backend(&mut probe);
    let waits = thread::spawn(move || {
        while probe.batch_execute("CREATE TABLE IF NOT EXISTS probe (); DROP TABLE probe").is_ok() {}
    });
    wait_for("a commit to wait", || {
        count(client, &format!("pg_stat_activity WHERE pid = {pid} AND wait_event = 'SyncRep'")) == 1
    });
    client.execute("SELECT pg_terminate_backend($1)", &[&pid]).expect("pg_terminate_backend");
    waits.join().expect("a session");
}

/// Loads a file in ranges by two workers, and terminates the one that has the last
/// range while it commits.
fn ended_in_the_last_commit(check: &str) -> (Summary, Vec<String>) {
    let cluster = Cluster::start(&[], Limits::default());
    let database = cluster.database("committed");
    let mut client = database.connect();
    table(&mut client, "t");
    client
        .batch_execute(&format!(
            "ALTER TABLE t ADD CHECK ({check}); SET loader.transaction_size = '1kB'; SET client_min_messages = error"
        ))
        .expect("a constraint");
    let path = cluster.file("committed", tiny(RECORDS));
    let mut gate = Gate::close(&database, "t", RECORDS - 1);
    let mut watcher = database.connect();
    let pid = backend(&mut client);
    let call = thread::spawn(move || load_many(&mut client, &path, "t", "workers => 2, on_error => 'stop'"));
    gate.wait_for_waiters(1);
    wait_for("all other ranges to be committed", || {
        count(&mut watcher, &format!("loader.load_history WHERE file_size - stream_bytes <= {RANGE}")) == 1
    });
    let_commits_wait(&cluster, &mut watcher);
    gate.open();
    let committing = "pg_stat_activity WHERE backend_type = 'loader worker' AND wait_event = 'SyncRep'";
    wait_for("a worker to commit", || count(&mut watcher, committing) == 1);
    let terminate = format!("SELECT pg_terminate_backend(pid) FROM {committing}");
    watcher.batch_execute(&terminate).expect("pg_terminate_backend");
    let end = Instant::now() + DEADLINE;
    while !call.is_finished() {
        if Instant::now() > end {
            watcher.execute("SELECT pg_terminate_backend($1)", &[&pid]).expect("pg_terminate_backend");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let summary = call.join().expect("a session").expect("the call comes to its end");
    let query =
        "SELECT concat_ws(' ', status, rows_loaded, (SELECT count(*) FROM t)) FROM loader.load_history";
    let history = watcher.query(query, &[]).expect("history").iter().map(|row| row.get(0)).collect();
    (summary, history)
}

#[test]
fn the_last_range_of_a_file() {
    let (summary, history) = ended_in_the_last_commit("true");
    assert_eq!((summary.loaded, summary.failed, summary.rows), (1, 0, RECORDS as i64));
    assert_eq!(history, [format!("loaded {RECORDS} {RECORDS}")]);
}

#[test]
fn the_range_that_a_file_fails_at() {
    let (summary, history) = ended_in_the_last_commit(&format!("data->>'n' <> '{}'", RECORDS - 1));
    assert_eq!((summary.loaded, summary.failed), (0, 1));
    assert_eq!(history, [format!("failed {0} {0}", summary.rows)]);
}
