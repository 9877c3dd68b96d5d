//! What a load leaves on disk: as COPY would have stored it, sound, and the
//! same on a replica.

use crate::helpers::{Replica, count, session};
use loader_client_tests::{Cluster, Limits, load, load_many, message, sqlstate, wait_for};
use loader_damage::rng::Rng;
use postgres::Client;
use std::fmt::Write;

const WORDS: [&str; 12] = [
    "release",
    "naïve",
    "storage",
    "https://example.org/",
    "日本語",
    "wait",
    "\\n",
    "column",
    "emoji 😀",
    "true",
    "id",
    "branch",
];

/// Documents of up to 20 kB, most of them long enough for TOAST.
fn documents(records: usize) -> String {
    let mut rng = Rng::new(11);
    let mut text = String::new();
    for n in 0..records {
        write!(text, "{{\"id\": {n}, \"score\": {}.{:02}, \"text\": \"", rng.below(1000), rng.below(100))
            .expect("a string");
        for _ in 0..rng.below(1500) {
            write!(text, "{} {} ", rng.pick(&WORDS), rng.below(5000)).expect("a string");
        }
        text.push_str("\"}\n");
    }
    text
}

fn copy(client: &mut Client, path: &str, table: &str) {
    client
        .batch_execute(&format!(
            "COPY {table} FROM '{path}' (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')"
        ))
        .expect("COPY");
}

fn number(client: &mut Client, query: &str) -> i64 {
    client.query_one(query, &[]).expect(query).get(0)
}

/// Loads `path` into `t` and copies it into `copied`, two tables alike.
fn both(client: &mut Client, path: &str, definition: &str) {
    client
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS t, copied;
             CREATE TABLE t ({definition}); CREATE TABLE copied ({definition})"
        ))
        .expect("two tables");
    copy(client, path, "copied (data)");
    load(client, path, "t").expect("a load");
    let differ = number(
        client,
        "SELECT count(*) FROM t FULL JOIN copied AS o ON t.data->'id' = o.data->'id'
         WHERE t.data IS NULL OR o.data IS NULL OR t.data::text <> o.data::text
            OR pg_column_compression(t.data) IS DISTINCT FROM pg_column_compression(o.data)",
    );
    assert_eq!(differ, 0, "{definition}");
    let (own, copied) = (
        number(client, "SELECT pg_total_relation_size('t')"),
        number(client, "SELECT pg_total_relation_size('copied')"),
    );
    assert!(own <= copied + copied / 50, "{definition}: {own} bytes, COPY takes {copied}");
}

#[test]
fn tables_are_as_copy_makes_them() {
    let (database, mut client) = session("stored");
    let path = database.file("stored", documents(800));
    let lz4 = client.batch_execute("SET default_toast_compression = lz4").is_ok();
    client.batch_execute("RESET default_toast_compression").expect("the setting");
    for definition in [
        "data jsonb",
        "n bigserial, data jsonb NOT NULL, at timestamptz DEFAULT now()",
        "data jsonb, note text DEFAULT repeat('note ', 300)",
        "data jsonb, id int GENERATED ALWAYS AS ((data->>'id')::int) STORED",
        "data jsonb CHECK (data ? 'id')",
        "data jsonb STORAGE EXTERNAL",
        "data jsonb STORAGE MAIN",
        "data jsonb COMPRESSION lz4",
    ] {
        if definition.contains("lz4") && !lz4 {
            println!("skipped: {definition}");
            continue;
        }
        // Storage within CREATE TABLE came with version 16.
        let (definition, storage) = match definition.split_once(" STORAGE ") {
            Some((definition, storage)) => (definition, Some(storage)),
            None => (definition, None),
        };
        if let Some(storage) = storage {
            client
                .batch_execute(&format!(
                    "DROP TABLE IF EXISTS t, copied, model; CREATE TABLE model ({definition});
                     ALTER TABLE model ALTER data SET STORAGE {storage}"
                ))
                .expect("a model");
            both(&mut client, &path, "LIKE model INCLUDING STORAGE");
        } else {
            both(&mut client, &path, definition);
        }
    }
}

