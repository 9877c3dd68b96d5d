//! The column `_key`: with a `records_path` that ends with `.*` the records are the values
//! of an object, and the key of each is kept where the table has a column for it.

use crate::helpers::{append, count, files, session};
use loader_client_tests::{load_many, load_with, sqlstate};
use postgres::Client;
use postgres::error::SqlState;

const PEOPLE: &str = "records_path => '$.people.*'";

/// A table with the column, and a document.
fn people(client: &mut Client, options: &str) {
    client
        .batch_execute(&format!(
            "SELECT seed_json_table('people', lineage => true); ALTER TABLE people ADD COLUMN _key {options}"
        ))
        .expect("a table");
}

/// Each key with its record, in file order.
fn keys(client: &mut Client) -> Vec<String> {
    let query = "SELECT format('%s=%s', coalesce(_key, 'none'), data->>'n')
                 FROM people ORDER BY _load_id, _byte_offset";
    client.query(query, &[]).expect("rows").iter().map(|row| row.get(0)).collect()
}

#[test]
fn each_row_has_its_key() {
    let (database, mut client) = session("keys_each");
    people(&mut client, "text");
    let text = r#"{"people": {"ada": {"n": 1}, "b \u00e9\"\n": {"n": 2}, "": {"n": 3}, "ada": {"n": 4},
        "\ud83d\ude00": {"n": 5}, "\u0000": {"n": 6}, "\udead": {"n": 7}}, "others": {"x": {"n": 8}}}"#;
    let path = database.file("keys_each", text);
    let wanted = ["ada=1", "b é\"\n=2", "=3", "ada=4", "😀=5", "none=6", "none=7"];
    for threads in [0, 2] {
        client.batch_execute(&format!("TRUNCATE people; SET loader.parse_threads = {threads}")).expect("SET");
        let outcome = load_with(&mut client, &path, "people", PEOPLE).expect("a load");
        assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (7, 0));
        assert_eq!(keys(&mut client), wanted, "{threads} threads");
    }

    // Many of them, in chunks, by workers.
    let member = |n: usize| format!("\"key {n}\": {{\"n\": {n}}}");
    let members = |from: usize| (from..from + 10_000).map(member).collect::<Vec<_>>().join(",\n");
    let document = |from| format!("{{\"people\": {{{}}}}}", members(from));
    let pattern = files(&database, "keys_many", &[("a", document(0)), ("b", document(10_000))]);
    client.batch_execute("TRUNCATE people").expect("TRUNCATE");
    load_many(&mut client, &pattern, "people", &format!("workers => 2, chunk => 777, {PEOPLE}"))
        .expect("a call");
    assert_eq!(count(&mut client, "people WHERE _key = 'key ' || (data->>'n')"), 20_000);

    // And behind what was loaded before.
    append(&path, "\n{\"people\": {\"new\": {\"n\": 9}}}");
    client.batch_execute("TRUNCATE people").expect("TRUNCATE");
    load_with(&mut client, &path, "people", PEOPLE).expect("a load");
    assert_eq!(keys(&mut client)[7..], ["new=9"]);
}

#[test]
fn a_reject_keeps_its_key_to_its_retry() {
    let (database, mut client) = session("keys_retry");
    people(&mut client, "text");
    let text = r#"{"people": {"a": {"n": 1}, "b\t": {"n": oops}, "c": {"n": 3}, "d": {"n": 1e999999}}}"#;
    let path = database.file("keys_retry", text);
    let outcome = load_with(&mut client, &path, "people", PEOPLE).expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (2, 2));
    let query = "SELECT record_key FROM loader.rejects ORDER BY byte_offset";
    let kept: Vec<String> = client.query(query, &[]).expect("rejects").iter().map(|row| row.get(0)).collect();
    assert_eq!(kept, ["b\t", "d"]);
    client
        .batch_execute(&format!(
            "SELECT mend_rejects({id}, NULL, 'regexp_replace(raw_text, ''oops|1e9+'', ''2'')');
             SELECT retry_rejects({id})",
            id = outcome.load_id
        ))
        .expect("a retry");
    assert_eq!(keys(&mut client), ["a=1", "c=3", "b\t=2", "d=2"]);
}

