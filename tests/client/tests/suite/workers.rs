//! Workers: what they take over of their session, how many there are, what they
//! hold, and what happens when the target changes in the middle.

use crate::helpers::{Barrier, backend, count, damaged, session, table, tiny, workers};
use loader_client_tests::{Cluster, Database, Limits, Summary, load_many, message, rss_anon, wait_for};
use loader_damage::framing::Framing;
use postgres::Client;
use std::collections::HashSet;
use std::fmt::Write;
use std::thread;
use std::time::Duration;

/// Files of so many records each and one more, all different; the pattern that
/// matches them.
fn files(database: &Database, name: &str, sizes: &[usize]) -> String {
    let folder = database.folder(name);
    for (n, &size) in sizes.iter().enumerate() {
        let text = format!("{{\"file\": {n}}}\n{}", tiny(size));
        database.file(&format!("{name}/{n:03}"), text);
    }
    format!("{}/*", folder.display())
}

/// What the rows of `t` say of the session that inserted them: the distinct
/// values of the column `who`.
fn who(client: &mut Client) -> Vec<String> {
    let query = "SELECT DISTINCT who FROM t ORDER BY 1";
    client.query(query, &[]).expect("rows").iter().map(|row| row.get(0)).collect()
}

/// What a session is like, as text.
const LIKE: &str = "concat_ws(' ', current_user, session_user, current_setting('TimeZone'),
    current_setting('search_path'), current_setting('app.tenant', true), current_setting('DateStyle'),
    current_setting('role'), current_setting('is_superuser'), where_am_i())";

/// A trigger of `t` that writes it down.
fn write_down(admin: &mut Client) {
    admin
        .batch_execute(&format!(
            "ALTER TABLE t ADD who text, ADD pid int DEFAULT pg_backend_pid();
             CREATE FUNCTION public.who() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN NEW.who := {LIKE}; RETURN NEW; END $$;
             CREATE TRIGGER who BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION public.who();
             CREATE SCHEMA one; CREATE SCHEMA two; GRANT USAGE ON SCHEMA one, two TO PUBLIC;
             CREATE FUNCTION one.where_am_i() RETURNS text LANGUAGE sql AS $$ SELECT 'one' $$;
             CREATE FUNCTION two.where_am_i() RETURNS text LANGUAGE sql AS $$ SELECT 'two' $$"
        ))
        .expect("a trigger");
}

#[test]
fn a_worker_has_the_session_s_roles_and_settings() {
    let (database, mut admin) = session("workers_state");
    write_down(&mut admin);
    admin
        .batch_execute(
            "CREATE ROLE workers_alice LOGIN; CREATE ROLE workers_bob; CREATE ROLE workers_nologin;
             GRANT pg_read_server_files TO workers_alice, workers_bob, workers_nologin;
             GRANT workers_bob TO workers_alice;
             GRANT INSERT, SELECT ON t TO workers_alice, workers_bob, workers_nologin",
        )
        .expect("roles");
    let pattern = files(&database, "workers_state", &[5000, 6000, 7000]);
    for (user, role) in [
        ("postgres", ""),
        ("postgres", "SET ROLE workers_bob"),
        ("postgres", "SET SESSION AUTHORIZATION workers_alice"),
        ("postgres", "SET SESSION AUTHORIZATION workers_alice; SET ROLE workers_bob"),
        ("workers_alice", ""),
        ("workers_alice", "SET ROLE workers_bob"),
        ("postgres", "SET SESSION AUTHORIZATION workers_nologin"),
    ] {
        let (mut client, said) = database.connect_listening(user);
        client
            .batch_execute(
                "SET search_path = two, public; SET TimeZone = 'Asia/Tokyo'; SET app.tenant = 'acme';
                 SET DateStyle = 'German'; SET loader.transaction_size = '1kB'",
            )
            .expect("settings");
        client.batch_execute(role).expect("a role");
        for workers in [0, 2] {
            let what = format!("{user}, {role}, {workers} workers");
            admin.batch_execute("TRUNCATE t").expect("TRUNCATE");
            let summary = load_many(&mut client, &pattern, "public.t", &format!("workers => {workers}"))
                .unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert_eq!((summary.loaded, summary.rows), (3, 18_003), "{what}");
            let own: String = client.query_one(&format!("SELECT {LIKE}"), &[]).expect("its own").get(0);
            assert_eq!(who(&mut admin), [own], "{what}");
            let own = count(&mut admin, &format!("t WHERE pid = {}", backend(&mut client)));
            let said = said.take().join("; ");
            let alone = said.contains("NOTICE: loading without workers: the session's user may not log in");
            assert_eq!(own > 0, workers == 0 || alone, "{what}: {said}");
            assert!(!alone || (role.ends_with("nologin") && workers > 0), "{what}: {said}");
        }
    }
}

