//! `merge_sql`: what its statement does is total, can be repeated, and does not depend on the order of batches.

use crate::helpers::{Numbers, figure, session};
use loader_client_tests::{Cluster, Database, sqlstate};
use postgres::Client;
use postgres::error::SqlState;
use std::collections::BTreeMap;
use std::thread;

/// The statement that merges `source` into `target`.
fn merge_sql(client: &mut Client, arguments: &str) -> Result<String, postgres::Error> {
    client.query_one(&format!("SELECT merge_sql({arguments})"), &[]).map(|row| row.get(0))
}

fn statement(client: &mut Client, arguments: &str) -> String {
    merge_sql(client, arguments).unwrap_or_else(|error| panic!("merge_sql({arguments}): {error:?}"))
}

/// A row of the source or the target, without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    version: Option<i32>,
    load_id: Option<i64>,
    byte_offset: Option<i64>,
    value: i32,
}

type Key = (i32, String);

/// What the target should hold: of each key the row that is newest. `None` is below all else.
fn newest(rows: &[(Key, Row)], versioned: bool) -> BTreeMap<Key, Row> {
    let mut newest: BTreeMap<Key, Row> = BTreeMap::new();
    let age = |row: &Row| (row.version.filter(|_| versioned), row.load_id, row.byte_offset);
    for (key, row) in rows {
        newest
            .entry(key.clone())
            .and_modify(|held| {
                if age(held) < age(row) {
                    *held = *row;
                }
            })
            .or_insert(*row);
    }
    newest
}

/// A table `name` for such rows, and `rows` in it.
fn fill(client: &mut Client, name: &str, key: &str, rows: &[(Key, Row)]) {
    client
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS {name} CASCADE;
             CREATE TABLE {name} (a int, b text, version int, value int, _load_id bigint, _byte_offset bigint {key})"
        ))
        .expect("a table");
    let insert = format!("INSERT INTO {name} VALUES ($1, $2, $3, $4, $5, $6)");
    let insert = client.prepare(&insert).expect("a statement");
    for ((a, b), row) in rows {
        let Row { version, load_id, byte_offset, value } = row;
        client.execute(&insert, &[a, b, version, value, load_id, byte_offset]).expect("a row");
    }
}

fn rows_of(client: &mut Client, table: &str) -> BTreeMap<Key, Row> {
    let rows = client.query(&format!("TABLE {table}"), &[]).expect("rows");
    let read = |row: &postgres::Row| {
        let found = Row {
            version: row.get("version"),
            load_id: row.get("_load_id"),
            byte_offset: row.get("_byte_offset"),
            value: row.get("value"),
        };
        ((row.get("a"), row.get("b")), found)
    };
    let found: BTreeMap<_, _> = rows.iter().map(read).collect();
    assert_eq!(found.len(), rows.len());
    found
}

/// Loads 1 to `LOADS` in some order, in batches of any size, and some of them again.
fn batches(numbers: &mut Numbers) -> Vec<Vec<i64>> {
    let mut order: Vec<i64> = (1..=LOADS).collect();
    for end in (1..order.len()).rev() {
        order.swap(end, numbers.below(end as u64 + 1) as usize);
    }
    let mut batches: Vec<Vec<i64>> = Vec::new();
    while !order.is_empty() {
        let size = 1 + numbers.below(order.len() as u64) as usize;
        batches.push(order.drain(..size).collect());
    }
    for _ in 0..2 {
        let again = batches[numbers.below(batches.len() as u64) as usize].clone();
        batches.insert(numbers.below(batches.len() as u64 + 1) as usize, again);
    }
    batches
}

const LOADS: i64 = 5;

