//! A table with partitions on two other servers, behind postgres_fdw: one that refuses at
//! commit, one that is lost after the other has committed. Nothing is skipped that is not
//! there; what is doubled is what "at least once" was said of. Not every PostgreSQL has
//! postgres_fdw: without it these tests print a line and pass.

use crate::helpers::{count, counts, files};
use loader_client_tests::{Cluster, Database, Limits, Said, load, load_many, message, wait_for};
use postgres::Client;
use std::thread;

/// Records of each file and partition.
const EACH: usize = 20;

/// What is said of such a table.
const AT_LEAST_ONCE: &str =
    "NOTICE: rows of table \"t\" that are stored on other servers are loaded at least once";

/// Two other servers with a table `t`.
struct Far([Cluster; 2]);

impl Far {
    fn start() -> Far {
        let cluster = || {
            let cluster = Cluster::start(&[], Limits::default());
            cluster
                .connect("postgres")
                .batch_execute("CREATE TABLE t (data jsonb, _load_id bigint, _byte_offset bigint)")
                .expect("a table");
            cluster
        };
        Far([cluster(), cluster()])
    }

    /// A session at one of them.
    fn connect(&self, far: usize) -> Client {
        self.0[far].connect("postgres")
    }

    /// Runs `body` at commit for each row that comes to a server.
    fn at_commit(&self, far: usize, body: &str) {
        self.connect(far)
            .batch_execute(&format!(
                "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN {body} RETURN NULL; END $$;
                 CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW EXECUTE FUNCTION at_commit()"
            ))
            .expect("a deferred trigger");
    }

    fn no_more(&self, far: usize) {
        self.connect(far)
            .batch_execute("DROP TRIGGER at_commit ON t; DROP FUNCTION at_commit")
            .expect("none");
    }

    /// Whether somebody waits for the lock of [`GATE`] there.
    fn has_waiter(&self, far: usize) -> bool {
        count(&mut self.connect(far), "pg_stat_activity WHERE wait_event = 'advisory'") > 0
    }
}

const GATE: &str = "PERFORM pg_advisory_xact_lock_shared(4711);";

/// The table `t` of a database of that cluster, with a partition here and one on each of
/// the others.
fn partitioned<'a>(near: &'a Cluster, name: &str, far: &Far) -> (Database<'a>, Client) {
    let database = near.database(name);
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE EXTENSION postgres_fdw;
             CREATE TABLE t (data jsonb, _load_id bigint, _byte_offset bigint)
                 PARTITION BY LIST (((data->>'side')::int));
             CREATE TABLE near PARTITION OF t FOR VALUES IN (0)",
        )
        .expect("a table");
    for (n, cluster) in far.0.iter().enumerate() {
        let host = cluster.socket().display().to_string();
        client
            .batch_execute(&format!(
                "CREATE SERVER far{n} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', dbname 'postgres');
                 CREATE USER MAPPING FOR postgres SERVER far{n} OPTIONS (user 'postgres');
                 CREATE FOREIGN TABLE far{n} PARTITION OF t FOR VALUES IN ({}) SERVER far{n}
                     OPTIONS (table_name 't', batch_size '100')",
                n + 1
            ))
            .expect("a server");
    }
    (database, client)
}

fn has_postgres_fdw() -> bool {
    let mut client = Cluster::shared().connect("postgres");
    let there = count(&mut client, "pg_available_extensions WHERE name = 'postgres_fdw'") > 0;
    if !there {
        println!("skipped: this PostgreSQL has no postgres_fdw");
    }
    there
}

/// Records for all partitions, which name their file.
fn records(file: &str) -> String {
    (0..3 * EACH).map(|n| format!("{{\"side\": {}, \"file\": \"{file}\", \"n\": {n}}}\n", n % 3)).collect()
}

