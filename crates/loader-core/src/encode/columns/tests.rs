//! Which field goes where, and what becomes of it.

use super::*;
use crate::encode::Cell;
use crate::encode::delimited::{Delimited, NullRules};
use crate::encode::field_formats::FieldFormats;
use crate::encode::values::NativeType;
use crate::fault::Mismatch;
use crate::split::csv::Dialect;
use std::sync::Arc;

fn column(name: &str, conversion: Conversion) -> TargetColumn {
    TargetColumn { name: name.to_string(), original: None, conversion }
}

fn texts(names: &[&str]) -> Vec<TargetColumn> {
    names.iter().map(|name| column(name, Conversion::Input)).collect()
}

fn path(keys: &[&str]) -> Path {
    Path(keys.iter().map(|key| key.to_string()).collect())
}

fn to(keys: &[&str], column: usize) -> Mapping {
    Mapping { path: path(keys), column: Some(column) }
}

fn encoder(columns: Vec<TargetColumn>, unknown: Unknown, mappings: &[Mapping]) -> JsonRows {
    let plan = Columns::new(columns, MatchColumns::Auto, unknown, mappings).expect("a plan");
    JsonRows::new(Arc::new(plan)).expect("memory")
}

/// The cells of a record, shown: `-` for an absent field, `text:`, `json:` and `word:` before
/// what they hold, and the bytes of a datum behind its header as text.
fn row(encoder: &mut JsonRows, record: &str) -> Result<Vec<String>, MatchError> {
    let (mut cells, mut values) = (Vec::new(), Vec::new());
    let encoded = encoder.encode(record.as_bytes(), false, &mut cells, &mut values)?;
    assert_eq!(encoded, Encoded::Row, "{record}");
    let bytes = |span: crate::encode::Span| &values[span.at..span.at + span.length];
    let text = |span| String::from_utf8_lossy(bytes(span)).into_owned();
    let shown = cells.iter().map(|cell| match *cell {
        Cell::Absent => "-".to_string(),
        Cell::Null => "null".to_string(),
        Cell::Word(word) => format!("word:{word}"),
        Cell::Datum(span) => {
            assert_eq!(span.at % 8, 0, "a datum is aligned");
            format!("datum:{}", String::from_utf8_lossy(&bytes(span)[4..]))
        }
        Cell::Misfit(_) => unreachable!("JSON says what its values are"),
        Cell::Text(span) | Cell::Json(span) => {
            assert_eq!(values[span.at + span.length], 0, "a text ends with a NUL");
            let kind = if matches!(cell, Cell::Text(_)) { "text" } else { "json" };
            format!("{kind}:{}", text(span))
        }
    });
    Ok(shown.collect())
}

fn good(encoder: &mut JsonRows, record: &str) -> Vec<String> {
    row(encoder, record).expect("a row")
}

