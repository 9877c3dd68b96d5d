//! `swap_table`: readers see the old table or the new one, and what belongs to the name stays with it.

use crate::helpers::{count, figure};
use loader_client_tests::{Cluster, Database, message, sqlstate, wait_for};
use postgres::{Client, SimpleQueryMessage};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Rows of each generation of the table that is swapped under readers.
const ROWS: i64 = 100;

/// `t` and `t_next`, which `t` was the model of.
fn tables(name: &str, definition: &str) -> (Database<'static>, Client) {
    let database = Cluster::shared().database(name);
    let mut client = database.connect();
    client.batch_execute(definition).expect("t");
    client.batch_execute("CREATE TABLE t_next (LIKE t INCLUDING ALL)").expect("t_next");
    (database, client)
}

fn swap(client: &mut Client) -> Result<i32, postgres::Error> {
    client.query_one("SELECT attempt FROM swap_table('t', 't_next')", &[]).map(|row| row.get(0))
}

/// What a session reads again and again, each time in another way than the others.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// A query of the table, parsed each time.
    Query,
    /// A statement that was prepared once.
    Prepared,
    /// A view over a view over the table, joined with the table.
    View,
    /// A function in PL/pgSQL that reads the table and the view, in one transaction.
    Function,
}

impl Reader {
    /// Reads until told to stop; fails if what it sees is not one whole generation, or an older one than before.
    fn read(self, database: &Database, stop: &AtomicBool) -> i64 {
        let mut client = database.connect();
        let query = match self {
            Reader::Query | Reader::Prepared => "SELECT count(*), min(generation), max(generation) FROM t",
            Reader::View => {
                "SELECT count(*), min(least(v.generation, t.generation)), max(greatest(v.generation, t.generation))
                 FROM outer_v AS v JOIN t ON t.n = v.n"
            }
            Reader::Function => "SELECT rows, lowest, highest FROM read_twice()",
        };
        let prepared = client.prepare(query).expect("a statement");
        let (mut reads, mut before) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            let (rows, lowest, highest) = match self {
                Reader::Query => {
                    let messages = client.simple_query(query).expect("a read");
                    let row = messages.iter().find_map(|message| match message {
                        SimpleQueryMessage::Row(row) => Some(row),
                        _ => None,
                    });
                    let row = row.expect("a row");
                    let number = |index| row.get(index).expect("a value").parse::<i64>().expect("a number");
                    (number(0), number(1), number(2))
                }
                _ => {
                    let row = client
                        .query_one(&prepared, &[])
                        .unwrap_or_else(|error| panic!("{self:?}: {error:?}"));
                    (row.get(0), row.get(1), row.get(2))
                }
            };
            assert_eq!((rows, lowest), (ROWS, highest), "{self:?}");
            assert!(lowest >= before, "{self:?} sees {lowest} after {before}");
            (reads, before) = (reads + 1, lowest);
        }
        reads
    }
}

/// Calculates and swaps `swaps` times, while four sessions read.
fn swap_under_readers(name: &str, swaps: i64) {
    let (database, mut client) = tables(
        name,
        "CREATE TABLE t (n bigint PRIMARY KEY, generation bigint NOT NULL);
         INSERT INTO t SELECT n, 0 FROM generate_series(1, 100) AS n;
         CREATE VIEW v AS SELECT n, generation FROM t;
         CREATE VIEW outer_v AS SELECT n, generation FROM v WHERE generation >= 0;
         CREATE FUNCTION read_twice(OUT rows bigint, OUT lowest bigint, OUT highest bigint) LANGUAGE plpgsql AS $$
         DECLARE seen bigint;
         BEGIN
             SELECT max(generation) INTO seen FROM v;
             SELECT count(*), least(seen, min(generation)), greatest(seen, max(generation))
             INTO rows, lowest, highest FROM t;
         END $$",
    );
    // Short, because the time between two attempts is as short.
    let call = "SELECT swap_table('t', 't_next', lock_timeout => '50 ms', attempts => 1000)";
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = [Reader::Query, Reader::Prepared, Reader::View, Reader::Function];
        let (database, stop) = (&database, &stop);
        let readers = readers.map(|reader| scope.spawn(move || reader.read(database, stop)));
        // A failure must not leave the readers reading.
        let swapped = thread::scope(|scope| {
            scope
                .spawn(|| {
                    for generation in 1..=swaps {
                        // In a transaction of its own, or in that of the swap.
                        let (begin, empty, commit) = match generation % 3 {
                            0 => ("BEGIN", "DELETE FROM", "COMMIT"),
                            _ => ("", "TRUNCATE", ""),
                        };
                        let fill = format!(
                            "{empty} t_next; INSERT INTO t_next SELECT n, {generation} FROM generate_series(1, {ROWS}) AS n"
                        );
                        client.batch_execute(begin).expect("BEGIN");
                        client.batch_execute(&fill).expect("t_next");
                        client.query(call, &[]).expect("a swap");
                        client.batch_execute(commit).expect("COMMIT");
                    }
                })
                .join()
        });
        stop.store(true, Ordering::Relaxed);
        swapped.expect("all swaps");
        for reader in readers {
            assert!(reader.join().expect("a reader") > 0);
        }
    });
    let mut client = database.connect();
    assert_eq!(figure(&mut client, "SELECT min(generation) FROM outer_v"), swaps);
}

