//! `records_path`: the records are the elements of an array inside of a document,
//! for loads of one file and of many, and for reading.

use crate::helpers::{append, count, counts, figure, files, gzip, insist, session, traced};
use loader_client_tests::{left, load, load_many, load_with, message, sqlstate};
use postgres::Client;
use postgres::error::SqlState;
use std::fmt::Write;
use std::fs;

const PATH: &str = "records_path => '$.data.items'";

/// A document around so many records; every `bad`th of them is broken.
fn document(name: &str, records: usize, bad: usize) -> String {
    let mut text = format!("{{\"name\": \"{name}\", \"items\": [1, 2],\n \"data\": {{\"items\": [\n");
    for n in 0..records {
        let comma = if n + 1 < records { "," } else { "" };
        let value = if n % bad == bad - 1 { "nothing" } else { "{\"items\": [3]}" };
        writeln!(text, r#"  {{"of": "{name}", "n": {n}, "data": {value}}}{comma}"#).expect("a string");
    }
    text.push_str(" ], \"total\": 5}, \"next\": {\"data\": {\"items\": \"none\"}}}\n");
    text
}

/// A sound one.
fn sound(name: &str, records: usize) -> String {
    document(name, records, usize::MAX)
}

#[test]
fn the_elements_are_the_records() {
    let (database, mut client) = session("path_one");
    traced(&mut client, "traced");
    let text = sound("one", 500);
    let path = database.file("path_one", &text);
    let outcome = load_with(&mut client, &path, "traced", PATH).expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (500, 0));
    assert_eq!(outcome.bytes_read, text.len() as i64);
    let differ = "SELECT count(*) FROM (
            (SELECT data FROM traced EXCEPT ALL SELECT jsonb_array_elements($1::text::jsonb #> '{data,items}'))
            UNION ALL
            (SELECT jsonb_array_elements($1::text::jsonb #> '{data,items}') EXCEPT ALL SELECT data FROM traced)) d";
    assert_eq!(client.query_one(differ, &[&text]).expect("a comparison").get::<_, i64>(0), 0);
    let offsets = client.query("SELECT _byte_offset, (data->>'n')::bigint FROM traced", &[]).expect("rows");
    for row in offsets {
        let (at, n): (i64, i64) = (row.get(0), row.get(1));
        assert!(text[at as usize..].starts_with(&format!("{{\"of\": \"one\", \"n\": {n},")), "{at}");
    }
    let row = client
        .query_one("SELECT records_path, format, bytes_framing, stream_bytes FROM loader.load_history", &[])
        .expect("the history");
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("$.data.items", "array"));
    assert!(row.get::<_, i64>(2) > 150 && row.get::<_, i64>(3) == text.len() as i64);

    // Of a damaged one, the same as reading shows.
    let text = document("two", 500, 50);
    let path = database.file("path_one_damaged", &text);
    let outcome = load_with(&mut client, &path, "traced", PATH).expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (490, 10));
    let read = format!(
        "SELECT count(*) FROM read_json_file('{path}', {PATH}) r
         LEFT JOIN traced t ON t._load_id = {id} AND t._byte_offset = r.byte_offset AND t.data = r.data
         LEFT JOIN loader.rejects j ON j.load_id = {id} AND j.byte_offset = r.byte_offset
              AND j.record_no = r.record_no AND j.line = r.line AND j.error_type = r.error_type
         WHERE (t._load_id IS NULL) <> (j.load_id IS NULL)",
        id = outcome.load_id
    );
    assert_eq!(figure(&mut client, &read), 500);
    assert_eq!(figure(&mut client, &format!("SELECT count(*) FROM read_json_file('{path}', {PATH})")), 500);
    let line = figure(&mut client, "SELECT min(line) FROM loader.rejects");
    assert_eq!(line, 52);
}

#[test]
fn another_path_is_another_load() {
    let (database, mut client) = session("path_other");
    let text = r#"{"a b": [1, 2], "c": {"d": [3, 4, 5]}, "e": []}"#;
    let path = database.file("path_other", text);
    for (records_path, shown, rows, status) in [
        ("$.\"a b\"", "$.\"a b\"", 2, "loaded"),
        ("$.c.d", "$.c.d", 3, "loaded"),
        // Another word for the same.
        ("$['a b']", "$.\"a b\"", 0, "skipped"),
        ("$[\"c\"].\"d\"", "$.c.d", 0, "skipped"),
        // Nothing is in it, and that is loaded.
        ("$.e", "$.e", 0, "loaded"),
    ] {
        let options = format!("records_path => '{}'", records_path.replace('\'', "''"));
        let outcome = load_with(&mut client, &path, "t", &options).expect("a load");
        assert_eq!((outcome.rows_loaded, outcome.status.as_str()), (rows, status), "{records_path}");
        let kept: &str = &client
            .query_one("SELECT records_path FROM loader.load_history WHERE load_id = $1", &[&outcome.load_id])
            .expect("the history")
            .get::<_, String>(0);
        assert_eq!(kept, shown);
        let again = load_many(&mut client, &path, "t", &options).expect("a call");
        assert_eq!(counts(&again), [1, 0, 1, 0, 0, 0], "{records_path}");
    }
    // And none at all yet another.
    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.status.as_str()), (1, "loaded"));
    let whole = "loader.load_history WHERE records_path IS NULL";
    assert_eq!((count(&mut client, whole), count(&mut client, "t")), (1, 6));
}