#[test]
fn a_trigger_gains_nothing_by_reset_role() {
    let (database, mut admin) = session("workers_reset");
    admin
        .batch_execute(
            "CREATE ROLE workers_reset LOGIN; GRANT pg_read_server_files TO workers_reset;
             GRANT INSERT, SELECT ON t TO workers_reset;
             ALTER TABLE t ADD who text;
             CREATE FUNCTION reset() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 RESET ROLE;
                 NEW.who := current_user || ' ' || current_setting('is_superuser');
                 RETURN NEW;
             END $$;
             CREATE TRIGGER reset BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION reset()",
        )
        .expect("a trigger");
    let pattern = files(&database, "workers_reset", &[10, 20]);
    for (user, role, wanted) in [
        ("workers_reset", "", "workers_reset off"),
        ("postgres", "SET SESSION AUTHORIZATION workers_reset", "workers_reset off"),
        // As an INSERT in the session itself would.
        ("postgres", "SET ROLE workers_reset", "postgres on"),
    ] {
        for workers in [0, 2] {
            let mut client = database.connect_as(user);
            client.batch_execute(role).expect("a role");
            admin.batch_execute("TRUNCATE t").expect("TRUNCATE");
            let result = load_many(&mut client, &pattern, "t", &format!("workers => {workers}"));
            let what = format!("{user}, {role}, {workers} workers: {result:?}");
            assert_eq!(who(&mut admin), [wanted], "{what}");
            assert_eq!(result.expect("a call").rows, 32, "{what}");
        }
    }
}

#[test]
fn a_policy_reads_the_session_s_setting() {
    let (database, mut admin) = session("workers_policy");
    admin
        .batch_execute(
            "CREATE ROLE workers_policy LOGIN; GRANT pg_read_server_files TO workers_policy;
             GRANT INSERT, SELECT ON t TO workers_policy;
             ALTER TABLE t ENABLE ROW LEVEL SECURITY;
             SET app.tenant = 'nobody'; ALTER TABLE t ADD tenant text DEFAULT current_setting('app.tenant');
             CREATE POLICY p ON t USING (tenant = current_setting('app.tenant')) WITH CHECK (tenant = 'acme')",
        )
        .expect("a policy");
    let pattern = files(&database, "workers_policy", &[100, 200, 300]);
    let mut client = database.connect_as("workers_policy");
    client.batch_execute("SET app.tenant = 'other'").expect("the setting");
    let summary = load_many(&mut client, &pattern, "t", "workers => 2").expect("a call");
    assert_eq!((summary.failed, summary.rows), (3, 0));
    assert_eq!(count(&mut admin, "loader.load_history WHERE error_sqlstate = '42501'"), 3);
    client.batch_execute("SET app.tenant = 'acme'").expect("the setting");
    let summary = load_many(&mut client, &pattern, "t", "workers => 2").expect("a call");
    assert_eq!((summary.failed, summary.rows), (0, 603));
    assert_eq!(count(&mut client, "t"), 603);
}

#[test]
fn rights_are_looked_at_first() {
    let (database, mut admin) = session("workers_rights");
    admin
        .batch_execute(
            "CREATE ROLE workers_nobody LOGIN; GRANT INSERT ON t TO workers_nobody;
             CREATE ROLE workers_reader LOGIN; GRANT pg_read_server_files TO workers_reader",
        )
        .expect("roles");
    let pattern = files(&database, "workers_rights", &[10]);
    let mut nobody = database.connect_as("workers_nobody");
    assert!(message(load_many(&mut nobody, &pattern, "t", "")).starts_with("42501"));
    admin.batch_execute("GRANT EXECUTE ON PROCEDURE load_json_files TO workers_nobody").expect("GRANT");
    for pattern in [pattern.as_str(), "/etc/*", "/nowhere/*"] {
        let error = message(load_many(&mut nobody, pattern, "t", ""));
        assert_eq!(error, "42501: permission denied to load a server file");
    }
    let mut reader = database.connect_as("workers_reader");
    for pattern in [pattern.as_str(), "/nowhere/*"] {
        let error = message(load_many(&mut reader, pattern, "t", ""));
        assert_eq!(error, "42501: permission denied for table t");
    }
    assert_eq!(count(&mut admin, "loader.load_history"), 0);
}

