//! `loader.last_call`: what a call of `load_json_files` came to, for who made it.

use crate::helpers::{Gate, backend, count, files, lines, session, tiny};
use loader_client_tests::{last_call, load_many, message};
use postgres::Client;
use std::thread;

/// The loads of the history in these states, in the order of their files.
fn loads(client: &mut Client, states: &str) -> Vec<i64> {
    let query = format!(
        "SELECT coalesce(array_agg(load_id ORDER BY file_path), '{{}}') FROM loader.load_history
         WHERE status IN ({states}) AND emptied_at IS NULL"
    );
    client.query_one(&query, &[]).expect("loads").get(0)
}

#[test]
fn has_the_loads_of_the_call_and_of_no_other() {
    let (database, mut client) = session("last_call_loads");
    assert_eq!(last_call(&mut client), None);
    let pattern =
        files(&database, "last_call_loads", &[("a", lines(3)), ("b", "{\n".to_owned()), ("c", lines(4))]);
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => {workers}, on_error => 'stop'");
        let first = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((first.files, first.loaded, first.failed, first.rows), (3, 2, 1, 7));
        assert_eq!(first.loads, loads(&mut client, "'loaded', 'failed'"), "{workers}");
        // A session's own.
        assert_eq!(last_call(&mut database.connect()), None);
        // What is skipped belongs to the call before; what failed is tried again.
        let failed = loads(&mut client, "'failed'");
        let second = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((second.skipped, second.failed), (2, 1));
        assert_eq!(second.loads, failed, "{workers}");
        let times = "loader.last_call WHERE started_at < finished_at AND finished_at <= clock_timestamp()
                     AND (mb_per_second IS NULL OR mb_per_second::numeric = round(mb_per_second::numeric, 1))";
        assert_eq!(count(&mut client, times), 1);
    }
    // A call that fails before it has files has come to nothing.
    assert!(message(load_many(&mut client, "relative", "t", "")).starts_with("22023"));
    assert_eq!(last_call(&mut client), None);
    let none = load_many(&mut client, &pattern.replace('*', "z*"), "t", "").expect("a call");
    assert_eq!((none.files, none.loads), (0, vec![]));
}

#[test]
fn is_there_when_the_call_fails() {
    let (database, mut client) = session("last_call_fails");
    let pattern = files(&database, "last_call_fails", &[("a", lines(3)), ("b", "{\n".to_owned())]);
    let options = "workers => 0, on_error => 'stop', on_file_error => 'stop'";
    message(load_many(&mut client, &pattern, "t", options));
    let last = last_call(&mut client).expect("a call");
    assert_eq!((last.files, last.loaded, last.failed, last.rows), (2, 1, 1, 3));
    assert_eq!(last.loads, loads(&mut client, "'loaded', 'failed'"));
}

#[test]
fn is_there_when_the_call_is_cancelled() {
    let (database, mut client) = session("last_call_cancelled");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let pattern = files(&database, "last_call_cancelled", &[("a", lines(3)), ("b", tiny(9000))]);
    for workers in [0, 1] {
        client.batch_execute("TRUNCATE t; DELETE FROM loader.load_history_data").expect("a fresh start");
        let mut gate = Gate::close(&database, "t", 8500);
        let pid = backend(&mut client);
        thread::scope(|scope| {
            let call =
                scope.spawn(|| load_many(&mut client, &pattern, "t", &format!("workers => {workers}")));
            gate.wait_for_waiters(1);
            database.connect().execute("SELECT pg_cancel_backend($1)", &[&pid]).expect("a cancel");
            assert!(message(call.join().expect("a session")).starts_with("57014"));
        });
        gate.open();
        let last = last_call(&mut client).expect("a call");
        assert_eq!((last.files, last.loaded, last.failed, last.rows), (2, 1, 0, 3 + 8192), "{workers}");
        assert_eq!(last.loads, loads(&mut client, "'loaded', 'running'"), "{workers}");
        assert_eq!(last.loads.len(), 2);
        client.batch_execute("DROP TRIGGER gate ON t; DROP FUNCTION t_gate()").expect("DROP");
    }
}