#[test]
fn readers_see_neither_an_error_nor_a_mixture() {
    swap_under_readers("swap_readers", 100);
}

#[test]
#[ignore = "takes long: make soak"]
fn readers_see_neither_an_error_nor_a_mixture_in_a_thousand_swaps() {
    swap_under_readers("swap_soak", 1_000);
}

/// The definition of all that is in a database, as pg_dump sees it: its lines, in an order that does not depend on
/// that of grants.
fn dump(database: &Database) -> Vec<String> {
    let mut command: Command = database.cluster.command("pg_dump");
    let output = command.args(["--schema-only", &database.name]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // Newer ones fence the script with a word that is another one each time.
    let lines =
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A table that has everything a table can have and a swap keeps.
const RICH: &str = r#"
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE parent (id bigint PRIMARY KEY);
CREATE TABLE t (
    id bigint GENERATED BY DEFAULT AS IDENTITY (START 5 INCREMENT 5) PRIMARY KEY,
    serial serial,
    gone int,
    parent bigint CONSTRAINT of_parent REFERENCES parent ON DELETE CASCADE,
    other bigint,
    day date NOT NULL CHECK (day > '2000-01-01'),
    "Sum $" numeric(10,2) DEFAULT 1.5,
    twice numeric GENERATED ALWAYS AS ("Sum $" * 2) STORED,
    note text COLLATE "C" DEFAULT 'it''s',
    during tsrange,
    CONSTRAINT either CHECK (note <> '' OR day > '2001-01-01'),
    CONSTRAINT own UNIQUE NULLS NOT DISTINCT (note) DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING gist (during WITH &&)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 7, toast.autovacuum_enabled = off);
ALTER TABLE t DROP COLUMN gone, ALTER note SET STORAGE EXTERNAL, ALTER note SET COMPRESSION pglz;
CREATE INDEX by_day ON t (day DESC) INCLUDE (note) WITH (fillfactor = 80) WHERE "Sum $" > 0;
CREATE INDEX by_day_too ON t (day DESC) INCLUDE (note) WITH (fillfactor = 80) WHERE "Sum $" > 0;
CREATE INDEX ON t (lower(note), (day + 1));
CREATE UNIQUE INDEX identity_of_t ON t (day, id);
ALTER TABLE t CLUSTER ON t_pkey;
ALTER TABLE t REPLICA IDENTITY USING INDEX identity_of_t;
ALTER TABLE t ALTER day SET STATISTICS 50, ALTER day SET (n_distinct = 7);
ALTER INDEX t_lower_expr_idx ALTER COLUMN 1 SET STATISTICS 60;
CREATE STATISTICS of_t (mcv) ON day, "Sum $" FROM t;
CREATE STATISTICS of_expression ON (day + 1) FROM t;
CREATE SEQUENCE more OWNED BY t.other;
COMMENT ON TABLE t IS 'the "table"';
COMMENT ON COLUMN t."Sum $" IS 'it''s a sum';
COMMENT ON CONSTRAINT either ON t IS 'a check';
COMMENT ON CONSTRAINT of_parent ON t IS 'a foreign key';
COMMENT ON CONSTRAINT t_pkey ON t IS 'a key';
COMMENT ON INDEX t_pkey IS 'an index of a key';
COMMENT ON INDEX by_day IS 'an index';
COMMENT ON STATISTICS of_t IS 'statistics';
COMMENT ON SEQUENCE t_id_seq IS 'a sequence';
ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON t AS RESTRICTIVE FOR UPDATE TO swap_reader, CURRENT_USER
    USING (id > 0 OR EXISTS (SELECT FROM t AS o WHERE o.id = t.parent)) WITH CHECK (day > '2002-02-02');
CREATE POLICY everything ON t USING (true);
COMMENT ON POLICY few ON t IS 'a policy';
CREATE TRIGGER before BEFORE UPDATE OF day ON t FOR EACH ROW WHEN (OLD.day < NEW.day) EXECUTE FUNCTION audit('a''b');
CREATE TRIGGER rows AFTER INSERT ON t REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION audit();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER replica BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION audit();
ALTER TABLE t ENABLE ALWAYS TRIGGER before, DISABLE TRIGGER rows, ENABLE REPLICA TRIGGER replica;
COMMENT ON TRIGGER before ON t IS 'a trigger';
REVOKE DELETE ON t FROM CURRENT_USER;
GRANT SELECT ON t TO swap_reader WITH GRANT OPTION;
GRANT INSERT, UPDATE (note), REFERENCES (id) ON t TO swap_writer;
GRANT SELECT (id, day) ON t TO PUBLIC;
CREATE VIEW by_id AS SELECT id, "Sum $" FROM t GROUP BY id;
CREATE VIEW safe WITH (security_barrier, check_option = local) AS SELECT *, t.note || '!' AS louder FROM t WHERE day > '2003-03-03';
ALTER VIEW safe ALTER day SET DEFAULT '2004-04-04';
COMMENT ON VIEW safe IS 'a view';
COMMENT ON COLUMN safe.note IS 'its column';
GRANT SELECT ON safe TO swap_reader;
CREATE TRIGGER instead INSTEAD OF INSERT ON safe FOR EACH ROW EXECUTE FUNCTION audit();
CREATE VIEW of_view AS SELECT day, count(*) FROM safe GROUP BY day;
CREATE MATERIALIZED VIEW report AS SELECT * FROM of_view;
CREATE FUNCTION by_name() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t';
"#;

#[test]
fn a_dump_is_the_same_before_and_after() {
    let cluster = Cluster::shared();
    cluster
        .connect("postgres")
        .batch_execute("CREATE ROLE swap_reader; CREATE ROLE swap_writer")
        .expect("roles");
    let (database, mut client) = tables("swap_dump", RICH);
    client
        .batch_execute(
            "ALTER TABLE t_next ADD CONSTRAINT t_next_of_parent FOREIGN KEY (parent) REFERENCES parent ON DELETE CASCADE;
             ALTER TABLE t_next DROP CONSTRAINT either, ADD CONSTRAINT \"Either\" CHECK (note <> '' OR day > '2001-01-01');
             ALTER INDEX t_next_lower_expr_idx ALTER COLUMN 1 SET STATISTICS 60;
             ALTER TABLE t_next ALTER day SET STATISTICS 50, ALTER day SET (n_distinct = 7);
             GRANT SELECT ON t_next TO swap_writer;
             COMMENT ON TABLE t_next IS 'the other one';
             CREATE VIEW of_next AS SELECT id FROM t_next UNION ALL SELECT id FROM t;
             INSERT INTO parent VALUES (1);
             INSERT INTO t (id, parent, day, note) VALUES (1, 1, '2026-01-01', 'old');
             INSERT INTO t_next (id, parent, day, note) VALUES (2, 1, '2026-01-02', 'new')",
        )
        .expect("t_next");
    let before = dump(&database);
    assert!(before.iter().any(|line| line.contains("it''s a sum")));
    for note in ["new", "old", "new"] {
        swap(&mut client).expect("a swap");
        assert_eq!(before, dump(&database));
        for relation in ["t", "safe"] {
            let query = format!("SELECT note FROM {relation}");
            let found: String = client.query_one(&query, &[]).expect("a row").get(0);
            assert_eq!(found, note, "{relation}");
        }
    }
    // What depends on names works, and the old table can go.
    client
        .batch_execute(
            "REFRESH MATERIALIZED VIEW report;
             INSERT INTO t (day) VALUES ('2026-01-03') ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING;
             DROP VIEW of_next; DROP TABLE t_next",
        )
        .expect("what comes after");
    assert_eq!(figure(&mut client, "SELECT sum(count)::bigint FROM report"), 1);
}

#[test]
fn numbers_are_not_given_out_twice() {
    let (_database, mut client) = tables(
        "swap_identity",
        "CREATE TABLE t (up int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             down int GENERATED ALWAYS AS IDENTITY (INCREMENT -1), serial serial)",
    );
    let insert = "INSERT INTO t DEFAULT VALUES RETURNING ARRAY[up, down, serial]";
    let next =
        move |client: &mut Client| -> Vec<i32> { client.query_one(insert, &[]).expect("a row").get(0) };
    assert_eq!(next(&mut client), [1, -1, 1]);
    assert_eq!(next(&mut client), [2, -2, 2]);
    swap(&mut client).expect("a swap");
    assert_eq!(next(&mut client), [3, -3, 3]);
    swap(&mut client).expect("a swap");
    assert_eq!(next(&mut client), [4, -4, 4]);
    client.batch_execute("DROP TABLE t_next").expect("the other one has no part in it");
    assert_eq!(next(&mut client), [5, -5, 5]);
}

#[test]
fn what_can_be_neither_kept_nor_moved_is_named() {
    let (database, mut client) = tables(
        "swap_refused",
        "CREATE TABLE t (id bigint PRIMARY KEY, day date NOT NULL, text text);
         CREATE TABLE o (id bigint); CREATE ROLE swap_grantor; CREATE ROLE swap_other LOGIN; CREATE SCHEMA elsewhere",
    );
    client.batch_execute("SET check_function_bodies = off").expect("the setting");
    let cases = [
        (
            "CREATE MATERIALIZED VIEW m AS SELECT id FROM t",
            "rule _RETURN on materialized view public.m depends on table \"public.t\"",
        ),
        ("CREATE MATERIALIZED VIEW m AS SELECT id FROM t_next", "materialized view public.m"),
        ("ALTER TABLE o ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES t", "constraint f on table public.o"),
        (
            "ALTER TABLE t_next ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES t",
            "constraint f on table public.t_next",
        ),
        (
            "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT id FROM t; END",
            "function public.f()",
        ),
        ("CREATE FUNCTION f(t) RETURNS bigint LANGUAGE sql AS 'SELECT 1'", "function public.f(public.t)"),
        ("CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t'", "function public.f()"),
        ("ALTER TABLE o ADD whole t[]", "column whole of table public.o"),
        ("CREATE VIEW w AS SELECT t FROM t", "column t of view public.w"),
        ("CREATE RULE r AS ON INSERT TO o DO ALSO DELETE FROM t", "rule r on table public.o"),
        ("CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", "rule r on table public.t"),
        ("CREATE POLICY p ON o USING (EXISTS (SELECT FROM t))", "policy p on table public.o"),
        ("CREATE PUBLICATION p FOR TABLE t", "publication \"p\""),
        ("CREATE PUBLICATION p FOR TABLES IN SCHEMA public", "publication \"p\""),
        ("CREATE PUBLICATION p FOR ALL TABLES", "publication \"p\""),
        ("CREATE TABLE child () INHERITS (t)", "is a partition, or inherits"),
        ("ALTER EXTENSION loader ADD TABLE t_next", "belongs to an extension"),
        ("ALTER TABLE t_next OWNER TO swap_other", "they differ in their owner"),
        ("ALTER TABLE t_next SET UNLOGGED", "persistence"),
        ("ALTER TABLE t_next SET SCHEMA elsewhere", "schema"),
        (
            "ALTER TABLE t_next ADD more int",
            "column 4 is \"missing\" in \"public.t\" and \"more integer\" in \"public.t_next\"",
        ),
        ("ALTER TABLE t_next ALTER day DROP NOT NULL", "column 2 is \"day date NOT NULL\""),
        ("ALTER TABLE t_next ALTER day SET DEFAULT now()", "\"day date NOT NULL DEFAULT now()\""),
        ("ALTER TABLE t_next ALTER text SET STORAGE PLAIN", "STORAGE"),
        ("ALTER TABLE t_next ALTER id ADD GENERATED ALWAYS AS IDENTITY", "IDENTITY"),
        ("ALTER TABLE t_next DROP CONSTRAINT t_next_pkey", "has nothing like index \"t_pkey\""),
        ("CREATE INDEX i ON t (day)", "has nothing like index \"i\""),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)", "has nothing like constraint \"c\""),
        (
            "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0); ALTER TABLE t_next ADD CHECK (id > 1)",
            "has nothing like constraint \"c\"",
        ),
        (
            "ALTER TABLE t ADD UNIQUE (day) DEFERRABLE; ALTER TABLE t_next ADD UNIQUE (day) DEFERRABLE; ALTER TABLE t_next DISABLE TRIGGER ALL",
            "on table public.t_next is disabled",
        ),
        ("CREATE STATISTICS s ON id, day FROM t", "has nothing like statistics \"s\""),
        ("SELECT create_pipeline('p', '/nowhere/*', 't')", "pipeline \"p\" loads into table \"public.t\""),
        ("SELECT create_pipeline('p', '/nowhere/*', 't_next')", "loads into table \"public.t_next\""),
        (
            "GRANT SELECT ON t TO swap_grantor WITH GRANT OPTION; SET ROLE swap_grantor; GRANT SELECT ON t TO swap_other; RESET ROLE",
            "role \"swap_grantor\" has granted",
        ),
    ];
    for (obstacle, named) in cases {
        // A transaction that is rolled back is the quickest way to be rid of it.
        client
            .batch_execute(&format!("BEGIN; {obstacle}"))
            .unwrap_or_else(|error| panic!("{obstacle}: {error:?}"));
        let schema = if obstacle.contains("elsewhere") { "elsewhere" } else { "public" };
        let call = format!("SELECT swap_table('t', '{schema}.t_next')");
        let error = client.query(&call, &[]).expect_err(obstacle);
        let error = error.as_db_error().unwrap_or_else(|| panic!("{obstacle}: {error:?}"));
        let text = format!("{} {:?}", error.message(), error.detail());
        assert!(text.replace("\\\"", "\"").contains(named), "{obstacle}: {text}");
        assert_eq!(error.code().code(), "55000", "{obstacle}: {error:?}");
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
    }
    let mut beside = database.connect();
    beside.batch_execute("CREATE TEMP VIEW beside AS SELECT id FROM t").expect("a temporary view");
    let error = client.query("SELECT swap_table('t', 't_next')", &[]).expect_err("somebody else's view");
    let error = error.as_db_error().expect("an error of the server");
    let detail = error.detail().unwrap_or_default();
    assert!(detail.ends_with("beside is a temporary view of another session"), "{error:?}");
    drop(beside);
    wait_for("the session to end", || count(&mut client, "pg_class WHERE relname = 'beside'") == 0);
    client.batch_execute("CREATE TEMP VIEW own AS SELECT id FROM t").expect("a temporary view");
    swap(&mut client).expect("nothing of these is left");

    let errors = [
        ("'t', 't'", "22023"),
        ("NULL, 't'", "22004"),
        ("'t', 1", "42P01"),
        ("'t', 'pg_tables'", "42809"),
        ("'t', 't_next', '0'", "22023"),
        ("'t', 't_next', attempts => 0", "22023"),
    ];
    for (arguments, code) in errors {
        let call = format!("SELECT swap_table({arguments})");
        assert_eq!(sqlstate(client.query(&call, &[])).code(), code, "{arguments}");
    }
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).expect("BEGIN");
        assert_eq!(sqlstate(swap(&mut client)).code(), "0A000", "{level}");
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
    }
    let mut other = database.connect_as("swap_other");
    assert_eq!(sqlstate(swap(&mut other)).code(), "42501");
}

