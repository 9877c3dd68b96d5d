//! What errors and warnings say to do, for mistakes that are often made.

use crate::helpers::{append, count, files, lines, session, table, traced};
use loader_client_tests::{Cluster, load_many, load_with, message};
use postgres::Client;
use postgres::error::DbError;

/// The error of a statement that has to fail.
fn error_of(client: &mut Client, statement: &str) -> DbError {
    let error = client.simple_query(statement).expect_err(statement);
    error.as_db_error().unwrap_or_else(|| panic!("{statement}: {error:?}")).clone()
}

/// The HINT of a statement that has to fail with that code.
fn hint_of(client: &mut Client, statement: &str, code: &str) -> String {
    let error = error_of(client, statement);
    assert_eq!(error.code().code(), code, "{error:?}");
    error.hint().unwrap_or_default().to_owned()
}

#[test]
fn a_pattern_for_one_file() {
    let (database, mut client) = session("hints_pattern");
    let pattern = files(&database, "hints_pattern", &[("a", lines(3)), ("it's [1]", lines(4))]);
    for wild in [pattern.clone(), pattern.replace('*', "?"), pattern.replace('*', "[ab]")] {
        let hint = hint_of(&mut client, &format!("SELECT * FROM load_json_file('{wild}', 't')"), "58P01");
        assert!(hint.contains(&format!("CALL load_json_files('{wild}', ...)")), "{hint}");
    }
    // A file that is called like a pattern is a file.
    let literal = pattern.replace('*', "it''s [1]");
    client.batch_execute(&format!("SELECT load_json_file('{literal}', 't')")).expect("a load");
    assert_eq!(count(&mut client, "t"), 4);
    // What names no pattern says where files are looked for.
    let missing = pattern.replace('*', "nowhere");
    let hint = hint_of(&mut client, &format!("SELECT load_json_file('{missing}', 't')"), "58P01");
    assert!(hint.contains("on the server's machine"), "{hint}");
}

#[test]
fn a_directory() {
    let (database, mut client) = session("hints_directory");
    let pattern = files(&database, "hints_directory", &[("a.json", lines(3))]);
    let directory = pattern.trim_end_matches("/*");
    for path in [directory.to_owned(), format!("{directory}/")] {
        for call in [
            format!("SELECT * FROM load_json_file('{path}', 't')"),
            format!("CALL load_json_files('{path}', 't')"),
            format!("SELECT * FROM read_json_file('{path}')"),
        ] {
            let hint = hint_of(&mut client, &call, "42809");
            let wanted = [format!("'{pattern}'"), format!("'{pattern}.json'")];
            assert!(wanted.iter().all(|wanted| hint.contains(wanted)), "{call}: {hint}");
        }
    }
    // Not where the caller may not know that it is there.
    let cluster = database.cluster;
    let other = cluster.folder("hints_directory_other");
    client
        .batch_execute(&format!("SET loader.allowed_directories = '{}'", other.display()))
        .expect("the setting");
    load_many(&mut client, directory, "t", "").expect("a call");
    let kept = "SELECT error_sqlstate FROM loader.load_history WHERE status = 'failed'";
    let code: String = client.query_one(kept, &[]).expect("a failed load").get(0);
    assert_eq!(code, "42501");
}

#[test]
fn braces() {
    let (database, mut admin) = session("hints_braces");
    let (mut client, said) = database.connect_listening("postgres");
    let pattern = files(&database, "hints_braces", &[("a.json", lines(3))]);
    let (plain, wild) = (pattern.replace('*', "{a,b}.json"), pattern.replace('*', "{a,b}*"));
    for call in [
        format!("SELECT load_json_file('{plain}', 't')"),
        format!("SELECT * FROM read_json_file('{plain}')"),
        format!("SELECT * FROM read_json_file('{wild}')"),
    ] {
        let hint = hint_of(&mut admin, &call, "58P01");
        assert!(hint.starts_with("Braces have no special meaning"), "{hint}");
    }
    for pattern in [&plain, &wild] {
        load_many(&mut client, pattern, "t", "").expect("a call");
        let lines = said.results();
        assert!(lines[0].contains(" HINT: Braces have no special meaning"), "{lines:?}");
    }
    // Nor where they have no need to be understood.
    load_many(&mut client, &pattern.replace('*', "b*"), "t", "").expect("a call");
    let lines = said.results();
    assert!(lines[0].starts_with("WARNING: no file matches") && !lines[0].contains("HINT"), "{lines:?}");
}