#[test]
fn where_no_array_is_loading_fails() {
    let (database, mut client) = session("path_none");
    let pattern = files(
        &database,
        "path_none",
        &[
            ("a", sound("a", 5)),
            ("b_object", r#"{"data": {"items": {"n": 1}}}"#.to_owned()),
            ("c_elsewhere", r#"{"items": [{"n": 1}], "data": [{"n": 2}]}"#.to_owned()),
            ("d_empty", String::new()),
            ("e_text", "no JSON at all\n".to_owned()),
            ("f", sound("f", 7)),
        ],
    );
    for workers in [0, 2] {
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let options = format!("workers => {workers}, {PATH}");
        let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
        assert_eq!(counts(&summary), [6, 2, 0, 4, 12, 0]);
        let failed = "loader.load_history WHERE status = 'failed' AND error_sqlstate = '22P04'
                      AND rows_loaded + rows_rejected = 0 AND error_message LIKE '%records_path%'";
        assert_eq!(count(&mut client, failed), 4);
        client.batch_execute("DELETE FROM loader.load_history_data").expect("DELETE");
    }
    for name in ["b_object", "c_elsewhere", "e_text"] {
        let path = pattern.replace('*', name);
        let error = message(load_with(&mut client, &path, "t", PATH));
        assert!(error.starts_with("22P04") && error.contains("records_path"), "{error}");
        let read = client.query(&format!("SELECT * FROM read_json_file('{path}', {PATH})"), &[]);
        assert_eq!(sqlstate(read), SqlState::BAD_COPY_FILE_FORMAT);
    }
}

#[test]
fn calls_are_gone_on_with_inside_of_the_array() {
    let (database, mut client) = session("path_resume");
    traced(&mut client, "reference");
    traced(&mut client, "traced");
    let (one, two, three) = (document("one", 9000, 90), document("two", 8800, 80), sound("three", 8700));
    // Several documents, one behind the other, and such that lie within one line.
    let many: String = (0..300).map(|n| sound(&format!("four {n}"), 30).replace('\n', " ") + "\n").collect();
    let pattern = files(
        &database,
        "path_resume",
        &[
            ("a.json", one.clone().into_bytes()),
            ("b.gz", gzip(two.as_bytes())),
            ("c.zst", zstd::encode_all(three.as_bytes(), 1).expect("zstd")),
            ("d.json", many.into_bytes()),
        ],
    );
    for name in ["a.json", "b.gz", "c.zst", "d.json"] {
        load_with(&mut client, &pattern.replace('*', name), "reference", PATH).expect("a load");
    }
    let wanted = left(&mut client, "reference");
    assert_eq!((wanted.rejects.len(), count(&mut client, "reference")), (210, 35_290));
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    for workers in [0, 2, 5] {
        client.batch_execute("TRUNCATE traced").expect("TRUNCATE");
        let condition = "NOT (data->>'n' = '8500' OR data->>'of' = 'four 250' AND data->>'n' = '20')";
        insist(&mut client, "traced", condition);
        let options = format!("workers => {workers}, {PATH}");
        let what = format!("{workers} workers");
        for (loaded, failed) in [(0, 4), (0, 4)] {
            let summary = load_many(&mut client, &pattern, "traced", &options).expect("a call");
            assert_eq!((summary.loaded, summary.failed), (loaded, failed), "{what}");
        }
        // In the middle, at the position that the history has.
        let stopped = "loader.load_history h WHERE status = 'failed' AND error_sqlstate = '55000'
                       AND rows_loaded BETWEEN 1500 AND 8500
                       AND records = rows_loaded + rows_rejected AND rows_loaded = (SELECT count(*) FROM traced WHERE _load_id = h.load_id)
                       AND start_offset + stream_bytes > (SELECT max(_byte_offset) FROM traced WHERE _load_id = h.load_id)";
        assert_eq!(count(&mut client, stopped), 4, "{what}");
        client.batch_execute("ALTER TABLE traced DROP CONSTRAINT c").expect("DROP");
        let summary = load_many(&mut client, &pattern, "traced", &options).expect("a call");
        assert_eq!((summary.loaded, summary.failed), (4, 0), "{what}");
        let read = "loader.load_history WHERE stream_bytes <> file_size AND compression = 'none'";
        assert_eq!(count(&mut client, read), 0, "{what}");
        left(&mut client, "traced").assert_same(&wanted, &what);
        let places =
            "(SELECT data, _byte_offset FROM traced EXCEPT ALL SELECT data, _byte_offset FROM reference) d";
        assert_eq!(count(&mut client, places), 0, "{what}");
    }
}

#[test]
fn a_part_is_of_its_path_only() {
    let (database, mut client) = session("path_part");
    client.batch_execute("SET loader.transaction_size = '1kB'").expect("the setting");
    insist(&mut client, "t", "data->>'n' <> '8500'");
    let text = sound("a", 9000);
    let pattern = files(&database, "path_part", &[("a", &text)]);
    let summary = load_many(&mut client, &pattern, "t", PATH).expect("a call");
    let part = summary.rows;
    assert!(summary.failed == 1 && part > 4000 && part < 8500, "{summary:?}");
    // The document's other array is loaded from its start.
    let other = load_many(&mut client, &pattern, "t", "records_path => '$.items'").expect("a call");
    assert_eq!(counts(&other), [1, 1, 0, 0, 2, 0]);
    let path = pattern.replace('*', "a");
    assert_eq!(
        sqlstate(load_with(&mut client, &path, "t", PATH)),
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
    );
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT c").expect("DROP");
    let rest = load_many(&mut client, &pattern, "t", PATH).expect("a call");
    assert_eq!(counts(&rest), [1, 1, 0, 0, 9000 - part, 0]);
    assert_eq!(count(&mut client, "t"), 9002);
}

#[test]
fn documents_that_are_appended() {
    let (database, mut client) = session("path_grown");
    traced(&mut client, "traced");
    let mut text = sound("one", 20);
    let pattern = files(&database, "path_grown", &[("a", &text)]);
    let path = pattern.replace('*', "a");
    let call = |client: &mut Client| counts(&load_many(client, &pattern, "traced", PATH).expect("a call"));
    assert_eq!(call(&mut client), [1, 1, 0, 0, 20, 0]);
    for (name, records, bad) in [("two", 30, usize::MAX), ("three", 40, 7)] {
        let more = document(name, records, bad);
        append(&path, &more);
        text.push_str(&more);
        let good = records - if bad > records { 0 } else { records / bad };
        assert_eq!(call(&mut client), [1, 1, 0, 0, good as i64, (records - good) as i64], "{name}");
    }
    for row in
        client.query("SELECT _byte_offset, data->>'of', (data->>'n')::bigint FROM traced", &[]).expect("rows")
    {
        let (at, of, n): (i64, &str, i64) = (row.get(0), row.get(1), row.get(2));
        assert!(text[at as usize..].starts_with(&format!("{{\"of\": \"{of}\", \"n\": {n},")), "{at}");
    }
    assert_eq!(call(&mut client), [1, 0, 1, 0, 0, 0]);
}

#[test]
fn what_another_path_brought_is_not_replaced() {
    let (database, mut client) = session("path_replace");
    traced(&mut client, "traced");
    let pattern = files(&database, "path_replace", &[("a", sound("one", 20))]);
    let call = |client: &mut Client, records_path: &str| {
        let options = format!("if_loaded => 'replace', records_path => '{records_path}'");
        counts(&load_many(client, &pattern, "traced", &options).expect("a call"))
    };
    assert_eq!(call(&mut client, "$.data.items"), [1, 1, 0, 0, 20, 0]);
    assert_eq!(call(&mut client, "$.items"), [1, 1, 0, 0, 2, 0]);
    fs::write(pattern.replace('*', "a"), sound("two", 30)).expect("written");
    assert_eq!(call(&mut client, "$.data.items"), [1, 1, 0, 0, 30, 0]);
    assert_eq!(count(&mut client, "traced WHERE data->>'of' = 'two'"), 30);
    assert_eq!(count(&mut client, "traced"), 32);
    assert_eq!(call(&mut client, "$.items"), [1, 1, 0, 0, 2, 0]);
    assert_eq!(count(&mut client, "traced"), 32);
}

#[test]
fn a_reading_of_many_documents() {
    let (database, mut client) = session("path_read");
    let pattern =
        files(&database, "path_read", &[("a", document("a", 10, 4)), ("b", sound("b", 5) + &sound("c", 6))]);
    let query = |what: &str, options: &str| {
        format!("SELECT {what} FROM read_json_file('{pattern}', {PATH}{options})")
    };
    assert_eq!(figure(&mut client, &query("count(*)", "")), 21);
    assert_eq!(figure(&mut client, &query("count(*)", ", on_error => 'ignore'")), 19);
    assert_eq!(figure(&mut client, &query("count(*)", ", max_records => 12")), 12);
    assert_eq!(figure(&mut client, &query("max(record_no)", "")), 11);
    let stop = client.query(&query("*", ", on_error => 'stop'"), &[]);
    assert_eq!(sqlstate(stop), SqlState::INVALID_TEXT_REPRESENTATION);
    for row in
        client.query(&query("file, byte_offset, data->>'n'", ", on_error => 'ignore'"), &[]).expect("rows")
    {
        let (file, at, n): (&str, i64, &str) = (row.get(0), row.get(1), row.get(2));
        let text = fs::read_to_string(file).expect("a file");
        assert!(
            text[at as usize..].starts_with("{\"of\": ")
                && text[at as usize..].contains(&format!("\"n\": {n},"))
        );
    }
}

/// The rejects of a load, as their bytes, in the order of the file.
fn rejected(client: &mut Client, load_id: i64) -> Vec<String> {
    let query = "SELECT convert_from(raw, 'UTF8') FROM loader.rejects WHERE load_id = $1 ORDER BY record_no";
    client.query(query, &[&load_id]).expect("rejects").iter().map(|row| row.get(0)).collect()
}

/// The ids in a table, in the order of the file.
fn ids(client: &mut Client) -> Vec<i64> {
    let query = "SELECT (data->>'id')::bigint FROM traced ORDER BY _load_id, _byte_offset";
    client.query(query, &[]).expect("rows").iter().map(|row| row.get(0)).collect()
}

#[test]
fn pages_with_others_and_text_between_them() {
    let (database, mut client) = session("path_pages");
    traced(&mut client, "traced");
    let between = [
        r#"{"items": null}"#,
        r#"{"items": {}}"#,
        r#"{"error": "rate limited", "code": 429}"#,
        r#"{"id": 77, "name": "x"}"#,
        "{}",
        "<html><body>502 Bad Gateway</body></html>",
        "ERROR: timeout",
        "HTTP/1.1 200 OK\nContent-Type: application/json",
        ")]}'",
    ];
    for (n, between) in between.iter().enumerate() {
        let page = |first: usize, records: usize| {
            let records: Vec<String> =
                (first..first + records).map(|id| format!(r#"{{"id": {id}, "name": "x"}}"#)).collect();
            format!(r#"{{"items": [{}], "next": null}}"#, records.join(", "))
        };
        let text = [between, &*page(0, 1), between, &page(1, 2), &page(3, 1), between].join("\n");
        let path = database.file(&format!("path_pages_{n}"), &text);
        let outcome = load_with(&mut client, &path, "traced", "records_path => '$.items'").expect("a load");
        assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (4, 0), "{between}");
        assert_eq!(outcome.bytes_read, text.len() as i64);
        assert_eq!(ids(&mut client), [0, 1, 2, 3], "{between}");
        client.batch_execute("TRUNCATE traced").expect("TRUNCATE");
    }
}

#[test]
fn a_page_that_lost_its_array_is_rejected() {
    let (database, mut client) = session("path_lost");
    traced(&mut client, "traced");
    let broken = [
        r#"{"items":{"id":7},{"id":8}]}"#,
        r#"{"items" {"id":7},{"id":8}]}"#,
        r#"{"it"ems":[{"id":7},{"id":8}]}"#,
        r#"{"error":"rate limited""#,
    ];
    for (n, broken) in broken.iter().enumerate() {
        let text = format!("{{\"items\":[{{\"id\":1}}]}}\n{broken}\n{{\"items\":[{{\"id\":2}}]}}\n");
        let pattern = files(&database, &format!("path_lost_{n}"), &[("a", &text)]);
        let path = pattern.replace('*', "a");
        let outcome = load_with(&mut client, &path, "traced", "records_path => '$.items'").expect("a load");
        assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (2, 1), "{broken}");
        assert_eq!(rejected(&mut client, outcome.load_id), [*broken]);
        assert_eq!(ids(&mut client), [1, 2], "{broken}");
        // What is appended afterwards is loaded.
        append(&path, "{\"items\":[{\"id\":3}]}\n");
        let more = load_many(&mut client, &pattern, "traced", "records_path => '$.items'").expect("a call");
        assert_eq!(counts(&more), [1, 1, 0, 0, 1, 0], "{broken}");
        assert_eq!(ids(&mut client), [1, 2, 3], "{broken}");
        client.batch_execute("TRUNCATE traced").expect("TRUNCATE");
    }
}

#[test]
fn paths_through_arrays_and_objects() {
    let (database, mut client) = session("path_steps");
    traced(&mut client, "traced");
    let text = r#"{"a": [{"b": [{"id": 1}, {"id": 2}]}, {"c": 0}, {"b": [{"id": 3}]}],
        "people": {"x": {"id": 4}, "y \"": {"id": 5}}}
        [{"id": 6}, {"id": 7}]"#;
    let path = database.file("path_steps", text);
    for (records_path, shown, wanted) in [
        ("$.a[*].b[*]", "$.a[*].b", &[1, 2, 3][..]),
        ("$.people.*", "$.people.*", &[4, 5]),
        ("$", "$", &[6, 7]),
    ] {
        client.batch_execute("TRUNCATE traced").expect("TRUNCATE");
        let option = format!("records_path => '{records_path}'");
        let outcome = load_with(&mut client, &path, "traced", &option).expect("a load");
        assert_eq!(ids(&mut client), wanted, "{records_path}");
        let query = "SELECT records_path FROM loader.load_history WHERE load_id = $1";
        let kept: String = client.query_one(query, &[&outcome.load_id]).expect("the history").get(0);
        assert_eq!(kept, shown);
        let read = format!("SELECT count(*) FROM read_json_file('{path}', {option})");
        assert_eq!(figure(&mut client, &read), wanted.len() as i64);
    }
    let error = load_with(&mut client, &path, "traced", "records_path => '$.a.b'").expect_err("no array");
    let error = error.as_db_error().expect("the server's");
    assert_eq!(error.code().code(), "22P04");
    assert_eq!(error.hint(), Some("An array lies between: write \"$.a[*].b\"."));
}