#[test]
fn what_others_change_of_a_view_meanwhile_is_not_taken_back() {
    let (database, mut client) = tables("swap_meanwhile", "CREATE TABLE t (id bigint PRIMARY KEY)");
    client
        .batch_execute(
            "CREATE VIEW report AS SELECT id FROM t; CREATE ROLE swap_heir; GRANT SELECT ON t TO swap_heir",
        )
        .expect("a view");
    let mut other = database.connect();
    other.batch_execute("BEGIN; ALTER VIEW report OWNER TO swap_heir").expect("ALTER VIEW");
    thread::scope(|scope| {
        let swapped = scope.spawn(|| swap(&mut client));
        let mut watcher = database.connect();
        let waits = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        wait_for("the swap to wait", || count(&mut watcher, waits) == 1);
        other.batch_execute("COMMIT").expect("COMMIT");
        swapped.join().expect("a session").expect("a swap");
    });
    let owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'report'";
    let owner: String = client.query_one(owner, &[]).expect("a view").get(0);
    assert_eq!(owner, "swap_heir");
}

#[test]
fn an_owner_swaps_tables_and_views_of_its_own() {
    let cluster = Cluster::shared();
    let database = cluster.database("swap_owner");
    let mut admin = database.connect();
    admin
        .batch_execute(
            "CREATE ROLE swap_owner LOGIN; CREATE ROLE swap_viewer;
             GRANT CREATE, USAGE ON SCHEMA public TO swap_owner;
             ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        )
        .expect("roles");
    let mut client = database.connect_as("swap_owner");
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;
             CREATE TABLE t_next (LIKE t INCLUDING ALL); INSERT INTO t_next VALUES (1);
             GRANT SELECT ON t, v TO swap_viewer;
             -- It keeps itself from writing.
             REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON t FROM swap_owner",
        )
        .expect("tables");
    swap(&mut client).expect("a swap");
    assert_eq!(count(&mut client, "v"), 1);
    assert_eq!(sqlstate(client.batch_execute("DELETE FROM t")).code(), "42501");
    admin.batch_execute("ALTER VIEW v OWNER TO swap_viewer").expect("ALTER VIEW");
    let error = swap(&mut client).expect_err("the view is another's");
    let detail = error.as_db_error().and_then(|error| error.detail()).expect("a DETAIL").to_owned();
    assert!(detail.contains("view public.v has another owner"), "{detail}");
}

