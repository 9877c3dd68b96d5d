//! One call is atomic, and the ledger leads back to the file's bytes.

use crate::helpers::{count, files, lines, table};
use loader_client_tests::{Cluster, empty, load, load_many, load_with, sqlstate};
use postgres::error::SqlState;

#[test]
fn an_error_at_the_last_record_leaves_nothing() {
    let database = Cluster::shared().database("atomic_stop");
    let mut client = database.connect();
    table(&mut client, "t");
    let path = database.cluster.file("atomic_stop.json", format!("{}{{\"broken\":\n", lines(500)));

    let result = load_with(&mut client, &path, "t", "chunk => 10, on_error => 'stop'");
    assert_eq!(sqlstate(result), SqlState::INVALID_TEXT_REPRESENTATION);
    assert!(empty(&mut client, "t"));

    let result = load_with(&mut client, &path, "t", "chunk => 10, reject_limit => 0");
    assert_eq!(sqlstate(result), SqlState::BAD_COPY_FILE_FORMAT);
    assert!(empty(&mut client, "t"));

    client.batch_execute("ALTER TABLE t ADD CHECK (data->>'n' <> '499')").expect("a constraint");
    let path = database.cluster.file("atomic_refused.json", lines(500));
    let result = load_with(&mut client, &path, "t", "chunk => 10, on_error => 'stop'");
    let error = result.expect_err("the constraint fails the load");
    let error = error.as_db_error().expect("the server's error");
    assert_eq!(error.code(), &SqlState::CHECK_VIOLATION);
    assert_eq!(error.constraint(), Some("t_data_check"));
    let context = error.where_().expect("a context");
    assert!(context.contains("record 500") && context.contains("line 500"), "{context}");
    assert!(empty(&mut client, "t"));
}

#[test]
fn rejects_lead_back_to_the_file() {
    let database = Cluster::shared().database("atomic_ledger");
    let mut client = database.connect();
    table(&mut client, "t");
    let text = "{\"a\":1}\n{\"a\":}\r\n\n{\"b\":\"\\ud800\"}\n[1,2\n{\"a\":2}\n{\"c\":\"\\u0000\"}\n{\"a\":3";
    let path = database.cluster.file("atomic_ledger.json", text);

    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (2, 5));
    assert_eq!(outcome.bytes_read, text.len() as i64);

    let row = client
        .query_one(
            "SELECT stream_bytes, bytes_loaded, bytes_rejected, bytes_framing, file_size, rows_loaded, rows_rejected,
                    octet_length(content_hash), status, finished_at >= started_at
             FROM loader.load_history WHERE load_id = $1",
            &[&outcome.load_id],
        )
        .expect("its history");
    let figure = |column: usize| row.get::<_, i64>(column);
    assert_eq!(figure(0), text.len() as i64);
    assert_eq!(figure(0), figure(1) + figure(2) + figure(3));
    assert_eq!((figure(4), figure(5), figure(6)), (text.len() as i64, 2, 5));
    assert_eq!(row.get::<_, i32>(7), 32);
    assert_eq!(row.get::<_, &str>(8), "loaded");
    assert!(row.get::<_, bool>(9));

    let rejects = client
        .query(
            "SELECT byte_offset, byte_length, line, raw, raw_truncated FROM loader.rejects
             WHERE load_id = $1 ORDER BY record_no",
            &[&outcome.load_id],
        )
        .expect("its rejects");
    assert_eq!(rejects.len(), 5);
    let mut rejected = 0;
    for reject in rejects {
        let (offset, length) = (reject.get::<_, i64>(0) as usize, reject.get::<_, i64>(1) as usize);
        assert_eq!(reject.get::<_, &[u8]>(3), &text.as_bytes()[offset..offset + length]);
        let line = 1 + text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() as i64;
        assert_eq!(reject.get::<_, i64>(2), line);
        assert!(!reject.get::<_, bool>(4));
        rejected += length as i64;
    }
    assert_eq!(rejected, figure(2));
}

#[test]
fn errors_and_the_log_carry_no_file_contents() {
    let database = Cluster::shared().database("atomic_secret");
    let mut client = database.connect();
    table(&mut client, "t");
    let text = format!("{}{{\"password\": \"hunter2hunter2\",}}\n", lines(3));
    let path = database.cluster.file("atomic_secret.json", &text);

    let error = load_with(&mut client, &path, "t", "on_error => 'stop'").expect_err("a bad record");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    load(&mut client, &path, "t").expect("a load");
    assert!(!database.cluster.log().contains("hunter2"));

    let kept: i64 = client
        .query_one("SELECT count(*) FROM loader.rejects WHERE position('hunter2'::bytea IN raw) > 0", &[])
        .expect("the reject")
        .get(0);
    assert_eq!(kept, 1);
}

#[test]
fn neither_do_those_of_a_call() {
    let database = Cluster::shared().database("atomic_secret_call");
    let (mut client, said) = database.connect_listening("postgres");
    table(&mut client, "t");
    client.batch_execute("ALTER TABLE t ADD CHECK (NOT data ? 'token')").expect("a constraint");
    let bad = "{\"password\": \"swordfish7\",}\n".repeat(3);
    let contents = [
        ("bad", format!("{}{bad}", lines(3))),
        ("refused", format!("{}{{\"token\": \"swordfish7\"}}\n", lines(4))),
        ("good", lines(5)),
    ];
    let pattern = files(&database, "atomic_secret_call", &contents);
    for workers in [0, 2] {
        for (failing, code) in
            [("on_error => 'stop'", "22P02"), ("reject_limit => 1", "22P04"), ("on_error => 'stop'", "23514")]
        {
            client
                .batch_execute(
                    "TRUNCATE t; DELETE FROM loader.load_history_data; DELETE FROM loader.rejects_data",
                )
                .expect("a fresh start");
            let options = format!("workers => {workers}, {failing}");
            let summary = load_many(&mut client, &pattern, "t", &options).expect("a call");
            assert!(summary.failed > 0 && summary.loaded > 0, "{options}: {summary:?}");
            let error = load_many(&mut client, &pattern, "t", &format!("{options}, on_file_error => 'stop'"))
                .expect_err("a file that fails");
            assert!(!format!("{error:?}").contains("swordfish"), "{error:?}");
            let of = |text: &str| format!("loader.load_history WHERE error_sqlstate = '{code}' AND {text}");
            let known = of("error_message <> '' AND error_message NOT LIKE '%swordfish%'");
            assert_eq!(count(&mut client, &known), 1, "{options}");
            assert_eq!(count(&mut client, &of("to_jsonb(load_history)::text LIKE '%swordfish%'")), 0);
            let said = said.take();
            assert!(said.iter().any(|line| line.starts_with("WARNING")), "{said:?}");
            assert!(!said.join(" ").contains("swordfish"), "{said:?}");
        }
    }
    assert!(!database.cluster.log().contains("swordfish"));
}