#[test]
fn a_temporary_target() {
    let (database, _client) = session("workers_temporary");
    let (mut client, said) = database.connect_listening("postgres");
    client
        .batch_execute("CREATE TEMP TABLE mine (data jsonb); SET loader.transaction_size = '1kB'")
        .expect("a table");
    let pattern = files(&database, "workers_temporary", &[10_000, 20]);
    let summary = load_many(&mut client, &pattern, "mine", "workers => 2").expect("a call");
    assert_eq!((summary.loaded, summary.rows), (2, 10_022));
    assert_eq!(count(&mut client, "mine"), 10_022);
    assert_eq!(said.results()[0], "NOTICE: loading without workers: its target is a temporary table");
    let summary = load_many(&mut client, &pattern, "mine", "workers => 0").expect("a call");
    assert_eq!(summary.skipped, 2);
    assert_eq!(said.results().len(), 1);
}

#[test]
fn what_there_is_of_workers_is_used() {
    // One slot is the server's own.
    let cluster = Cluster::start(&["max_worker_processes = 3"], Limits::default());
    let database = cluster.database("workers_slots");
    let mut admin = database.connect();
    table(&mut admin, "t");
    table(&mut admin, "u");
    let pattern = files(&database, "workers_slots", &[100, 200, 300]);
    let mut barrier = Barrier::close(&database, "t");
    thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let (mut client, said) = database.connect_listening("postgres");
            let summary = load_many(&mut client, &pattern, "t", "workers => 5").expect("a call");
            (summary, said.take())
        });
        barrier.wait_for_waiters(2);
        // None is left.
        let (mut client, said) = database.connect_listening("postgres");
        let summary = load_many(&mut client, &pattern, "u", "workers => 2").expect("a call");
        assert_eq!((summary.loaded, summary.rows), (3, 603));
        assert_eq!(
            said.take()[0],
            "NOTICE: started 0 of 2 workers HINT: Raise max_worker_processes to have more of them."
        );
        admin.batch_execute("TRUNCATE u").expect("TRUNCATE");
        // Where nobody asked for them, nothing is said, though they are missed.
        let wide = files(&database, "workers_slots_wide", &[1; 400]);
        let summary = load_many(&mut client, &wide, "u", "").expect("a call");
        assert_eq!(summary.loaded, 400);
        let said = said.results();
        assert_eq!(said.len(), 1, "{said:?}");
        barrier.open();
        let (summary, said) = holder.join().expect("a session");
        assert_eq!((summary.loaded, summary.rows), (3, 603));
        assert!(said[0].starts_with("NOTICE: started "), "{said:?}");
    });
}

/// Calls after which nothing is left of them.
fn many_calls(calls: usize) {
    let conf = ["loader.verify = off", "dynamic_shared_memory_type = posix"];
    let cluster = Cluster::start(&conf, Limits::default());
    let database = cluster.database("workers_calls");
    let mut client = database.connect();
    table(&mut client, "t");
    let pattern = files(&database, "workers_calls", &[5, 6, 7]);
    let pid = backend(&mut client);
    let figures = || {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps of a backend");
        let segments = maps.lines().filter(|line| line.contains("/dev/shm/PostgreSQL.")).count();
        (cluster.open_files(pid), segments, rss_anon(pid))
    };
    let failing = "workers => 2, if_loaded => 'error', on_file_error => 'stop'";
    let one = |client: &mut Client, n: usize| {
        let options = ["workers => 2", "workers => 0", "workers => 3, if_loaded => 'force'"][n % 3];
        load_many(client, &pattern, "t", options).expect("a call");
        // One that fails in its workers, and one in the session.
        message(load_many(client, &pattern, "t", failing));
        message(load_many(client, "/nowhere/[", "t", ""));
    };
    (0..6).for_each(|n| one(&mut client, n));
    let before = figures();
    (0..calls).for_each(|n| one(&mut client, n));
    wait_for("the workers to end", || workers(&mut client) == 0);
    let after = figures();
    println!("{calls} calls, memory: {} → {}", before.2, after.2);
    assert_eq!(after.0, before.0, "descriptors");
    assert_eq!(after.1, before.1, "shared memory");
    assert!(after.2 <= before.2 + (2 << 20), "memory: {} → {}", before.2, after.2);
    // Every slot can be had.
    let mut barrier = Barrier::close(&database, "t");
    let wide = files(&database, "workers_calls_wide", &[1; 30]);
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let mut client = database.connect();
            load_many(&mut client, &wide, "t", "workers => 30").expect("a call")
        });
        barrier.wait_for_waiters(30);
        barrier.open();
        assert_eq!(call.join().expect("a session").loaded, 30);
    });
}