#[test]
fn long_values_of_a_partitioned_table() {
    let (database, mut client) = session("stored_partitions");
    let path = database.file("stored_partitions", documents(300));
    client
        .batch_execute(
            "CREATE TABLE p (n bigserial, data jsonb) PARTITION BY RANGE (n);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
             CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
             CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (200) TO (1000);
             ALTER TABLE p2 ALTER data SET STORAGE EXTERNAL;
             CREATE TABLE copied (data jsonb)",
        )
        .expect("tables");
    copy(&mut client, &path, "copied");
    for equal in [false, true] {
        if equal {
            client
                .batch_execute("TRUNCATE p RESTART IDENTITY; ALTER TABLE p2 ALTER data SET STORAGE EXTENDED")
                .expect("as the others");
        }
        load(&mut client, &path, "p").expect("a load");
        let compressed = |client: &mut Client, table: &str| {
            number(
                client,
                &format!("SELECT count(*) FROM {table} WHERE pg_column_compression(data) IS NOT NULL"),
            )
        };
        assert!(compressed(&mut client, "p1") > 50);
        assert_eq!(compressed(&mut client, "p2") > 0, equal);
        let same = "SELECT count(*) FROM (SELECT data FROM p EXCEPT ALL SELECT data FROM copied) AS d";
        assert_eq!((count(&mut client, "p"), number(&mut client, same)), (300, 0));
    }
}

#[test]
fn triggers_read_what_they_should() {
    let (database, mut client) = session("stored_triggers");
    let path = database.file("stored_triggers", documents(100));
    client
        .batch_execute(
            "CREATE TABLE seen (length int);
             CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO seen VALUES (length(NEW.data->>'text'));
                 RETURN NEW;
             END $$;
             CREATE TRIGGER look BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION look()",
        )
        .expect("a trigger");
    load(&mut client, &path, "t").expect("a load");
    let sums = "SELECT (SELECT sum(length) FROM seen) - (SELECT sum(length(data->>'text')) FROM t)";
    assert_eq!((count(&mut client, "seen"), number(&mut client, sums)), (100, 0));
}

#[test]
fn amcheck_finds_nothing() {
    let (database, mut client) = session("stored_amcheck");
    if client.batch_execute("CREATE EXTENSION amcheck").is_err() {
        println!("skipped: no amcheck");
        return;
    }
    let path = database.file("stored_amcheck", documents(500));
    client
        .batch_execute("CREATE INDEX ON t USING gin (data); SET loader.parse_threads = 2")
        .expect("an index");
    load(&mut client, &path, "t").expect("a load");
    for table in ["t", "loader.load_history_data"] {
        let found = number(
            &mut client,
            &format!("SELECT count(*) FROM verify_heapam('{table}', check_toast => true)"),
        );
        assert_eq!(found, 0, "{table}");
    }
}

#[test]
fn a_replica_has_the_same() {
    let cluster = Cluster::start(&["loader.parse_threads = 2"], Limits::default());
    let database = cluster.database("stored");
    let mut client = database.connect();
    client.batch_execute("SELECT seed_json_table('t')").expect("a table");
    let mut replica = Replica::start(&cluster);
    let path = database.file("stored", documents(500));
    load(&mut client, &path, "t").expect("a load");
    let end: String = client.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).expect("WAL").get(0);
    let hash = |client: &mut Client| -> String {
        let query = "SELECT md5(string_agg(md5(data::text), '' ORDER BY ctid)) || count(*) FROM t";
        client.query_one(query, &[]).expect("a hash").get(0)
    };
    let mut there = replica.connect("stored");
    wait_for("the replica to catch up", || {
        let query = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{end}', false)");
        there.query_one(&query, &[]).expect("WAL").get(0)
    });
    assert_eq!(hash(&mut there), hash(&mut client));
    // Nothing is loaded there, by whatever number of workers; reading needs no writing.
    assert_eq!(sqlstate(load(&mut there, &path, "t")).code(), "25006");
    for workers in [0, 2] {
        let error = message(load_many(&mut there, &path, "t", &format!("workers => {workers}")));
        assert!(error.starts_with("25006"), "{error}");
    }
    for call in [
        "SELECT undo_load(1)",
        "SELECT undo_load(4711)",
        "SELECT mend_reject(1, 0, '{}')",
        "SELECT * FROM mend_rejects(1, NULL, '1')",
        "SELECT * FROM retry_rejects(1)",
        "SELECT seed_json_table('u')",
        "SELECT seed_json_table('t', if_not_exists => true)",
        "SELECT create_pipeline('p', '/x', 't')",
        "SELECT alter_pipeline('p', poll => '1 h')",
        "SELECT pause_pipeline('p')",
        "SELECT resume_pipeline('p')",
        "SELECT drop_pipeline('p', if_exists => true)",
        "SELECT skip_file('p', '/x')",
        "SELECT retry_file('p', '/x')",
    ] {
        let error = message(there.batch_execute(call));
        assert!(
            error.starts_with("25006: cannot execute ") && error.ends_with(" during recovery"),
            "{call}: {error}"
        );
    }
    let read = there.query_one("SELECT count(*) FROM read_json_file($1)", &[&path]).expect("a reading");
    assert_eq!(read.get::<_, i64>(0), number(&mut client, "SELECT count(*) FROM t"));
}

