//! Files become UTF-8, whatever they are encoded in and in every database; what the database's
//! encoding cannot hold is rejected, and what it can hold is what jsonb_in makes of it.

use crate::helpers::{append, session, table};
use loader_client_tests::{Cluster, left, load, load_many, load_with, sqlstate};
use postgres::error::SqlState;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

const RECORDS: &[&[u8]] = &[
    b"{\"plain\": \"ascii\"}",
    "{\"latin\": \"caf\u{e9}\"}".as_bytes(),
    "{\"kanji\": \"\u{65e5}\u{672c}\"}".as_bytes(),
    "{\"emoji\": \"\u{1f600}\"}".as_bytes(),
    "{\"key \u{e9}\": 1}".as_bytes(),
    br#"{"escaped": "\u0041"}"#,
    br#"{"escaped": "\u00e9"}"#,
    br#"{"escaped": "\u65e5"}"#,
    br#"{"escaped": "\ud83d\ude00"}"#,
    br#"{"escaped key \u65e5": 1}"#,
    br#"{"nul": "\u0000"}"#,
    br#"{"lone": "\ud800"}"#,
    b"{\"broken\": \"\xff\"}",
    b"{\"overlong\": \"\xc0\xaf\"}",
    b"{\"surrogate\": \"\xed\xa0\x80\"}",
    b"{\"latin byte\": \"caf\xe9\"}",
    b"{\"last\": true}",
];

#[test]
fn every_encoding_judges_as_jsonb_in() {
    for encoding in ["UTF8", "LATIN1", "EUC_JP", "SQL_ASCII"] {
        let database =
            Cluster::shared().database_with(&format!("encodings_{}", encoding.to_lowercase()), encoding);
        let mut client = database.connect();
        table(&mut client, "t");
        let path = database.cluster.file(&format!("encodings_{encoding}"), RECORDS.join(&b'\n'));
        let outcome = load(&mut client, &path, "t").expect("a load");

        let mut good = Vec::new();
        for record in RECORDS {
            let oracle = client.query_one("SELECT jsonb_send(convert_from($1, 'UTF8')::jsonb)", &[record]);
            if let Ok(row) = oracle {
                good.push(row.get::<_, Vec<u8>>(0));
            }
        }
        assert!(good.len() >= 4 && good.len() < RECORDS.len(), "{encoding}: {}", good.len());
        let rows = client.query("SELECT jsonb_send(data) FROM t ORDER BY ctid", &[]).expect("rows");
        let rows: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(rows, good, "{encoding}");
        assert_eq!(outcome.rows_rejected as usize, RECORDS.len() - good.len(), "{encoding}");

        let faults: Vec<String> = client
            .query("SELECT DISTINCT error_type || ' ' || sqlstate FROM loader.rejects ORDER BY 1", &[])
            .expect("rejects")
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert!(
            faults.contains(&"INVALID_UNICODE 22P05".to_owned()) || encoding == "UTF8",
            "{encoding}: {faults:?}"
        );
        assert!(faults.contains(&"NUL_CHARACTER 22P05".to_owned()), "{encoding}: {faults:?}");

        // Workers speak the database's encoding, too.
        let wanted = left(&mut client, "t");
        for workers in [0, 2] {
            client.batch_execute("TRUNCATE t").expect("TRUNCATE");
            let options = format!("workers => {workers}");
            let summary = load_many(&mut client, &path, "t", &options).expect("a call");
            assert_eq!((summary.loaded, summary.rows), (1, good.len() as i64), "{encoding}");
            left(&mut client, "t").assert_same(&wanted, &format!("{encoding}, {workers} workers"));
        }
    }
}

#[test]
fn what_a_trigger_says_is_text_of_the_database() {
    for encoding in ["UTF8", "LATIN1", "EUC_JP"] {
        let name = format!("encodings_says_{}", encoding.to_lowercase());
        let database = Cluster::shared().database_with(&name, encoding);
        let mut client = database.connect();
        table(&mut client, "t");
        let words = if encoding == "LATIN1" { "tr\u{e8}s mal" } else { "\u{65e5}\u{672c}\u{8a9e} no" };
        let wanted = format!("{words} (record 1, line 1, byte 0)");
        client
            .batch_execute(&format!(
                "CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE EXCEPTION '{words}'; END $$;
                 CREATE TRIGGER says BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION says()"
            ))
            .expect("a trigger");
        let path = database.file("says", "{\"n\": 1}\n");
        for workers in [0, 2] {
            let what = format!("{encoding}, {workers} workers");
            let summary =
                load_many(&mut client, &path, "t", &format!("workers => {workers}, on_error => 'stop'"))
                    .expect("a call");
            assert_eq!(summary.failed, 1, "{what}");
            // Bytes that are no text of the database make this fail, and a restore of a dump.
            let row = client.query_one("SELECT error_message FROM loader.load_history", &[]);
            let kept: String = row.unwrap_or_else(|error| panic!("{what}: {error:?}")).get(0);
            if encoding == "UTF8" {
                assert_eq!(kept, wanted, "{what}");
            } else {
                let plain = |text: &str| text.replace(|c: char| !c.is_ascii(), "").replace('?', "");
                assert_eq!(plain(&kept), plain(&wanted), "{what}: {kept}");
                assert!(kept.contains('?'), "{what}: {kept}");
            }
        }
    }
}