#[test]
fn calls_leave_nothing() {
    many_calls(30);
}

#[test]
#[ignore = "takes long: make soak"]
fn a_thousand_calls_leave_nothing() {
    many_calls(1000);
}

#[test]
fn while_workers_run() {
    let (database, mut client) = session("workers_progress");
    let pattern = files(&database, "workers_progress", &[20_000, 30_000]);
    let mut barrier = Barrier::close(&database, "t");
    let mut watcher = database.connect();
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    let pid = backend(&mut client);
    // What is seen is judged when the barrier is open again: a test that fails
    // before would wait for ever.
    let (rows, held, quiet) = thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut client, &pattern, "t", "workers => 2"));
        barrier.wait_for_waiters(2);
        let rows = watcher.query(
            "SELECT file_path, bytes_total, leader_pid, load_id IS NOT NULL, target_oid = 't'::regclass,
                    (SELECT backend_type FROM pg_stat_activity a WHERE a.pid = p.pid)
             FROM loader.progress p WHERE leader_pid IS NOT NULL ORDER BY file_path",
            &[],
        );
        // It begins a transaction now and then, and ends it at once.
        let (mut held, mut quiet) = (0, 0);
        for _ in 0..20 {
            held += count(&mut watcher, &format!("pg_locks WHERE pid = {pid} AND locktype <> 'virtualxid'"));
            let idle = "backend_xmin IS NULL AND backend_xid IS NULL";
            quiet += count(&mut watcher, &format!("pg_stat_activity WHERE pid = {pid} AND {idle}"));
            thread::sleep(Duration::from_millis(7));
        }
        barrier.open();
        assert_eq!(call.join().expect("a session").expect("a call").rows, 50_002);
        (rows.expect("progress"), held, quiet)
    });
    let found: Vec<(&str, i64, i32, bool, bool, &str)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5)))
        .collect();
    let paths = ["000", "001"].map(|name| pattern.replace('*', name));
    let wanted: Vec<(&str, i64, i32, bool, bool, &str)> = paths
        .iter()
        .map(|path| {
            let size = std::fs::metadata(path).expect("a file").len();
            (path.as_str(), size as i64, pid, true, true, "loader worker")
        })
        .collect();
    assert_eq!(found, wanted);
    // The session itself holds nothing that is in anybody's way.
    assert_eq!(held, 0);
    assert!(quiet > 10, "{quiet} times of 20");
    assert_eq!(count(&mut watcher, "loader.progress"), 0);
}

#[test]
fn a_unique_index_with_duplicates_in_two_ranges() {
    let (database, mut client) = session("workers_unique");
    client
        .batch_execute(
            "CREATE UNIQUE INDEX ON t ((data->>'id')); SET loader.transaction_size = '1kB';
             SET deadlock_timeout = '100ms'",
        )
        .expect("an index");
    // In the second half each id is there twice, some ranges apart, and in pairs
    // that lie the other way round.
    let (mut text, mut seen, mut twice) = (String::new(), HashSet::new(), Vec::new());
    for n in 0..30_000_i64 {
        let id = if n < 15_000 { n } else { n - 200 + 400 * (n % 2) };
        writeln!(text, r#"{{"id": {id}}}"#).expect("a string");
        if !seen.insert(id) {
            twice.push(n + 1);
        }
    }
    let folder = database.folder("workers_unique");
    database.file("workers_unique/a", text);
    let mut barrier = Barrier::close(&database, "t");
    let pattern = format!("{}/*", folder.display());
    for workers in [3, 2] {
        client
            .batch_execute(
                "TRUNCATE t; DELETE FROM loader.load_history_data; DELETE FROM loader.rejects_data",
            )
            .expect("a fresh start");
        let options = format!("workers => {workers}, chunk => 50");
        let summary = thread::scope(|scope| {
            let call = scope.spawn(|| load_many(&mut client, &pattern, "t", &options));
            if workers == 3 {
                barrier.wait_for_idle(workers - 1);
                barrier.open();
            }
            call.join().expect("a session").expect("a call")
        });
        // Whichever of a pair is inserted first: in the end the first in the file is loaded.
        assert_eq!((summary.loaded, summary.failed), (1, 0));
        let rejects = client
            .query("SELECT record_no FROM loader.rejects WHERE sqlstate = '23505' ORDER BY record_no", &[])
            .expect("rejects");
        assert_eq!(rejects.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), twice, "{workers}");
        assert_eq!(count(&mut client, "t"), seen.len() as i64);
    }
}