/// How often the records of a file are there: each so often, by partition.
fn times(client: &mut Client, file: &str) -> Vec<(i32, i64, i64)> {
    let query = format!(
        "SELECT (data->>'side')::int, count(*), count(DISTINCT data) FROM t
         WHERE data->>'file' = '{file}' GROUP BY 1 ORDER BY 1"
    );
    let rows = client.query(&query, &[]).expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Each record of the file is there once.
fn once() -> Vec<(i32, i64, i64)> {
    (0..3).map(|side| (side, EACH as i64, EACH as i64)).collect()
}

fn failed(client: &mut Client) -> Vec<(String, i64, String)> {
    let query =
        "SELECT regexp_replace(file_path, '^.*/', ''), rows_loaded, error_sqlstate || ' ' || error_message
                 FROM loader.load_history WHERE status = 'failed' ORDER BY 1";
    client
        .query(query, &[])
        .expect("history")
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

fn says_at_least_once(said: &Said) -> usize {
    said.take().iter().filter(|line| line.starts_with(AT_LEAST_ONCE)).count()
}

#[test]
fn a_server_that_refuses_at_commit() {
    if !has_postgres_fdw() {
        return;
    }
    let far = Far::start();
    let (database, mut client) = partitioned(Cluster::shared(), "far_refuses", &far);
    let names = ["a", "b", "c", "d"];
    let all: Vec<(&str, String)> = names.iter().map(|name| (*name, records(name))).collect();
    let pattern = files(&database, "far_refuses", &all);
    for far_side in 0..2 {
        far.at_commit(far_side, "IF NEW.data->>'file' = 'b' THEN RAISE 'not with me'; END IF;");
    }
    let (mut caller, said) = database.connect_listening("postgres");
    for workers in [0, 2] {
        let options = format!("workers => {workers}");
        let summary = load_many(&mut caller, &pattern, "t", &options).expect("a call");
        assert_eq!(summary.failed, 1, "{workers} workers");
        assert_eq!(says_at_least_once(&said), 1);
        assert_eq!(failed(&mut client), [("b".to_string(), 0, "P0001 not with me".to_string())]);
        for name in ["a", "c", "d"] {
            assert_eq!(times(&mut client, name), once(), "{name}");
        }
        assert_eq!(times(&mut client, "b"), [], "{workers} workers");
        let summary = load_many(&mut caller, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [4, 0, 3, 1, 0, 0]);
        let stop = message(load_many(&mut caller, &pattern, "t", "on_file_error => 'stop'"));
        assert!(stop.starts_with("P0001: load ") && stop.ends_with("failed: not with me"), "{stop}");
        if workers == 0 {
            client
                .batch_execute("SELECT undo_load(load_id) FROM loader.load_history WHERE status = 'loaded'")
                .expect("afresh");
        }
        said.take();
    }
    for far_side in 0..2 {
        far.no_more(far_side);
    }
    assert_eq!(load_many(&mut client, &pattern, "t", "").expect("a call").loaded, 1);
    assert_eq!(times(&mut client, "b"), once());
    assert_eq!(failed(&mut client), []);
    // What looks empty from here may not be.
    for far_side in 0..2 {
        far.connect(far_side).batch_execute("TRUNCATE t").expect("none left");
    }
    client.batch_execute("TRUNCATE near").expect("none left");
    assert_eq!(counts(&load_many(&mut client, &pattern, "t", "").expect("a call")), [4, 0, 4, 0, 0, 0]);
    let one = pattern.replace('*', "a");
    assert_eq!(load(&mut caller, &one, "t").expect("a call").status, "skipped");
    assert_eq!(says_at_least_once(&said), 0, "nothing was loaded");
    let new = database.file("far_refuses/e", records("e"));
    load(&mut caller, &new, "t").expect("a load");
    assert_eq!(says_at_least_once(&said), 1);
    assert_eq!(times(&mut client, "e"), once());
}

/// Rows that stayed on another server are known by their key.
#[test]
fn a_key_makes_it_once_again() {
    if !has_postgres_fdw() {
        return;
    }
    let far = Cluster::start(&[], Limits::default());
    let mut there = far.connect("postgres");
    there.batch_execute("CREATE TABLE k (id int PRIMARY KEY, a text)").expect("a table");
    let database = Cluster::shared().database("far_key");
    let mut client = database.connect();
    let host = far.socket().display().to_string();
    client
        .batch_execute(&format!(
            "CREATE EXTENSION postgres_fdw;
             CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', dbname 'postgres');
             CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'postgres');
             CREATE FOREIGN TABLE k (id int, a text) SERVER far OPTIONS (batch_size '100')"
        ))
        .expect("a foreign table");
    let records: String = (0..500).map(|id| format!("{{\"id\": {id}, \"a\": \"new\"}}\n")).collect();
    let path = database.file("far_key.json", records);
    // What stayed of a load that then failed here.
    there.batch_execute("INSERT INTO k SELECT n, 'stayed' FROM generate_series(0, 99) AS n").expect("rows");
    let (mut caller, said) = database.connect_listening("postgres");
    let query = "SELECT rows_loaded, rows_rejected FROM load_json_file($1, 'k',
                     write_mode => 'insert_only', key => '{id}')";
    let row = caller.query_one(query, &[&path]).expect("a load");
    assert_eq!([row.get::<_, i64>(0), row.get(1)], [400, 0]);
    assert_eq!(says_at_least_once(&said), 0);
    assert_eq!(count(&mut there, "k"), 500);
    assert_eq!(count(&mut there, "k WHERE a = 'stayed'"), 100);
    let superseded: i64 =
        caller.query_one("SELECT rows_superseded FROM loader.load_history", &[]).expect("it").get(0);
    assert_eq!(superseded, 100);
    let query = "SELECT load_json_file($1, 'k', write_mode => 'upsert', key => '{id}', if_loaded => 'force')";
    assert!(message(caller.query_one(query, &[&path])).starts_with("42P10: "));
}

