//! Who waits for whom: how long, what is said of it, and who must not.

use crate::helpers::{Barrier, append, backend, count, counts, files, session, tiny, traced};
use loader_client_tests::{Database, Said, load, load_many, message, wait_for};
use postgres::Client;
use std::fs;
use std::thread;

/// A session that has loaded a file and not committed.
fn holder(database: &Database, path: &str) -> (Client, i32) {
    let mut client = database.connect();
    client.batch_execute("BEGIN").expect("BEGIN");
    load(&mut client, path, "t").expect("a load");
    let pid = backend(&mut client);
    (client, pid)
}

/// A session that listens and would rather fail than hang.
fn listening(database: &Database, settings: &str) -> (Client, Said) {
    let (mut client, said) = database.connect_listening("postgres");
    client.batch_execute(&format!("SET statement_timeout = '1min'; {settings}")).expect("the settings");
    (client, said)
}

fn waiting_lines(said: &[String]) -> Vec<&String> {
    said.iter().filter(|line| line.starts_with("NOTICE: waiting for ")).collect()
}

/// What a NOTICE says of who is in the way.
fn waits_for(pid: i32, what: &str, path: &str) -> String {
    format!("waiting for process {pid}, which is loading {what}: \"{path}\"")
}

const SAME: &str = "the same file or content";
const SIZE: &str = "a file of the same size";

#[test]
fn load_json_file_hears_lock_timeout() {
    let (database, _client) = session("waiting_file");
    let path = database.file("waiting_file", tiny(100));
    let (mut client, said) = listening(&database, "SET lock_timeout = '100ms'");
    // Another load_json_file of a file of this size.
    let (mut other, pid) = holder(&database, &path);
    let timeout = "55P03: canceling statement due to lock timeout";
    assert_eq!(message(load(&mut client, &path, "t")), timeout);
    let lines = said.take();
    assert!(lines.iter().any(|line| line.contains(&waits_for(pid, SIZE, &path))), "{lines:?}");
    other.batch_execute("ROLLBACK").expect("ROLLBACK");
    // A call that has the path.
    let mut barrier = Barrier::close(&database, "t");
    thread::scope(|scope| {
        let (mut caller, _) = listening(&database, "");
        let pid = backend(&mut caller);
        let call = scope.spawn({
            let path = &path;
            move || load_many(&mut caller, path, "t", "workers => 0").expect("a call")
        });
        barrier.wait_for_waiters(1);
        // It has grown: of another size there is no turn to wait for.
        append(&path, "{}\n");
        assert_eq!(message(load(&mut client, &path, "t")), timeout);
        let lines = said.take();
        assert!(lines.iter().any(|line| line.contains(&waits_for(pid, SAME, &path))), "{lines:?}");
        barrier.open();
        assert_eq!(call.join().expect("a session").failed, 1);
    });
}

#[test]
fn load_json_file_says_who_is_in_the_way() {
    let (database, _client) = session("waiting_says");
    let path = database.file("waiting_says", tiny(100));
    let (mut other, pid) = holder(&database, &path);
    let (mut client, said) = listening(&database, "SET lock_timeout = 0");
    thread::scope(|scope| {
        let call = scope.spawn(|| load(&mut client, &path, "t").expect("a load"));
        let mut lines = Vec::new();
        wait_for("a word on who is in the way", || {
            lines.extend(said.take());
            !waiting_lines(&lines).is_empty()
        });
        assert!(lines[0].contains(&waits_for(pid, SIZE, &path)), "{lines:?}");
        other.batch_execute("COMMIT").expect("COMMIT");
        assert_eq!(call.join().expect("a session").status, "skipped");
    });
}

