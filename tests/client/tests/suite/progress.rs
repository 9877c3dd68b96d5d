//! What `loader.progress` shows of loads under way, and to whom.

use crate::helpers::{Barrier, Gate, backend, count, files, lines, session, tiny};
use loader_client_tests::{load, load_many, load_with, wait_for};
use postgres::{Client, Row};
use std::thread;

const COLUMNS: &str = "pid, leader_pid, load_id, target_oid = 't'::regclass, file_path, bytes_processed,
    bytes_total, rows_loaded, rows_rejected, bytes_per_second, extract(epoch FROM eta)::float8,
    target, files_done, files_total";

fn progress(client: &mut Client, of: &str) -> Vec<Row> {
    client.query(&format!("SELECT {COLUMNS} FROM loader.progress WHERE {of}"), &[]).expect("the view")
}

/// Processed and total bytes; the rate and the time left have to fit them.
fn bytes(row: &Row) -> (i64, i64) {
    let (processed, total): (i64, i64) = (row.get(5), row.get(6));
    let (rate, eta): (f64, f64) = (row.get(9), row.get(10));
    assert!(processed > 0 && processed <= total, "{processed} of {total}");
    let left = (total - processed) as f64;
    assert!(
        rate > 0.0 && (rate * eta - left).abs() <= 0.05 * left + rate * 0.01,
        "{rate} B/s, {eta} s, {left} B"
    );
    (processed, total)
}

/// Files done, and all of them.
fn of_files(row: &Row) -> (Option<i64>, Option<i64>) {
    (row.get(12), row.get(13))
}

#[test]
fn of_one_file() {
    let (database, mut client) = session("progress_one");
    let text = format!("{{\n{}{{\n{{\n{}", lines(10_000), lines(30_000));
    let path = database.file("progress_one", &text);
    let mut gate = Gate::close(&database, "t", 20_000);
    let pid = backend(&mut client);
    let mut watcher = database.connect();
    let (rows, of_workers) = thread::scope(|scope| {
        let call = scope.spawn(|| load_with(&mut client, &path, "t", "chunk => 1000"));
        gate.wait_for_waiters(1);
        let rows = progress(&mut watcher, "true");
        let of_workers = count(&mut watcher, "loader.progress WHERE leader_pid IS NOT NULL");
        gate.open();
        assert_eq!(call.join().expect("a session").expect("a load").rows_loaded, 40_000);
        (rows, of_workers)
    });
    assert_eq!((rows.len(), of_workers), (1, 0));
    let row = &rows[0];
    assert_eq!((row.get::<_, i32>(0), row.get::<_, Option<i32>>(1)), (pid, None));
    assert!(row.get::<_, bool>(3));
    // Nothing is committed that says which file it is.
    assert_eq!(row.get::<_, Option<String>>(4), None);
    // The chunk that stands at the gate is not in yet.
    assert_eq!((row.get::<_, i64>(7), row.get::<_, i64>(8)), (30_000, 3));
    assert_eq!(bytes(row).1, text.len() as i64);
    assert_eq!((row.get::<_, String>(11).as_str(), of_files(row)), ("t", (None, None)));
    assert_eq!(count(&mut watcher, "loader.progress"), 0);
}

#[test]
fn of_a_call_and_its_worker() {
    let (database, mut client) = session("progress_call");
    let (small, large) = (tiny(100) + "{\n", tiny(30_000) + "{\n");
    let pattern = files(&database, "progress_call", &[("a", &small), ("b", &large)]);
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let mut gate = Gate::close(&database, "t", 9000);
    let pid = backend(&mut client);
    let mut watcher = database.connect();
    let (leader, worker) = thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut client, &pattern, "t", "workers => 1"));
        gate.wait_for_waiters(1);
        // The session looks at what its worker has come to now and then.
        let committed = format!("pid = {pid} AND rows_loaded = (SELECT count(*) FROM t)");
        let mut leader = Vec::new();
        wait_for("the session to see what is committed", || {
            leader = progress(&mut watcher, &committed);
            !leader.is_empty()
        });
        let worker = progress(&mut watcher, "leader_pid IS NOT NULL");
        gate.open();
        assert_eq!(call.join().expect("a session").expect("a call").rows, 30_100);
        (leader, worker)
    });
    let row = &leader[0];
    assert_eq!((row.get::<_, Option<i32>>(1), row.get::<_, Option<i64>>(2)), (None, None));
    assert_eq!((row.get::<_, i64>(7), row.get::<_, i64>(8)), (8292, 1));
    assert_eq!(bytes(row).1, (small.len() + large.len()) as i64);
    assert_eq!((row.get::<_, String>(11).as_str(), of_files(row)), ("t", (Some(1), Some(2))));

    let [row] = &worker[..] else { panic!("{worker:?}") };
    assert_eq!(row.get::<_, Option<i32>>(1), Some(pid));
    let load: i64 = row.get::<_, Option<i64>>(2).expect("its number");
    assert_eq!(
        count(&mut watcher, &format!("loader.load_history WHERE load_id = {load} AND file_path LIKE '%/b'")),
        1
    );
    assert!(row.get::<_, bool>(3));
    assert_eq!(row.get::<_, Option<String>>(4), Some(pattern.replace('*', "b")));
    assert_eq!((row.get::<_, i64>(7), row.get::<_, i64>(8)), (8192, 0));
    assert_eq!(bytes(row).1, large.len() as i64);
    assert_eq!((row.get::<_, String>(11).as_str(), of_files(row)), ("t", (None, None)));
    assert_eq!(count(&mut watcher, "loader.progress"), 0);
}

#[test]
fn is_shown_to_those_who_may_see_it() {
    let (database, mut admin) = session("progress_roles");
    admin
        .batch_execute(
            "CREATE ROLE progress_one LOGIN; CREATE ROLE progress_two LOGIN; CREATE ROLE progress_chief LOGIN;
             CREATE ROLE progress_monitor LOGIN; GRANT progress_one TO progress_chief;
             GRANT pg_read_all_stats TO progress_monitor;
             GRANT pg_read_server_files TO progress_one, progress_two; GRANT INSERT ON t TO progress_one",
        )
        .expect("roles");
    let pattern = files(&database, "progress_roles", &[("secret", lines(3))]);
    let path = pattern.replace('*', "secret");
    let mut barrier = Barrier::close(&database, "t");
    // A session of its own, and one with a worker.
    for workers in [None, Some(1)] {
        let mut one = database.connect_as("progress_one");
        let seen = thread::scope(|scope| {
            let call = scope.spawn(|| match workers {
                None => load(&mut one, &path, "t").map(|_| ()),
                Some(n) => load_many(&mut one, &pattern, "t", &format!("workers => {n}")).map(|_| ()),
            });
            barrier.wait_for_waiters(1);
            let processes = 1 + workers.unwrap_or(0);
            wait_for("the call to report", || count(&mut admin, "loader.progress") == processes);
            let seen = ["two", "one", "chief", "monitor"].map(|name| {
                let mut client = database.connect_as(&format!("progress_{name}"));
                let paths = count(&mut client, "loader.progress WHERE file_path LIKE '%secret'");
                (count(&mut client, "loader.progress"), paths)
            });
            barrier.open();
            call.join().expect("a session").expect("a load");
            seen
        });
        let wanted = match workers {
            None => [(0, 0), (1, 0), (1, 0), (1, 0)],
            Some(_) => [(0, 0), (2, 1), (2, 1), (2, 1)],
        };
        assert_eq!(seen, wanted, "{workers:?}");
        barrier.close_again();
        admin.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
}
