//! kill -9 of the loading backend: the server recovers, nothing of the load is
//! left, and the next load works.

use crate::helpers::{backend, lines, table};
use loader_client_tests::{Cluster, Limits, empty, load, load_with, send_signal, wait_for};
use std::thread;

fn kill_at(moments: &[i64]) {
    let cluster = Cluster::start(&["restart_after_crash = on"], Limits::default());
    let database = cluster.database("crash");
    table(&mut database.connect(), "t");
    let records = moments.iter().max().map_or(0, |&last| last as usize) + 40_000;
    let path = database.file("crash", lines(records));

    for &moment in moments {
        let mut loader = database.connect();
        let mut watcher = database.connect();
        let pid = backend(&mut loader);
        thread::scope(|scope| {
            let load = scope.spawn(|| load_with(&mut loader, &path, "t", "chunk => 100"));
            wait_for("the load to come so far", || {
                let row = watcher
                    .query_opt("SELECT tuples_processed FROM pg_stat_progress_copy WHERE pid = $1", &[&pid])
                    .expect("progress");
                row.is_some_and(|row| row.get::<_, i64>(0) >= moment)
            });
            send_signal(pid, libc::SIGKILL);
            load.join().expect("the loading session").expect_err("the server is gone");
        });
        // The postmaster ends the other sessions before it starts over.
        wait_for("the server to notice", || watcher.simple_query("SELECT").is_err());
        cluster.wait_until_ready();
        assert!(empty(&mut database.connect(), "t"), "killed at {moment}");
    }
    let outcome = load(&mut database.connect(), &path, "t").expect("a load after the crashes");
    assert_eq!(outcome.rows_loaded, records as i64);
}

#[test]
fn kill_a_loading_backend() {
    kill_at(&[100, 20_000]);
}

#[test]
#[ignore = "takes long: make soak"]
fn kill_a_loading_backend_at_many_moments() {
    let moments: Vec<i64> = (0..20).map(|n| n * n * 500).collect();
    kill_at(&moments);
}

#[test]
fn kill_before_the_commit() {
    let cluster = Cluster::start(&["restart_after_crash = on"], Limits::default());
    let database = cluster.database("crash");
    let mut loader = database.connect();
    table(&mut loader, "t");
    let path = database.file("crash", lines(1000));
    loader.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(load(&mut loader, &path, "t").expect("a load").rows_loaded, 1000);
    let mut watcher = database.connect();
    send_signal(backend(&mut loader), libc::SIGKILL);
    wait_for("the server to notice", || watcher.simple_query("SELECT").is_err());
    cluster.wait_until_ready();
    let mut client = database.connect();
    assert!(empty(&mut client, "t"));
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 1000);
}
