//! Records that the table refuses when they are inserted: by a constraint, a trigger, an
//! expression. They are rejects like others, each with its place and its bytes, and take no
//! neighbour with them.

use crate::helpers::{count, counts, figure, files, gzip, session, table, traced};
use loader_client_tests::{Cluster, load, load_many, load_with, sqlstate};
use postgres::Client;
use postgres::error::SqlState;

/// So many records, one a line, no two of one length side by side: `n` counts them from 0.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"n\": {n}, \"pad\": \"{}\"}}", "x".repeat(n % 13))).collect()
}

fn joined(records: &[String]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// What `loader.rejects` has to have of the records at those indexes.
fn rejects_at(records: &[String], indexes: &[usize], kind: &str, code: &str) -> Vec<String> {
    let mut offset = 0;
    let mut wanted = Vec::new();
    for (index, record) in records.iter().enumerate() {
        if indexes.contains(&index) {
            let (number, length) = (index + 1, record.len());
            wanted.push(format!("{number} {offset} {length} {number} {kind} {code} {record} f"));
        }
        offset += length_with_newline(record);
    }
    wanted
}

fn length_with_newline(record: &str) -> usize {
    record.len() + 1
}

fn rejects(client: &mut Client, load_id: i64) -> Vec<String> {
    let query = "SELECT concat_ws(' ', record_no, byte_offset, byte_length, line, error_type, sqlstate,
                                  convert_from(raw, 'UTF8'), left(raw_truncated::text, 1))
                 FROM loader.rejects WHERE load_id = $1 ORDER BY byte_offset";
    client.query(query, &[&load_id]).expect("rejects").iter().map(|row| row.get(0)).collect()
}

/// The numbers that are in the table, in order.
fn numbers(client: &mut Client, table: &str) -> Vec<i64> {
    let query = format!("SELECT (data->>'n')::bigint FROM {table} ORDER BY 1");
    client.query(&query, &[]).expect("numbers").iter().map(|row| row.get(0)).collect()
}

/// Of every load: the ledger balances, and what it says is what is there.
fn assert_books_balance(client: &mut Client, table: &str) {
    let unbalanced = "loader.load_history h
        WHERE stream_bytes <> bytes_loaded + bytes_rejected + bytes_framing
           OR rows_rejected <> (SELECT count(*) FROM loader.rejects r WHERE r.load_id = h.load_id)
           OR bytes_rejected <> (SELECT coalesce(sum(byte_length), 0) FROM loader.rejects r
                                 WHERE r.load_id = h.load_id)";
    assert_eq!(count(client, unbalanced), 0);
    let rows = figure(client, "SELECT coalesce(sum(rows_loaded), 0)::bigint FROM loader.load_history");
    assert_eq!(count(client, table), rows);
}

/// A function that raises for records whose `n` satisfies `condition`.
fn raising(condition: &str) -> String {
    format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF {condition} THEN RAISE EXCEPTION 'not this one'; END IF;
             RETURN NEW;
         END $$;"
    )
}