#[test]
fn a_call_gives_up_files_that_others_have() {
    for workers in [0, 2] {
        let name = format!("waiting_call_{workers}");
        let (database, mut client) = session(&name);
        let pattern = files(
            &database,
            &name,
            &[("a", tiny(100)), ("b", tiny(200)), ("c", tiny(100)), ("d", tiny(300))],
        );
        let path = |file| pattern.replace('*', file);
        let (mut other, pid) = holder(&database, &path("a"));
        let (mut caller, said) = listening(&database, "SET lock_timeout = '1500ms'");
        let options = format!("workers => {workers}");
        let summary = load_many(&mut caller, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [4, 2, 0, 2, 500, 0], "{options}");
        let lines = said.results();
        // Once for each reason.
        assert_eq!(waiting_lines(&lines).len(), 2, "{lines:?}");
        let gave_up = |what: &str, file| {
            let line = format!("WARNING: gave up {}", waits_for(pid, what, &path(file)));
            assert!(lines.iter().any(|said| said.starts_with(&line)), "{line}: {lines:?}");
        };
        gave_up(SAME, "a");
        gave_up(SIZE, "c");
        // Nothing is written down: somebody else may have the file's row in hand.
        let mut watcher = database.connect();
        assert_eq!(count(&mut watcher, "loader.load_history"), 2, "{options}");
        let stop = format!("{options}, on_file_error => 'stop'");
        let error = message(load_many(&mut caller, &path("a"), "t", &stop));
        assert_eq!(error, format!("55P03: gave up {}", waits_for(pid, SAME, &path("a"))), "{options}");
        other.batch_execute("COMMIT").expect("COMMIT");
        let summary = load_many(&mut caller, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [4, 0, 4, 0, 0, 0], "{options}");
        assert_eq!(count(&mut client, "t"), 600, "{options}");
    }
}

#[test]
fn a_call_does_not_give_up_what_it_has_itself() {
    // One worker stands in a file for longer than lock_timeout, another waits for the same
    // content under another name.
    let (database, mut client) = session("waiting_own");
    let pattern = files(&database, "waiting_own", &[("a", tiny(100)), ("b", tiny(100))]);
    let mut barrier = Barrier::close(&database, "t");
    let (mut caller, said) = listening(&database, "SET lock_timeout = 0");
    // Workers have lock_timeout too: the INSERT itself is not to run into it.
    client
        .batch_execute("ALTER FUNCTION t_barrier() SET lock_timeout = 0")
        .expect("a function with a setting");
    caller.batch_execute("SET lock_timeout = '100ms'").expect("the setting");
    let summary = thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut caller, &pattern, "t", "workers => 2").expect("a call"));
        barrier.wait_for_idle(1);
        let mut lines = Vec::new();
        wait_for("the call to be under way for a while", || {
            lines.extend(said.take());
            lines.iter().any(|line| line.starts_with("NOTICE: loading into table "))
        });
        assert!(waiting_lines(&lines).is_empty(), "{lines:?}");
        barrier.open();
        call.join().expect("a session")
    });
    assert_eq!(counts(&summary), [2, 1, 1, 0, 100, 0]);
}

#[test]
fn a_call_says_once_who_is_in_the_way() {
    for workers in [0, 2] {
        let name = format!("waiting_once_{workers}");
        let (database, _client) = session(&name);
        let pattern = files(&database, &name, &[("a", tiny(100)), ("b", tiny(100)), ("c", tiny(50))]);
        let (mut other, pid) = holder(&database, &pattern.replace('*', "b"));
        let (mut caller, said) = listening(&database, "SET lock_timeout = 0");
        let options = format!("workers => {workers}");
        let mut lines = Vec::new();
        let summary = thread::scope(|scope| {
            let call = scope.spawn(|| load_many(&mut caller, &pattern, "t", &options).expect("a call"));
            wait_for("the call to wait for some seconds", || {
                lines.extend(said.take());
                lines.iter().any(|line| line.starts_with("NOTICE: loading into table "))
            });
            other.batch_execute("COMMIT").expect("COMMIT");
            call.join().expect("a session")
        });
        lines.extend(said.take());
        // The path of one is claimed, of the other one only the size is the same.
        let waiting = waiting_lines(&lines);
        assert!((1..=2).contains(&waiting.len()), "{lines:?}");
        for line in &waiting {
            let same = line.contains(&waits_for(pid, SIZE, &pattern.replace('*', "a")));
            assert!(same || line.contains(&waits_for(pid, SAME, &pattern.replace('*', "b"))), "{lines:?}");
        }
        assert_eq!(counts(&summary), [3, 1, 2, 0, 50, 0], "{options}");
    }
}