#[test]
fn a_swap_waits_for_readers_and_nobody_waits_for_long() {
    let (database, mut client) =
        tables("swap_waits", "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS TABLE t");
    client.batch_execute("INSERT INTO t_next VALUES (1); SET lock_timeout = '77s'").expect("a row");
    let call = "SELECT attempt FROM swap_table('t', 't_next', lock_timeout => '20 ms', attempts => $1)";
    let call = client.prepare(call).expect("a statement");
    let mut holder = database.connect();
    let mut reader = database.connect();
    for read in ["SELECT FROM t", "SELECT FROM v"] {
        holder.batch_execute(&format!("BEGIN; {read}")).expect("a reader");
        // Nothing is changed, and nothing stays locked.
        assert_eq!(sqlstate(client.query(&call, &[&2])).code(), "55P03");
        assert_eq!(count(&mut client, "t"), 0);
        let timeout: String = client.query_one("SHOW lock_timeout", &[]).expect("the setting").get(0);
        assert_eq!(timeout, "77s");

        // While it is tried again and again, others read; when the table is free, it is swapped.
        thread::scope(|scope| {
            let (client, call) = (&mut client, &call);
            let swapped =
                scope.spawn(move || client.query_one(call, &[&100_000]).map(|row| row.get::<_, i32>(0)));
            wait_for("the swap to wait", || {
                figure(
                    &mut holder,
                    "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted",
                ) > 0
            });
            for _ in 0..5 {
                reader.batch_execute("SELECT FROM t; SELECT FROM v").expect("a read");
            }
            holder.batch_execute("COMMIT").expect("COMMIT");
            assert!(swapped.join().expect("a session").expect("a swap") >= 1);
        });
        assert_eq!(count(&mut reader, "v"), 1);
        swap(&mut client).expect("back again");
    }
    // With the transaction that it is a part of, a swap is taken back.
    client.batch_execute("BEGIN").expect("BEGIN");
    swap(&mut client).expect("a swap");
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
    assert_eq!(count(&mut reader, "v"), 0);
}

