//! What is observed of records, and that it does not matter how they are divided.

use super::*;
use crate::json::{MAX_FIELDS, MAX_NAME_BYTES};
use crate::memory::OutOfMemory;
use proptest::prelude::*;

#[test]
fn fields_are_known_before_records_are() {
    let mut observations = Observations::new();
    let names = ["b".to_string(), "a".to_string()];
    observations.announce(1, &names).expect("memory");
    let shown = |observations: &Observations| -> Vec<(String, DataType, u64)> {
        let columns = observations.columns().expect("memory");
        columns.iter().map(|column| (column.field.to_string(), column.data_type, column.absent)).collect()
    };
    let text = |name: &str, absent| (name.to_string(), DataType::Text, absent);
    assert_eq!(shown(&observations), [text("b", 0), text("a", 0)]);
    observations.observe(2, br#"{"c": 1, "a": 2}"#, Strings::Json).expect("memory");
    let number = |name: &str| (name.to_string(), DataType::Bigint, 0);
    assert_eq!(shown(&observations), [text("b", 1), number("a"), number("c")]);
}

#[test]
fn the_widest_file_without_names_counts() {
    let names = |width: usize| (1..=width).map(|n| format!("column{n}")).collect::<Vec<_>>();
    let mut observations = Observations::new();
    observations.announce(1, &names(5)).expect("memory");
    assert!(observations.nameless().is_empty());
    observations.announce_nameless(1, &names(3)).expect("memory");
    observations.announce_nameless(2, &names(2)).expect("memory");
    let mut all = Observations::new();
    all.announce_nameless(3, &names(1)).expect("memory");
    all.merge(observations).expect("memory");
    assert_eq!(all.nameless(), names(3));
    assert_eq!(all.columns().expect("memory").len(), 5);
}

fn observed(records: &[&str]) -> Observations {
    let mut observations = Observations::new();
    for (index, record) in records.iter().enumerate() {
        observations.observe(index as u64 + 1, record.as_bytes(), Strings::Json).expect("memory");
    }
    observations
}

/// Field, type, nulls, absent, longest, and counter-example of each column.
type Row = (String, &'static str, u64, u64, Option<u64>, Option<String>);

fn rows(records: &[&str]) -> Vec<Row> {
    let observations = observed(records);
    let columns = observations.columns().expect("memory");
    columns
        .iter()
        .map(|column| {
            let shown = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
            (
                column.field.to_string(),
                column.data_type.name(),
                column.nulls,
                column.absent,
                column.max_length,
                column.counter_example.map(shown),
            )
        })
        .collect()
}

fn row(
    field: &str,
    data_type: &'static str,
    nulls: u64,
    absent: u64,
    longest: Option<u64>,
    counter: Option<&str>,
) -> Row {
    (field.to_string(), data_type, nulls, absent, longest, counter.map(str::to_string))
}

#[test]
fn fields_come_in_the_order_of_their_first_appearance() {
    let found = rows(&[
        r#"{"b": 1, "a": "x"}"#,
        " {\n\t\"c\" : [ {\"a\": \"]}\\\"\"}, 2 ] , \"b\" : null , \"a\" : \"\\u00e4\\n\" } ",
        r#"{}"#,
        r#"[1, 2]"#,
    ]);
    assert_eq!(
        found,
        [
            row("b", "bigint", 1, 2, Some(1), None),
            row("a", "text", 0, 2, Some(2), None),
            row("c", "jsonb", 0, 3, Some(20), None),
        ]
    );
    let observations = observed(&["{}", "1", r#""{""#, "null", r#"{"a": 1}"#]);
    assert_eq!((observations.records(), observations.not_objects()), (5, 3));
}

#[test]
fn the_last_of_a_key_counts_and_keys_are_their_text() {
    assert_eq!(
        rows(&[r#"{"a": "x", "b": 1, "a": true}"#, r#"{"\u0061": false, "\"": {}}"#]),
        [
            row("a", "boolean", 0, 0, Some(5), None),
            row("b", "bigint", 0, 1, Some(1), None),
            row("\"", "jsonb", 0, 1, Some(2), None),
        ]
    );
}

#[test]
fn a_name_with_escapes_is_not_taken_for_another_one() {
    assert_eq!(
        rows(&[r#"{"a\\":1,"b":2}"#, r#"{"a\"x":1,"b":2}"#]),
        [
            row("a\\", "bigint", 0, 1, Some(1), None),
            row("b", "bigint", 0, 0, Some(1), None),
            row("a\"x", "bigint", 0, 1, Some(1), None),
        ]
    );
}

#[test]
fn escapes_are_undone_before_a_string_is_looked_at() {
    let found = rows(&[
        r#"{"a": "2024-01-05T10:00:00\u002B02:00", "b": "2024\u002d01\u002D05"}"#,
        r#"{"a": "\u0032\u0030\u0032\u0034\u002d\u0030\u0031\u002d\u0030\u0035\u0054\u0031\u0030\u003a\u0030\u0030\u005a", "b": "2024-01-06"}"#,
    ]);
    assert_eq!(
        found,
        [row("a", "timestamptz", 0, 0, Some(25), None), row("b", "date", 0, 0, Some(10), None)]
    );
}

#[test]
fn a_counter_example_is_the_first_and_is_cut() {
    let long = "ä\\n".repeat(100);
    let mut records: Vec<String> = (0..200).map(|n| format!(r#"{{"a": {n}, "b": {n}, "c": {n}}}"#)).collect();
    records[150] = format!(r#"{{"a": "N/A", "b": "{long}", "c": ["{long}"]}}"#);
    records[160] = r#"{"a": "none", "b": 1, "c": 1}"#.to_string();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let found = rows(&records);
    let cut = format!("\"{}...\"", "ä\\n".repeat(50));
    assert_eq!(found[0], row("a", "bigint", 0, 0, Some(4), Some("\"N/A\"")));
    assert_eq!(found[1], row("b", "text", 0, 0, Some(200), Some(&cut)));
    let shown = found[2].5.as_deref().expect("an example");
    assert!(serde_json::from_str::<serde_json::Value>(shown).is_ok_and(|value| value.is_string()), "{shown}");
    assert_eq!(found[2].1, "bigint");
}

#[test]
fn long_examples_stay_json_wherever_they_are_cut() {
    for escape in ["\\n", "\\u00e4", "\\ud83d\\ude00", "😀", "x"] {
        for before in 0..12 {
            let long = format!("{}{}", "x".repeat(before), escape.repeat(250));
            for value in [format!("\"{long}\""), format!("[\"{long}\", 1]"), "7".repeat(300)] {
                let mut records = vec![r#"{"a": true}"#.to_string(); 3];
                records.push(format!("{{\"a\": {value}}}"));
                let records: Vec<&str> = records.iter().map(String::as_str).collect();
                let shown = rows(&records)[0].5.clone().expect("an example");
                let value: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
                assert!(value.is_string() && shown.len() < 600, "{shown}");
            }
        }
    }
}

#[test]
fn fields_are_limited() {
    let record = |from: usize, to: usize| {
        let fields: Vec<String> = (from..to).map(|n| format!("\"f{n}\": {n}")).collect();
        format!("{{{}}}", fields.join(", "))
    };
    let (most, few) = (record(0, MAX_FIELDS), record(MAX_FIELDS - 1, MAX_FIELDS + 1));
    let mut observations = observed(&[&most, &most]);
    assert!(!observations.has_too_many());
    assert_eq!(observations.columns().expect("memory").len(), MAX_FIELDS);
    let mut other = Observations::new();
    other.observe(3, few.as_bytes(), Strings::Json).expect("memory");
    assert!(!other.has_too_many());
    observations.merge(other).expect("memory");
    assert!(observations.has_too_many());
    assert!(observed(&[&most, &few]).has_too_many());
    let names =
        format!("{{\"{}\": 1, \"{}\": 1}}", "a".repeat(MAX_NAME_BYTES / 2), "b".repeat(MAX_NAME_BYTES));
    assert!(observed(&[&names]).has_too_many());
}

#[test]
fn a_text_that_is_no_json_is_not_followed_over_its_end() {
    let good = r#"{"a\u0062": [1, {"x": "\\\""}], "c": "\ud83d\ude00", "d": nul, "e": -1.5e5}"#;
    for end in 0..good.len() {
        for start in 0..end {
            let mut observations = Observations::new();
            observations.observe(1, &good.as_bytes()[start..end], Strings::Json).expect("memory");
            assert!(observations.columns().is_ok());
        }
    }
}

#[test]
fn what_several_threads_share_is_merged() {
    let shared = SharedObservations::default();
    let observe = |number: u64, text: &str| {
        shared
            .with(|observations| observations.observe(number, text.as_bytes(), Strings::Json))
            .expect("memory");
    };
    shared
        .with::<OutOfMemory>(|outer| {
            // Another thread gets others.
            observe(2, r#"{"b": 1}"#);
            outer.observe(1, br#"{"a": 1}"#, Strings::Json)
        })
        .expect("memory");
    observe(3, r#"{"b": 1}"#);
    let all = shared.take().expect("memory");
    assert_eq!(all.records(), 3);
    let columns = all.columns().expect("memory");
    assert_eq!(columns.iter().map(|column| column.field).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(shared.take().expect("memory").records(), 0);
}

fn any_record() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null"),
        Just("true"),
        Just("12"),
        Just("12345678901234567"),
        Just("1.5"),
        Just("1e5"),
        Just("\"\""),
        Just("\"N/A\""),
        Just("\"2024-01-05\""),
        Just("\"2024-01-05T10:00:00Z\""),
        Just("\"t\\u0065xt\""),
        Just("[1, \"]\"]"),
        Just("{\"a\": {\"b\": \"}\"}}"),
    ];
    let key = prop_oneof![Just("a"), Just("b"), Just("c"), Just("\\u0062"), Just("d"), Just("key")];
    let object = prop::collection::vec((key, value), 0..8).prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{{}}}", fields.join(","))
    });
    prop_oneof![9 => object, 1 => Just("[1]".to_string())]
}

proptest! {
    /// However records are divided and in whatever order they come, the outcome is the same.
    #[test]
    fn it_does_not_matter_how_records_are_divided(
        records in prop::collection::vec((any_record(), 0..4_usize, any::<u16>()), 0..60),
        order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let texts: Vec<&str> = records.iter().map(|(text, ..)| text.as_str()).collect();
        let together = observed(&texts);
        let mut shuffled: Vec<(usize, &(String, usize, u16))> = records.iter().enumerate().collect();
        shuffled.sort_by_key(|(_, (_, _, key))| *key);
        let mut parts = [const { None }; 4].map(|_: Option<()>| Observations::new());
        for (index, (text, part, _)) in shuffled {
            parts[*part].observe(index as u64 + 1, text.as_bytes(), Strings::Json).expect("memory");
        }
        let mut parts = parts.map(Some);
        let mut merged = Observations::new();
        for index in order {
            merged.merge(parts[index].take().expect("each once")).expect("memory");
        }
        prop_assert_eq!(merged.columns().expect("memory"), together.columns().expect("memory"));
        prop_assert_eq!(merged.records(), together.records());
        prop_assert_eq!(merged.not_objects(), together.not_objects());
    }
}