#[test]
fn any_order_of_batches_leads_to_what_a_recomputation_has() {
    let (_database, mut client) = session("merge_orders");
    for seed in 0..20 {
        let mut numbers = Numbers(seed);
        let versioned = seed % 2 == 0;
        let row = |numbers: &mut Numbers, load_id: Option<i64>, byte_offset: Option<i64>| {
            let key = (numbers.below(3) as i32, format!("k{}", numbers.below(3)));
            let version = numbers.below(4) as i32;
            let version = (version > 0).then_some(version);
            (key, Row { version, load_id, byte_offset, value: numbers.below(1_000_000) as i32 })
        };
        let mut source = Vec::new();
        for load_id in 1..=LOADS {
            for byte_offset in 0..numbers.below(20) as i64 {
                source.push(row(&mut numbers, Some(load_id), Some(byte_offset * 7)));
            }
        }
        // What was there before, by other ways than a load.
        let before: Vec<_> = (0..numbers.below(4)).map(|_| row(&mut numbers, None, None)).collect();
        let before: Vec<_> = newest(&before, versioned).into_iter().collect();

        fill(&mut client, "source", "", &source);
        // Rows without a key stay there; those of other loads are none of its business.
        client
            .batch_execute("INSERT INTO source VALUES (NULL, 'k0', 9, 1, 1, 1), (1, NULL, 9, 1, 1, 2), (1, 'k1', 99, 1, 99, 3)")
            .expect("rows");
        let expected = newest(&[source, before.clone()].concat(), versioned);
        for attempt in 0..3 {
            fill(&mut client, "target", ", PRIMARY KEY (b, a)", &before);
            let version = if versioned { "'version'" } else { "NULL" };
            let merge = statement(&mut client, &format!("'source', 'target', version_column => {version}"));
            let merge = client.prepare(&merge).expect("a statement");
            for batch in batches(&mut numbers) {
                client.execute(&merge, &[&batch]).expect("a merge");
            }
            assert_eq!(rows_of(&mut client, "target"), expected, "seed {seed}, attempt {attempt}");
            let all: Vec<i64> = (1..=LOADS).collect();
            assert_eq!(client.execute(&merge, &[&all]).expect("a merge"), 0, "seed {seed}");
        }
    }
}

#[test]
fn sessions_that_merge_the_same_loads_do_not_deadlock() {
    let (database, mut client) = session("merge_sessions");
    client
        .batch_execute(
            "CREATE TABLE source (id int, value int, _load_id bigint, _byte_offset bigint);
             INSERT INTO source SELECT hashint4(n) % 100, n, n % 10, n FROM generate_series(1, 5000) AS n;
             CREATE TABLE target (LIKE source, PRIMARY KEY (id))",
        )
        .expect("tables");
    let merge = statement(&mut client, "'source', 'target'");
    thread::scope(|scope| {
        let merge_all = |seed| {
            let (mut client, merge) = (database.connect(), merge.clone());
            scope.spawn(move || {
                let mut numbers = Numbers(seed);
                for _ in 0..40 {
                    let loads: Vec<i64> = (0..3).map(|_| numbers.below(10) as i64).collect();
                    client.execute(&merge, &[&loads]).expect("a merge");
                }
                let all: Vec<i64> = (0..10).collect();
                client.execute(&merge, &[&all]).expect("a merge");
            });
        };
        (0..3).for_each(merge_all);
    });
    let wrong = figure(
        &mut client,
        "SELECT count(*) FROM target FULL JOIN
             (SELECT DISTINCT ON (id) * FROM source ORDER BY id, _load_id DESC, _byte_offset DESC) AS s USING (id)
         WHERE target.value IS DISTINCT FROM s.value",
    );
    assert_eq!(wrong, 0);
}

/// A day's files, one after the other and late ones too; a deleted user stays deleted.
#[test]
fn files_that_were_loaded_are_merged() {
    let (database, mut client) = session("merge_files");
    client
        .batch_execute(
            "CREATE TABLE delta (id bigint, name text, deleted boolean, seen timestamptz, _load_id bigint, _byte_offset bigint);
             CREATE TABLE master (LIKE delta, PRIMARY KEY (id));
             CREATE VIEW users AS SELECT id, name FROM master WHERE deleted IS NOT TRUE",
        )
        .expect("tables");
    let merge = statement(&mut client, "'delta', 'master', version_column => 'seen'");
    let days = [
        (
            "day-2",
            "{\"id\": 1, \"name\": \"Ada L.\", \"seen\": \"2026-01-02\"}\n{\"id\": 2, \"deleted\": true, \"seen\": \"2026-01-02\"}\n",
        ),
        (
            "day-1",
            "{\"id\": 1, \"name\": \"Ada\", \"seen\": \"2026-01-01\"}\n{\"id\": 2, \"name\": \"Bob\", \"seen\": \"2026-01-01\"}\n",
        ),
        (
            "day-3",
            "{\"id\": 3, \"name\": \"Cy\", \"seen\": \"2026-01-03\"}\n{\"id\": 3, \"name\": \"Cyd\", \"seen\": \"2026-01-03\"}\n",
        ),
    ];
    for (name, text) in days {
        let path = database.file(&format!("{name}.json"), text);
        client.batch_execute(&format!("CALL load_json_files('{path}', 'delta')")).expect("a load");
        let loads: Vec<i64> =
            client.query_one("SELECT load_ids FROM loader.last_call", &[]).expect("the call").get(0);
        for _ in 0..2 {
            client.execute(&merge, &[&loads]).expect("a merge");
        }
    }
    let users: String = client
        .query_one("SELECT string_agg(id || ' ' || name, ', ' ORDER BY id) FROM users", &[])
        .expect("users")
        .get(0);
    assert_eq!(users, "1 Ada L., 3 Cyd");
    assert_eq!(figure(&mut client, "SELECT count(*) FROM master WHERE deleted"), 1);
}

