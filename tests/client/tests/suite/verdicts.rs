//! The verdict on every case of JSONTestSuite is jsonb_in's, and so is the
//! stored value; neighbours survive. Needs the corpora folder.

use crate::helpers::{corpora, session};
use loader_client_tests::load_with;
use postgres::Client;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const BEFORE: &str = r#"{"neighbour": "before"}"#;
const AFTER: &str = r#"{"neighbour": "after"}"#;

#[test]
fn json_test_suite_between_lines() {
    run("verdicts_lines", "newline_delimited", |case| {
        [BEFORE.as_bytes(), b"\n", case, b"\n", AFTER.as_bytes()].concat()
    });
}

#[test]
fn json_test_suite_between_array_elements() {
    run("verdicts_array", "array", |case| {
        [b"[\n", BEFORE.as_bytes(), b",\n", case, b",\n", AFTER.as_bytes(), b"\n]"].concat()
    });
}

/// Cases that framing changes, checked by hand one by one: what stands at their
/// ends is framing, so that a good value is left; or their raw newlines make
/// several lines of them, each of which is judged alone.
struct Framed {
    name: &'static str,
    /// Values between the neighbours, where it does not depend on the framing.
    rows: Option<i64>,
    reason: &'static str,
}

const FRAMED: &[Framed] = &[
    Framed {
        name: "i_structure_UTF-8_BOM_empty_object.json",
        rows: Some(1),
        reason: "a byte order mark is framing",
    },
    Framed {
        name: "n_array_comma_after_close.json",
        rows: Some(1),
        reason: "a comma after a value is framing",
    },
    Framed { name: "n_array_extra_close.json", rows: Some(1), reason: "a bracket after a value is framing" },
    Framed {
        name: "n_structure_array_with_extra_array_close.json",
        rows: Some(1),
        reason: "a bracket after a value is framing",
    },
    Framed {
        name: "n_structure_close_unopened_array.json",
        rows: Some(1),
        reason: "a bracket after a value is framing",
    },
    Framed { name: "n_array_newlines_unclosed.json", rows: None, reason: "its lines hold values" },
    Framed { name: "n_array_unclosed_with_new_lines.json", rows: None, reason: "its lines hold values" },
    Framed { name: "y_array_with_1_and_newline.json", rows: None, reason: "its lines are no values" },
    Framed { name: "y_object_with_newlines.json", rows: None, reason: "its lines are no values" },
];

fn run(database: &str, format: &str, frame: impl Fn(&[u8]) -> Vec<u8>) {
    let Some(folder) = corpora().map(|corpora| corpora.join("JSONTestSuite/test_parsing")) else {
        println!("skipped: no corpora");
        return;
    };
    let (database, mut client) = session(database);
    // Not compressed: how short a value can be made is not what is compared.
    client
        .batch_execute(
            "CREATE TABLE oracle (data jsonb NOT NULL);
             ALTER TABLE oracle ALTER data SET STORAGE EXTERNAL; ALTER TABLE t ALTER data SET STORAGE EXTERNAL",
        )
        .expect("a table");
    let cases = cases(&folder);
    assert_eq!(cases.len(), 318);

    let mut wrong = Vec::new();
    let mut accepted = 0;
    for (name, bytes) in &cases {
        let path = database.file(&format!("verdicts_{format}"), frame(bytes));
        client.batch_execute("TRUNCATE t").expect("TRUNCATE");
        let outcome = match load_with(
            &mut client,
            &path,
            "t",
            &format!("format => '{format}', if_loaded => 'force'"),
        ) {
            Ok(outcome) => outcome,
            Err(error) => {
                wrong.push(format!("{name}: {error:?}"));
                continue;
            }
        };
        let (good, same, between) = judge(&mut client, bytes);
        accepted += i32::from(good);
        let neighbours: i64 = client
            .query_one(
                "SELECT count(*) FROM t WHERE data ? 'neighbour' AND jsonb_typeof(data) = 'object'",
                &[],
            )
            .expect("neighbours")
            .get(0);
        if neighbours != 2 && !bytes.contains(&b'\n') {
            wrong.push(format!("{name}: {neighbours} neighbours"));
        }
        if let Some(framed) = FRAMED.iter().find(|framed| framed.name == name) {
            println!("{name}: {between} rows, {}", framed.reason);
            if framed.rows.is_some_and(|rows| rows != between) {
                wrong.push(format!("{name}: {between} rows"));
            }
            continue;
        }
        let right = if good { between == 1 && same && outcome.rows_rejected == 0 } else { between == 0 };
        if !right {
            wrong.push(format!("{name}: jsonb_in {good}, {between} rows, same bytes {same}, {outcome:?}"));
        }
    }
    println!("{format}: {} cases, jsonb_in accepts {accepted}", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What jsonb_in says, whether the row between the neighbours is the very one
/// that it makes, stored in the same bytes, and how many rows there are.
fn judge(client: &mut Client, case: &[u8]) -> (bool, bool, i64) {
    client.batch_execute("TRUNCATE oracle").expect("TRUNCATE");
    let good = client.execute("INSERT INTO oracle SELECT convert_from($1, 'UTF8')::jsonb", &[&case]).is_ok();
    let row = client
        .query_one(
            "SELECT coalesce(bool_and(jsonb_send(b.data) = jsonb_send(o.data)
                                      AND pg_column_size(b.data) = pg_column_size(o.data)), false), count(b)
             FROM (SELECT data FROM t WHERE NOT (jsonb_typeof(data) = 'object' AND data ? 'neighbour')) b
             LEFT JOIN oracle o ON true",
            &[],
        )
        .expect("rows between");
    (good, row.get(0), row.get(1))
}

fn cases(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the suite") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        cases.insert(name, fs::read(&path).expect("a case"));
    }
    cases
}