/// Each way in which a table refuses the records whose `n` is 3 or a multiple of 10 above 20:
/// what makes it so, and as what they are rejected.
fn ways() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let (n, bad) = ("(data->>'n')::int", "n = 3 OR (n > 20 AND n % 10 = 0)");
    let of = |subject: &str| bad.replace('n', &format!("({subject}->>'n')::int"));
    let (of_row, of_new) = (of("data"), of("NEW.data"));
    vec![
        ("check", format!("ALTER TABLE t ADD CHECK (NOT ({of_row}))"), "CONSTRAINT", "23514"),
        (
            "not_null",
            format!(
                "ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (CASE WHEN NOT ({of_row}) THEN 1 END)
                 STORED NOT NULL"
            ),
            "CONSTRAINT",
            "23502",
        ),
        (
            "unique",
            format!("CREATE UNIQUE INDEX ON t ((CASE WHEN {of_row} THEN 1 ELSE {n} END))"),
            "CONSTRAINT",
            "23505",
        ),
        (
            "exclude",
            format!(
                "ALTER TABLE t ADD EXCLUDE USING btree ((CASE WHEN {of_row} THEN 1 ELSE {n} END) WITH =)"
            ),
            "CONSTRAINT",
            "23P01",
        ),
        (
            "foreign_key",
            format!(
                "CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1);
                 ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (CASE WHEN {of_row} THEN 0 ELSE 1 END)
                 STORED REFERENCES other"
            ),
            "CONSTRAINT",
            "23503",
        ),
        (
            "before",
            raising(&of_new)
                + "CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
            "CONSTRAINT",
            "P0001",
        ),
        (
            "after",
            raising(&of_new)
                + "CREATE TRIGGER refuse AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
            "CONSTRAINT",
            "P0001",
        ),
        (
            "statement",
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF EXISTS (SELECT FROM added WHERE BAD) THEN RAISE EXCEPTION 'not this one'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER refuse AFTER INSERT ON t REFERENCING NEW TABLE AS added
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
                .replace("BAD", &of_row),
            "CONSTRAINT",
            "P0001",
        ),
        (
            "division",
            format!("CREATE INDEX ON t ((1 / CASE WHEN {of_row} THEN 0 ELSE 1 END))"),
            "CAST",
            "22012",
        ),
        (
            "cast",
            format!("ALTER TABLE t ADD CHECK ((CASE WHEN {of_row} THEN 'xx' ELSE '1' END)::int > 0)"),
            "CAST",
            "22P02",
        ),
    ]
}

/// The records that [`ways`] are about; for those of a key that is there the first one, 1, is good.
fn refused(count: usize) -> Vec<usize> {
    (0..count).filter(|&n| n == 3 || (n > 20 && n % 10 == 0)).collect()
}

#[test]
fn each_refused_record_is_a_reject_and_nothing_else_is() {
    let (database, mut client) = session("refusals_ways");
    let records = numbered(500);
    let path = database.file("refusals_ways", joined(&records));
    for (way, make, kind, code) in ways() {
        for chunk in [1, 7, 10_000] {
            client
                .batch_execute("DROP TABLE IF EXISTS t, other CASCADE; DROP FUNCTION IF EXISTS refuse")
                .expect("a fresh start");
            client
                .batch_execute("DELETE FROM loader.load_history_data; DELETE FROM loader.rejects_data")
                .expect("a fresh start");
            table(&mut client, "t");
            client.batch_execute(&make).unwrap_or_else(|error| panic!("{way}: {error:?}"));
            let loaded = load_with(&mut client, &path, "t", &format!("chunk => {chunk}"))
                .unwrap_or_else(|error| panic!("{way}, {chunk}: {error:?}"));
            let bad = refused(500);
            let what = format!("{way}, chunk => {chunk}");
            assert_eq!(
                rejects(&mut client, loaded.load_id),
                rejects_at(&records, &bad, kind, code),
                "{what}"
            );
            assert_eq!(
                (loaded.rows_loaded, loaded.rows_rejected),
                (500 - bad.len() as i64, bad.len() as i64)
            );
            let good: Vec<i64> = (0..500).filter(|n| !bad.contains(&(*n as usize))).collect();
            assert_eq!(numbers(&mut client, "t"), good, "{what}");
            assert_books_balance(&mut client, "t");
        }
    }
}

#[test]
fn a_trigger_on_statements_that_always_raises_refuses_all() {
    let (database, mut client) = session("refusals_statement");
    client
        .batch_execute(&format!(
            "{} CREATE TRIGGER refuse AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION refuse()",
            raising("true")
        ))
        .expect("a trigger");
    let records = numbered(100);
    let path = database.file("refusals_statement", joined(&records));
    let loaded = load(&mut client, &path, "t").expect("a load");
    let all: Vec<usize> = (0..100).collect();
    assert_eq!(rejects(&mut client, loaded.load_id), rejects_at(&records, &all, "CONSTRAINT", "P0001"));
    assert_eq!((loaded.rows_loaded, loaded.rows_rejected), (0, 100));
    assert_books_balance(&mut client, "t");
}

