//! `mend_rejects`: one expression over all rejects of a kind.

use crate::helpers::{count, figure, session, traced};
use crate::search_path::plant;
use loader_client_tests::{Cluster, Outcome, load, rss_anon, sqlstate, wait_for};
use postgres::Client;
use postgres::error::SqlState;
use std::fmt::Write as _;

/// What `mend_rejects` returns: mended, still bad, unchanged, truncated.
type Mended = [i64; 4];

fn mend(
    client: &mut Client,
    load_id: i64,
    error_type: Option<&str>,
    expression: &str,
) -> Result<Mended, postgres::Error> {
    let row = client.query_one(
        "SELECT rejects_mended, rejects_still_bad, rejects_unchanged, rejects_truncated
         FROM mend_rejects($1, $2, $3)",
        &[&load_id, &error_type, &expression],
    )?;
    Ok([0, 1, 2, 3].map(|column| row.get(column)))
}

/// Rows that a retry loaded.
fn retry(client: &mut Client, load_id: i64) -> i64 {
    client.query_one("SELECT rows_loaded FROM retry_rejects($1)", &[&load_id]).expect("a retry").get(0)
}

/// A good record and then `bad` ones, each with a NaN.
fn with_nan(bad: usize) -> String {
    let mut text = "{\"n\": 0}\n".to_owned();
    for n in 1..=bad {
        writeln!(text, "{{\"n\": {n}, \"v\": NaN}}").expect("a string");
    }
    text
}

/// A session whose table `traced` has the good records of a file; the load.
fn loaded(name: &str, text: impl AsRef<[u8]>) -> (loader_client_tests::Database<'static>, Client, Outcome) {
    let (database, mut client) = session(name);
    traced(&mut client, "traced");
    let path = database.file(name, text);
    let outcome = load(&mut client, &path, "traced").expect("a load");
    (database, client, outcome)
}

const NAN: &str = "replace(raw_text, 'NaN', 'null')";

#[test]
fn all_rejects_of_a_kind_are_mended_at_once() {
    let text =
        "{\"n\": 0}\n{\"n\": NaN}\n{\"n\": \"\\u0000\"}\n{\"n\": NaN, \"m\": 1}\n{\"n\": [1}\n{\"n\": \"";
    let (_database, mut client, load) = loaded("mend_rejects", text);
    assert_eq!(load.rows_rejected, 5);
    // Another kind is not looked at.
    assert_eq!(mend(&mut client, load.load_id, Some("SYNTAX"), NAN).expect("a call"), [2, 1, 0, 0]);
    let mended = "loader.rejects WHERE mended = replace(raw_text, 'NaN', 'null') AND mended_at IS NOT NULL";
    assert_eq!(count(&mut client, mended), 2);
    assert_eq!(count(&mut client, "loader.rejects WHERE mended IS NOT NULL"), 2);
    assert_eq!(retry(&mut client, load.load_id), 2);
    assert_eq!(count(&mut client, "traced WHERE data->>'n' IS NULL"), 2);

    // What is mended or loaded is done with; NULL is all kinds.
    let rest = mend(&mut client, load.load_id, None, "'{\"line\": ' || line || '}'").expect("a call");
    assert_eq!(rest, [3, 0, 0, 0]);
    assert_eq!(mend(&mut client, load.load_id, None, "'1'").expect("a call"), [0, 0, 0, 0]);
    assert_eq!(retry(&mut client, load.load_id), 3);
    assert_eq!(figure(&mut client, "SELECT sum((data->'line')::bigint)::bigint FROM traced"), 3 + 5 + 6);
    assert_eq!(mend(&mut client, load.load_id, None, "'1'").expect("a call"), [0, 0, 0, 0]);

    // An undo of the retries has their rejects wait again, mended as they are.
    client
        .query("SELECT undo_load(load_id) FROM loader.load_history WHERE retry_of IS NOT NULL", &[])
        .expect("an undo");
    assert_eq!(mend(&mut client, load.load_id, None, "'1'").expect("a call"), [0, 0, 0, 0]);
    assert_eq!(retry(&mut client, load.load_id), 5);
}

