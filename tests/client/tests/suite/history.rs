//! What the history says of a table that was emptied, dropped or made anew, of a file
//! that changed, and of loads whose numbers somebody remembers.

use crate::helpers::{append, backend, count, counts, figure, files, lines, session, table, traced};
use loader_client_tests::{Cluster, load, load_many, load_with, message, sqlstate, wait_for};
use postgres::Client;
use postgres::error::SqlState;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// Loads each file into a table and returns how many rows that made, by both calls.
fn rows(client: &mut Client, table: &str, paths: &[&str], by_call: bool) -> Vec<i64> {
    let mut one = |path: &&str| match by_call {
        true => load_many(client, path, table, "workers => 0").expect("a call").rows,
        false => load(client, path, table).expect("a load").rows_loaded,
    };
    paths.iter().map(&mut one).collect()
}

#[test]
fn a_table_that_was_emptied_has_nothing() {
    let (database, mut client) = session("history_emptied");
    let a = database.file("a", lines(3));
    let b = database.file("b", lines(4));
    let empty = ["TRUNCATE t", "DELETE FROM t"];
    for (round, by_call) in [false, true, false, true].into_iter().enumerate() {
        assert_eq!(rows(&mut client, "t", &[&a, &b], by_call), [3, 4], "{round}");
        assert_eq!(rows(&mut client, "t", &[&a, &b], !by_call), [0, 0], "{round}");
        client.batch_execute(empty[round % 2]).expect("emptied");
    }
    // Each load of before is gone since, and says so.
    assert_eq!(rows(&mut client, "t", &[&b, &a], false), [4, 3]);
    let there = "loader.load_history WHERE status = 'loaded' AND emptied_at IS NULL";
    assert_eq!(count(&mut client, there), 2);
    assert_eq!(count(&mut client, "loader.load_history WHERE emptied_at IS NOT NULL"), 8);
}

#[test]
fn the_history_of_other_tables_is_not_read_for_one_that_was_emptied() {
    const OTHERS: i64 = 20_000;
    let (database, mut client) = session("history_emptied_index");
    let path = database.file("history_emptied_index", lines(3) + "{\n");
    load(&mut client, &path, "t").expect("a load");
    // Loads of other tables, half of which were emptied, each with a reject.
    client
        .batch_execute(&format!(
            "INSERT INTO loader.load_history_data
             SELECT (jsonb_populate_record(h, jsonb_build_object(
                         'load_id', h.load_id - n, 'target_oid', 100000 + n, 'file_path', n, 'file_size', n,
                         'emptied_at', CASE WHEN n % 2 = 0 THEN now() END))).*
             FROM loader.load_history_data AS h, generate_series(1, {OTHERS}) AS n;
             INSERT INTO loader.rejects_data
             SELECT (jsonb_populate_record(r, jsonb_build_object('load_id', r.load_id - n))).*
             FROM loader.rejects_data AS r, generate_series(1, {OTHERS}) AS n;
             ANALYZE loader.load_history_data, loader.rejects_data"
        ))
        .expect("history");
    client.batch_execute("BEGIN; TRUNCATE t").expect("emptied");
    assert_eq!(load(&mut client, &path, "t").expect("a load").rows_loaded, 3);
    let read = "SELECT (coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0))::bigint
                FROM pg_stat_xact_all_tables WHERE schemaname = 'loader'";
    let read = figure(&mut client, read);
    client.batch_execute("COMMIT").expect("COMMIT");
    assert!(read < OTHERS / 10, "{read} rows");
    assert_eq!(count(&mut client, "loader.load_history WHERE emptied_at IS NOT NULL"), OTHERS / 2 + 1);
    assert_eq!(count(&mut client, "loader.rejects"), OTHERS + 1);
}