/// How many WAL records a query of the session writes, which is run.
fn wal_records(client: &mut Client, query: &str) -> i64 {
    let plan = client.query(&format!("EXPLAIN (ANALYZE, WAL) {query}"), &[]).expect("a plan");
    let records = plan.iter().find_map(|row| {
        let line: String = row.get(0);
        let (_, records) = line.split_once("WAL: records=")?;
        records.split(' ').next()?.parse().ok()
    });
    records.expect("a number of records")
}

/// A CHECK that reads the table sees the rows before its own, as when each row goes in by itself. The
/// message of a partition's constraint stands back behind those of CHECK and NOT NULL, as the server's does.
#[test]
fn a_check_that_reads_the_table_sees_the_rows_before() {
    let (database, mut client) = session("stored_reading_check");
    let text: String = (0..200).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let file = database.file("numbers.json", text);
    client
        .batch_execute(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (n int);
             CREATE FUNCTION has_room(remainder int) RETURNS boolean LANGUAGE plpgsql AS $$
             BEGIN RETURN (SELECT count(*) < 5 FROM t WHERE n % 10 = remainder); END $$;
             ALTER TABLE t ADD CHECK (has_room(n % 10))",
        )
        .expect("a table");
    client.execute("SELECT load_json_file($1, 't')", &[&file]).expect("a load");
    assert_eq!(
        number(&mut client, "SELECT max(c) FROM (SELECT count(*) AS c FROM t GROUP BY n % 10) AS g"),
        5
    );
    assert_eq!(count(&mut client, "t"), 50);

    client
        .batch_execute(
            "DROP TABLE t;
             CREATE TABLE whole (n int, CONSTRAINT odd CHECK (n % 2 = 1)) PARTITION BY RANGE (n);
             CREATE TABLE t PARTITION OF whole FOR VALUES FROM (0) TO (100)",
        )
        .expect("a partition");
    client.execute("SELECT load_json_file($1, 't', if_loaded => 'force')", &[&file]).expect("a load");
    assert_eq!(count(&mut client, "t"), 50);
    let of_check = "loader.rejects WHERE load_id = (SELECT max(load_id) FROM loader.load_history)
                    AND message LIKE '%\"odd\"%'";
    assert_eq!(count(&mut client, of_check), 100);
}

#[test]
fn rows_go_in_many_at_a_time() {
    const ROWS: i64 = 20_000;
    let (database, mut client) = session("stored_many_at_a_time");
    let mut text = String::from("a,b,c\n");
    for n in 0..ROWS {
        writeln!(text, "{n},{},{}", n % 7, n % 1000).expect("a string");
    }
    let file = database.file("numbers.csv", text);
    let call = format!("SELECT load_csv_file('{file}', 't', chunk => 7000)");
    // A row that goes in by itself takes a record of its own, an entry of an index always does.
    for (definition, indexes) in [
        ("a int, b int, c int", 0),
        ("a int NOT NULL CHECK (a >= 0), b numeric(6,2), c int, d bigserial", 0),
        ("a int PRIMARY KEY, b int, c int", 1),
        ("a int, b int, c int, d int DEFAULT 5, _load_id bigint, _byte_offset bigint", 0),
    ] {
        client
            .batch_execute(&format!(
                "DROP TABLE IF EXISTS t, copied; CREATE TABLE t ({definition}); CREATE TABLE copied ({definition});
                 COPY copied (a, b, c) FROM '{file}' (FORMAT csv, HEADER)"
            ))
            .expect("two tables");
        let records = wal_records(&mut client, &call);
        let differ = number(
            &mut client,
            "SELECT count(*) FROM t FULL JOIN copied AS o USING (a, b, c) WHERE t IS NULL OR o IS NULL",
        );
        assert_eq!((count(&mut client, "t"), differ), (ROWS, 0), "{definition}");
        let most = ROWS * indexes + ROWS / 10;
        assert!(records <= most, "{definition}: {records} records of WAL");
    }
    // A partition by itself, too; a row trigger is run for each row, which then goes in by itself.
    client
        .batch_execute(
            "DROP TABLE t;
             CREATE TABLE whole (a int, b int, c int) PARTITION BY RANGE (a);
             CREATE TABLE t PARTITION OF whole FOR VALUES FROM (0) TO (1000000)",
        )
        .expect("a partition");
    let records = wal_records(&mut client, &call);
    assert!(records <= ROWS / 10, "{records} records of WAL");
    client
        .batch_execute(
            "DROP TABLE whole; CREATE TABLE t (a int, b int, c int);
             CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.b := 2 * NEW.b; RETURN NEW; END';
             CREATE TRIGGER double BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION double()",
        )
        .expect("a trigger");
    let records = wal_records(&mut client, &call);
    assert!(records >= ROWS, "{records} records of WAL");
    assert_eq!(number(&mut client, "SELECT count(*) FROM t WHERE b = 2 * (a % 7)"), ROWS);
}
