//! Tables that Citus keeps elsewhere. There is no Citus here: what loader asks is its
//! catalogs, so a table of that name in pg_catalog stands for it, and the local table for
//! the shell that Citus leaves.

use crate::helpers::{
    Barrier, Numbers, backend, count, counts, figure, files, lines, session, table, traced,
};
use loader_client_tests::{Cluster, load, load_many, load_with, message, sqlstate};
use postgres::Client;
use std::fmt::Write;
use std::thread;

/// Says that Citus keeps the rows of `table`, and that this is the node of this number.
fn distribute(client: &mut Client, table: &str, node: i32) {
    client
        .batch_execute(&format!(
            "SET allow_system_table_mods = on;
             CREATE TABLE IF NOT EXISTS pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod \"char\");
             CREATE TABLE IF NOT EXISTS pg_catalog.pg_dist_local_group (groupid int PRIMARY KEY);
             INSERT INTO pg_catalog.pg_dist_partition VALUES (NULL, 'h'), ('{table}', 'h');
             DELETE FROM pg_catalog.pg_dist_local_group;
             INSERT INTO pg_catalog.pg_dist_local_group VALUES ({node});
             RESET allow_system_table_mods"
        ))
        .expect("catalogs of Citus");
}

/// Rows of a transaction that is in doubt are not seen, and a shell never has any.
#[test]
fn a_distributed_table_that_looks_empty_may_not_be() {
    let (database, mut client) = session("distributed_empty");
    let pattern = files(&database, "distributed_empty", &[("a", lines(3)), ("b", lines(4))]);
    let file = pattern.replace('*', "a");
    load_many(&mut client, &pattern, "t", "").expect("a call");
    client.batch_execute("DELETE FROM t").expect("none left");
    distribute(&mut client, "t", 0);
    for _ in 0..2 {
        let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
        assert_eq!(counts(&summary), [2, 0, 2, 0, 0, 0]);
    }
    assert_eq!(load(&mut client, &file, "t").expect("a call").status, "skipped");
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'undone'"), 0);
    // A table that it does not keep, beside it.
    table(&mut client, "near");
    for _ in 0..2 {
        load_many(&mut client, &pattern, "near", "").expect("a call");
        client.batch_execute("DELETE FROM near").expect("none left");
        assert_eq!(load(&mut client, &file, "near").expect("a call").status, "loaded");
        client.batch_execute("DELETE FROM near").expect("none left");
    }
}

/// Whatever the table of that name is like.
#[test]
fn catalogs_that_are_not_those_of_citus() {
    let (database, mut client) = session("distributed_other");
    let pattern = files(&database, "distributed_other", &[("a", lines(3))]);
    for catalog in [
        "VIEW pg_catalog.pg_dist_partition AS SELECT 't'::regclass AS logicalrelid",
        "TABLE pg_catalog.pg_dist_partition (logicalrelid text)",
        "TABLE pg_catalog.pg_dist_partition (other regclass)",
        "TABLE pg_catalog.pg_dist_partition ()",
        "TABLE public.pg_dist_partition AS SELECT 't'::regclass AS logicalrelid",
    ] {
        let kind = catalog.split(' ').next().expect("a word");
        client
            .batch_execute(&format!("SET allow_system_table_mods = on; CREATE {catalog}"))
            .expect("a catalog");
        let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
        assert_eq!((summary.loaded, count(&mut client, "t")), (1, 3), "{catalog}");
        client.batch_execute(&format!("TRUNCATE t; DROP {kind} pg_dist_partition")).expect("afresh");
    }
}

#[test]
fn history_is_on_the_coordinator() {
    let (database, mut client) = session("distributed_node");
    table(&mut client, "near");
    let pattern = files(&database, "distributed_node", &[("a", lines(3))]);
    let file = pattern.replace('*', "a");
    distribute(&mut client, "t", 7);
    let refused = "0A000: cannot load into distributed table \"t\" from a worker node";
    assert_eq!(message(load_many(&mut client, &pattern, "t", "")), refused);
    assert_eq!(message(load(&mut client, &file, "t")), refused);
    load(&mut client, &file, "near").expect("a local table of that node");
    distribute(&mut client, "t", 0);
    load(&mut client, &file, "t").expect("a load on the coordinator");
}