#[test]
fn fields_go_to_columns_of_their_names() {
    let mut encoder = encoder(texts(&["id", "user_id", "Größe", "x"]), Unknown::Ignore, &[]);
    let record = r#" {"userId": 7, "id": "a\tb", "GRÖSSE": 1, "größe": null, "z": [1, {"id": 2}]} "#;
    assert_eq!(good(&mut encoder, record), ["text:a\tb", "text:7", "null", "-"]);
    let record = r#"{"\u0069d":true,"id":{"a": [ 1 ]},"userId":-1.50e3}"#;
    assert_eq!(good(&mut encoder, record), [r#"text:{"a": [ 1 ]}"#, "text:-1.50e3", "-", "-"]);
    assert_eq!(good(&mut encoder, "{}"), ["-"; 4]);
    let ignored = encoder.columns().take_ignored();
    assert_eq!(ignored, ["GRÖSSE", "z"]);
}

#[test]
fn a_name_with_escapes_is_not_taken_for_another_one() {
    for (columns, first, second, row) in [
        (["a\\", "b"], r#"{"a\\":1,"b":2}"#, r#"{"a\"x":1,"b":2}"#, ["-", "text:2"]),
        (["a\":", "a"], r#"{"a\":":1}"#, r#"{"a":"x"}"#, ["-", "text:x"]),
        (["a\\n", "a\n"], r#"{"a\\n":1}"#, r#"{"a\n":2}"#, ["-", "text:2"]),
    ] {
        let mut encoder = encoder(texts(&columns), Unknown::Ignore, &[]);
        assert_eq!(good(&mut encoder, first)[0], "text:1", "{first}");
        assert_eq!(good(&mut encoder, second), row, "{second} behind {first}");
    }
}

#[test]
fn a_record_that_is_no_object_has_no_row() {
    let mut encoder = encoder(texts(&["a"]), Unknown::Ignore, &[]);
    for record in ["[1]", "1", "\"a\"", " null "] {
        let encoded = encoder.encode(record.as_bytes(), false, &mut Vec::new(), &mut Vec::new());
        assert_eq!(encoded, Ok(Encoded::NotAnObject), "{record}");
    }
}

#[test]
fn values_are_converted_by_their_columns() {
    let columns = vec![
        column("n", Conversion::Native(NativeType::Int4)),
        column("t", Conversion::Native(NativeType::Text)),
        column("j", Conversion::Json),
        column("b", Conversion::Jsonb),
        column("i", Conversion::JsonInput),
        column("p", Conversion::Populate),
    ];
    let mut encoder = encoder(columns, Unknown::Ignore, &[]);
    let record = r#"{"n": 12, "t": "\u00e4", "j": {"a" : 1}, "b": "x", "i": "y", "p": [1, "z"]}"#;
    let row = good(&mut encoder, record);
    assert_eq!(row[..3], ["word:12", "datum:ä", r#"datum:{"a" : 1}"#]);
    assert!(row[3].starts_with("datum:") && row[3].ends_with('x'), "{}", row[3]);
    assert_eq!(row[4..], ["text:\"y\"", r#"json:[1, "z"]"#]);
    // What has no plain form is left to the server, which writes strings of json anew.
    let row = good(&mut encoder, r#"{"n": "12x", "t": false, "j": "\u0041", "b": null, "p": "{1}"}"#);
    assert_eq!(row, ["text:12x", "datum:false", r#"json:"\u0041""#, "null", "-", r#"json:"{1}""#]);
}

#[test]
fn a_cell_that_was_made_can_be_checked() {
    let columns = vec![column("n", Conversion::Native(NativeType::Int8)), column("t", Conversion::Input)];
    let mut encoder = encoder(columns, Unknown::Ignore, &[]);
    let (mut cells, mut values) = (Vec::new(), Vec::new());
    encoder.encode(br#"{"n": 5, "t": "x"}"#, true, &mut cells, &mut values).expect("a row");
    let [Cell::Word(5), Cell::Text(_), Cell::Text(source), Cell::Absent] = cells[..] else {
        panic!("{cells:?}")
    };
    assert_eq!(&values[source.at..=source.at + source.length], b"5\0");
}

#[test]
fn mapped_fields_come_first_and_may_lie_deep() {
    let mappings = [
        to(&["a"], 1),
        to(&["in", "x"], 2),
        to(&["in", "deep", "y"], 3),
        Mapping { path: path(&["dropped"]), column: None },
    ];
    let mut encoder = encoder(texts(&["a", "b", "c", "d"]), Unknown::Fail, &mappings);
    let record = r#"{"in": {"x": 1, "b": 9, "deep": {"y": 2}}, "a": 3, "dropped": {"z": 4}}"#;
    assert_eq!(good(&mut encoder, record), ["-", "text:3", "text:1", "text:2"]);
    // The last one of a key counts, with all that is in it.
    let record = r#"{"in": {"x": 1, "deep": {"y": 2}}, "in": {"x": 5}, "in": {"deep": 7, "x": 6}}"#;
    assert_eq!(good(&mut encoder, record), ["-", "-", "text:6", "-"]);
    let error = row(&mut encoder, r#"{"b": 1}"#).expect_err("b is mapped from elsewhere");
    assert_eq!(error, MatchError::Mismatch(Mismatch::NoColumn { field: "b".to_string() }));
}

#[test]
fn names_that_fit_twice_are_errors() {
    let mut ambiguous = encoder(texts(&["Id", "iD", "user_id"]), Unknown::Ignore, &[]);
    assert_eq!(good(&mut ambiguous, r#"{"Id": 1}"#), ["text:1", "-", "-"]);
    let error = row(&mut ambiguous, r#"{"id": 1}"#).expect_err("two columns");
    let columns = ["Id".to_string(), "iD".to_string()];
    assert_eq!(error, MatchError::Mismatch(Mismatch::TwoColumns { field: "id".to_string(), columns }));
    assert_eq!(good(&mut ambiguous, r#"{"userId": 1}"#), ["-", "-", "text:1"]);
    let error = row(&mut ambiguous, r#"{"user_id": 1}"#).expect_err("two fields");
    let fields = ["userId".to_string(), "user_id".to_string()];
    let column = "user_id".to_string();
    assert_eq!(error, MatchError::Mismatch(Mismatch::TwoFields { column, fields }));

    let plan = |mappings: &[Mapping]| {
        Columns::new(texts(&["a", "b"]), MatchColumns::Exact, Unknown::Ignore, mappings).map(|_| ())
    };
    assert_eq!(plan(&[to(&["x"], 0), to(&["x"], 1)]), Err(PlanError::PathTwice(1)));
    assert_eq!(plan(&[to(&["x"], 0), to(&["y", "z"], 0)]), Err(PlanError::ColumnTwice(1)));
}

#[test]
fn original_names_find_their_columns_before_similar_ones() {
    let mut columns = texts(&["user_id", "user_id_2"]);
    columns[1].original = Some("userId".to_string());
    let mut encoder = encoder(columns, Unknown::Ignore, &[]);
    assert_eq!(good(&mut encoder, r#"{"userId": 2, "user_id": 1}"#), ["text:1", "text:2"]);
}

#[test]
fn what_no_column_takes_is_rescued() {
    let columns =
        vec![column("a", Conversion::Native(NativeType::Int4)), column("_rescued", Conversion::Jsonb)];
    let mut encoder = encoder(columns, Unknown::Rescue(1), &[]);
    assert_eq!(good(&mut encoder, r#"{"a": 1}"#), ["word:1", "null"]);
    let record = r#"{"b\n": [1], "a": "no", "_rescued": "x"}"#;
    let row = good(&mut encoder, record);
    assert_eq!(row[0], "text:no");
    assert!(row[1].starts_with("datum:"), "{}", row[1]);
    let rescued = |encoder: &mut JsonRows, refused: &[usize]| {
        let Rescued::Object(object) = encoder.rescued(record.as_bytes(), refused).expect("memory") else {
            panic!("nothing was rescued")
        };
        String::from_utf8(object.to_vec()).expect("UTF-8")
    };
    assert_eq!(rescued(&mut encoder, &[]), r#"{"b\n":[1],"_rescued":"x"}"#);
    assert_eq!(rescued(&mut encoder, &[0]), r#"{"b\n":[1],"_rescued":"x","a":"no"}"#);
    assert_eq!(encoder.rescued(br#"{"a":1}"#, &[]), Ok(Rescued::Nothing));
}

#[test]
fn what_is_rescued_has_names_of_its_own() {
    let columns = || {
        let mut columns = texts(&["price", "n"]);
        columns.push(column("_rescued", Conversion::Jsonb));
        columns
    };
    let mappings = [to(&["cost"], 0), to(&["in", "no"], 1)];
    let mut encoder = encoder(columns(), Unknown::Rescue(2), &mappings);
    let mut rescued = |record: &str, refused: &[usize]| match encoder.rescued(record.as_bytes(), refused) {
        Ok(Rescued::Object(object)) => Ok(String::from_utf8(object.to_vec()).expect("UTF-8")),
        Ok(Rescued::NameTaken(column)) => Err(column),
        other => panic!("{other:?}"),
    };
    let taken = r#"{"cost":"abc","pr\u0069ce":5,"n":6,"in":{"no":"x"}}"#;
    assert_eq!(rescued(taken, &[0]).as_deref(), Ok(r#"{"pr\u0069ce":5,"n":6,"cost":"abc"}"#));
    assert_eq!(rescued(taken, &[0, 1]).as_deref(), Ok(r#"{"pr\u0069ce":5,"n":6,"cost":"abc","no":"x"}"#));
    assert_eq!(rescued(r#"{"cost":"abc"}"#, &[0]).as_deref(), Ok(r#"{"price":"abc"}"#));
    // There is no third name.
    assert_eq!(rescued(r#"{"n":6,"no":7,"in":{"no":"x"}}"#, &[1]), Err(1));

    // The names of fields that go by position are those of other columns.
    let plan = |mappings: &[Mapping]| {
        Columns::new(columns(), MatchColumns::Position, Unknown::Rescue(2), mappings).expect("a plan")
    };
    let rescued = |header: &[&str], refused: &[usize]| {
        let names: Vec<String> = header.iter().map(|name| name.to_string()).collect();
        let (nulls, formats) = (NullRules::default(), FieldFormats::default());
        let dialect = Dialect { quote: None, escape: None, header: 1, ..Dialect::default() };
        let delimited = Delimited::new(dialect, true, names, nulls, formats);
        let mut encoder = DelimitedRows::new(Arc::new(plan(&[])), Arc::new(delimited)).expect("a plan");
        match encoder.rescued(b"x,y,z", refused) {
            Ok(Rescued::Object(object)) => Ok(String::from_utf8(object.to_vec()).expect("UTF-8")),
            Ok(Rescued::NameTaken(column)) => Err(column),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(rescued(&["a", "b", "price"], &[0]).as_deref(), Ok(r#"{"price":"z","a":"x"}"#));
    assert_eq!(rescued(&["a", "b", "c"], &[0, 1]).as_deref(), Ok(r#"{"c":"z","price":"x","n":"y"}"#));
    assert_eq!(rescued(&["n", "b", "price"], &[0]).as_deref(), Ok(r#"{"price":"z","n":"x"}"#));
    assert_eq!(rescued(&["n", "b", "price"], &[0, 1]), Err(0));
}

#[test]
fn more_fields_than_are_remembered_find_their_columns() {
    let many: Vec<String> = (0..3000).map(|n| format!("\"x{n}\": {n}")).collect();
    let record = format!("{{{}, \"a\": 1, \"b\": 2}}", many.join(", "));
    let mut encoder = encoder(texts(&["a", "x2999"]), Unknown::Ignore, &[]);
    assert_eq!(good(&mut encoder, &record), ["text:1", "text:2999"]);
}