#[test]
fn a_deferred_constraint_that_fails() {
    let (database, mut client) = session("workers_deferred");
    client
        .batch_execute(
            "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(0, 5000);
             ALTER TABLE t ADD parent int GENERATED ALWAYS AS ((data->>'n')::int) STORED;
             ALTER TABLE t ADD FOREIGN KEY (parent) REFERENCES parent DEFERRABLE INITIALLY DEFERRED;
             SET loader.transaction_size = '1kB'",
        )
        .expect("a constraint");
    let pattern = files(&database, "workers_deferred", &[10, 5100, 20, 30]);
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((summary.loaded, summary.failed), (3, 1), "{workers} workers");
        assert_eq!(summary.rows, count(&mut client, "t"));
        assert!(summary.rows >= 63 + 4096, "{workers} workers: {}", summary.rows);
        assert_eq!(count(&mut client, "loader.load_history WHERE error_sqlstate = '23503'"), 1);
        client.batch_execute("INSERT INTO parent SELECT generate_series(5001, 5100)").expect("the parents");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((summary.loaded, summary.failed), (1, 0), "{workers} workers");
        assert_eq!(count(&mut client, "t"), 10 + 5100 + 20 + 30 + 4);
        client.batch_execute("TRUNCATE t; DELETE FROM parent WHERE id > 5000").expect("as before");
    }
}

/// Changes something between two transactions of a call, and has what came of it
/// checked: with the session alone, with one worker, with a file that is cut.
/// `SELF` in the change is the calling role.
fn changed_meanwhile(
    name: &str,
    change: &str,
    check: impl Fn(Result<Summary, postgres::Error>, &mut Client),
) {
    for crew in [0, 1, 3] {
        let name = format!("{name}_{crew}");
        let database = Cluster::shared().database(&name);
        let mut admin = database.connect();
        table(&mut admin, "t");
        admin
            .batch_execute(&format!(
                "CREATE ROLE {name} LOGIN; GRANT pg_read_server_files TO {name}; GRANT INSERT ON t TO {name};
                 GRANT EXECUTE ON PROCEDURE load_json_files TO {name}"
            ))
            .expect("a role");
        let pattern = files(&database, &name, &[40_000, 10]);
        let mut barrier = Barrier::close(&database, "t");
        let change = change.replace("SELF", &name);
        let result = thread::scope(|scope| {
            let call = scope.spawn(|| {
                let mut client = database.connect_as(&name);
                client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
                load_many(&mut client, &pattern, "t", &format!("workers => {crew}, chunk => 50"))
            });
            barrier.wait_for_waiters(1);
            let mut client = database.connect();
            let change = scope.spawn(move || client.batch_execute(&change));
            // It waits for the transaction that stands before the barrier, or is done.
            let waits =
                "pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND locktype = 'relation'";
            wait_for("the change", || {
                change.is_finished() || count(&mut admin, &format!("{waits} AND datname = '{name}'")) > 0
            });
            barrier.open();
            change.join().expect("a session").expect("the change");
            call.join().expect("a session")
        });
        wait_for("the workers to end", || workers(&mut admin) == 0);
        println!("{name}: {result:?}");
        check(result, &mut admin);
    }
}

#[test]
fn a_table_dropped_meanwhile() {
    changed_meanwhile("workers_dropped", "DROP TABLE t CASCADE", |result, _| {
        let error = message(result);
        assert!(error.starts_with("42P01"), "{error}");
    });
}

#[test]
fn a_column_dropped_meanwhile() {
    changed_meanwhile("workers_column", "ALTER TABLE t DROP data", |result, _| {
        let error = message(result);
        assert!(error.starts_with("42703"), "{error}");
    });
}

#[test]
fn a_right_revoked_meanwhile() {
    let change = "BEGIN; LOCK TABLE t; REVOKE INSERT ON t FROM SELF; COMMIT";
    changed_meanwhile("workers_revoked", change, |result, _| {
        let error = message(result);
        assert!(error.starts_with("42501"), "{error}");
    });
}

#[test]
fn the_right_to_files_revoked_meanwhile() {
    changed_meanwhile("workers_files", "REVOKE pg_read_server_files FROM SELF", |result, _| {
        let error = message(result);
        assert!(error.starts_with("42501: permission denied to load a server file"), "{error}");
    });
}