#[test]
fn an_expression_has_all_of_a_reject_at_hand() {
    let (_database, mut client, load) = loaded("mend_rejects_columns", b"{\"n\": 0}\n\n{\"b\": \"\xe9\"}\n");
    let all = "jsonb_build_object('raw_text', raw_text, 'raw', convert_from(raw, 'WIN1252'), 'record_no', record_no,
                   'line', line, 'error_type', error_type, 'message', message, 'types',
                   ARRAY[pg_typeof(raw_text), pg_typeof(raw), pg_typeof(record_no), pg_typeof(line)]::text[])
               -- and a comment";
    assert_eq!(mend(&mut client, load.load_id, None, all).expect("a call"), [1, 0, 0, 0]);
    let same = "SELECT count(*) FROM loader.rejects AS r
        WHERE mended::jsonb = jsonb_build_object('raw_text', raw_text, 'raw', '{\"b\": \"é\"}', 'record_no', record_no,
            'line', line, 'error_type', error_type, 'message', message,
            'types', '[\"text\", \"bytea\", \"bigint\", \"bigint\"]'::jsonb) AND raw_text IS NULL AND line = 3";
    assert_eq!(figure(&mut client, same), 1);
}

#[test]
fn bytes_that_are_no_text_are_converted() {
    let text = b"{\"a\": \"good\"}\n{\"a\": \"caf\xe9\"}\n{\"a\": \"\x80 5\"}\n";
    let (_database, mut client, load) = loaded("mend_rejects_1252", text);
    // Of raw_text there is nothing.
    let none = mend(&mut client, load.load_id, Some("INVALID_UNICODE"), "raw_text").expect("a call");
    assert_eq!(none, [0, 0, 2, 0]);
    let converted = mend(&mut client, load.load_id, Some("INVALID_UNICODE"), "convert_from(raw, 'WIN1252')");
    assert_eq!(converted.expect("a call"), [2, 0, 0, 0]);
    assert_eq!(retry(&mut client, load.load_id), 2);
    assert_eq!(count(&mut client, "traced WHERE data->>'a' IN ('café', '€ 5')"), 2);
}

#[test]
fn null_leaves_a_reject_alone_and_a_bad_text_is_not_kept() {
    let (_database, mut client, load) = loaded("mend_rejects_left", with_nan(10));
    let some =
        "CASE WHEN record_no % 2 = 0 THEN replace(raw_text, 'NaN', 'null') WHEN line < 6 THEN raw_text END";
    assert_eq!(mend(&mut client, load.load_id, None, some).expect("a call"), [5, 2, 3, 0]);
    assert_eq!(count(&mut client, "loader.rejects WHERE mended IS NOT NULL"), 5);
    // No rows are NULL too.
    let none = "SELECT rejects_unchanged FROM mend_rejects($1, NULL, 'regexp_split_to_table(NULL, '''')')";
    assert_eq!(client.query_one(none, &[&load.load_id]).expect("a call").get::<_, i64>(0), 5);
    assert_eq!(mend(&mut client, load.load_id, None, NAN).expect("a call"), [5, 0, 0, 0]);
    assert_eq!(retry(&mut client, load.load_id), 10);
}

#[test]
fn what_is_cut_is_counted_and_not_mended() {
    let (database, mut client) = session("mend_rejects_cut");
    traced(&mut client, "traced");
    let path = database.file("mend_rejects_cut", with_nan(120));
    client.batch_execute("SET loader.reject_raw_limit = 19").expect("the setting");
    let load = load(&mut client, &path, "traced").expect("a load");
    // Those with more than two digits.
    assert_eq!(count(&mut client, "loader.rejects WHERE raw_truncated"), 21);
    assert_eq!(mend(&mut client, load.load_id, Some("SYNTAX"), "'1'").expect("a call"), [99, 0, 0, 21]);
    assert_eq!(count(&mut client, "loader.rejects WHERE mended IS NOT NULL AND raw_truncated"), 0);
    assert_eq!(mend(&mut client, load.load_id, Some("TRUNCATED"), "'1'").expect("a call"), [0, 0, 0, 0]);
}

