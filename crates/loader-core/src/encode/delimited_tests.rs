//! Records of delimited text as documents and as rows.

use super::columns::{
    Columns, Conversion, Encoded, Mapping, MatchColumns, MatchError, Path, TargetColumn, Unknown,
};
use super::delimited::{Buffers, Delimited, ForceList, NullRules};
use super::field_formats::FieldFormats;
use super::values::NativeType;
use super::{Cell, RecordForm};
use crate::fault::Mismatch;
use crate::split::csv::Dialect;
use std::sync::Arc;

const DIALECT: fn(u64) -> Dialect = |header| Dialect { header, ..Dialect::default() };

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn delimited(fields: &[&str], header: u64, null: &str, force_null: ForceList) -> Delimited {
    let names = names(fields);
    let nulls =
        NullRules::of(&names, null.as_bytes(), &force_null, &ForceList::None).expect("fields of the file");
    Delimited::new(DIALECT(header), true, names, nulls, FieldFormats::default())
}

fn document(delimited: &Delimited, record: &str) -> Option<String> {
    let mut text = Vec::new();
    let is_made = delimited.document(record.as_bytes(), &mut Buffers::default(), &mut text).expect("memory");
    is_made.then(|| String::from_utf8(text).expect("UTF-8"))
}

#[test]
fn a_document_has_the_fields_as_strings_and_nulls() {
    let file = delimited(&["a", "b \"c\""], 1, "", ForceList::None);
    let cases = [
        ("1,x", Some(r#"{"a":"1","b \"c\"":"x"}"#)),
        (",\"\"", Some(r#"{"a":null,"b \"c\"":""}"#)),
        ("\"q \"\"r\"\"\",\"two\nlines\\\u{1}\"", Some(r#"{"a":"q \"r\"","b \"c\"":"two\nlines\\\u0001"}"#)),
        ("1", None),
        ("\"1,2", None),
    ];
    for (record, wanted) in cases {
        assert_eq!(document(&file, record).as_deref(), wanted, "{record}");
    }
    let forced = delimited(&["a", "b"], 1, "NA", ForceList::Names(names(&["b"])));
    assert_eq!(document(&forced, "NA,\"NA\"").as_deref(), Some(r#"{"a":null,"b":null}"#));
    assert_eq!(document(&forced, "\"NA\",").as_deref(), Some(r#"{"a":"NA","b":""}"#));
}

#[test]
fn a_text_is_one_record_or_none() {
    let file = delimited(&["a", "b"], 1, "", ForceList::None);
    for good in ["1,2", "\"1\n2\",3", ","] {
        assert!(file.is_record(good.as_bytes()).expect("memory"), "{good}");
    }
    for bad in ["", "1", "1,2,3", "1,2\n3,4", "1,2\n", "\"1,2", "1,\"2\"x"] {
        assert!(!file.is_record(bad.as_bytes()).expect("memory"), "{bad}");
    }
}

fn columns(
    list: &[(&str, Conversion)],
    matching: MatchColumns,
    unknown: Unknown,
    map: &[Mapping],
) -> Columns {
    let columns = list.iter().map(|&(name, conversion)| TargetColumn {
        name: name.to_string(),
        original: None,
        conversion,
    });
    Columns::new(columns.collect(), matching, unknown, map).expect("a plan")
}

const INT: Conversion = Conversion::Native(NativeType::Int4);
const TEXT: Conversion = Conversion::Native(NativeType::Text);

/// The cells of a record, shown.
fn row(file: Delimited, plan: Columns, record: &str) -> Result<Vec<String>, MatchError> {
    let mut encoder = RecordForm::Delimited(Arc::new(file)).rows(Arc::new(plan))?;
    let (mut cells, mut values) = (Vec::new(), Vec::new());
    assert_eq!(encoder.encode(record.as_bytes(), false, &mut cells, &mut values)?, Encoded::Row);
    let shown = cells.iter().map(|cell| match *cell {
        Cell::Absent => "-".to_string(),
        Cell::Null => "null".to_string(),
        Cell::Word(word) => format!("word {word}"),
        Cell::Datum(span) => {
            format!("datum {}", String::from_utf8_lossy(&values[span.at + 4..span.at + span.length]))
        }
        Cell::Text(span) => {
            format!("text {}", String::from_utf8_lossy(&values[span.at..span.at + span.length]))
        }
        Cell::Json(_) | Cell::Misfit(_) => unreachable!("none of these columns has such a cell"),
    });
    Ok(shown.collect())
}

#[test]
fn fields_go_to_columns_by_name_or_by_position() {
    let file = |header| delimited(&["B", "a", "x"], header, "", ForceList::None);
    let plan = |matching, map: &[Mapping]| {
        columns(&[("a", INT), ("b", TEXT), ("c", TEXT)], matching, Unknown::Ignore, map)
    };
    let by_name = row(file(1), plan(MatchColumns::Auto, &[]), "t,1,y").expect("a row");
    assert_eq!(by_name, ["word 1", "datum t", "-"]);
    let exact = row(file(1), plan(MatchColumns::Exact, &[]), "t,1,y").expect("a row");
    assert_eq!(exact, ["word 1", "-", "-"]);
    for (header, matching) in [(0, MatchColumns::Auto), (1, MatchColumns::Position)] {
        let by_position = row(file(header), plan(matching, &[]), "7,t,y").expect("a row");
        assert_eq!(by_position, ["word 7", "datum t", "datum y"]);
    }
    let map = [Mapping { path: Path(vec!["x".to_string()]), column: Some(0) }];
    let mapped = row(file(1), plan(MatchColumns::Auto, &map), "t,1,2").expect("a row");
    assert_eq!(mapped, ["word 2", "datum t", "-"]);
}

#[test]
fn what_no_column_takes_is_kept_refused_or_left_out() {
    let file = || delimited(&["a", "x", "y"], 1, "", ForceList::None);
    let list = [("a", INT), ("_rescued", Conversion::Input)];
    let rescued = columns(&list, MatchColumns::Auto, Unknown::Rescue(1), &[]);
    assert_eq!(row(file(), rescued, "1,u,").expect("a row"), ["word 1", r#"text {"x":"u","y":null}"#]);
    let strict = columns(&list[..1], MatchColumns::Auto, Unknown::Fail, &[]);
    let error = row(file(), strict, "1,u,").expect_err("no column");
    assert_eq!(error, MatchError::Mismatch(Mismatch::NoColumn { field: "x".to_string() }));
}

#[test]
fn values_are_made_or_left_to_the_input_function() {
    let file = delimited(&["a", "b", "c", "d"], 1, "", ForceList::None);
    let list = [("a", INT), ("b", Conversion::Populate), ("c", Conversion::Json), ("d", Conversion::Jsonb)];
    let plan = columns(&list, MatchColumns::Auto, Unknown::Ignore, &[]);
    let record = "x,\"{1,2}\",\"{\"\"k\"\": 1}\",no";
    assert_eq!(
        row(file, plan, record).expect("a row"),
        ["text x", "text {1,2}", "text {\"k\": 1}", "text no"]
    );
}