#[test]
fn a_role_dropped_meanwhile() {
    let change = "BEGIN; LOCK TABLE t; DROP OWNED BY SELF; DROP ROLE SELF; COMMIT";
    changed_meanwhile("workers_role", change, |result, client| {
        result.expect_err("a role that is no more");
        assert!(count(client, "t") < 40_012);
    });
}

#[test]
fn a_table_emptied_meanwhile() {
    changed_meanwhile("workers_emptied", "TRUNCATE t", |result, client| {
        let summary = result.expect("a call");
        assert_eq!((summary.loaded, summary.rows), (2, 40_012));
        let rows = count(client, "t");
        assert!(rows > 0 && rows < 40_012, "{rows}");
    });
}

#[test]
fn a_table_altered_meanwhile() {
    let change = "ALTER TABLE t ADD n int DEFAULT 1, ALTER data SET STORAGE EXTERNAL";
    changed_meanwhile("workers_altered", change, |result, client| {
        let summary = result.expect("a call");
        assert_eq!((summary.loaded, summary.rows), (2, 40_012));
        assert_eq!(count(client, "t WHERE n = 1"), 40_012);
    });
}

#[test]
fn a_lock_between_two_ranges() {
    // Somebody waits for the target because of a range that waits for its turn; the
    // range whose turn it is began at the wrong place, and waits behind him when it
    // is loaded again.
    let (database, mut client) = session("workers_lock");
    client
        .batch_execute("SET loader.transaction_size = '1kB'; SET statement_timeout = '5min'")
        .expect("the settings");
    let folder = database.folder("workers_lock");
    let mut text = tiny(5000);
    text.push_str(&String::from_utf8_lossy(&damaged(Framing::Lines, 31, 500_000)));
    database.file("workers_lock/a", text);
    let pattern = format!("{}/*", folder.display());
    let mut barrier = Barrier::close(&database, "t");
    let mut other = database.connect();
    thread::scope(|scope| {
        let call = scope.spawn(|| load_many(&mut client, &pattern, "t", "workers => 3, chunk => 50"));
        barrier.wait_for_idle(2);
        barrier.open();
        let mut locks = 0;
        while !call.is_finished() && locks < 2000 {
            other.batch_execute("BEGIN; LOCK TABLE t IN SHARE MODE; COMMIT").expect("a lock");
            locks += 1;
        }
        println!("{locks} locks");
        assert_eq!(call.join().expect("a session").expect("a call").loaded, 1);
    });
}

#[test]
fn triggers_that_load_or_commit() {
    let (database, mut client) = session("workers_triggers");
    table(&mut client, "other");
    let inner = database.file("workers_triggers_inner", tiny(7));
    let pattern = files(&database, "workers_triggers", &[20, 30]);
    let trigger = |client: &mut Client, body: &str| {
        client
            .batch_execute(&format!(
                "TRUNCATE t, other; DELETE FROM loader.load_history_data;
                 CREATE OR REPLACE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN IF NEW.data->>'n' = '5' THEN {body}; END IF; RETURN NEW; END $$;
                 CREATE OR REPLACE TRIGGER act BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION act()"
            ))
            .expect("a trigger");
    };
    for workers in [0, 2] {
        let options = format!("workers => {workers}");
        // A load within a load: it belongs to the part that its row is in.
        trigger(&mut client, &format!("PERFORM load_json_file('{inner}', 'other', if_loaded => 'force')"));
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!((summary.loaded, summary.rows), (2, 52), "{options}");
        assert_eq!((count(&mut client, "t"), count(&mut client, "other")), (52, 14), "{options}");
        assert_eq!(count(&mut client, "loader.load_history WHERE status = 'loaded'"), 4, "{options}");
        let call = format!("CALL load_json_files('{inner}', 'other')");
        for (body, code) in [("COMMIT", "2D000"), ("ROLLBACK", "2D000"), (call.as_str(), "25001")] {
            trigger(&mut client, body);
            let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
            assert_eq!((summary.failed, summary.rows), (2, 0), "{options}: {body}");
            let failed = format!("loader.load_history WHERE status = 'failed' AND error_sqlstate = '{code}'");
            assert_eq!(count(&mut client, &failed), 2, "{options}: {body}");
            assert_eq!((count(&mut client, "t"), count(&mut client, "other")), (0, 0), "{options}: {body}");
        }
    }
}