#[test]
fn a_table_that_was_made_anew_has_nothing() {
    let (database, mut client) = session("history_anew");
    let a = database.file("a", lines(3));
    let b = database.file("b", lines(4));
    for by_call in [false, true] {
        assert_eq!(rows(&mut client, "t", &[&a, &b], by_call), [3, 4]);
        client.batch_execute("DROP TABLE t; SELECT seed_json_table('t')").expect("another table");
        // Not even where it is not empty.
        client.batch_execute("INSERT INTO t VALUES ('0')").expect("a row");
        assert_eq!(rows(&mut client, "t", &[&a, &b], by_call), [3, 4]);
        client.batch_execute("ALTER TABLE t RENAME TO u").expect("another name");
        assert_eq!(rows(&mut client, "u", &[&a, &b], by_call), [0, 0]);
        table(&mut client, "t");
        assert_eq!(rows(&mut client, "t", &[&a, &b], by_call), [3, 4]);
        client.batch_execute("DROP TABLE t, u; SELECT seed_json_table('t')").expect("gone");
    }
}

#[test]
fn an_oid_that_comes_round_again_is_another_table() {
    let (database, mut client) = session("history_recycled");
    let a = database.file("a", lines(3));
    assert_eq!(rows(&mut client, "t", &[&a], false), [3]);
    // The row of a table that is gone, whose OID this one has got.
    client
        .batch_execute(
            "UPDATE loader.load_history_data SET target_type = 'pg_class'::regtype;
             INSERT INTO t VALUES ('0')",
        )
        .expect("a recycled OID");
    assert_eq!(rows(&mut client, "t", &[&a], false), [3]);
    assert_eq!(rows(&mut client, "t", &[&a], true), [0]);
    let gone: i64 =
        client.query_one("SELECT min(load_id) FROM loader.load_history", &[]).expect("a load").get(0);
    let undo = client.query_one("SELECT undo_load($1, force => true)", &[&gone]);
    assert_eq!(sqlstate(undo), SqlState::UNDEFINED_TABLE);
}

#[test]
fn a_staging_table_keeps_what_was_loaded() {
    let (database, mut client) = session("history_staging");
    table(&mut client, "master");
    let pattern = files(&database, "staging", &[("a", lines(3)), ("b", lines(4))]);
    let call = |client: &mut Client| {
        let summary = load_many(client, &pattern, "t", "if_emptied => 'keep'").expect("a call");
        client.batch_execute("INSERT INTO master SELECT * FROM t; TRUNCATE t").expect("merged");
        summary.rows
    };
    assert_eq!((call(&mut client), call(&mut client)), (7, 0));
    append(&pattern.replace('*', "a"), "{\"n\": 3}\n");
    database.file("staging/c", lines(5));
    assert_eq!((call(&mut client), call(&mut client)), (6, 0));
    assert_eq!(count(&mut client, "master"), 13);
    let b = pattern.replace('*', "b");
    let one = load_with(&mut client, &b, "t", "if_emptied => 'keep'").expect("a skip");
    assert_eq!(one.status, "skipped");
    assert_eq!(load(&mut client, &b, "t").expect("a load").rows_loaded, 4);
    assert_eq!(
        sqlstate(load_with(&mut client, &b, "t", "if_emptied => 'perhaps'")),
        SqlState::INVALID_PARAMETER_VALUE
    );
}

