//! Who is to load a file: what keeps others from it meanwhile, and what it costs to look.

use crate::helpers::{Barrier, backend, count, counts, session, tiny, workers};
use loader_client_tests::{Cluster, Database, load, load_many, message, wait_for};
use postgres::Client;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that a process of the server has read.
fn bytes_read(cluster: &Cluster, pid: i32) -> u64 {
    // As the server's user: root in a container may not read it.
    let output = cluster.command("/bin/cat").arg(format!("/proc/{pid}/io")).output().expect("cat runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("no rchar: {output:?}"))
}

#[test]
fn a_trigger_that_gives_back_all_advisory_locks() {
    for workers in [0, 2] {
        let (database, mut client) = session(&format!("claims_unlock_{workers}"));
        client
            .batch_execute(
                "CREATE FUNCTION unlock() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN PERFORM pg_advisory_unlock_all(); RETURN NULL; END $$;
                 CREATE TRIGGER a_first BEFORE INSERT ON t EXECUTE FUNCTION unlock()",
            )
            .expect("a trigger");
        let path = database.file("once", tiny(100));
        let mut barrier = Barrier::close(&database, "t");
        let options = format!("workers => {workers}");
        let said = thread::scope(|scope| {
            let call = || {
                let (mut client, said) = database.connect_listening("postgres");
                let summary = load_many(&mut client, &path, "t", &options).expect("a call");
                (summary.loaded, said.take())
            };
            let first = scope.spawn(call);
            barrier.wait_for_waiters(1);
            let second = scope.spawn(call);
            // It has looked: now it waits, for the first one or at the barrier.
            let waits = "pg_stat_activity WHERE datname = current_database()
                         AND (wait_event = 'advisory' OR wait_event_type = 'Extension')";
            wait_for("the second call to look", || count(&mut client, waits) >= 2 + 2 * workers.min(1));
            thread::sleep(Duration::from_millis(300));
            barrier.open();
            [first, second].map(|call| call.join().expect("a session"))
        });
        assert_eq!(said.iter().map(|(loaded, _)| loaded).sum::<i64>(), 1, "{said:?}");
        assert_eq!(count(&mut client, "t"), 100, "{said:?}");
        let warnings = said.iter().flat_map(|(_, said)| said).filter(|line| line.starts_with("WARNING"));
        assert_eq!(warnings.count(), 0, "{said:?}");
    }
}

#[test]
fn a_file_whose_turn_is_not_yet_is_not_read() {
    let (database, mut client) = session("claims_turn");
    let text = tiny(400_000);
    let one = database.file("one", &text);
    let other = database.file("other", text.replace("\"n\"", "\"m\""));
    let mut holder = database.connect();
    holder.batch_execute("BEGIN").expect("BEGIN");
    load(&mut holder, &one, "t").expect("a load");
    let pid = backend(&mut client);
    let mut watcher = database.connect();
    let read = thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut client, &other, "t", "workers => 0").expect("a call"));
        let waits = format!("pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Extension'");
        wait_for("the call to look", || count(&mut watcher, &waits) == 1);
        let before = bytes_read(database.cluster, pid);
        thread::sleep(Duration::from_secs(1));
        let read = bytes_read(database.cluster, pid) - before;
        holder.batch_execute("COMMIT").expect("COMMIT");
        assert_eq!(call.join().expect("a session").loaded, 1);
        read
    });
    assert!(read < text.len() as u64 / 2, "{read} of {}", text.len());
}

