//! Real files, where they are at hand: `LOADER_DATA`, or `shared/data` beside the
//! repository.

use crate::helpers::{figure, files, session};
use loader_client_tests::{load, load_many, load_with};
use postgres::Client;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder, if there is one.
fn data() -> Option<PathBuf> {
    let folder = match env::var_os("LOADER_DATA") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    folder.is_dir().then_some(folder)
}

#[test]
fn real_files_load_as_their_framing_says() {
    let Some(folder) = data() else { return };
    let (database, mut client) = session("real");
    for (name, rows, format) in [
        ("twitter.json", 1, "unstructured"),
        ("github_events.json", 30, "array"),
        ("gsoc-2018.json", 1, "unstructured"),
        ("citm_catalog.json", 1, "unstructured"),
        ("amazon_cellphones.ndjson", 793, "newline_delimited"),
    ] {
        let bytes = fs::read(folder.join(name)).expect("a file of the folder");
        let path = database.file(name, &bytes);
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let outcome = load(&mut client, &path, "t").expect(name);
        assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (rows, 0), "{name}");
        assert_eq!(outcome.bytes_read, bytes.len() as i64, "{name}");
        let found: String = client
            .query_one("SELECT format FROM loader.load_history WHERE load_id = $1", &[&outcome.load_id])
            .expect("history")
            .get(0);
        assert_eq!(found, format, "{name}");
    }
}

#[test]
fn arrays_inside_of_real_documents() {
    let Some(folder) = data() else { return };
    let (database, mut client) = session("real_path");
    for (name, records_path, rows) in
        [("twitter.json", "$.statuses", 100), ("citm_catalog.json", "$.performances", 243)]
    {
        let bytes = fs::read(folder.join(name)).expect("a file of the folder");
        let pattern = files(&database, &format!("real_path_{name}"), &[(name, &bytes)]);
        let path = pattern.replace('*', name);
        let options = format!("records_path => '{records_path}'");
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let outcome = load_with(&mut client, &path, "t", &options).expect(name);
        assert_eq!((outcome.rows_loaded, outcome.rows_rejected), (rows, 0), "{name}");
        assert_eq!(outcome.bytes_read, bytes.len() as i64, "{name}");

        // As the server takes the document apart.
        let key = records_path.trim_start_matches("$.");
        let document = String::from_utf8(bytes).expect("UTF-8");
        let differ = "SELECT count(*) FROM (
                (SELECT data FROM t EXCEPT ALL SELECT jsonb_array_elements($1::text::jsonb->$2))
                UNION ALL
                (SELECT jsonb_array_elements($1::text::jsonb->$2) EXCEPT ALL SELECT data FROM t)) AS d";
        let differ = |client: &mut Client| -> i64 {
            client.query_one(differ, &[&document, &key]).expect("a comparison").get(0)
        };
        assert_eq!(differ(&mut client), 0, "{name}");
        let read = format!(
            "SELECT count(*) FROM read_json_file('{path}', {options}) r JOIN t ON t.data = r.data
             WHERE r.error_type IS NULL"
        );
        assert!(figure(&mut client, &read) >= rows, "{name}");

        client.batch_execute("TRUNCATE t; SET loader.transaction_size = '1kB'").expect("TRUNCATE");
        let summary = load_many(&mut client, &pattern, "t", &format!("{options}, workers => 2")).expect(name);
        assert_eq!((summary.loaded, summary.rows, summary.rejects), (1, rows, 0), "{name}");
        assert_eq!(differ(&mut client), 0, "{name}");
    }
}