#[test]
fn a_changed_file_of_a_staging_table_is_replaced_once_its_load_was_undone() {
    let (database, mut client) = session("history_staging_replace");
    traced(&mut client, "traced");
    let options = "if_emptied => 'keep', if_loaded => 'replace'";
    for by_call in [false, true] {
        let own = format!("{{\"by_call\": {by_call}}}\n");
        let path = database.file(&format!("changed_{by_call}"), lines(2) + &own);
        let run = |client: &mut Client| match by_call {
            true => load_many(client, &path, "traced", options).map(|summary| summary.rows),
            false => load_with(client, &path, "traced", options).map(|outcome| outcome.rows_loaded),
        };
        assert_eq!(run(&mut client).expect("a load"), 3);
        client.batch_execute("TRUNCATE traced").expect("merged");
        assert_eq!(run(&mut client).expect("a skip"), 0);
        fs::write(&path, own + &lines(2)).expect("written");
        // Its rows are not there to be deleted: docs/reference.md says what to do.
        if by_call {
            assert_eq!(run(&mut client).expect("a call"), 0);
            let failed = "loader.load_history WHERE error_sqlstate = '55000' AND status = 'failed'";
            assert_eq!(count(&mut client, failed), 1);
        } else {
            assert_eq!(sqlstate(run(&mut client)), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        }
        let undo =
            "SELECT undo_load(max(load_id), force => true) FROM loader.load_history WHERE status = 'loaded'";
        assert_eq!(figure(&mut client, undo), 0);
        assert_eq!(run(&mut client).expect("a load"), 3);
        client.batch_execute("TRUNCATE traced").expect("merged");
        assert_eq!(run(&mut client).expect("a skip"), 0);
    }
}

#[test]
fn what_another_role_failed_with_stays_in_the_history() {
    let (database, mut admin) = session("history_failed");
    admin
        .batch_execute(
            "CREATE ROLE history_fails LOGIN; CREATE ROLE history_loads LOGIN;
             GRANT pg_read_server_files TO history_fails, history_loads;
             GRANT INSERT ON t TO history_fails, history_loads",
        )
        .expect("roles");
    let mut fails = database.connect_as("history_fails");
    let mut loads = database.connect_as("history_loads");
    let kept = "SELECT concat_ws(' ', status, error_sqlstate) FROM loader.load_history ORDER BY load_id";
    for (by_call, expected) in [(false, vec!["undone 22P02"]), (true, vec!["undone 22P02"; 2])] {
        let path = database.file(&format!("failed_{by_call}"), format!("{{\"by_call\": {by_call}}}\n{{\n"));
        let summary = load_many(&mut fails, &path, "t", "on_error => 'stop', workers => 0").expect("a call");
        assert_eq!(summary.failed, 1);
        assert_eq!(rows(&mut loads, "t", &[&path], by_call), [1]);
        let texts = |client: &mut Client| -> Vec<String> {
            client.query(kept, &[]).expect("history").iter().map(|row| row.get(0)).collect()
        };
        assert_eq!(texts(&mut fails), expected, "{by_call}");
        assert_eq!(
            count(&mut fails, "loader.load_history WHERE error_message IS NOT NULL"),
            expected.len() as i64
        );
        // One's own attempt gives way to what became of the file.
        let own = database.file(&format!("own_{by_call}"), format!("{{\"own\": {by_call}}}\n{{\n"));
        load_many(&mut loads, &own, "t", "on_error => 'stop', workers => 0").expect("a call");
        assert_eq!(rows(&mut loads, "t", &[&own], by_call), [1]);
        assert_eq!(count(&mut loads, "loader.load_history WHERE error_message IS NOT NULL"), 0);
    }
}

#[test]
fn a_file_without_rows_keeps_no_other_content_out() {
    let (database, mut client) = session("history_error_page");
    let page = "{\"error\": \"bad gateway\",\n";
    for (number, by_call) in [false, true].into_iter().enumerate() {
        let path = database.file(&format!("page{number}"), page);
        let options = "reject_limit => 10";
        match by_call {
            true => assert_eq!(counts(&load_many(&mut client, &path, "t", options).expect("a call"))[4], 0),
            false => assert_eq!(load_with(&mut client, &path, "t", options).expect("a load").rows_loaded, 0),
        }
        fs::write(&path, lines(3 + number)).expect("written");
        assert_eq!(rows(&mut client, "t", &[&path], by_call), [3 + number as i64]);
    }
}

/// A file that has another content than when it was loaded.
#[test]
fn both_calls_treat_a_changed_file_alike() {
    let database = Cluster::shared().database("history_changed");
    let (mut client, said) = database.connect_listening("postgres");
    traced(&mut client, "t");
    for by_call in [false, true] {
        let path = database.file("changed", lines(3));
        let run = |client: &mut Client, options: &str| match by_call {
            true => load_many(client, &path, "t", options).map(|summary| summary.rows),
            false => load_with(client, &path, "t", options).map(|outcome| outcome.rows_loaded),
        };
        assert_eq!(run(&mut client, "").expect("new"), 3);
        // What was appended, and no more.
        append(&path, "{\"n\": 3}\n{\"n\": 4");
        assert_eq!(run(&mut client, "").expect("grown"), 1);
        append(&path, "}\n");
        assert_eq!(run(&mut client, "if_loaded => 'error'").expect("grown"), 1);
        assert_eq!(count(&mut client, "t"), 5, "{by_call}");
        assert_eq!(count(&mut client, "loader.rejects WHERE resolved_by IS NULL"), 0);

        fs::write(&path, "{\"n\": 5}\n").expect("another content");
        said.take();
        assert_eq!(run(&mut client, "").expect("a skip"), 0);
        let warned = said
            .results()
            .into_iter()
            .any(|line| line.starts_with("WARNING: ") && line.contains("has changed since load"));
        assert!(warned, "{by_call}");
        if by_call {
            let refused = run(&mut client, "if_loaded => 'error', on_file_error => 'stop'");
            assert!(message(refused).starts_with("42710: "));
        } else {
            assert!(message(run(&mut client, "if_loaded => 'error'")).starts_with("42710: "));
        }
        assert_eq!(count(&mut client, "t"), 5);
        assert_eq!(run(&mut client, "if_loaded => 'replace'").expect("replaced"), 1);
        assert_eq!(count(&mut client, "t"), 1);
        fs::write(&path, "{\"n\": 6}\n{\"n\": 7}\n").expect("another content");
        assert_eq!(run(&mut client, "if_loaded => 'force'").expect("beside it"), 2);
        assert_eq!(count(&mut client, "t"), 3);
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
    }
}

#[test]
fn numbers_of_loads_are_never_used_again() {
    let database = Cluster::shared().database("history_numbers");
    let mut client = database.connect();
    traced(&mut client, "t");
    client
        .batch_execute("DROP EXTENSION loader; CREATE EXTENSION loader")
        .expect("the extension, as users make it");
    let path = database.file("numbers", lines(3));
    let first = load(&mut client, &path, "t").expect("a load").load_id;
    client.batch_execute("DROP EXTENSION loader; CREATE EXTENSION loader").expect("made anew");
    let other = database.file("other", lines(2));
    let second = load(&mut client, &other, "t").expect("a load").load_id;
    assert!(second > first, "{second} after {first}");
    // What the first one brought is nobody's any more: an undo takes only its own rows.
    assert_eq!(sqlstate(client.query_one("SELECT undo_load($1)", &[&first])), SqlState::UNDEFINED_OBJECT);
    let deleted: i64 = client.query_one("SELECT undo_load($1)", &[&second]).expect("an undo").get(0);
    assert_eq!((deleted, count(&mut client, "t")), (2, 3));
}

#[test]
fn an_undo_of_other_rows_than_were_brought_is_refused() {
    let (database, mut client) = session("history_undo");
    traced(&mut client, "traced");
    let path = database.file("undo", lines(5));
    let load_id = load(&mut client, &path, "traced").expect("a load").load_id;
    for change in [
        "DELETE FROM traced WHERE (data->>'n')::int = 1".to_owned(),
        format!("INSERT INTO traced SELECT '0', {load_id}, 0 FROM generate_series(1, 4)"),
    ] {
        client.batch_execute(&change).expect("a change");
        let there = count(&mut client, "traced");
        let undo = client.query_one("SELECT undo_load($1)", &[&load_id]);
        assert_eq!(sqlstate(undo), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "{change}");
        assert_eq!(count(&mut client, "traced"), there);
        // No other way leads around it.
        fs::write(&path, lines(7)).expect("written");
        let replaced = load_with(&mut client, &path, "traced", "if_loaded => 'replace'");
        assert_eq!(replaced.expect("what was appended").rows_loaded, 2);
        client
            .batch_execute("DELETE FROM traced WHERE _load_id <> (SELECT min(_load_id) FROM traced)")
            .expect("back");
        let appended = "UPDATE loader.load_history_data SET status = 'undone' WHERE start_offset > 0";
        client.batch_execute(appended).expect("back");
        fs::write(&path, "{\"n\": \"another\"}\n").expect("written");
        let replaced = load_with(&mut client, &path, "traced", "if_loaded => 'replace'");
        assert_eq!(sqlstate(replaced), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "{change}");
        let call = load_many(&mut client, &path, "traced", "if_loaded => 'replace'").expect("a call");
        assert_eq!(counts(&call), [1, 0, 0, 1, 0, 0], "{change}");
        assert_eq!(count(&mut client, "traced"), there);
        fs::write(&path, lines(5)).expect("written");
    }
    let there = count(&mut client, "traced");
    let forced: i64 =
        client.query_one("SELECT undo_load($1, force => true)", &[&load_id]).expect("an undo").get(0);
    assert_eq!((forced, count(&mut client, "traced")), (there, 0));
}

/// Nobody loses rejects by what another role does with the right to insert.
#[test]
fn rejects_of_others_stay() {
    let (database, mut admin) = session("history_others");
    admin
        .batch_execute(
            "CREATE ROLE history_owner LOGIN IN ROLE pg_read_server_files;
             CREATE ROLE history_other LOGIN IN ROLE pg_read_server_files;
             GRANT ALL ON t TO history_owner; GRANT INSERT ON t TO history_other",
        )
        .expect("roles");
    let path = database.file("others", "{\"n\": 0}\n{\"n\": 1\n{\"n\": 2\n");
    let mut owner = database.connect_as("history_owner");
    let loaded = load(&mut owner, &path, "t").expect("a load");
    owner
        .batch_execute(
            "SELECT mend_reject(load_id, byte_offset, '{\"n\": 1}') FROM loader.rejects WHERE record_no = 2",
        )
        .expect("mended");
    admin.batch_execute("TRUNCATE t").expect("emptied");
    let mut other = database.connect_as("history_other");
    let nowhere = load_many(&mut other, "/nowhere/*.json", "t", "").expect("no file");
    assert_eq!(nowhere.files, 0);
    assert_eq!(count(&mut admin, "loader.load_history WHERE emptied_at IS NULL"), 1);
    assert_eq!(load_many(&mut other, &path, "t", "").expect("a call").rows, 1);
    assert_eq!(count(&mut owner, "loader.rejects"), 2);
    assert_eq!(count(&mut other, "loader.rejects"), 2);
    let retried =
        owner.query_one("SELECT rows_loaded FROM retry_rejects($1)", &[&loaded.load_id]).expect("a retry");
    assert_eq!(retried.get::<_, i64>(0), 1);
    // The owner's own, but for what was mended, go with the next load: the file is rejected
    // again.
    admin.batch_execute("TRUNCATE t").expect("emptied");
    assert_eq!(load_many(&mut owner, &path, "t", "").expect("a call").rejects, 2);
    assert_eq!(count(&mut owner, "loader.rejects"), 3);
    assert_eq!(count(&mut other, "loader.rejects"), 2);
}

/// What builds on a load is undone with it only by who may undo it too.
#[test]
fn loads_of_others_are_not_undone_along() {
    let (database, mut admin) = session("history_along");
    admin
        .batch_execute(
            "CREATE ROLE along_one LOGIN IN ROLE pg_read_server_files;
             CREATE ROLE along_two LOGIN IN ROLE pg_read_server_files;
             CREATE TABLE plain (data jsonb);
             SELECT seed_json_table('traced', lineage => true);
             GRANT ALL ON traced, plain TO along_one, along_two",
        )
        .expect("roles");
    let (mut one, mut two) = (database.connect_as("along_one"), database.connect_as("along_two"));
    for (table, deleted) in [("traced", 3), ("plain", 0)] {
        let path = database.file(&format!("along_{table}"), lines(2));
        let first = load(&mut one, &path, table).expect("a load").load_id;
        fs::write(&path, lines(3) + "{\n").expect("written");
        assert_eq!(load_many(&mut two, &path, table, "").expect("a call").rejects, 1);
        let undo = "SELECT undo_load($1, force => true)";
        if table == "plain" {
            // Nothing of them is left that would have to be deleted.
            admin.batch_execute("TRUNCATE plain").expect("emptied");
            let other = database.file("along_other", lines(1));
            load(&mut one, &other, table).expect("a load");
        }
        assert_eq!(sqlstate(one.query_one(undo, &[&first])), SqlState::INSUFFICIENT_PRIVILEGE);
        // An error is told before its transaction has given back its locks.
        one.batch_execute("SELECT").expect("the next statement");
        assert_eq!(count(&mut two, "loader.rejects WHERE resolved_by IS NULL"), 1);
        let undone: i64 = admin.query_one(undo, &[&first]).expect("an undo").get(0);
        assert_eq!((undone, count(&mut two, "loader.rejects")), (deleted, 0), "{table}");
    }
}

/// Membership is not a right: from 16 on it may give none.
#[test]
fn who_has_no_right_of_a_role_sees_nothing_of_its() {
    let (database, mut admin) = session("history_rights");
    admin
        .batch_execute(
            "CREATE ROLE history_boss LOGIN IN ROLE pg_read_server_files; GRANT ALL ON t TO history_boss;
             CREATE ROLE history_heir LOGIN; GRANT history_boss TO history_heir;
             CREATE ROLE history_setter LOGIN NOINHERIT; GRANT history_boss TO history_setter;
             CREATE ROLE history_bare LOGIN",
        )
        .expect("roles");
    let version = figure(&mut admin, "SELECT current_setting('server_version_num')::bigint");
    if version >= 160_000 {
        admin
            .batch_execute("GRANT history_boss TO history_bare WITH INHERIT FALSE, SET FALSE")
            .expect("a bare membership");
    }
    let path = database.file("rights", "{\"n\": 0}\n{\"n\": 1\n");
    let loaded = load(&mut database.connect_as("history_boss"), &path, "t").expect("a load");
    for (role, may) in [("history_heir", 1), ("history_setter", 1), ("history_bare", 0)] {
        let mut client = database.connect_as(role);
        assert_eq!(count(&mut client, "loader.load_history"), may, "{role}");
        assert_eq!(count(&mut client, "loader.rejects"), may, "{role}");
        let mend = client.query("SELECT mend_reject($1, 9, '{')", &[&loaded.load_id]);
        assert_eq!(mend.is_ok(), may == 1, "{role}");
        for amend in ["SELECT * FROM retry_rejects($1)", "SELECT undo_load($1)"] {
            let code = client.query(amend, &[&loaded.load_id]).err().and_then(|error| error.code().cloned());
            let denied = code == Some(SqlState::UNDEFINED_OBJECT);
            assert_eq!(denied, may == 0, "{role}: {amend}: {code:?}");
        }
    }
    // Where the row was written elsewhere its OID is nobody's: the name says whose it is.
    admin
        .batch_execute(
            "UPDATE loader.load_history_data
             SET home = 'elsewhere', loaded_by = 'history_bare'::regrole, loaded_by_name = 'history_boss'",
        )
        .expect("as after a restore");
    for (role, may) in [("history_boss", 1), ("history_bare", 0)] {
        assert_eq!(count(&mut database.connect_as(role), "loader.rejects"), may, "{role}");
    }
    admin.batch_execute("UPDATE loader.load_history_data SET loaded_by_name = 'nobody'").expect("gone");
    for role in ["history_boss", "history_bare"] {
        assert_eq!(count(&mut database.connect_as(role), "loader.rejects"), 0, "{role}");
    }
    // The next load takes the row over, and nobody has a right on it that it did not give.
    assert_eq!(load(&mut admin, &path, "t").expect("a skip").status, "skipped");
    assert_eq!(count(&mut admin, "loader.load_history WHERE loaded_by = 0"), 1);
    assert_eq!(count(&mut database.connect_as("history_bare"), "loader.rejects"), 0);
}

#[test]
fn what_another_role_loaded_is_not_replaced() {
    let (database, mut admin) = session("history_replace");
    traced(&mut admin, "traced");
    admin
        .batch_execute(
            "CREATE ROLE history_replacer LOGIN IN ROLE pg_read_server_files;
             GRANT ALL ON traced TO history_replacer",
        )
        .expect("a role");
    let path = database.file("replace", lines(3));
    load(&mut admin, &path, "traced").expect("a load");
    fs::write(&path, "{\"n\": \"another\"}\n").expect("written");
    let mut other = database.connect_as("history_replacer");
    let refused = message(load_with(&mut other, &path, "traced", "if_loaded => 'replace'"));
    assert_eq!(refused, "42501: permission denied to replace load 1");
    assert_eq!(count(&mut admin, "traced"), 3);
}

/// Waits until a change of a file would show in its times.
fn settle(path: &str) {
    let changed = fs::metadata(path).expect("the file").ctime();
    wait_for("the file to be old enough", || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970");
        now.as_secs() as i64 > changed + 4
    });
}