#[test]
fn an_expression_that_fails_changes_nothing_and_names_the_reject() {
    let (_database, mut client, load) = loaded("mend_rejects_fails", with_nan(1_000));
    // Some are stored by then.
    let error =
        mend(&mut client, load.load_id, None, "(1 / (record_no - 801))::text").expect_err("a division");
    assert_eq!(error.code(), Some(&SqlState::DIVISION_BY_ZERO));
    let context = error.as_db_error().and_then(|error| error.where_()).unwrap_or_default().to_owned();
    assert!(context.contains("record 801, line 801, byte "), "{context}");
    assert!(context.ends_with(&format!("mending rejects of load {}", load.load_id)), "{context}");
    assert_eq!(count(&mut client, "loader.rejects WHERE mended IS NOT NULL"), 0);
    // In a block that catches it, too.
    client
        .batch_execute(&format!(
            "DO $$ BEGIN
                 BEGIN
                     PERFORM mend_rejects({0}, NULL, '(1 / (record_no - 801))::text');
                 EXCEPTION WHEN division_by_zero THEN
                     NULL;
                 END;
                 PERFORM mend_rejects({0}, NULL, 'CASE WHEN line = 2 THEN ''2'' END');
             END $$",
            load.load_id
        ))
        .expect("an error that is caught");
    assert_eq!(count(&mut client, "loader.rejects WHERE mended IS NOT NULL"), 1);
}

#[test]
fn one_expression_is_all_that_is_taken() {
    let (_database, mut client, load) = loaded("mend_rejects_syntax", with_nan(3));
    for (expression, code) in [
        ("", "42601"),
        ("1; DROP TABLE t", "42601"),
        ("'1')); DROP TABLE t; SELECT (SELECT ('2'", "42601"),
        ("1)) UNION ALL SELECT (('2'", "42601"),
        ("1)::text), (SELECT ('2'", "42601"),
        ("1), ('2'", "42601"),
        ("1)::int) FROM (VALUES (1)) AS v (raw_text) -- ", "42601"),
        ("generate_series(1, 2)", "21000"),
        ("no_such_column", "42703"),
        ("$7", "42P02"),
        ("$1 + 1", "42883"),
    ] {
        let error = mend(&mut client, load.load_id, None, expression).expect_err(expression);
        assert_eq!(error.code().map(SqlState::code), Some(code), "{expression}: {error:?}");
    }
    assert_eq!(count(&mut client, "loader.rejects WHERE mended IS NOT NULL"), 0);
    assert_eq!(count(&mut client, "t"), 0);
    let allowed = "(SELECT to_jsonb(max(n)) FROM (VALUES (1), (2)) AS v (n) WHERE n < line)";
    assert_eq!(mend(&mut client, load.load_id, None, allowed).expect("a call"), [3, 0, 0, 0]);
}

#[test]
fn arguments_and_rights_are_those_of_mend_reject() {
    let (database, mut admin, load) = loaded("mend_rejects_rights", with_nan(3));
    admin
        .batch_execute(
            "CREATE ROLE mend_one LOGIN; CREATE ROLE mend_two LOGIN; CREATE ROLE mend_chief LOGIN;
             GRANT mend_one TO mend_chief; GRANT pg_read_server_files TO mend_one;
             GRANT INSERT ON t TO mend_one",
        )
        .expect("roles");
    for call in ["mend_rejects(NULL, NULL, '1')", "mend_rejects(1, NULL, NULL)"] {
        let code = sqlstate(admin.query(&format!("SELECT * FROM {call}"), &[]));
        assert_eq!(code, SqlState::NULL_VALUE_NOT_ALLOWED, "{call}");
    }
    let path = database.file("mend_rejects_one", with_nan(3));
    let own = loader_client_tests::load(&mut database.connect_as("mend_one"), &path, "t").expect("a load");
    let mut two = database.connect_as("mend_two");
    // Of the superuser, of another one, of nobody.
    let refusals = [load.load_id, own.load_id, 4_711].map(|load_id| {
        let error = mend(&mut two, load_id, None, "1 / 0").expect_err("not his");
        let error = error.as_db_error().expect("the server's").clone();
        (
            error.code().clone(),
            error.message().replace(&load_id.to_string(), "…"),
            error.detail().map(str::to_owned),
        )
    });
    assert_eq!(refusals[0].0, SqlState::UNDEFINED_OBJECT);
    assert!(refusals[0] == refusals[1] && refusals[1] == refusals[2], "{refusals:?}");
    assert_eq!(count(&mut admin, "loader.rejects WHERE mended IS NOT NULL"), 0);

    let mut chief = database.connect_as("mend_chief");
    assert_eq!(mend(&mut chief, own.load_id, None, NAN).expect("a member's call"), [3, 0, 0, 0]);
    // It neither reads files nor tables of its own accord.
    admin.batch_execute("REVOKE pg_read_server_files FROM mend_one").expect("REVOKE");
    let mut one = database.connect_as("mend_one");
    assert_eq!(mend(&mut one, own.load_id, None, NAN).expect("an own call"), [0, 0, 0, 0]);

    admin.query("SELECT undo_load($1)", &[&load.load_id]).expect("an undo");
    assert_eq!(
        sqlstate(mend(&mut admin, load.load_id, None, "1")),
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
    );
}