/// A session that has read a view, and waits for a table that was truncated, would be waited for by the swap.
#[test]
fn a_table_is_not_swapped_while_its_readers_wait() {
    let (_database, mut client) =
        tables("swap_truncated", "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS TABLE t");
    let mut after = |before: &str, tables: &str| {
        client.batch_execute(&format!("BEGIN; {before}")).expect(before);
        let swapped = client.batch_execute(&format!("SELECT swap_table({tables})"));
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
        swapped.map_err(|error| message(Err::<(), _>(error)))
    };
    let refused = "55000: cannot swap table \"public.t\" after this transaction has locked table \"public.t_next\" against readers";
    for before in
        ["TRUNCATE t_next", "SAVEPOINT s; LOCK TABLE t_next", "ALTER TABLE t_next ADD CHECK (id > 0)"]
    {
        assert_eq!(after(before, "'t', 't_next'"), Err(refused.to_owned()), "{before}");
    }
    for (before, tables) in [
        ("DELETE FROM t_next; INSERT INTO t_next VALUES (1)", "'t', 't_next'"),
        ("LOCK TABLE t; TRUNCATE t_next", "'t', 't_next'"),
        ("CREATE TABLE u (LIKE t INCLUDING ALL); INSERT INTO u VALUES (1)", "'t', 'u'"),
        ("SAVEPOINT s; CREATE TABLE u (LIKE t INCLUDING ALL); TRUNCATE u", "'t', 'u'"),
        ("SELECT swap_table('t', 't_next')", "'t', 't_next'"),
    ] {
        assert_eq!(after(before, tables), Ok(()), "{before}");
    }
}