#[test]
fn the_column_is_left_alone_where_there_are_no_keys() {
    let (database, mut client) = session("keys_alone");
    people(&mut client, "text NOT NULL DEFAULT 'own'");
    let path = database.file("keys_alone", r#"[{"n": 1}]"#);
    load_with(&mut client, &path, "people", "format => 'array'").expect("a load");
    assert_eq!(keys(&mut client), ["own=1"]);
    let path = database.file("keys_alone_wrapped", r#"{"people": [{"n": 2}], "more": {"k": {"n": 3}}}"#);
    load_with(&mut client, &path, "people", "records_path => '$.people'").expect("a load");
    // The table's own constraint holds for a key that is none.
    load_with(&mut client, &path, "people", "records_path => '$.more.*'").expect("a load");
    assert_eq!(keys(&mut client), ["own=1", "own=2", "k=3"]);
    let path = database.file("keys_alone_null", r#"{"people": {"\u0000": {"n": 4}}}"#);
    let stop = format!("{PEOPLE}, on_error => 'stop'");
    let refused = load_with(&mut client, &path, "people", &stop);
    assert_eq!(sqlstate(refused), SqlState::NOT_NULL_VIOLATION);

    // A column of another type is the user's own affair.
    for kind in ["integer", "text GENERATED ALWAYS AS ('g') STORED"] {
        client.batch_execute("DROP TABLE people").expect("DROP");
        people(&mut client, kind);
        load_with(&mut client, &path, "people", PEOPLE).expect("a load");
        assert_eq!(count(&mut client, "people WHERE _key IS NULL OR _key::text = 'g'"), 1, "{kind}");
    }
}

#[test]
fn the_column_needs_a_right_to_be_filled() {
    let (database, mut client) = session("keys_right");
    people(&mut client, "text");
    client
        .batch_execute(
            "CREATE ROLE keys_loader LOGIN; GRANT pg_read_server_files TO keys_loader;
             GRANT INSERT (data, _load_id, _byte_offset) ON people TO keys_loader",
        )
        .expect("a role");
    let path = database.file("keys_right", r#"{"people": {"a": {"n": 1}}, "list": [{"n": 2}]}"#);
    let mut role = database.connect_as("keys_loader");
    let refused = load_with(&mut role, &path, "people", PEOPLE);
    assert_eq!(sqlstate(refused), SqlState::INSUFFICIENT_PRIVILEGE);
    load_with(&mut role, &path, "people", "records_path => '$.list'").expect("a load");
    client.batch_execute("GRANT INSERT (_key) ON people TO keys_loader").expect("GRANT");
    load_with(&mut role, &path, "people", PEOPLE).expect("a load");
    assert_eq!(keys(&mut client), ["none=2", "a=1"]);
    let asked = role.batch_execute("SELECT loader.chunk_keys(1)");
    assert_eq!(sqlstate(asked), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    client.batch_execute("DROP OWNED BY keys_loader; DROP ROLE keys_loader").expect("DROP ROLE");
}

#[test]
fn keys_are_text_of_the_database() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = loader_client_tests::Cluster::shared()
            .database_with(&format!("keys_{}", encoding.to_lowercase()), encoding);
        let mut client = database.connect();
        people(&mut client, "text");
        let text =
            "{\"people\": {\"\u{e9}\": {\"n\": 1}, \"\\u00e9\": {\"n\": 2}, \"\u{20ac}\": {\"n\": 3}}}";
        let path = database.file(&format!("keys_{encoding}"), text);
        load_with(&mut client, &path, "people", PEOPLE).expect("a load");
        let query =
            "SELECT string_agg(coalesce(encode(convert_to(_key, getdatabaseencoding()), 'hex'), '-'), ' '
                                       ORDER BY _byte_offset) FROM people";
        let kept: String = client.query_one(query, &[]).expect("keys").get(0);
        assert_eq!(kept, if encoding == "LATIN1" { "e9 e9 -" } else { "c3a9 c3a9 e282ac" }, "{encoding}");
    }
}