#[test]
fn the_message_is_the_servers_own() {
    let (database, mut client) = session("refusals_message");
    client.batch_execute("DROP TABLE t").expect("another table");
    traced(&mut client, "t");
    client
        .batch_execute("ALTER TABLE t ADD CONSTRAINT small CHECK ((data->>'n')::int < 2)")
        .expect("a check");
    let path = database.file("refusals_message", joined(&numbered(3)));
    let loaded = load(&mut client, &path, "t").expect("a load");
    let row = client
        .query_one(
            "SELECT message, column_name, raw_text FROM loader.rejects WHERE load_id = $1",
            &[&loaded.load_id],
        )
        .expect("a reject");
    assert_eq!(row.get::<_, &str>(0), "new row for relation \"t\" violates check constraint \"small\"");
    assert_eq!(row.get::<_, Option<&str>>(1), None);
    assert_eq!(row.get::<_, &str>(2), numbered(3)[2]);
    // Those that are in the table know their places: no range got the offsets of another.
    assert_eq!(count(&mut client, "t WHERE _byte_offset = CASE data->>'n' WHEN '0' THEN 0 ELSE 20 END"), 2);
}

#[test]
fn offsets_and_keys_stay_with_their_rows() {
    let (database, mut client) = session("refusals_lineage");
    client
        .batch_execute(
            "DROP TABLE t; CREATE TABLE t (data jsonb, _load_id bigint, _byte_offset bigint, _key text)",
        )
        .expect("t");
    client.batch_execute("ALTER TABLE t ADD CHECK ((data->>'n')::int % 7 <> 3)").expect("a check");
    let members: Vec<String> = (0..300).map(|n| format!("\"k{n}\": {{\"n\": {n}}}")).collect();
    let text = format!("{{\"all\": {{{}}}}}", members.join(",\n"));
    let path = database.file("refusals_lineage", &text);
    let loaded = load_with(&mut client, &path, "t", "records_path => '$.all.*'").expect("a load");
    assert_eq!(loaded.rows_rejected, 43);
    let rows = "SELECT data->>'n', _byte_offset, _key FROM t
                UNION ALL SELECT raw_text::jsonb->>'n', byte_offset, record_key FROM loader.rejects";
    let rows = client.query(rows, &[]).expect("rows");
    assert_eq!(rows.len(), 300);
    for row in rows {
        let (n, at, key): (String, i64, String) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(key, format!("k{n}"));
        assert!(text[at as usize..].starts_with(&format!("{{\"n\": {n}}}")), "{n} at {at}");
    }
}

#[test]
fn a_key_that_comes_again_is_refused_wherever_it_does() {
    let (database, mut client) = session("refusals_twice");
    client.batch_execute("CREATE UNIQUE INDEX ON t ((data->>'id'))").expect("an index");
    // In the chunk, chunks later, and broken records between.
    let records: Vec<String> = (0..2_000)
        .map(|n| match n {
            5 | 6 | 900 | 1_999 => "{\"id\": 4}".to_string(),
            n if n % 50 == 49 => format!("{{\"id\": {n},}}"),
            n => format!("{{\"id\": {n}}}"),
        })
        .collect();
    let path = database.file("refusals_twice", joined(&records));
    for chunk in [1, 10, 10_000] {
        client.batch_execute("TRUNCATE t").expect("a fresh start");
        let loaded = load_with(&mut client, &path, "t", &format!("chunk => {chunk}")).expect("a load");
        let wanted = rejects_at(&records, &[5, 6, 900, 1_999], "CONSTRAINT", "23505");
        let mut all = rejects(&mut client, loaded.load_id);
        assert_eq!(all.len(), 43);
        all.retain(|reject| reject.contains("CONSTRAINT"));
        assert_eq!(all, wanted, "{chunk}");
        assert_eq!((loaded.rows_loaded, loaded.rows_rejected), (1_957, 43));
    }
}