/// The servers commit one after the other: the first does, the second is lost meanwhile.
#[test]
fn a_server_that_is_lost_after_the_other_has_committed() {
    if !has_postgres_fdw() {
        return;
    }
    let far = Far::start();
    let (database, mut client) = partitioned(Cluster::shared(), "far_lost", &far);
    let pattern = files(&database, "far_lost", &[("a", records("a"))]);
    for undo in [false, true] {
        let mut holders = [0, 1].map(|n| {
            far.at_commit(n, GATE);
            let mut holder = far.connect(n);
            holder.batch_execute("SELECT pg_advisory_lock(4711)").expect("a closed gate");
            holder
        });
        let (mut caller, said) = database.connect_listening("postgres");
        let paths = pattern.clone();
        let call = thread::spawn(move || load_many(&mut caller, &paths, "t", "workers => 0"));
        let first = commit_one(&far, &mut holders);
        let second = 1 - first;
        far.0[second].end(libc::SIGQUIT);
        let summary = call.join().expect("a session").expect("a call");
        assert_eq!(counts(&summary), [1, 0, 0, 1, 0, 0]);
        assert_eq!(says_at_least_once(&said), 1);
        far.0[second].resume();
        drop(holders);
        (0..2).for_each(|n| far.no_more(n));
        let left = failed(&mut client);
        assert_eq!((left.len(), left[0].0.as_str(), left[0].1), (1, "a", 0));
        assert_eq!(count(&mut far.connect(first), "t"), EACH as i64, "it has committed");
        let load_id = "SELECT load_id FROM loader.load_history WHERE status = 'failed'";
        let load_id: i64 = client.query_one(load_id, &[]).expect("history").get(0);
        if undo {
            // What is there has the number of the load that failed.
            client.query_one("SELECT undo_load($1, force => true)", &[&load_id]).expect("an undo");
        }
        assert_eq!(load_many(&mut client, &pattern, "t", "").expect("a call").loaded, 1);
        let mut wanted = once();
        if !undo {
            wanted[first + 1].1 *= 2;
        }
        assert_eq!(times(&mut client, "a"), wanted);
        // Those that are there twice can be told.
        let twice = "(SELECT FROM t GROUP BY _load_id, _byte_offset HAVING count(*) = 2) AS d";
        assert_eq!(count(&mut client, twice), if undo { 0 } else { EACH as i64 });
        client
            .batch_execute(
                "SELECT undo_load(load_id, force => true) FROM loader.load_history WHERE status = 'loaded'",
            )
            .expect("afresh");
        assert_eq!(count(&mut client, "t"), 0);
    }
}

/// Waits until one of the servers is asked to commit, lets it, and waits until the other
/// one is. Returns the first.
fn commit_one(far: &Far, holders: &mut [Client; 2]) -> usize {
    let mut first = 0;
    wait_for("a server to be asked to commit", || {
        (0..2).any(|n| {
            first = n;
            far.has_waiter(n)
        })
    });
    holders[first].batch_execute("SELECT pg_advisory_unlock(4711)").expect("an open gate");
    wait_for("the other server to be asked to commit", || far.has_waiter(1 - first));
    first
}

/// The server that loads is killed while the others commit: it knows of nothing then.
#[test]
fn a_crash_after_another_server_has_committed() {
    if !has_postgres_fdw() {
        return;
    }
    let near = Cluster::start(&[], Limits::default());
    let far = Far::start();
    let (database, mut client) = partitioned(&near, "far_crash", &far);
    let pattern = files(&database, "far_crash", &[("a", records("a")), ("b", records("b"))]);
    let before = load_many(&mut client, &pattern.replace('*', "b"), "t", "").expect("a call");
    assert_eq!(before.loaded, 1);
    let mut holders = [0, 1].map(|n| {
        far.at_commit(n, GATE);
        let mut holder = far.connect(n);
        holder.batch_execute("SELECT pg_advisory_lock(4711)").expect("a closed gate");
        holder
    });
    let mut caller = database.connect();
    let paths = pattern.clone();
    let call = thread::spawn(move || load_many(&mut caller, &paths, "t", "workers => 0").is_err());
    commit_one(&far, &mut holders);
    near.end(libc::SIGQUIT);
    assert!(call.join().expect("a session"), "the server was killed");
    drop(holders);
    near.resume();
    (0..2).for_each(|n| far.no_more(n));
    wait_for("the sessions of the server that was killed to end", || {
        (0..2).all(|n| {
            count(&mut far.connect(n), "pg_stat_activity WHERE application_name = 'postgres_fdw'") == 0
        })
    });
    let mut client = near.connect(&database.name);
    assert_eq!(count(&mut client, "loader.load_history"), 1);
    let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
    assert_eq!(counts(&summary), [2, 1, 1, 0, 3 * EACH as i64, 0]);
    assert_eq!(times(&mut client, "b"), once());
    // What lies here is there once, what lies there at least once.
    let found = times(&mut client, "a");
    assert_eq!(found[0], once()[0]);
    assert!(
        found.iter().zip(once()).all(|(found, once)| found.2 == once.2 && found.1 >= once.1),
        "{found:?}"
    );
    assert!(found.iter().any(|side| side.1 == 2 * EACH as i64), "{found:?}");
    // The rows of the load that is not known have a number of no load.
    let unknown = "SELECT count(*) FROM t WHERE NOT EXISTS
                   (SELECT FROM loader.load_history AS h WHERE h.load_id = t._load_id)";
    let unknown: i64 = client.query_one(unknown, &[]).expect("rows").get(0);
    assert_eq!(unknown, found.iter().map(|side| side.1 - EACH as i64).sum::<i64>());
}