#[test]
fn a_records_path() {
    let (database, mut client) = session("hints_records_path");
    let document =
        r#"{"meta": {"tags": ["swordfish"], "n": 1}, "data": {"my items": [{"id": "swordfish"}]}}"#;
    let pattern = files(&database, "hints_records_path", &[("a", document), ("none", r#"{"a": 1}"#)]);
    let path = pattern.replace('*', "a");
    let calls = |path: &str, records_path: &str| {
        [
            format!("SELECT load_json_file('{path}', 't', records_path => '{records_path}')"),
            format!("SELECT * FROM read_json_file('{path}', records_path => '{records_path}')"),
        ]
    };
    for (given, meant) in
        [("list", "'$.list'"), (".list", "'$.list'"), ("a.b", "'$.a.b'"), ("it''s", ""), ("", "")]
    {
        for call in calls(&path, given) {
            let hint = hint_of(&mut client, &call, "22023");
            let wanted =
                if meant.is_empty() { "Name the keys".to_owned() } else { format!("Write it as {meant}.") };
            assert!(hint.starts_with(&wanted), "{call}: {hint}");
        }
    }
    for call in calls(&path, "$.items") {
        let error = error_of(&mut client, &call);
        assert_eq!(error.code().code(), "22P04");
        assert_eq!(
            error.hint(),
            Some(r#"Its first document has arrays at $.meta.tags and $.data."my items"."#)
        );
        assert!(error.message().ends_with(r#"has no array at records_path "$.items""#), "{error:?}");
        assert!(!format!("{error:?}").contains("swordfish"), "{error:?}");
    }
    for call in calls(&pattern.replace('*', "none"), "$.items") {
        let hint = hint_of(&mut client, &call, "22P04");
        assert!(hint.starts_with("records_path names the keys"), "{hint}");
    }
    // A document that is keyed by data.
    let keyed = database.file("hints_keyed", r#"{"swordfish@example.org": [1], "4930123456": [2]}"#);
    for call in calls(&keyed, "$.items") {
        let hint = hint_of(&mut client, &call, "22P04");
        assert!(hint.starts_with("records_path names the keys"), "{hint}");
    }
    // What is named can be used.
    let option = r#"records_path => '$.data."my items"'"#;
    assert_eq!(load_with(&mut client, &path, "t", option).expect("a load").rows_loaded, 1);
}

#[test]
fn a_file_that_does_not_continue() {
    let (database, _admin) = session("hints_continue");
    let (mut client, said) = database.connect_listening("postgres");
    traced(&mut client, "digits");
    let pattern = files(&database, "hints_continue", &[("a", "1\n2\n3")]);
    load_many(&mut client, &pattern, "digits", "").expect("a call");
    append(&pattern.replace('*', "a"), "4\n5\n");
    said.take();
    load_many(&mut client, &pattern, "digits", "").expect("a call");
    let lines = said.results();
    assert!(lines[0].contains("where load 1 ended; undo_load(1) takes that back"), "{lines:?}");
    let error = message(load_many(&mut client, &pattern, "digits", "on_file_error => 'stop'"));
    assert!(error.contains("undo_load(1)"), "{error}");
    // It says what helps.
    client.batch_execute("SELECT undo_load(1)").expect("an undo");
    let summary = load_many(&mut client, &pattern, "digits", "").expect("a call");
    assert_eq!((summary.loaded, summary.failed, count(&mut client, "digits")), (1, 0, 4));
}

#[test]
fn the_rejects_of_a_call() {
    let database = Cluster::shared().database("hints_rejects");
    let (mut client, said) = database.connect_listening("postgres");
    table(&mut client, "t");
    let pattern = files(&database, "hints_rejects", &[("a", lines(3) + "{\n"), ("b", lines(4) + "{]\n")]);
    load_many(&mut client, &pattern.replace('*', "a"), "t", "").expect("a call");
    said.take();
    load_many(&mut client, &pattern, "t", "").expect("a call");
    let lines = said.results();
    let (_, hint) = lines[0].split_once(" HINT: See ").expect("a hint");
    let rows = client.query(hint.trim_end_matches(';'), &[]).expect("the query of the HINT");
    let raw: Vec<Vec<u8>> = rows.iter().map(|row| row.get("raw")).collect();
    assert_eq!(raw, [b"{]"]);
}

#[test]
fn an_attempt_that_was_undone_has_no_error() {
    let (database, mut client) = session("hints_undone");
    let pattern = files(&database, "hints_undone", &[("a", lines(3)), ("b", "{\n".to_owned())]);
    load_many(&mut client, &pattern, "t", "on_error => 'stop'").expect("a call");
    let errors = "loader.load_history WHERE num_nulls(error_sqlstate, error_message) < 2";
    assert_eq!(count(&mut client, errors), 1);
    client
        .batch_execute("SELECT undo_load(load_id) FROM loader.load_history WHERE status = 'failed'")
        .expect("undo");
    assert_eq!(count(&mut client, "loader.load_history WHERE status = 'undone'"), 1);
    assert_eq!(count(&mut client, errors), 0);
}
