//! Transactions that the server cannot commit: what a constraint says that is checked
//! then, and nowhere before. The file that is to blame fails; the others are loaded.

use crate::helpers::{Barrier, backend, count, counts, files, traced};
use loader_client_tests::{Cluster, Database, Summary, load_many, message, wait_for};
use postgres::Client;
use std::thread;

/// The table `t`, each of whose rows goes into `log` too. That can be inserted into; a
/// row of it is looked at when it is committed, if [`refuse`] says so.
fn logged(name: &str) -> (Database<'static>, Client) {
    let database = Cluster::shared().database(name);
    let mut client = database.connect();
    traced(&mut client, "t");
    client
        .batch_execute(
            "CREATE TABLE log (data jsonb);
             CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO log VALUES (NEW.data); RETURN NULL; END $$;
             CREATE TRIGGER keep AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION keep()",
        )
        .expect("a log");
    (database, client)
}

/// Runs `body` for each row of the log that is committed from now on. It is made while
/// the call is under way, which saw at its start that nothing is deferred.
fn refuse(database: &Database, body: &str) {
    database
        .connect()
        .batch_execute(&format!(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON log DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))
        .expect("a deferred trigger");
}

const POISON: &str = "IF NEW.data ? 'poison' THEN RAISE 'refused at the end'; END IF;";

/// A call that meets `body` at its commits: the first INSERT waits until that is there.
fn call(
    database: &Database,
    client: &mut Client,
    pattern: &str,
    (workers, options): (i64, &str),
    body: &str,
) -> Result<Summary, postgres::Error> {
    let mut barrier = Barrier::close(database, "t");
    let options = format!("workers => {workers}{options}");
    thread::scope(|scope| {
        let call = scope.spawn(|| load_many(client, pattern, "t", &options));
        if workers > 1 {
            wait_for_all(&mut barrier, database, workers);
        } else {
            barrier.wait_for_waiters(1);
        }
        refuse(database, body);
        barrier.open();
        call.join().expect("a session")
    })
}

/// Waits until each worker has begun: it stands before the barrier or has nothing to do.
fn wait_for_all(barrier: &mut Barrier, database: &Database, workers: i64) {
    barrier.wait_for_waiters(1);
    let mut watcher = database.connect();
    wait_for("the workers", || {
        count(
            &mut watcher,
            "pg_stat_activity WHERE datname = current_database() AND backend_type = 'loader worker'
             AND wait_event IN ('advisory', 'Extension')",
        ) >= workers
    });
}

/// Of each load that is in force or failed: file, status, rows, where it is, and why.
fn history(client: &mut Client) -> Vec<String> {
    let query =
        "SELECT concat_ws(' ', regexp_replace(file_path, '^.*/', ''), status, rows_loaded, error_sqlstate,
                                  error_message)
                 FROM loader.load_history WHERE status <> 'undone' AND emptied_at IS NULL ORDER BY file_path, load_id";
    client.query(query, &[]).expect("history").iter().map(|row| row.get(0)).collect()
}