#[test]
fn what_is_replaced_goes_in_a_transaction_of_its_own() {
    let database = Cluster::shared().database("distributed_replace");
    let mut client = database.connect();
    traced(&mut client, "t");
    client
        .batch_execute(
            "ALTER TABLE t ADD xact xid8 DEFAULT pg_current_xact_id();
             CREATE TABLE seen (xact xid8);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO seen VALUES (pg_current_xact_id()); RETURN NULL; END $$;
             CREATE TRIGGER note AFTER DELETE ON t EXECUTE FUNCTION note()",
        )
        .expect("a trigger");
    let pattern = files(&database, "distributed_replace", &[("a", lines(3)), ("b", lines(4))]);
    let file = pattern.replace('*', "b");
    load_many(&mut client, &pattern, "t", "").expect("a call");
    distribute(&mut client, "t", 0);
    for workers in [0, 1] {
        database
            .file("distributed_replace/a", lines(5 + workers).replace("record", &format!("other {workers}")));
        database
            .file("distributed_replace/b", lines(8 + workers).replace("record", &format!("one {workers}")));
        let error = load_with(&mut client, &file, "t", "if_loaded => 'replace'");
        assert_eq!(
            message(error),
            "0A000: cannot replace loads of distributed table \"t\" in one transaction"
        );
        let options = format!("if_loaded => 'replace', workers => {workers}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        let rows = 13 + 2 * workers as i64;
        assert_eq!((summary.loaded, summary.rows, count(&mut client, "t")), (2, rows, rows));
    }
    assert_eq!(count(&mut client, "seen"), 4);
    assert_eq!(count(&mut client, "(SELECT DISTINCT xact FROM seen) AS s"), 4);
    assert_eq!(count(&mut client, "t JOIN seen ON seen.xact = t.xact"), 0);
}

/// What a shard raises comes as an internal error, say, and passes; of a table of this
/// server it would not.
#[test]
fn trouble_between_servers_is_tried_again() {
    for (n, code) in ["XX000", "08006", "57P01", "40P01"].into_iter().enumerate() {
        let (database, mut client) = session(&format!("distributed_trouble_{n}"));
        client
            .batch_execute(&format!(
                "CREATE SEQUENCE tries; CREATE TABLE pass (after int); INSERT INTO pass VALUES (3);
                 CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     IF nextval('tries') <= (SELECT after FROM pass) THEN RAISE 'trouble' USING ERRCODE = '{code}'; END IF;
                     RETURN NULL;
                 END $$;
                 CREATE TRIGGER trouble AFTER INSERT ON t EXECUTE FUNCTION trouble()"
            ))
            .expect("a trigger");
        let pattern = files(&database, "trouble", &[("a", lines(3))]);
        let passes = code.starts_with("40");
        let summary = load_many(&mut client, &pattern, "t", "").expect("a call");
        assert_eq!(summary.loaded, i64::from(passes), "{code}");
        client.batch_execute("TRUNCATE t; SELECT setval('tries', 1, false)").expect("afresh");
        distribute(&mut client, "t", 0);
        let options = "if_loaded => 'force'";
        assert_eq!(load_many(&mut client, &pattern, "t", options).expect("a call").loaded, 1, "{code}");
        assert_eq!(count(&mut client, "t"), 3, "{code}");
        // Not for ever.
        client.batch_execute("UPDATE pass SET after = 1000").expect("more of it");
        assert_eq!(load_many(&mut client, &pattern, "t", options).expect("a call").failed, 1, "{code}");
        assert!(figure(&mut client, "SELECT last_value FROM tries") < 20, "{code}");
    }
}

/// Each INSERT is a statement on other servers too: what goes there goes in larger chunks.
#[test]
fn chunks_for_other_servers_are_larger() {
    let (database, mut client) = session("distributed_chunks");
    client
        .batch_execute(
            "CREATE SEQUENCE statements;
             CREATE FUNCTION statement() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM nextval('statements'); RETURN NULL; END $$;
             CREATE TRIGGER statement AFTER INSERT ON t EXECUTE FUNCTION statement()",
        )
        .expect("a trigger");
    // Nothing that gets shorter when it is compressed.
    let mut numbers = Numbers(1);
    let mut text = String::new();
    for _ in 0..2200 {
        let noise: String = (0..200).map(|_| format!("{:016x}", numbers.below(u64::MAX))).collect();
        writeln!(text, "{{\"text\": \"{noise}\"}}").expect("a string");
    }
    let file = database.file("chunks", text);
    let statements = |client: &mut Client| {
        client.batch_execute("SELECT setval('statements', 1, false)").expect("from 1 on");
        load_with(client, &file, "t", "if_loaded => 'force'").expect("a load");
        figure(client, "SELECT last_value FROM statements")
    };
    assert_eq!(statements(&mut client), 2);
    distribute(&mut client, "t", 0);
    assert_eq!(statements(&mut client), 1);
}

/// Each partition is looked at, but not locked, nor does the session remember it.
#[test]
fn thousands_of_partitions_are_not_locked() {
    const PARTITIONS: usize = 1_500;
    let database = Cluster::shared().database("distributed_partitions");
    let mut client = database.connect();
    client
        .batch_execute("CREATE TABLE t (data jsonb NOT NULL, part int DEFAULT 7) PARTITION BY RANGE (part)")
        .expect("a table");
    // Of two levels: to make them takes as long as there are others beside each.
    for from in (0..PARTITIONS).step_by(60) {
        client
            .batch_execute(&format!(
                "DO $$ BEGIN
                     EXECUTE 'CREATE TABLE s{from} PARTITION OF t FOR VALUES FROM ({from}) TO ({from} + 60) PARTITION BY LIST (part)';
                     FOR i IN {from}..{from} + 59 LOOP
                         EXECUTE format('CREATE TABLE t%s PARTITION OF s{from} FOR VALUES IN (%s)', i, i);
                     END LOOP;
                 END $$"
            ))
            .expect("partitions");
    }
    let mut client = database.connect();
    let pattern = files(&database, "partitions", &[("a", lines(3))]);
    let file = pattern.replace('*', "a");
    load(&mut client, &file, "t").expect("a load");
    // No row is left, but its page is.
    client.batch_execute("DELETE FROM t7").expect("none left");
    let cache =
        "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts WHERE name = 'CacheMemoryContext'";
    let before = figure(&mut client, cache);
    let mut barrier = Barrier::close(&database, "t");
    let mut watcher = database.connect();
    let pid = backend(&mut client);
    let locks = thread::scope(|scope| {
        let call = scope.spawn(|| load(&mut client, &file, "t"));
        barrier.wait_for_waiters(1);
        let locks = count(&mut watcher, &format!("pg_locks WHERE pid = {pid}"));
        barrier.open();
        assert_eq!(call.join().expect("a session").expect("a load").status, "loaded");
        locks
    });
    assert!(locks < 50, "{locks} locks");
    let grown = figure(&mut client, cache) - before;
    assert!(grown < 4 * 1024 * 1024, "{grown} bytes");
    // One row is enough not to be empty, in the last partition too.
    let last = PARTITIONS - 1;
    client.batch_execute(&format!("TRUNCATE t7; INSERT INTO t VALUES ('1', {last})")).expect("a row");
    assert_eq!(load(&mut client, &file, "t").expect("a call").status, "skipped");
    client.batch_execute(&format!("TRUNCATE t{last}")).expect("none left");
    assert_eq!(load_many(&mut client, &pattern, "t", "").expect("a call").loaded, 1);
}

/// A table that inherits belongs to somebody else, who may have put anything into it.
#[test]
fn inheriting_tables() {
    let (database, mut client) = session("distributed_inherit");
    let file = database.file("inherit", lines(3));
    client.batch_execute("CREATE TABLE child () INHERITS (t)").expect("a table");
    load(&mut client, &file, "t").expect("a load");
    client.batch_execute("DELETE FROM t; INSERT INTO child VALUES ('1')").expect("a row");
    assert_eq!(load(&mut client, &file, "t").expect("a call").status, "skipped");
    client.batch_execute("DELETE FROM child").expect("none left");
    assert_eq!(load(&mut client, &file, "t").expect("a call").status, "loaded");
    client
        .batch_execute(
            "DELETE FROM t; CREATE ROLE distributed_other; ALTER TABLE child OWNER TO distributed_other",
        )
        .expect("another owner");
    assert_eq!(load(&mut client, &file, "t").expect("a call").status, "skipped");
    client.batch_execute("DROP OWNED BY distributed_other; DROP ROLE distributed_other").expect("gone");
    assert_eq!(load(&mut client, &file, "t").expect("a call").status, "loaded");
    assert_eq!(sqlstate(load(&mut client, "/nowhere", "t")).code(), "58P01");
}

/// It is made as a client would: without a line of another statement in its errors, and in
/// the transaction of the caller.
#[test]
fn a_seeded_table_is_created_as_by_a_client() {
    let (database, mut client) = session("distributed_seed");
    client
        .batch_execute(
            "CREATE TABLE noted (tag text, level int);
             CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO noted SELECT command_tag FROM pg_event_trigger_ddl_commands(); END $$;
             CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()",
        )
        .expect("an event trigger");
    table(&mut client, "u");
    assert_eq!(count(&mut client, "noted WHERE tag = 'CREATE TABLE'"), 1);
    let error = client.execute("SELECT seed_json_table('u')", &[]).expect_err("there is one");
    let error = error.as_db_error().expect("an error of the server");
    assert_eq!((error.code().code(), error.where_(), error.position()), ("42P07", None, None));
    client.batch_execute("BEGIN; SELECT seed_json_table('v'); ROLLBACK").expect("a transaction");
    assert_eq!(count(&mut client, "pg_class WHERE relname = 'v'"), 0);
    client
        .batch_execute("DO $$ BEGIN PERFORM seed_json_table('v', unlogged => true, lineage => true); END $$")
        .expect("a DO block");
    assert_eq!(load(&mut client, &database.file("v", lines(2)), "v").expect("a load").rows_loaded, 2);
}