#[test]
fn the_bytes_of_a_compressed_or_converted_file_are_kept() {
    let (database, mut client) = session("refusals_compressed");
    client.batch_execute("ALTER TABLE t ADD CHECK ((data->>'n')::int % 100 <> 7)").expect("a check");
    let records: Vec<String> = (0..5_000).map(|n| format!("{{\"n\":   {n}, \"é\": \"\\u0041\"}}")).collect();
    let bad: Vec<usize> = (0..5_000).filter(|n| n % 100 == 7).collect();
    let utf16: Vec<u8> = joined(&records).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let paths = [
        database.file("refusals.json", joined(&records)),
        database.file("refusals.gz", gzip(joined(&records).as_bytes())),
        database.file("refusals.utf16", [&[0xFF, 0xFE][..], &utf16].concat()),
    ];
    for threads in [0, 2] {
        client.batch_execute(&format!("SET loader.parse_threads = {threads}")).expect("a setting");
        for path in &paths {
            client.batch_execute("TRUNCATE t").expect("a fresh start");
            let loaded = load_with(&mut client, path, "t", "chunk => 700").expect("a load");
            let found = rejects(&mut client, loaded.load_id);
            assert_eq!(found, rejects_at(&records, &bad, "CONSTRAINT", "23514"), "{path}, {threads}");
        }
    }
    // No more of them than are asked for.
    client.batch_execute("SET loader.reject_raw_limit = '5B'").expect("a setting");
    for path in &paths {
        let loaded = load_with(&mut client, path, "t", "if_loaded => 'force'").expect("a load");
        let cut = format!(
            "loader.rejects WHERE load_id = {} AND raw = '{{\"n\":' AND raw_truncated",
            loaded.load_id
        );
        assert_eq!(count(&mut client, &cut), 50, "{path}");
    }
}

#[test]
fn stop_and_limits_and_ignore() {
    let (database, mut client) = session("refusals_options");
    client
        .batch_execute("ALTER TABLE t ADD CONSTRAINT c CHECK ((data->>'n')::int % 100 <> 7)")
        .expect("a check");
    let path = database.file("refusals_options", joined(&numbered(1_000)));
    let error = load_with(&mut client, &path, "t", "on_error => 'stop'").expect_err("a refused row");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code(), &SqlState::CHECK_VIOLATION);
    assert!(error.where_().is_some_and(|place| place.contains("record 8, line 8, byte")), "{error:?}");

    let error = load_with(&mut client, &path, "t", "reject_limit => 9").expect_err("ten rejects");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code().code(), "22P04");
    assert!(
        error.detail().is_some_and(|detail| detail.contains("violates check constraint \"c\"")),
        "{error:?}"
    );
    assert_eq!(count(&mut client, "t") + count(&mut client, "loader.rejects"), 0);

    let ignored =
        load_with(&mut client, &path, "t", "on_error => 'ignore', reject_limit => 10").expect("a load");
    assert_eq!((ignored.rows_loaded, ignored.rows_rejected), (990, 10));
    assert_eq!(count(&mut client, "loader.rejects"), 0);

    let validated = client
        .query_one("SELECT rows_loaded, rows_rejected FROM load_json_file($1, 't', validate => true, if_loaded => 'force')", &[&path])
        .expect("a validation");
    assert_eq!((validated.get::<_, i64>(0), validated.get::<_, i64>(1)), (990, 10));
    assert_eq!(count(&mut client, "t"), 990);
}

#[test]
fn a_file_none_of_which_can_be_inserted_fails_and_says_so() {
    let (database, mut client) = session("refusals_hopeless");
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF (NEW.data->>'n')::int <> 1000 THEN RAISE EXCEPTION 'contents: %', NEW.data; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    let path = database.file("refusals_hopeless", joined(&numbered(1_500)));
    for chunk in [1, 300, 10_000] {
        let options = format!("chunk => {chunk}");
        let error = load_with(&mut client, &path, "t", &options).expect_err("a thousand refusals");
        let error = error.as_db_error().expect("the server's error");
        assert_eq!(error.code().code(), "22P04");
        assert!(error.message().ends_with("could be inserted"), "{error:?}");
        assert!(
            error.detail().is_some_and(|detail| detail.contains("P0001") && detail.contains("record 1000,"))
        );
        assert!(!format!("{error:?}").contains("contents"), "{error:?}");
        let limited = load_with(&mut client, &path, "t", &format!("{options}, reject_limit => 2000"))
            .expect("a load with a limit");
        assert_eq!((limited.rows_loaded, limited.rows_rejected), (1, 1_499));
        client.batch_execute("TRUNCATE t").expect("a fresh start");
    }
    // The thousandth record is good: that one suffices, wherever the chunk ends, and also if
    // records that are not even JSON follow it in the chunk.
    let mut records = numbered(1_001)[2..].to_vec();
    records.push(numbered(1_001)[1_000].clone());
    records.extend((0..1_200).map(|_| "{\"n\": 1,}".to_string()));
    let path = database.file("refusals_hopeful", joined(&records));
    for chunk in [1, 300, 10_000] {
        client.batch_execute("TRUNCATE t").expect("a fresh start");
        let loaded = load_with(&mut client, &path, "t", &format!("chunk => {chunk}")).expect("a load");
        assert!(loaded.rows_loaded > 0 && loaded.rows_rejected > 2_000, "{loaded:?}");
    }
}