#[test]
fn a_call_gives_up_what_others_have_of_what_it_replaces() {
    let (database, mut client) = session("waiting_replace");
    traced(&mut client, "traced");
    let (before, after) = (tiny(100), format!("{{}}\n{}", tiny(199)));
    let path = database.file("waiting_replace_a", &before);
    let options = "workers => 0, if_loaded => 'replace'";
    load_many(&mut client, &path, "traced", options).expect("a call");
    fs::write(&path, after).expect("written");
    // What it was is loaded by another name.
    let other = database.file("waiting_replace_b", &before);
    let mut barrier = Barrier::close(&database, "traced");
    let (mut caller, said) = listening(&database, "SET lock_timeout = '1500ms'");
    thread::scope(|scope| {
        let (mut session, _) = listening(&database, "");
        let pid = backend(&mut session);
        let call = scope.spawn({
            let other = &other;
            move || {
                load_many(&mut session, other, "traced", "workers => 0, if_loaded => 'force'")
                    .expect("a call")
            }
        });
        barrier.wait_for_waiters(1);
        let summary = load_many(&mut caller, &path, "traced", options).expect("a call");
        assert_eq!(counts(&summary), [1, 0, 0, 1, 0, 0]);
        let lines = said.results();
        let line = format!("WARNING: gave up {}", waits_for(pid, SAME, &path));
        assert!(lines.iter().any(|said| said.starts_with(&line)), "{line}: {lines:?}");
        barrier.open();
        assert_eq!(call.join().expect("a session").loaded, 1);
    });
    let summary = load_many(&mut caller, &path, "traced", options).expect("a call");
    assert_eq!(counts(&summary), [1, 1, 0, 0, 200, 0]);
    assert_eq!(count(&mut client, "traced"), 300);
}

/// Calls with workers where a trigger of the target asks for an advisory lock in this way.
fn with_trigger(name: &str, lock: &str, before: &str, files_of: &[usize]) {
    let (database, mut client) = session(name);
    client
        .batch_execute(&format!(
            "CREATE FUNCTION lock() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM {lock}; RETURN NULL; END $$;
             CREATE TRIGGER lock BEFORE INSERT ON t EXECUTE FUNCTION lock()"
        ))
        .expect("a trigger");
    let folder = database.folder(name);
    for (n, &records) in files_of.iter().enumerate() {
        database.file(&format!("{name}/{n}"), format!("{{\"file\": {n}}}\n{}", tiny(records)));
    }
    let (mut caller, said) =
        listening(&database, &format!("SET lock_timeout = 0; SET loader.transaction_size = '1kB'; {before}"));
    let pattern = format!("{}/*", folder.display());
    let summary = load_many(&mut caller, &pattern, "t", "workers => 2").expect("a call");
    let rows: usize = files_of.iter().map(|records| records + 1).sum();
    assert_eq!(counts(&summary), [files_of.len() as i64, files_of.len() as i64, 0, 0, rows as i64, 0]);
    assert_eq!(count(&mut client, "t"), rows as i64);
    let lines = said.results();
    let told = "NOTICE: continuing without workers: one waits for a lock that this call holds";
    assert_eq!(lines.iter().filter(|line| line.starts_with(told)).count(), 1, "{lines:?}");
}

#[test]
fn a_worker_that_waits_for_its_session() {
    let lock = "pg_catalog.pg_advisory_xact_lock(1)";
    with_trigger("waiting_session", lock, "SELECT pg_advisory_lock(1)", &[100, 200, 300, 9000]);
}

#[test]
fn a_range_that_waits_for_its_session() {
    let lock = "pg_catalog.pg_advisory_xact_lock(1)";
    with_trigger("waiting_session_range", lock, "SELECT pg_advisory_lock(1)", &[30_000]);
}

#[test]
fn a_worker_that_waits_for_one_that_has_nothing_to_do() {
    // The trigger takes the lock for the session, and never gives it back.
    with_trigger("waiting_worker", "pg_catalog.pg_advisory_lock(1)", "", &[100, 200, 300, 9000]);
}

#[test]
fn a_range_that_waits_for_one_that_waits_for_its_turn() {
    with_trigger("waiting_worker_range", "pg_catalog.pg_advisory_lock(1)", "", &[30_000]);
}