#[test]
fn what_the_target_computes_is_left_to_it() {
    let (_database, mut client) = session("merge_computed");
    client
        .batch_execute(
            "CREATE TABLE source (id bigint, no bigint, name text, shout text, gone int, _load_id bigint, _byte_offset bigint, more int);
             ALTER TABLE source DROP COLUMN gone;
             INSERT INTO source VALUES (7, 70, 'a', 'x', 1, 1), (7, 71, 'b', 'y', 1, 2), (8, 80, 'c', 'z', 1, 3);
             CREATE TABLE target (
                 at timestamptz DEFAULT now(),
                 no bigint GENERATED ALWAYS AS IDENTITY,
                 shout text GENERATED ALWAYS AS (upper(name)) STORED,
                 name text,
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 _load_id bigint, _byte_offset bigint)",
        )
        .expect("tables");
    let merge = statement(&mut client, "'source', 'target'");
    assert!(merge.contains("\n-- Not taken: no, shout, more\n"), "{merge}");
    assert!(merge.contains("\n-- Left alone: at, no, shout\n"), "{merge}");
    assert!(merge.contains("OVERRIDING SYSTEM VALUE"), "{merge}");
    assert_eq!(client.execute(&merge, &[&vec![1i64]]).expect("a merge"), 2);
    let rows: String = client
        .query_one("SELECT string_agg(concat_ws(' ', id, no, shout), ', ' ORDER BY id) FROM target WHERE at IS NOT NULL", &[])
        .expect("rows")
        .get(0);
    assert_eq!(rows, "7 1 B, 8 2 C");
}