#[test]
fn missing_rights_and_row_level_security_still_fail() {
    let (database, mut client) = session("refusals_rights");
    client
        .batch_execute(
            "DROP ROLE IF EXISTS refusals_loader;
             CREATE ROLE refusals_loader LOGIN IN ROLE pg_read_server_files;
             CREATE TABLE log (n int);
             GRANT INSERT ON t TO refusals_loader;
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO log VALUES (1); RETURN NEW; END $$;
             CREATE TRIGGER note BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .expect("a role");
    let path = database.file("refusals_rights", joined(&numbered(10)));
    let mut loader = database.connect_as("refusals_loader");
    let error = load(&mut loader, &path, "t").expect_err("no right on the log");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code(), &SqlState::INSUFFICIENT_PRIVILEGE);
    assert!(error.where_().is_some_and(|place| place.contains("record 1, line 1, byte 0")), "{error:?}");
    client
        .batch_execute(
            "DROP TRIGGER note ON t; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
             CREATE POLICY below_five ON t FOR INSERT WITH CHECK ((data->>'n')::int < 5)",
        )
        .expect("a policy");
    let error = load(&mut loader, &path, "t").expect_err("a row that the policy forbids");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code(), &SqlState::INSUFFICIENT_PRIVILEGE);
    assert!(error.where_().is_some_and(|place| place.contains("record 6, line 6, byte")), "{error:?}");
    assert_eq!(count(&mut client, "t") + count(&mut client, "loader.rejects"), 0);
    drop(loader);
    client.batch_execute("DROP OWNED BY refusals_loader; DROP ROLE refusals_loader").expect("an end");
}

#[test]
fn a_view_with_a_check_option_refuses_too() {
    let (database, mut client) = session("refusals_view");
    client
        .batch_execute(
            "CREATE VIEW v AS SELECT data FROM t WHERE (data->>'n')::int % 4 <> 2 WITH CHECK OPTION",
        )
        .expect("a view");
    let records = numbered(100);
    let path = database.file("refusals_view", joined(&records));
    let loaded = load(&mut client, &path, "v").expect("a load");
    let bad: Vec<usize> = (0..100).filter(|n| n % 4 == 2).collect();
    assert_eq!(rejects(&mut client, loaded.load_id), rejects_at(&records, &bad, "CONSTRAINT", "44000"));
}

#[test]
fn what_is_deferred_fails_the_file_as_before() {
    let (database, mut client) = session("refusals_deferred");
    client
        .batch_execute(
            "CREATE TABLE other (id int PRIMARY KEY);
             ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS ((data->>'n')::int) STORED
                 REFERENCES other DEFERRABLE INITIALLY DEFERRED",
        )
        .expect("a deferred key");
    let path = database.file("refusals_deferred", joined(&numbered(10)));
    assert_eq!(sqlstate(load(&mut client, &path, "t")), SqlState::FOREIGN_KEY_VIOLATION);
    assert_eq!(count(&mut client, "t") + count(&mut client, "loader.rejects"), 0);
}