#[test]
fn sessions_that_swap_the_same_tables_take_turns() {
    let (database, mut client) =
        tables("swap_turns", "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS TABLE t");
    thread::scope(|scope| {
        for arguments in ["'t', 't_next'", "'t_next', 't'", "'t', 't_next'"] {
            let mut client = database.connect();
            scope.spawn(move || {
                for _ in 0..10 {
                    let call = format!("SELECT swap_table({arguments}, lock_timeout => '10 s')");
                    client.batch_execute(&call).expect("a swap");
                }
            });
        }
    });
    client.batch_execute("INSERT INTO t VALUES (1)").expect("a row");
    assert_eq!(count(&mut client, "v"), 1);
}

/// Whatever tables and what they have are called, and whatever is found along the search_path.
#[test]
fn names_are_quoted_and_looked_up_in_their_schema() {
    let database = Cluster::shared().database("swap_names");
    let mut client = database.connect();
    crate::search_path::plant(&mut client, "evil");
    let schema = "\"s\"\"; DROP TABLE x; --\"";
    client
        .batch_execute(&format!(
            "CREATE SCHEMA {schema}; SET search_path = {schema};
             CREATE FUNCTION \"f; \"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TABLE \"t %I $1\" (\"i\"\" d\" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"'q'\" serial, x text CONSTRAINT \"c; \" CHECK (x <> ''));
             CREATE INDEX \"USING ; ON\" ON \"t %I $1\" (x);
             CREATE STATISTICS \"st; \" ON x, \"'q'\" FROM \"t %I $1\";
             CREATE TABLE \"next;\" (LIKE \"t %I $1\" INCLUDING ALL);
             INSERT INTO \"next;\" (x) VALUES ('new');
             CREATE VIEW \"v; \"\"%\" AS SELECT x AS \"; \" FROM \"t %I $1\";
             CREATE POLICY \"p; \" ON \"t %I $1\" USING (x = 'a''b');
             CREATE TRIGGER \"tr; \" BEFORE INSERT ON \"t %I $1\" FOR EACH ROW EXECUTE FUNCTION \"f; \"();
             COMMENT ON COLUMN \"t %I $1\".x IS '''; %s';
             SET search_path = evil, pg_catalog"
        ))
        .expect("tables");
    for _ in 0..2 {
        let before = dump(&database);
        client
            .execute(
                "SELECT public.swap_table($1::pg_catalog.text::pg_catalog.regclass, $2::pg_catalog.text::pg_catalog.regclass)",
                &[&format!("{schema}.\"t %I $1\""), &format!("{schema}.\"next;\"")],
            )
            .expect("a swap");
        assert_eq!(before, dump(&database));
    }
}