#[test]
fn nothing_is_locked_while_a_large_file_is_hashed() {
    for processes in [0, 1] {
        let (database, mut client) = session(&format!("claims_hash_{processes}"));
        let path = database.file("large", "");
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(64 << 30))
            .expect("a sparse file");
        let mut watcher = database.connect();
        let version: i32 = watcher
            .query_one("SELECT current_setting('server_version_num')::int", &[])
            .expect("a version")
            .get(0);
        if version >= 170_000 {
            client.batch_execute("SET transaction_timeout = '1s'").expect("the setting");
        }
        let leader = backend(&mut client);
        let (result, held, since) = thread::scope(|scope| {
            let options = format!("workers => {processes}");
            let call = {
                let (client, path) = (&mut client, &path);
                scope.spawn(move || load_many(client, path, "t", &options))
            };
            let mut pid = leader;
            if processes > 0 {
                wait_for("the worker", || workers(&mut watcher) == 1);
                let worker = "SELECT pid FROM pg_stat_activity
                              WHERE datname = current_database() AND backend_type = 'loader worker'";
                pid = watcher.query_one(worker, &[]).expect("the worker").get(0);
            }
            wait_for("the file to be read", || bytes_read(database.cluster, pid) > 64 << 20);
            let mut held = 0;
            for _ in 0..20 {
                held +=
                    count(&mut watcher, &format!("pg_locks WHERE pid = {pid} AND relation = 't'::regclass"));
                held += count(
                    &mut watcher,
                    &format!("pg_stat_activity WHERE pid = {pid} AND backend_xmin IS NOT NULL"),
                );
                thread::sleep(Duration::from_millis(80));
            }
            let since = Instant::now();
            watcher.execute("SELECT pg_cancel_backend($1)", &[&leader]).expect("a cancel");
            (call.join().expect("a session"), held, since.elapsed())
        });
        assert_eq!(held, 0, "{processes} workers");
        assert_eq!(message(result), "57014: canceling statement due to user request", "{processes} workers");
        assert!(since < Duration::from_secs(20), "{since:?}");
        assert_eq!(count(&mut client, "loader.load_history"), 0);
    }
}

/// A session that would rather fail than wait for ever.
fn impatient(name: &str) -> (Database<'static>, Client) {
    let (database, mut client) = session(name);
    client.batch_execute("SET statement_timeout = '5min'").expect("the setting");
    (database, client)
}

#[test]
fn a_file_that_contains_its_own_path() {
    for workers in [0, 2] {
        let name = format!("claims_own_path_{workers}");
        let (database, mut client) = impatient(&name);
        let folder = database.folder(&name);
        // The hash of each one's content is that of a path: of its own, or of another's.
        for (file, contents) in [("a", "a"), ("b", "c"), ("c", "b"), ("d", "e"), ("e", "d")] {
            let contents = folder.join(contents);
            database.file(&format!("{name}/{file}"), contents.to_str().expect("a path"));
        }
        let good = tiny(10);
        database.file(&format!("{name}/f"), &good);
        let pattern = format!("{}/*", folder.display());
        let summary =
            load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        assert_eq!(counts(&summary), [6, 1, 0, 5, 10, 0], "{workers} workers");
    }
}

#[test]
fn one_file_by_many_names() {
    for workers in [0, 2] {
        let name = format!("claims_names_{workers}");
        let (database, mut client) = impatient(&name);
        let folder = database.folder(&name);
        fs::create_dir(folder.join("one")).expect("a folder");
        database.file(&format!("{name}/one/a"), tiny(5000));
        fs::hard_link(folder.join("one/a"), folder.join("one/b")).expect("a hard link");
        symlink(folder.join("one/a"), folder.join("one/c")).expect("a link");
        fs::copy(folder.join("one/a"), folder.join("one/d")).expect("a copy");
        symlink(folder.join("one"), folder.join("two")).expect("a link to the folder");
        let pattern = format!("{}/*/*", folder.display());
        let options = format!("workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [8, 1, 7, 0, 5000, 0], "{workers} workers");
        assert_eq!(count(&mut client, "t"), 5000, "{workers} workers");
    }
}

#[test]
fn ten_thousand_files_of_the_same_content() {
    for (workers, all) in [(0, 1000), (2, 10_000)] {
        let name = format!("claims_same_{workers}");
        let (database, mut client) = impatient(&name);
        let folder = database.folder(&name);
        for file in 0..all {
            fs::write(folder.join(file.to_string()), "{\"n\": 1}\n").expect("a file");
        }
        let pattern = format!("{}/*", folder.display());
        let options = format!("workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [all, 1, all - 1, 0, 1, 0], "{workers} workers");
        assert_eq!(count(&mut client, "t"), 1, "{workers} workers");
    }
}