/// Bytes that a session's process has read so far, of files and of everything else.
fn bytes_read(client: &mut Client) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", backend(client))).expect("io of a backend");
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("a figure");
    line.parse().expect("a number")
}

#[test]
fn a_file_that_has_not_changed_is_not_read_again() {
    const SIZE: u64 = 8 * 1024 * 1024;
    let (database, mut client) = session("history_known");
    let piece = lines(100);
    let path = database.large_file("known", "", &piece, SIZE as usize / piece.len() + 1, "");
    let calls: [fn(&mut Client, &str) -> bool; 2] = [
        |client, path| load(client, path, "t").expect("a load").status == "skipped",
        |client, path| load_many(client, path, "t", "workers => 0").expect("a call").skipped == 1,
    ];
    assert!(!calls[0](&mut client, &path));
    settle(&path);
    for skips in calls {
        // The first look at what has settled may be one at the contents.
        assert!(skips(&mut client, &path));
        let before = bytes_read(&mut client);
        assert!(skips(&mut client, &path));
        assert!(bytes_read(&mut client) - before < SIZE / 2);
        // Another ctime is no other content, and that is found out by reading.
        let permissions = fs::metadata(&path).expect("the file").permissions();
        fs::set_permissions(&path, permissions).expect("chmod");
        let before = bytes_read(&mut client);
        assert!(skips(&mut client, &path));
        assert!(bytes_read(&mut client) - before >= SIZE);
        settle(&path);
    }
    // A content that has changed is seen though size and mtime are what they were.
    let modified = fs::metadata(&path).expect("the file").modified().expect("a time");
    let mut text = fs::read(&path).expect("the file");
    let at = text.len() - 2;
    text[at - 4..at].copy_from_slice(b"null");
    fs::write(&path, &text).expect("written");
    fs::File::options().write(true).open(&path).expect("the file").set_modified(modified).expect("mtime");
    let summary = load_many(&mut client, &path, "t", "if_loaded => 'error'").expect("a call");
    assert_eq!(counts(&summary)[3], 1);
}