/// So many files of three records; those numbers have one more that cannot be committed.
fn some_files(count: usize, poisoned: &[usize]) -> Vec<(String, String)> {
    (0..count)
        .map(|n| {
            let bad = if poisoned.contains(&n) { "{\"poison\": true}\n" } else { "" };
            (
                format!("{n:03}"),
                format!(
                    "{{\"f\": {n}, \"n\": 1}}\n{{\"f\": {n}, \"n\": 2}}\n{bad}{{\"f\": {n}, \"n\": 3}}\n"
                ),
            )
        })
        .collect()
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

#[test]
fn only_the_file_that_cannot_be_committed_fails() {
    for (workers, poisoned) in [(0, &[17][..]), (2, &[0, 45, 46])] {
        let (database, mut client) = logged(&format!("refused_files_{workers}"));
        let all = some_files(60, poisoned);
        let pattern = files(&database, "refused", &borrowed(&all));
        let summary = call(&database, &mut client, &pattern, (workers, ""), POISON).expect("a call");
        let failed = poisoned.len() as i64;
        let rows = 3 * (60 - failed);
        assert_eq!(counts(&summary), [60, 60 - failed, 0, failed, rows, 0], "{workers} workers");
        assert_eq!((count(&mut client, "t"), count(&mut client, "log")), (rows, rows));
        let refused: Vec<String> =
            poisoned.iter().map(|n| format!("{n:03} failed 0 P0001 refused at the end")).collect();
        let found: Vec<String> =
            history(&mut client).into_iter().filter(|line| !line.contains("loaded 3")).collect();
        assert_eq!(found, refused);
        // Where the reason has gone, the next call loads what is left.
        client.batch_execute("DROP TRIGGER refuse ON log").expect("no trigger");
        let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
        assert_eq!(counts(&summary), [60, failed, 60 - failed, 0, 4 * failed, 0]);
        assert_eq!(count(&mut client, "t"), 180 + failed);
        assert_eq!(count(&mut client, "loader.load_history WHERE status = 'failed'"), 0);
    }
}

#[test]
fn it_may_stop_the_call() {
    let (database, mut client) = logged("refused_stop");
    let all = some_files(40, &[3]);
    let pattern = files(&database, "refused_stop", &borrowed(&all));
    let options = (0, ", on_file_error => 'stop'");
    let error = message(call(&database, &mut client, &pattern, options, POISON));
    assert!(error.starts_with("P0001: load "), "{error}");
    assert!(error.ends_with("/003\" failed: refused at the end"), "{error}");
    assert_eq!(history(&mut client).iter().filter(|line| line.contains("003 failed 0 P0001")).count(), 1);
    let loaded = count(&mut client, "loader.load_history WHERE status = 'loaded'");
    assert_eq!(count(&mut client, "t"), 3 * loaded);
}

#[test]
fn a_conflict_is_tried_again() {
    let (database, mut client) = logged("refused_conflict");
    let all = some_files(3, &[]);
    let pattern = files(&database, "refused_conflict", &borrowed(&all));
    let body = "IF nextval('tries') < 4 THEN RAISE 'in the way' USING ERRCODE = '40001'; END IF;";
    let summary = call(&database, &mut client, &pattern, (0, ""), body).expect("a call");
    assert_eq!(counts(&summary), [3, 3, 0, 0, 9, 0]);
    assert_eq!(count(&mut client, "t"), 9);
    // Not for ever.
    let more = some_files(1, &[]);
    client.batch_execute("TRUNCATE t; DROP TRIGGER refuse ON log; DROP FUNCTION refuse; DROP SEQUENCE tries; DROP TRIGGER barrier ON t; DROP FUNCTION t_barrier").expect("afresh");
    let pattern = files(&database, "refused_again", &borrowed(&more));
    let body = "RAISE 'always in the way' USING ERRCODE = '40P01';";
    let summary = call(&database, &mut client, &pattern, (0, ""), body).expect("a call");
    assert_eq!(counts(&summary), [1, 0, 0, 1, 0, 0]);
    assert_eq!(history(&mut client), ["000 failed 0 40P01 always in the way"]);
}

/// A file in parts, and in ranges, stays at the last part that was committed.
#[test]
fn a_part_that_cannot_be_committed() {
    const RECORDS: usize = 40_000;
    const BAD: usize = 30_000;
    for (workers, size) in [(0, "1kB"), (3, "64kB")] {
        let what = format!("{workers} workers");
        let (database, mut client) = logged(&format!("refused_part_{workers}"));
        let mut text = String::new();
        for n in 0..RECORDS {
            let key = if n == BAD { "poison" } else { "n" };
            text.push_str(&format!("{{\"{key}\": {n}}}\n"));
        }
        let pattern = files(&database, "refused_part", &[("a", &text)]);
        client.batch_execute(&format!("SET loader.transaction_size = '{size}'")).expect("the setting");
        let summary = call(&database, &mut client, &pattern, (workers, ""), POISON).expect("a call");
        assert_eq!((summary.loaded, summary.failed), (0, 1), "{what}");
        let there = count(&mut client, "t");
        assert!(there > 0 && there <= BAD as i64, "{what}: {there}");
        assert_eq!(summary.rows, there, "{what}");
        assert_eq!(history(&mut client), [format!("a failed {there} P0001 refused at the end")], "{what}");
        let stream = "SELECT max(stream_bytes) FROM loader.load_history";
        let reached: i64 = client.query_one(stream, &[]).expect("history").get(0);
        assert_eq!(count(&mut client, &format!("t WHERE _byte_offset < {reached}")), there, "{what}");
        client.batch_execute("DROP TRIGGER refuse ON log").expect("no trigger");
        let summary =
            load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        assert_eq!((summary.loaded, summary.rows), (1, RECORDS as i64 - there), "{what}");
        let offsets = count(&mut client, "(SELECT DISTINCT _byte_offset FROM t) AS o");
        assert_eq!((count(&mut client, "t"), offsets), (RECORDS as i64, RECORDS as i64), "{what}");
    }
}

/// A part that shares its transaction with small files is not what is to blame.
#[test]
fn a_part_beside_files() {
    let (database, mut client) = logged("refused_beside");
    let mut all = some_files(4, &[2]);
    let long: String = (0..20_000).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    all.push(("long".to_string(), long));
    let pattern = files(&database, "refused_beside", &borrowed(&all));
    client.batch_execute("SET loader.transaction_size = '64kB'").expect("the setting");
    let summary = call(&database, &mut client, &pattern, (0, ""), POISON).expect("a call");
    assert_eq!(counts(&summary), [5, 4, 0, 1, 20_009, 0]);
    assert_eq!(count(&mut client, "t"), 20_009);
    assert!(history(&mut client).contains(&"002 failed 0 P0001 refused at the end".to_string()));
}

/// The call is one of a loop, whose query is held over its transactions.
#[test]
fn from_a_loop_of_a_procedure() {
    let database = Cluster::shared().database("refused_loop");
    let mut client = database.connect();
    traced(&mut client, "t");
    // A cursor that outlives its transaction is run to its end when that is committed.
    client
        .batch_execute(
            "CREATE TABLE zero AS SELECT 0 AS n;
             CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.data ? 'poison' THEN EXECUTE 'DECLARE late CURSOR WITH HOLD FOR SELECT 1 / n FROM public.zero'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER late AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION late()",
        )
        .expect("a trigger");
    let all = some_files(5, &[1, 3]);
    let pattern = files(&database, "refused_loop", &borrowed(&all));
    client
        .batch_execute(&format!(
            "CREATE TABLE todo AS SELECT replace('{pattern}', '*', lpad(n::text, 3, '0')) AS path
             FROM generate_series(0, 4) AS n;
             CREATE TABLE outcome (loaded bigint, failed bigint);
             CREATE PROCEDURE all_of_them() LANGUAGE plpgsql AS $$
             DECLARE file record;
             BEGIN
                 FOR file IN SELECT path FROM todo ORDER BY 1 LOOP
                     CALL load_json_files(file.path, 't');
                     INSERT INTO outcome SELECT files_loaded, files_failed FROM loader.last_call;
                 END LOOP;
             END $$"
        ))
        .expect("a procedure");
    client.batch_execute("CALL all_of_them()").expect("a call");
    let outcome = client.query("SELECT loaded, failed FROM outcome", &[]).expect("outcomes");
    let outcome: Vec<(i64, i64)> = outcome.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(outcome, [(1, 0), (0, 1), (1, 0), (0, 1), (1, 0)]);
    assert_eq!(count(&mut client, "t"), 9);
    let failed: Vec<String> =
        history(&mut client).into_iter().filter(|line| line.contains("failed")).collect();
    assert_eq!(failed, ["001 failed 0 22012 division by zero", "003 failed 0 22012 division by zero"]);
    // The session goes on as any.
    client.batch_execute("BEGIN; INSERT INTO t VALUES ('1'); ROLLBACK").expect("a transaction");
    assert_eq!(count(&mut client, "t"), 9);
}

/// A request to cancel that comes while a transaction is committed is no error of a file.
#[test]
fn a_cancel_at_commit() {
    for workers in [0, 1] {
        let (database, mut client) = logged(&format!("refused_cancel_{workers}"));
        let all = some_files(2, &[]);
        let pattern = files(&database, "refused_cancel", &borrowed(&all));
        let pid = backend(&mut client);
        let mut holder = database.connect();
        holder.batch_execute("SELECT pg_advisory_lock(4714)").expect("a lock");
        let mut watcher = database.connect();
        let outcome = thread::scope(|scope| {
            let body = "PERFORM pg_advisory_xact_lock(4714);";
            let call = scope.spawn(|| call(&database, &mut client, &pattern, (workers, ""), body));
            let waits = "pg_locks WHERE locktype = 'advisory' AND objid = 4714 AND NOT granted
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            wait_for("a commit", || count(&mut watcher, waits) > 0);
            watcher.execute("SELECT pg_cancel_backend($1)", &[&pid]).expect("a cancel");
            call.join().expect("a session")
        });
        assert!(message(outcome).starts_with("57014"), "{workers} workers");
        assert_eq!(history(&mut client), [""; 0], "{workers} workers");
        assert_eq!(count(&mut client, "t"), 0);
        drop(holder);
        assert_eq!(load_many(&mut client, &pattern, "t", "").expect("a call").loaded, 2);
        assert_eq!(count(&mut client, "t"), 6);
    }
}