/// What an expression of a role can call. Each says in the server's log if it runs as
/// somebody else.
const TRAPS: &str = "
    CREATE FUNCTION note(what text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user OPERATOR(pg_catalog.<>) 'mend_caller'::pg_catalog.name THEN
            RAISE LOG 'trap mend_rejects: % as %', what, current_user;
        END IF;
        RETURN 'null';
    END $$;
    CREATE FUNCTION steal() RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        portal refcursor;
    BEGIN
        FOR portal IN SELECT name FROM pg_cursors WHERE name LIKE '<unnamed%' LOOP
            BEGIN
                CLOSE portal;
                OPEN portal FOR SELECT note('portal'), note('portal') FROM generate_series(1, 2);
            EXCEPTION WHEN invalid_cursor_state OR invalid_cursor_name OR duplicate_cursor THEN
                -- One that is in use.
            END;
        END LOOP;
        RETURN note('an expression');
    END $$;
    CREATE FUNCTION pg_temp.mine() RETURNS text LANGUAGE sql AS 'SELECT public.note(''a temporary function'')';
    CREATE TABLE pg_temp.rejects_data AS SELECT 1 AS load_id;
    CREATE TABLE pg_temp.load_history_data AS SELECT 1 AS load_id;
    CREATE FUNCTION array_position(bigint[], bigint) RETURNS int LANGUAGE sql
        AS 'SELECT length(public.note(''array_position''))'";

#[test]
fn an_expression_runs_as_the_caller_and_nothing_of_his_as_another() {
    let database = Cluster::shared().database("mend_rejects_caller");
    let mut admin = database.connect();
    admin
        .batch_execute(
            "CREATE ROLE mend_caller LOGIN; GRANT pg_read_server_files TO mend_caller;
             GRANT CREATE ON DATABASE mend_rejects_caller TO mend_caller; GRANT CREATE ON SCHEMA public TO mend_caller",
        )
        .expect("a role");
    let mut client = database.connect_as("mend_caller");
    plant(&mut client, "evil_mend");
    client.batch_execute("SELECT seed_json_table('public.mine')").expect("a table");
    client.batch_execute(TRAPS).expect("traps");
    let path = database.file("mend_rejects_caller", with_nan(600));
    let load = load(&mut client, &path, "public.mine").expect("a load");
    // What the rest of the rejects is after a call is what the next one is about.
    let mut left = 600;
    for search_path in [
        "public, pg_temp",
        "pg_temp, evil_mend, public, pg_catalog",
        "evil_mend, public, pg_catalog, pg_temp",
    ] {
        client.batch_execute(&format!("SET search_path = {search_path}")).expect("the path");
        for expression in ["public.steal()", "pg_temp.mine()", "public.note(raw_text)"] {
            left -= 60;
            let wanted = format!(
                "CASE WHEN line OPERATOR(pg_catalog.>) {}::pg_catalog.int8 THEN {expression} END",
                left + 1
            );
            let row = client
                .query_one(
                    &format!(
                        "SELECT m.rejects_mended, m.rejects_unchanged
                         FROM public.mend_rejects({}, NULL, $e${wanted}$e$) AS m",
                        load.load_id
                    ),
                    &[],
                )
                .unwrap_or_else(|error| panic!("{search_path}, {expression}: {error:?}"));
            assert_eq!(
                (row.get::<_, i64>(0), row.get::<_, i64>(1)),
                (60, left),
                "{search_path}, {expression}"
            );
        }
    }
    // Names are found along the caller's path, and only there.
    client.batch_execute("SET search_path = pg_catalog").expect("the path");
    let bare = format!("SELECT public.mend_rejects({}, NULL, 'note(raw_text)')", load.load_id);
    assert_eq!(sqlstate(client.batch_execute(&bare)), SqlState::UNDEFINED_FUNCTION);
    client.batch_execute("SET search_path = public").expect("the path");
    // Nor has it rights that the caller lacks.
    let forge = "(SELECT 'x' FROM loader.rejects_data)";
    assert_eq!(sqlstate(mend(&mut client, load.load_id, None, forge)), SqlState::INSUFFICIENT_PRIVILEGE);
    client.batch_execute(&bare).expect("the rest");
    assert_eq!(count(&mut admin, "loader.rejects WHERE mended = 'null'"), 600);
    let trapped = || {
        let log = database.cluster.log();
        log.lines()
            .filter(|line| {
                line.contains("LOG:  trap mend_rejects: ") || line.contains("LOG:  trap evil_mend: ")
            })
            .count()
    };
    assert_eq!(trapped(), 0);
    // The trap works.
    admin.batch_execute("SELECT public.note('control')").expect("a note");
    assert_eq!(trapped(), 1);
}

#[test]
fn an_expression_may_amend_the_load_that_is_being_mended() {
    let (_database, mut client, load) = loaded("mend_rejects_nested", with_nan(500));
    let id = load.load_id;
    // Each call finds what is left, and the outer one leaves what the inner one has done.
    client
        .batch_execute(&format!(
            "CREATE FUNCTION inner_call(line bigint) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN
                 IF line = 100 THEN
                     PERFORM mend_rejects({id}, NULL, 'CASE WHEN line BETWEEN 50 AND 449 THEN ''\"inner\"'' END');
                 END IF;
                 RETURN '\"outer\"';
             END $$"
        ))
        .expect("a function");
    let outcome = mend(&mut client, id, None, "inner_call(line)").expect("a call");
    let figures = ["outer", "inner"].map(|who| {
        figure(&mut client, &format!("SELECT count(*) FROM loader.rejects WHERE mended = '\"{who}\"'"))
    });
    assert_eq!(figures, [100, 400]);
    assert_eq!(outcome[0], 100);
    assert_eq!(retry(&mut client, id), 500);

    // One that undoes the load, which deletes the rejects.
    client
        .query("SELECT undo_load(load_id) FROM loader.load_history WHERE retry_of IS NOT NULL", &[])
        .expect("an undo");
    client.batch_execute("UPDATE loader.rejects_data SET mended = NULL").expect("no mendings");
    let undo = format!("CASE WHEN line = 300 THEN undo_load({id})::text ELSE '1' END");
    let outcome = mend(&mut client, id, None, &undo).expect("a call");
    assert!(outcome[0] < 300 && outcome[2] > 0, "{outcome:?}");
    assert_eq!(count(&mut client, "loader.rejects"), 0);
}

#[test]
fn rejects_are_taken_some_at_a_time() {
    let (_database, mut client, load) = loaded("mend_rejects_many", with_nan(10_000));
    // Locked or changed, and not stored yet.
    client
        .batch_execute(
            "CREATE FUNCTION in_hand() RETURNS bigint LANGUAGE sql VOLATILE AS $$
                 SELECT count(*) FROM loader.rejects_data WHERE mended IS NULL AND xmax::text <> '0'
             $$",
        )
        .expect("a function");
    let seen = "CASE WHEN line % 499 = 3 THEN in_hand()::text ELSE '0' END";
    assert_eq!(mend(&mut client, load.load_id, None, seen).expect("a call"), [10_000, 0, 0, 0]);
    let most = figure(&mut client, "SELECT max(mended::bigint) FROM loader.rejects");
    assert!((1..=400).contains(&most), "{most}");
    assert_eq!(retry(&mut client, load.load_id), 10_000);
}

#[test]
fn memory_does_not_follow_the_rejects() {
    // 80 MB of rejects, and texts that are as long.
    let line = |n: usize| format!("{{\"n\": {n}, \"v\": NaN, \"fill\": \"{}\"}}\n", "x".repeat(8_000));
    let text: String = std::iter::once("{}\n".to_owned()).chain((0..10_000).map(line)).collect();
    let (_database, mut client, load) = loaded("mend_rejects_memory", text);
    let pid = figure(&mut client, "SELECT pg_backend_pid()::bigint") as i32;
    let few = format!("CASE WHEN line < 300 THEN {NAN} END");
    mend(&mut client, load.load_id, None, &few).expect("a call");
    let before = rss_anon(pid);
    let outcome = mend(&mut client, load.load_id, None, NAN).expect("a call");
    let grown = rss_anon(pid).saturating_sub(before);
    assert_eq!(outcome[0], 10_000 - 298);
    assert!(grown < 16 << 20, "{grown} bytes");
    // One text that is longer than all that is taken together.
    client.batch_execute("UPDATE loader.rejects_data SET mended = NULL WHERE line < 6").expect("an update");
    let long = "to_json(repeat('x', 3000000 * line::int))";
    assert_eq!(mend(&mut client, load.load_id, None, long).expect("a call"), [4, 0, 0, 0]);
    let lengths = "SELECT count(*) FROM loader.rejects WHERE length(mended) = 3000000 * line + 2";
    assert_eq!(figure(&mut client, lengths), 4);
}

#[test]
fn two_sessions_take_turns() {
    let (database, mut client, load) = loaded("mend_rejects_two", with_nan(1_000));
    let mut watcher = database.connect();
    for (end, first, second) in [("ROLLBACK", 0, 1_000), ("COMMIT", 1_000, 0)] {
        client.batch_execute("UPDATE loader.rejects_data SET mended = NULL").expect("an update");
        client.batch_execute("BEGIN").expect("BEGIN");
        let outcome = mend(&mut client, load.load_id, None, "'\"first\"'").expect("a call");
        assert_eq!(outcome, [1_000, 0, 0, 0]);
        let mut other = database.connect();
        let waiting = std::thread::spawn(move || mend(&mut other, load.load_id, None, "'\"second\"'"));
        wait_for("the second call to wait", || {
            count(
                &mut watcher,
                "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            ) > 0
        });
        client.batch_execute(end).expect("the end");
        let outcome = waiting.join().expect("a thread").expect("a call");
        assert_eq!(outcome, [second, 0, 0, 0], "{end}");
        let figures = ["first", "second"].map(|who| {
            figure(&mut client, &format!("SELECT count(*) FROM loader.rejects WHERE mended = '\"{who}\"'"))
        });
        assert_eq!(figures, [first, second], "{end}");
    }
}

#[test]
fn texts_are_in_the_database_s_encoding() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("mend_rejects_{}", encoding.to_lowercase());
        let database = Cluster::shared().database_with(&name, encoding);
        let mut client = database.connect();
        traced(&mut client, "traced");
        let path = database.file(&name, "{\"n\": 0}\n{\"é\": \"ü\", \"v\": NaN}\n");
        let load = load(&mut client, &path, "traced").expect("a load");
        let expression = "replace(replace(raw_text, 'NaN', 'null'), 'ü', 'ö')";
        assert_eq!(mend(&mut client, load.load_id, None, expression).expect("a call"), [1, 0, 0, 0]);
        assert_eq!(retry(&mut client, load.load_id), 1, "{encoding}");
        let there = "SELECT count(*) FROM traced WHERE data->>'é' = 'ö'";
        assert_eq!(figure(&mut client, there), 1, "{encoding}");
    }
}