/// A record that was cut by the end of a file is whole when the file has grown, whatever
/// became of its first part.
#[test]
fn a_file_grows_behind_a_record_that_was_ignored_or_retried() {
    let (database, mut client) = session("history_torn");
    for by_call in [true, false] {
        let grow = |client: &mut Client, path: &str, options: &str| -> i64 {
            append(path, "2}\n{\"n\": 3}\n");
            if by_call {
                load_many(client, path, "t", options).expect("a call").rows as i64
            } else {
                load_with(client, path, "t", options).expect("a load").rows_loaded
            }
        };
        let torn = lines(2) + "{\"n\": ";
        let path = database.file(&format!("torn_ignored_{by_call}"), format!(" {by_call}\n{torn}"));
        load_with(&mut client, &path, "t", "on_error => 'ignore'").expect("a load");
        assert_eq!(grow(&mut client, &path, "on_error => 'ignore'"), 2, "{by_call}");

        let path = database.file(&format!("torn_retried_{by_call}"), format!(" {by_call}\n\n{torn}"));
        let load_id = load(&mut client, &path, "t").expect("a load").load_id;
        let mend =
            "SELECT mend_reject(load_id, byte_offset, '{\"n\": 2}') FROM loader.rejects WHERE load_id = $1";
        client.query_one(mend, &[&load_id]).expect("mended");
        client.query_one("SELECT * FROM retry_rejects($1)", &[&load_id]).expect("a retry");
        // What the retry has loaded is passed over.
        assert_eq!(grow(&mut client, &path, ""), 1, "{by_call}");
    }
}