#[test]
fn calls_book_refusals_whoever_loads() {
    let (database, mut client) = session("refusals_calls");
    let many: Vec<String> = (0..60_000)
        .map(|n| {
            let id = if n % 1_000 == 999 { n - 500 } else { n };
            format!("{{\"id\": {id}, \"n\": {n}, \"pad\": \"{}\"}}", "y".repeat(300))
        })
        .collect();
    let few = numbered(50);
    let contents = [("many", joined(&many)), ("few", joined(&few))];
    let pattern = files(&database, "refusals_calls", &contents);
    let bad: Vec<usize> = (0..60_000).filter(|n| n % 1_000 == 999).collect();
    let wanted = rejects_at(&many, &bad, "CONSTRAINT", "23505");
    for workers in [0, 2] {
        client.batch_execute("DROP TABLE IF EXISTS t; DELETE FROM loader.load_history_data; DELETE FROM loader.rejects_data").expect("a fresh start");
        table(&mut client, "t");
        client
            .batch_execute(
                "CREATE UNIQUE INDEX ON t ((data->>'id')); ALTER TABLE t ADD CHECK ((data->>'n')::int <> 20 OR data ? 'id')",
            )
            .expect("constraints");
        let summary =
            load_many(&mut client, &pattern, "t", &format!("workers => {workers}")).expect("a call");
        assert_eq!(counts(&summary), [2, 2, 0, 0, 60_000 - 60 + 49, 61], "{workers}");
        let load_id =
            figure(&mut client, "SELECT load_id FROM loader.load_history WHERE file_path LIKE '%many'");
        assert_eq!(rejects(&mut client, load_id), wanted, "{workers}");
        assert_books_balance(&mut client, "t");
    }
}

#[test]
fn a_mended_record_that_is_refused_again_stays_a_reject() {
    let (database, mut client) = session("refusals_retry");
    client.batch_execute("CREATE UNIQUE INDEX ON t ((data->>'n'))").expect("an index");
    let path = database.file("refusals_retry", "{\"n\": 1}\n{\"n\": 1 }\n{\"n\": 2,}\n{\"n\": 1  }\n");
    let loaded = load(&mut client, &path, "t").expect("a load");
    assert_eq!((loaded.rows_loaded, loaded.rows_rejected), (1, 3));
    let mut retry = || {
        let row = client
            .query_one(
                "SELECT load_id, rows_loaded, rows_rejected FROM retry_rejects($1)",
                &[&loaded.load_id],
            )
            .expect("a retry");
        (row.get::<_, Option<i64>>(0).is_some(), row.get::<_, i64>(1), row.get::<_, i64>(2))
    };
    let mut mender = database.connect();
    let mut mend = |at: i64, text: &str| {
        mender.execute("SELECT mend_reject($1, $2, $3)", &[&loaded.load_id, &at, &text]).expect("mended");
    };
    mend(19, "{\"n\": 1}");
    assert_eq!(retry(), (false, 0, 1));
    mend(9, "{\"n\": 7}");
    mend(29, "{\"n\": 7}");
    assert_eq!(retry(), (true, 1, 2));
    mend(19, "{\"n\": 2}");
    mend(29, "{\"n\": 3}");
    assert_eq!(retry(), (true, 2, 0));
    assert_eq!(numbers(&mut client, "t"), [1, 2, 3, 7]);
    assert_eq!(count(&mut client, "loader.rejects WHERE resolved_by IS NULL"), 0);
    assert_eq!(
        count(&mut client, "loader.load_history WHERE retry_of IS NOT NULL AND rows_loaded = records"),
        2
    );
}

#[test]
fn a_refused_row_leaves_nothing_of_its_triggers_behind() {
    let (database, mut client) = session("refusals_side_effects");
    client
        .batch_execute(
            "CREATE TABLE log (n int);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO log VALUES ((NEW.data->>'n')::int); RETURN NEW; END $$;
             CREATE TRIGGER note BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
             ALTER TABLE t ADD CHECK ((data->>'n')::int % 9 <> 4)",
        )
        .expect("a log");
    let path = database.file("refusals_side_effects", joined(&numbered(1_000)));
    load(&mut client, &path, "t").expect("a load");
    assert_eq!(numbers(&mut client, "t").len(), 889);
    assert_eq!(count(&mut client, "log"), 889);
    assert_eq!(count(&mut client, "log WHERE n % 9 = 4"), 0);
}

