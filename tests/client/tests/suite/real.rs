//! Real files, where they are at hand: `LOADER_DATA`, or `shared/data` beside the
//! repository.

use crate::helpers::session;
use loader_client_tests::load;
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