/// A skip may note how the file lies on disk, but it needs no right to write.
#[test]
fn a_skip_needs_not_write() {
    let (database, mut client) = session("history_read_only");
    let path = database.file("read_only", lines(2));
    load(&mut client, &path, "t").expect("a load");
    fs::write(&path, lines(2)).expect("touched");
    settle(&path);
    client.batch_execute("SET default_transaction_read_only = on").expect("SET");
    assert_eq!(load(&mut client, &path, "t").expect("a skip").status, "skipped");
}

#[test]
fn how_a_file_was_read() {
    let (database, mut client) = session("history_read_as");
    let records = "{\"n\": 1}\n{\"n\": 2}\n";
    let utf16: Vec<u8> = records.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let prefixed: String = (0..20).map(|n| format!("[INFO] at {n}: {{\"n\": {n}}}\n")).collect();
    // Without the newlines, which are framing of another kind.
    let prefixes: usize = prefixed.lines().map(|line| line.find('{').expect("a record")).sum();
    for (name, bytes, options, encoding, prefix) in [
        ("utf8", records.as_bytes().to_vec(), "", "utf-8", 0),
        ("utf16", utf16, "", "utf-16be", 0),
        ("latin1", records.as_bytes().to_vec(), "encoding => 'latin1', if_loaded => 'force'", "latin1", 0),
        ("prefixed", prefixed.into_bytes(), "", "utf-8", prefixes as i64),
    ] {
        let path = database.file(&format!("history_{name}"), bytes);
        let outcome = load_with(&mut client, &path, "t", options).expect("a load");
        let query = "SELECT encoding, bytes_prefix, bytes_prefix <= bytes_framing
                     FROM loader.load_history WHERE load_id = $1";
        let row = client.query_one(query, &[&outcome.load_id]).expect("its row");
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i64>(1)), (encoding, prefix), "{name}");
        assert!(row.get::<_, bool>(2), "{name}");
    }
    // The same by workers, in parts.
    client.batch_execute("SET loader.transaction_size = '64kB'").expect("SET");
    let line = |n: usize| format!("2024-01-01T00:00:00Z host app[{n}]: {{\"n\": {n}}}\n");
    let text: String = (0..20_000).map(line).collect();
    let pattern = database.file("history_parts", &text);
    load_many(&mut client, &pattern, "t", "workers => 2").expect("a call");
    let prefixes: usize = text.lines().map(|line| line.find('{').expect("a record")).sum();
    let query = "SELECT bytes_prefix FROM loader.load_history ORDER BY load_id DESC LIMIT 1";
    assert_eq!(figure(&mut client, query), prefixes as i64);
}