#[test]
fn the_client_encoding_changes_nothing() {
    let database = Cluster::shared().database("encodings_client");
    let mut client = database.connect();
    table(&mut client, "t");
    let path = database.cluster.file("encodings_client", RECORDS.join(&b'\n'));
    client
        .batch_execute(&format!(
            "SET client_encoding = 'LATIN1'; SELECT load_json_file('{path}', 't'); RESET client_encoding"
        ))
        .expect("a load");
    let kept: i64 = client
        .query_one("SELECT count(*) FROM t WHERE data ? 'kanji' OR data ? 'emoji'", &[])
        .expect("rows")
        .get(0);
    assert_eq!(kept, 2);
}

/// In UTF-16 or UTF-32, little endian or big.
fn wide(text: &str, width: usize, big_endian: bool) -> Vec<u8> {
    let units: Vec<u32> = match width {
        2 => text.encode_utf16().map(u32::from).collect(),
        _ => text.chars().map(u32::from).collect(),
    };
    let bytes = |unit: u32| {
        let mut bytes = unit.to_be_bytes()[4 - width..].to_vec();
        if !big_endian {
            bytes.reverse();
        }
        bytes
    };
    units.into_iter().flat_map(bytes).collect()
}

#[test]
fn wide_text_is_decoded_in_every_database() {
    for encoding in ["UTF8", "LATIN1", "SQL_ASCII"] {
        let name = format!("encodings_wide_{}", encoding.to_lowercase());
        let database = Cluster::shared().database_with(&name, encoding);
        let mut client = database.connect();
        table(&mut client, "t");
        let text: String = (0..5000).map(|n| format!("{{\"n\": {n}, \"v\": \"caf\u{e9}\"}}\n")).collect();
        for (width, big_endian) in [(2, false), (2, true), (4, false), (4, true)] {
            for mark in ["", "\u{feff}"] {
                client.batch_execute("TRUNCATE t").expect("TRUNCATE");
                let mut bytes = wide(&format!("{mark}{text}"), width, big_endian);
                // Half of a surrogate pair makes its record bad, and no other.
                let half = bytes.len() - 7 * width;
                if width == 2 {
                    let unit = if big_endian { [0xd8, 0x3d] } else { [0x3d, 0xd8] };
                    bytes[half..half + 2].copy_from_slice(&unit);
                }
                let path = database.cluster.file(&name, bytes);
                let bad = i64::from(width == 2);
                let outcome = load(&mut client, &path, "t").expect("a load");
                assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (5000 - bad, bad), "{width} {mark}");
                // Offsets count in what is decoded.
                assert_eq!(outcome.bytes_read as usize, text.len() + bad as usize * 2, "{width} {mark}");
                let kinds: Vec<String> = client
                    .query("SELECT error_type FROM loader.rejects WHERE load_id = $1", &[&outcome.load_id])
                    .expect("rejects")
                    .iter()
                    .map(|row| row.get(0))
                    .collect();
                assert_eq!(kinds, ["INVALID_UNICODE"].repeat(bad as usize));
            }
        }
    }
}

#[test]
fn wide_text_is_not_shared_in_ranges_and_goes_on_where_it_stopped() {
    let (database, mut client) = session("encodings_many");
    let text: String =
        (0..120_000).map(|n| format!("{{\"n\": {n}, \"v\": \"caf\u{e9} \u{6771}\"}}\n")).collect();
    let path = database.file("wide.json", wide(&text, 2, false));
    client.batch_execute("SET loader.transaction_size = '64kB'").expect("a setting");
    let summary = load_many(&mut client, &path, "t", "workers => 3").expect("a call");
    assert_eq!((summary.rows, summary.rejects, summary.bytes), (120_000, 0, text.len() as i64));
    // A file grows.
    let more: String = (0..10).map(|n| format!("{{\"m\": {n}}}\n")).collect();
    append(&path, wide(&more, 2, false));
    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.bytes_read), (10, more.len() as i64));
}