#[test]
fn words_of_a_database_in_another_encoding_are_kept_as_far_as_they_can_be() {
    let database = Cluster::shared().database_with("refusals_latin1", "LATIN1");
    let mut client = database.connect();
    table(&mut client, "t");
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'refusé'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.data ? 'bad') EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    let records = ["{\"n\": 1}", "{\"bad\": \"é\"}", "{\"n\": 2}"].map(String::from);
    for (name, bytes) in [
        ("refusals_latin1.json", joined(&records).into_bytes()),
        ("refusals_latin1.gz", gzip(joined(&records).as_bytes())),
    ] {
        client.batch_execute("TRUNCATE t").expect("a fresh start");
        let loaded = load(&mut client, &database.file(name, bytes), "t").expect("a load");
        assert_eq!((loaded.rows_loaded, loaded.rows_rejected), (2, 1));
        let row = client
            .query_one("SELECT raw, message FROM loader.rejects WHERE load_id = $1", &[&loaded.load_id])
            .expect("a reject");
        assert_eq!(row.get::<_, &[u8]>(0), records[1].as_bytes());
        assert!(row.get::<_, &str>(1).starts_with("refus"), "{row:?}");
    }
}

#[test]
fn cancelled_loads_and_failing_triggers_of_other_kinds_are_no_refusals() {
    let (database, mut client) = session("refusals_others");
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.data->>'n' = '4' THEN RAISE EXCEPTION 'not now' USING ERRCODE = NEW.data->>'code'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    for code in ["57014", "40001", "40P01", "53100", "53200", "XX000", "P0004", "42501", "0A000", "55P03"] {
        let records: Vec<String> = (0..10).map(|n| format!("{{\"n\": {n}, \"code\": \"{code}\"}}")).collect();
        let path = database.file(&format!("refusals_others_{code}"), joined(&records));
        let error = load(&mut client, &path, "t").expect_err("another error");
        let error = error.as_db_error().expect("the server's error");
        assert_eq!(error.code().code(), code);
        assert!(error.where_().is_some_and(|place| place.contains("record 5, line 5, byte")), "{error:?}");
        let summary = load_many(&mut client, &path, "t", "workers => 0").expect("a call");
        assert_eq!(counts(&summary), [1, 0, 0, 1, 0, 0], "{code}");
        let failed = format!(
            "loader.load_history WHERE error_sqlstate = '{code}' AND error_message LIKE 'not now (record 5, line 5, byte %'"
        );
        assert_eq!(count(&mut client, &failed), 1, "{code}");
    }
    assert_eq!(count(&mut client, "t") + count(&mut client, "loader.rejects"), 0);
}

/// Where rows go to another server ten at a time, an error is about one that was asked for some
/// rows before the last.
#[test]
fn rows_that_are_sent_in_batches_are_found() {
    let (database, mut client) = session("refusals_far");
    let there = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'";
    if figure(&mut client, there) == 0 {
        println!("skipped: there is no postgres_fdw");
        return;
    }
    let other = database.cluster.database("refusals_far_side");
    let mut far = other.connect();
    table(&mut far, "t");
    far.batch_execute("ALTER TABLE t ADD CHECK ((data->>'n')::int % 37 <> 5)").expect("a check");
    let host = database.cluster.socket().display().to_string();
    client
        .batch_execute(&format!(
            "CREATE EXTENSION postgres_fdw;
             CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', dbname '{}');
             CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'postgres');
             CREATE FOREIGN TABLE far (data jsonb) SERVER far OPTIONS (table_name 't', batch_size '10')",
            other.name
        ))
        .expect("a foreign table");
    let records = numbered(300);
    let path = database.file("refusals_far", joined(&records));
    let bad: Vec<usize> = (0..300).filter(|n| n % 37 == 5).collect();
    for chunk in [4, 10_000] {
        far.batch_execute("TRUNCATE t").expect("a fresh start");
        let options = format!("chunk => {chunk}, if_loaded => 'force'");
        let loaded = load_with(&mut client, &path, "far", &options).expect("a load");
        assert_eq!(rejects(&mut client, loaded.load_id), rejects_at(&records, &bad, "CONSTRAINT", "23514"));
        let good: Vec<i64> = (0..300).filter(|n| !bad.contains(&(*n as usize))).collect();
        assert_eq!(numbers(&mut far, "t"), good, "{chunk}");
    }
}