#[test]
fn a_merge_that_would_not_be_exact_is_refused() {
    let (_database, mut client) = session("merge_refused");
    client
        .batch_execute(
            "CREATE TABLE source (id bigint, code varchar(5), name text, sum numeric, doc json, _load_id bigint, _byte_offset bigint);
             CREATE TABLE target (id bigint PRIMARY KEY, code varchar(3) UNIQUE, name text, sum numeric(5,1),
                 doc json, twice numeric GENERATED ALWAYS AS (sum * 2) STORED UNIQUE, own int UNIQUE,
                 _load_id bigint, _byte_offset bigint);
             CREATE UNIQUE INDEX ON target (name) WHERE id > 0;
             CREATE UNIQUE INDEX ON target (lower(name));
             CREATE TABLE no_lineage (id bigint PRIMARY KEY, name text);
             CREATE TABLE text_lineage (id bigint PRIMARY KEY, _load_id text, _byte_offset bigint);
             CREATE TABLE no_key (id bigint, name text, _load_id bigint, _byte_offset bigint);
             CREATE TABLE late_key (id bigint UNIQUE DEFERRABLE, _load_id bigint, _byte_offset bigint);
             CREATE TABLE other (number int PRIMARY KEY, _load_id bigint, _byte_offset bigint);
             CREATE TABLE numbered (id bigint PRIMARY KEY, sum int[], _load_id bigint, _byte_offset bigint);
             CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY, sum numeric PRIMARY KEY, _load_id bigint, _byte_offset bigint);
             CREATE VIEW view AS SELECT id, name, _load_id, _byte_offset FROM source;
             CREATE VIEW poor_view AS SELECT id FROM source;
             CREATE SEQUENCE sequence",
        )
        .expect("tables");
    let cases = [
        ("NULL, 'target'", "22004", "argument \"source\" must not be null"),
        ("'source', 'source'", "22023", "itself"),
        ("1, 'target'", "42P01", "relation with OID 1 does not exist"),
        ("'sequence', 'target'", "42809", "cannot merge from relation \"public.sequence\""),
        ("'source', 'view'", "42809", "cannot merge into relation \"public.view\""),
        ("'source', 'no_lineage'", "42703", "relation \"public.no_lineage\" has no column \"_load_id\""),
        ("'source', 'text_lineage'", "42703", "relation \"public.text_lineage\" has no column \"_load_id\""),
        ("'no_lineage', 'target'", "42703", "relation \"public.no_lineage\" has no column \"_load_id\""),
        ("'poor_view', 'target'", "42703", "relation \"public.poor_view\" has no column \"_load_id\""),
        ("'source', 'other'", "42703", "no column in common"),
        ("'source', 'no_key'", "42P10", "table \"public.no_key\" has no primary key"),
        ("'source', 'target', '{}'", "22023", "argument \"key\""),
        ("'source', 'target', '{id,id}'", "22023", "argument \"key\""),
        ("'source', 'target', '{nothing}'", "42703", "column \"nothing\" of relation \"public.target\""),
        ("'source', 'target', '{own}'", "42703", "column \"own\" of relation \"public.source\""),
        ("'source', 'target', '{name}'", "42P10", "no unique index"),
        ("'source', 'target', '{id,name}'", "42P10", "no unique index"),
        ("'source', 'late_key', '{id}'", "42P10", "no unique index"),
        ("'source', 'target', '{code}'", "42804", "column \"code\" is not of the same type"),
        ("'source', 'target', NULL, 'sum'", "42804", "column \"sum\" is not of the same type"),
        ("'source', 'target', NULL, 'own'", "42703", "column \"own\" of relation \"public.source\""),
        ("'source', 'target', NULL, 'doc'", "42883", "ordering operator"),
        (
            "'source', 'counted', NULL, 'id'",
            "428C9",
            "column \"id\" of relation \"public.counted\" is an identity column",
        ),
        ("'source', 'numbered'", "42804", "column \"sum\" is of type integer[]"),
    ];
    for (arguments, code, message) in cases {
        let error = merge_sql(&mut client, arguments).expect_err(arguments);
        let error = error.as_db_error().unwrap_or_else(|| panic!("{arguments}: {error:?}"));
        assert_eq!(error.code(), &SqlState::from_code(code), "{arguments}: {error:?}");
        assert!(error.message().contains(message), "{arguments}: {error:?}");
        let is_plain =
            ["22004", "22023", "42P01", "42809"].contains(&code) || message.contains("\"nothing\"");
        assert!(is_plain || error.hint().is_some(), "{arguments}: {error:?}");
    }
    client.batch_execute("ALTER TABLE source ADD COLUMN twice numeric").expect("a column");
    assert_eq!(sqlstate(merge_sql(&mut client, "'source', 'target', '{twice}'")).code(), "428C9");
    // The HINT helps.
    client
        .batch_execute("ALTER TABLE public.counted ALTER COLUMN id SET GENERATED BY DEFAULT")
        .expect("a default");
    let merge = statement(&mut client, "'source', 'counted', NULL, 'id'");
    assert!(merge.contains("id = excluded.id"), "{merge}");
    // Where it can be used, a view serves as a source, and so does a key that may be NULL.
    statement(&mut client, "'view', 'target'");
}

/// Whatever names are, and wherever they are looked up, the statement is about those tables, and nothing else.
#[test]
fn names_are_quoted_and_looked_up_in_their_schema() {
    let database: Database = Cluster::shared().database("merge_names");
    let mut client = database.connect();
    crate::search_path::plant(&mut client, "evil");
    let odd = "\"s\"\"; DROP TABLE x; --\"";
    let column = "\"c\n; DELETE FROM x; $1 \"\"'%\"";
    client
        .batch_execute(&format!(
            "CREATE SCHEMA {odd};
             CREATE TABLE {odd}.\"from\n; x\" ({column} int, \"select\" int, \"k\n; x\" int, _load_id bigint, _byte_offset bigint);
             CREATE TABLE {odd}.\"to\" ({column} int PRIMARY KEY, \"select\" int, _load_id bigint, _byte_offset bigint);
             INSERT INTO {odd}.\"from\n; x\" VALUES (1, 1, 1, 1, 1), (1, 2, 1, 1, 2);
             SET search_path = evil, pg_catalog, public"
        ))
        .expect("tables");
    let call = "SELECT public.merge_sql($1::pg_catalog.text::pg_catalog.regclass, $2::pg_catalog.text::pg_catalog.regclass, version_column => 'select')";
    let merge: String = client
        .query_one(call, &[&format!("{odd}.\"from\n; x\""), &format!("{odd}.\"to\"")])
        .expect("a statement")
        .get(0);
    client.batch_execute("SET search_path = pg_catalog").expect("a path");
    assert_eq!(client.execute(&merge, &[&vec![1i64]]).expect("a merge"), 1);
    assert_eq!(figure(&mut client, &format!("SELECT \"select\"::bigint FROM {odd}.\"to\"")), 2);
}