#[test]
fn bytes_of_other_encodings_are_read_by_name() {
    let (database, mut client) = session("encodings_named");
    let path = database.file("cp1252", b"{\"price\": \"5 \x80\", \"who\": \"Zo\xeb\"}\n");
    let outcome = load_with(&mut client, &path, "t", "reject_limit => 1").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (0, 1));
    let mut read = |encoding: &str| -> String {
        let query = format!("SELECT data::text FROM read_json_file($1, encoding => '{encoding}')");
        client.query_one(&query, &[&path]).expect("a record").get(0)
    };
    assert_eq!(read("windows-1252"), "{\"who\": \"Zo\u{eb}\", \"price\": \"5 \u{20ac}\"}");
    assert_eq!(read("latin1"), "{\"who\": \"Zo\u{eb}\", \"price\": \"5 \u{80}\"}");
    let outcome = load_with(&mut client, &path, "t", "encoding => 'CP1252', if_loaded => 'force'");
    assert_eq!(outcome.expect("a load").rows_loaded, 1);
}

#[test]
fn a_prefix_of_lines_is_text_of_the_database() {
    for encoding in ["UTF8", "LATIN1", "SQL_ASCII"] {
        let database = Cluster::shared()
            .database_with(&format!("encodings_prefix_{}", encoding.to_lowercase()), encoding);
        let mut client = database.connect();
        table(&mut client, "t");
        let path = database.file("prefix", "{\"a\": 1}\n");
        load_with(&mut client, &path, "t", "line_prefix => E'\u{e9}\"\\\\ ', reject_limit => 1")
            .expect("a load");
        let kept: String = client
            .query_one("SELECT options->>'line_prefix' FROM loader.load_history", &[])
            .expect("a row")
            .get(0);
        assert_eq!(kept, "\u{e9}\"\\ ", "{encoding}");
        for prefix in ["E'a\\nb'", "repeat('a', 1001)"] {
            let result = load_with(&mut client, &path, "t", &format!("line_prefix => {prefix}"));
            assert_eq!(sqlstate(result), SqlState::INVALID_PARAMETER_VALUE, "{encoding} {prefix}");
        }
    }
}

#[test]
fn a_byte_order_mark_of_utf_8_is_framing() {
    let (database, mut client) = session("encodings_bom");
    let path = database.file("bom", "\u{feff}{\"a\": 1}\n");
    let outcome = load(&mut client, &path, "t").expect("a load");
    assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (1, 0));
    // For the sake of the oracle itself: jsonb_in takes no byte order mark.
    let result = client.query_one("SELECT convert_from($1, 'UTF8')::jsonb::text", &[&"\u{feff}1".as_bytes()]);
    assert_eq!(sqlstate(result), SqlState::INVALID_TEXT_REPRESENTATION);
}

#[test]
fn paths_are_in_the_encoding_of_the_database() {
    for encoding in ["LATIN1", "UTF8"] {
        let database =
            Cluster::shared().database_with(&format!("encodings_path_{}", encoding.to_lowercase()), encoding);
        let (mut client, said) = database.connect_listening("postgres");
        table(&mut client, "\"t_é\"");
        let folder = database.folder("paths");
        // The same letter, as Latin-1 and as UTF-8 have it.
        for (n, name) in [&b"caf\xe9"[..], b"caf\xc3\xa9", b"caf\xe9_bad"].into_iter().enumerate() {
            let path = folder.join(OsStr::from_bytes(name));
            let text = if n == 2 { b"PK\x03\x04".to_vec() } else { format!("{{\"n\": {n}}}").into_bytes() };
            fs::write(&path, text).expect("written");
            database.cluster.give(&path);
        }
        let pattern = format!("{}/caf*", folder.display());
        for workers in [0, 2] {
            client.batch_execute("TRUNCATE \"t_é\"; DELETE FROM loader.load_history_data").expect("TRUNCATE");
            let options = format!("workers => {workers}");
            let summary = load_many(&mut client, &pattern, "\"t_é\"", &options).expect("a call");
            let query = "SELECT regexp_replace(file_path, '^.*/', '') || ' ' || concat_ws(' ', status, error_sqlstate)
                         FROM loader.load_history ORDER BY file_path COLLATE \"C\"";
            let rows = client.query(query, &[]).expect("the history");
            let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let said = said.take().join(" ");
            // Where the bytes are no text, the history says which they are.
            let (wanted, failed) = match encoding {
                "LATIN1" => (["cafÃ© loaded", "café loaded", "café_bad failed 22P04"], 1),
                _ => (["caf\\xE9 failed 22021", "caf\\xE9_bad failed 22021", "café loaded"], 2),
            };
            assert_eq!((names, summary.failed), (wanted.map(str::to_owned).to_vec(), failed), "{said}");
            // Those that fail in the same way share a line.
            assert_eq!(said.matches("WARNING: file").count(), 1, "{said}");
            assert_eq!(said.contains("and 1 other failed"), failed == 2, "{said}");
        }
    }
}
