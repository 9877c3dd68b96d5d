//! Fields of a document that are given to its records: each record gets those of the document,
//! or of the part of it, that it lies in, and nothing else changes.

mod support;

use loader_core::encode::jsonb::Encoder;
use loader_core::pipeline::{self, Entry, Pipeline, RecordOutcome, Target};
use loader_core::split::json::{Keep, KeepPath, Options, RecordsPath, Splitter};
use loader_core::split::{Item, Split};
use loader_core::stream::{self, Decoded, Error};
use loader_damage::rng::Rng;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

/// A good record, the members that it is given, and where the place behind it is.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    text: String,
    kept: String,
    end: u64,
}

fn options(at: &str, keep: &[&str]) -> Options {
    let records = RecordsPath::parse(at).expect("a path");
    let paths: Vec<KeepPath> = keep.iter().map(|text| KeepPath::parse(text).expect("a path")).collect();
    let keep = Keep::new(&records, &paths).expect("fields beside the records");
    Options { records_path: Some(records), keep, max_record_size: 1 << 20, ..support::options() }
}

fn splitter<'a>(input: &'a [u8], step: usize, options: &Options) -> Splitter<support::Slow<'a>> {
    Splitter::new(support::Slow { bytes: input, step }, options.clone()).expect("UTF-8")
}

fn rest(splitter: &mut Splitter<support::Slow<'_>>) -> Result<Vec<Found>, Error> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut found: Vec<Found> = Vec::new();
    while let Some(item) = splitter.next()? {
        if let Item::Record(record) = item {
            let (text, kept) = (text(record.bytes), text(record.kept));
            found.push(Found { text, kept, end: splitter.mark().offset });
        }
    }
    assert!(splitter.tally().balances());
    Ok(found)
}

fn split(input: &[u8], options: &Options) -> Result<Vec<Found>, Error> {
    let found = rest(&mut splitter(input, 1 << 20, options));
    for step in [1, 7].into_iter().filter(|step| input.len() / step < 1 << 20) {
        match (&found, rest(&mut splitter(input, step, options))) {
            (Ok(found), Ok(slow)) => assert!(*found == slow, "{step} bytes at a time"),
            (Err(error), Err(slow)) => assert_eq!(format!("{error:?}"), format!("{slow:?}")),
            other => panic!("{other:?}"),
        }
    }
    found
}

/// What each record is given, as texts.
fn kept(input: &str, at: &str, keep: &[&str]) -> Vec<String> {
    let found =
        split(input.as_bytes(), &options(at, keep)).unwrap_or_else(|error| panic!("{error:?}: {input}"));
    found.into_iter().map(|found| found.kept).collect()
}

/// The field that stands behind records.
fn behind(input: &str, at: &str, keep: &[&str]) -> String {
    match split(input.as_bytes(), &options(at, keep)) {
        Err(Error::KeptBehind { field }) => field,
        other => panic!("{other:?}: {input}"),
    }
}

/// A document in front of which stands so much that it is not looked at as a whole.
fn long(document: &str) -> String {
    format!("{{\"pad\":\"{}\",{}", "x".repeat(1_200_000), &document[1..])
}

const ROME: &str = r#"{"cod":"200","city":{"id":1,"name":"Rome"},"list":[{"dt":1},{"dt":2}]}"#;
const OSLO: &str = r#"{"city":{"name":"Oslo"},"list":[{"dt":3}]}"#;

#[test]
fn each_record_gets_the_fields_of_its_document() {
    let rome = r#""name":"Rome","cod":"200""#;
    let oslo = r#""name":"Oslo""#;
    let keep = ["city.name", "cod"];
    for (text, wanted) in [
        (ROME.to_owned(), vec![rome; 2]),
        (format!("{ROME}\n{OSLO}\n{ROME}"), vec![rome, rome, oslo, rome, rome]),
        (format!("[{ROME},{OSLO}]"), vec![rome, rome, oslo]),
        (format!("[\n{OSLO},\n{ROME}\n]\n"), vec![oslo, rome, rome]),
        (format!("{}\n{OSLO}", long(ROME)), vec![rome, rome, oslo]),
        (format!("{{\"city\":{{\"name\":\"none\"}}}}\n{OSLO}{ROME}"), vec![oslo, rome, rome]),
        (r#"{"list":[{"dt":1}]}"#.to_owned(), vec![""]),
        (long(r#"{"list":[{"dt":1}]}"#), vec![""]),
    ] {
        assert_eq!(kept(&text, "$.list", &keep), wanted, "{}", &text[..text.len().min(300)]);
    }
}

#[test]
fn values_are_what_they_are() {
    for (head, keep, wanted) in [
        (r#""x" : 1"#, "x", r#""x":1"#),
        (r#""x":-1.5e+3 "#, "x", r#""x":-1.5e+3"#),
        (r#""x":null"#, "x", r#""x":null"#),
        (r#""x":"a\"b\\""#, "x", r#""x":"a\"b\\""#),
        (r#""x":"\\","y":{"x":2}"#, "x", r#""x":"\\""#),
        (r#""x":[1,{"x":"]"}, []]"#, "x", r#""x":[1,{"x":"]"}, []]"#),
        (r#""x":{}"#, "x", r#""x":{}"#),
        (r#""\u0078":7"#, "x", r#""x":7"#),
        (r#""a b":{"\"":7}"#, r#""a b"."\"""#, r#""\"":7"#),
        // The last of several counts.
        (r#""x":1,"x":2"#, "x", r#""x":2"#),
        (r#""x":{"y":1},"x":{"z":2}"#, "x.y", ""),
        (r#""x":{"y":1},"x":3"#, "x.y", ""),
        (r#""x":{"y":1,"y":[2]}"#, "x.y", r#""y":[2]"#),
        // A field is looked for in objects only, and not deeper.
        (r#""x":[{"y":1}]"#, "x.y", ""),
        (r#""z":{"x":1},"w":[{"x":2}],"s":"\"x\":3""#, "x", ""),
        (r#""x":{"x":{"y":1},"z":{"y":2}}"#, "x.y", ""),
        (r#""x":{"x":{"y":1},"y":2}"#, "x.y", r#""y":2"#),
        // What jsonb would refuse spoils no record.
        (r#""x":"\ud800""#, "x", ""),
    ] {
        let text = format!(r#"{{{head},"list":[{{"a":1}}]}}"#);
        assert_eq!(kept(&text, "$.list", &[keep]), [wanted], "{text}");
        assert_eq!(kept(&long(&text), "$.list", &[keep]), [wanted], "{text}");
    }
    let text = r#"{"x":{"y":{"z":1}},"list":[{"a":1}]}"#;
    let all = r#""x":{"y":{"z":1}},"y":{"z":1},"z":1"#;
    assert_eq!(kept(text, "$.list", &["x", "x.y", "x.y.z"]), [all]);
    assert_eq!(kept(&long(text), "$.list", &["x", "x.y", "x.y.z"]), [all]);
}

#[test]
fn only_objects_get_fields() {
    let text = r#"{"x":1,"list":[1,{"a":2},[3],"s",{}]}"#;
    assert_eq!(kept(text, "$.list", &["x"]), ["", "\"x\":1", "", "", "\"x\":1"]);
}

#[test]
fn fields_of_each_outer_element() {
    let text = r#"{"v":1,"a":[{"id":1,"b":[{"n":1},{"n":2}]},{"b":[{"n":3}]},{"id":3,"b":[]},{"id":4,"b":[{"n":4}],"c":0}],"b":[]}"#;
    let wanted = [r#""v":1,"id":1"#, r#""v":1,"id":1"#, r#""v":1"#, r#""v":1,"id":4"#];
    for text in [text.to_owned(), long(text)] {
        for id in ["a.id", "a[*].id"] {
            assert_eq!(kept(&text, "$.a[*].b[*]", &["v", id]), wanted);
        }
    }
    let text = r#"{"v":1,"rome":{"cod":2,"list":[{"n":1}]},"x":{"cod":3},"oslo":{"list":[{"n":2}]}}"#;
    for text in [text.to_owned(), long(text)] {
        let wanted = [r#""cod":2,"v":1"#, r#""v":1"#];
        assert_eq!(kept(&text, "$.*.list", &["*.cod", "v"]), wanted);
    }
}

#[test]
fn fields_beside_the_values_of_an_object() {
    let text = r#"{"x":1,"a":{"k":{"n":1},"x":{"n":2}}}"#;
    for text in [text.to_owned(), long(text)] {
        assert_eq!(kept(&text, "$.a.*", &["x"]), ["\"x\":1", "\"x\":1"]);
    }
}

#[test]
fn a_field_behind_its_records_is_an_error() {
    let text = r#"{"list":[{"dt":1}],"city":{"id":1,"name":"Rome"}}"#;
    for text in [text.to_owned(), long(text), format!("{ROME}\n{text}\n{ROME}")] {
        assert_eq!(behind(&text, "$.list", &["cod", "city.name"]), "city.name");
        // The object alone is none.
        assert!(!kept(&text, "$.list", &["city.cod"]).is_empty());
    }
    let text = r#"{"a":[{"b":[{"n":1}],"id":1}],"v":1}"#;
    for text in [text.to_owned(), long(text)] {
        assert_eq!(behind(&text, "$.a[*].b", &["a.id"]), "a.id");
        assert_eq!(behind(&text, "$.a[*].b", &["v"]), "v");
    }
    // Nothing is missed where there are no records, and where it stood before them, too.
    let text = r#"{"a":[{"b":[],"id":1},{"id":2,"b":[{"n":1}],"id":3}]}"#;
    for text in [text.to_owned(), long(text)] {
        assert_eq!(kept(&text, "$.a[*].b", &["a.id"]), ["\"id\":2"]);
    }
    let text = r#"{"a":[{"b":[{"n":1}]}],"id":1}"#;
    assert_eq!(kept(text, "$.a[*].b", &["a.id"]), [""]);
}

#[test]
fn a_field_that_is_too_long_is_an_error() {
    let field = |length: usize| format!(r#"{{"x":"{}","list":[{{"a":1}}]}}"#, "y".repeat(length));
    assert_eq!(kept(&field(1_000_000), "$.list", &["x"])[0].len(), 1_000_006);
    match split(field(1_100_000).as_bytes(), &options("$.list", &["x"])) {
        Err(Error::KeptTooLong { field, most }) => assert_eq!((field.as_str(), most), ("x", 1 << 20)),
        other => panic!("{other:?}"),
    }
    // Together, too.
    let two = format!(r#"{{"y":"{}",{}"#, "y".repeat(600_000), &field(600_000)[1..]);
    let found = split(two.as_bytes(), &options("$.list", &["x", "y"]));
    assert!(matches!(found, Err(Error::KeptTooLong { .. })));
    // What is not kept is of any length.
    assert_eq!(kept(&format!("{{\"z\":1,{}", &field(3_000_000)[1..]), "$.list", &["z"]), ["\"z\":1"]);
}

#[test]
fn what_is_certain_of_a_broken_document_is_kept() {
    for (head, wanted) in [
        (r#""x":1,"y":oops!,"z":2"#, r#""x":1"#),
        (r#""x":1,"y":2:3,"z":2"#, r#""x":1"#),
        (r#""x":1,"y":"a,"z":2"#, r#""x":1"#),
        (r#""x":1,"y":[1,,2],"z":2"#, r#""x":1"#),
        (r#""x":1,"y":{"b":1]},"z":2"#, r#""x":1"#),
        (r#""x":1 "y":2,"z":3"#, ""),
        (r#""x":1,"y":tru,"z":3"#, r#""x":1,"z":3"#),
        ("\"x\":1,\"y\":\"a\nb\",\"z\":3", r#""x":1"#),
    ] {
        let text = format!(r#"{{{head},"list":[{{"a":1}},{{"a":2}}]}}"#);
        for text in [text.clone(), long(&text), format!("{text}\n{text}\n")] {
            let found = kept(&text, "$.list", &["x", "y", "z"]);
            assert!(found.len() >= 2 && found.iter().all(|kept| kept == wanted), "{head}: {found:?}");
        }
    }
    // A document that is cut off, and those behind it.
    let cut = &ROME[..ROME.len() - 8];
    let (rome, oslo) = (r#""name":"Rome""#, r#""name":"Oslo""#);
    for text in [format!("{cut}\n{OSLO}\n"), format!("{}\n{OSLO}", long(cut))] {
        assert_eq!(kept(&text, "$.list", &["city.name"]), [rome, oslo], "{}", &text[..50]);
    }
    // One without its head has nothing.
    let text = format!("{}\n{OSLO}", &ROME[20..]);
    let found = kept(&text, "$.list", &["city.name", "cod"]);
    assert_eq!(found.last().map(String::as_str), Some(oslo), "{found:?}");
    assert!(found[..found.len() - 1].iter().all(String::is_empty), "{found:?}");
    // Behind damage between arrays the fields of the outer element are not known.
    let text = r#"{"v":1,"a":[{"id":1,"b":[{"n":1}]},{"id":oops!,"b":[{"n":2}]},{"id":3,"b":[{"n":3}]}]}"#;
    for text in [text.to_owned(), long(text)] {
        let found = kept(&text, "$.a[*].b", &["v", "a.id"]);
        assert_eq!(found, [r#""v":1,"id":1"#, r#""v":1"#, r#""v":1,"id":3"#]);
    }
    // A bad record takes nothing from the others.
    let text = r#"{"x":1,"list":[{"a":1},{"a":oops},{"a":3}]}"#;
    for text in [text.to_owned(), long(text)] {
        assert_eq!(kept(&text, "$.list", &["x"]), ["\"x\":1"; 2]);
    }
}

/// A place of a document on the way to a record: the value, and the step that leads on.
type Trail<'a> = [(&'a Value, String)];

/// All records at `steps` beneath `value`, each with what of `keep` is above it.
fn model<'a>(
    value: &'a Value,
    steps: &[&str],
    trail: &mut Vec<(&'a Value, String)>,
    keep: &[&str],
    found: &mut Vec<(Value, Value)>,
) {
    let Some((step, steps)) = steps.split_first() else {
        let fields =
            keep.iter().filter_map(|path| Some((path.rsplit('.').next()?.to_owned(), lookup(path, trail)?)));
        let fields = if value.is_object() { fields.collect() } else { Map::new() };
        found.push((value.clone(), Value::Object(fields)));
        return;
    };
    let mut down = |key: String, inner: &'a Value| {
        trail.push((value, key));
        model(inner, steps, trail, keep, found);
        trail.pop();
    };
    match (*step, value) {
        ("[*]", Value::Array(list)) => list.iter().for_each(|inner| down("[*]".to_owned(), inner)),
        ("*", Value::Object(object)) => object.iter().for_each(|(key, inner)| down(key.clone(), inner)),
        (key, Value::Object(object)) => {
            object.get(key).into_iter().for_each(|inner| down(key.to_owned(), inner))
        }
        _ => {}
    }
}

/// The value at a path from the root, which goes along the trail as far as it has its keys.
fn lookup(path: &str, trail: &Trail<'_>) -> Option<Value> {
    let mut at = 0;
    let mut here = Some(trail[0].0);
    for key in path.split('.') {
        while here.is_none() && trail.get(at)?.1 == "[*]" {
            at += 1;
        }
        let value = here.unwrap_or(trail.get(at)?.0);
        let along = std::ptr::eq(value, trail.get(at)?.0) && (key == "*" || trail[at].1 == key);
        here = if along {
            at += 1;
            while trail.get(at).is_some_and(|(_, step)| step == "[*]") {
                at += 1;
            }
            Some(trail.get(at)?.0)
        } else {
            Some(value.as_object()?.get(key)?)
        };
    }
    here.cloned()
}

/// Generates a document with records at `steps`, which may all look alike: the fields are before
/// them.
fn generate(rng: &mut Rng, steps: &[&str], alike: bool, text: &mut String) {
    let Some((step, rest)) = steps.split_first() else {
        return match alike {
            true => write!(text, r#"{{"n":{},"s":"x"}}"#, rng.below(1000)).expect("a string"),
            false => noise(rng, 3, text),
        };
    };
    let blank = |rng: &mut Rng, text: &mut String| text.push_str(rng.pick(&["", "", "", " ", "\n  "]));
    match *step {
        "[*]" => {
            text.push('[');
            for n in 0..rng.below(4) {
                text.push_str(if n > 0 { "," } else { "" });
                blank(rng, text);
                generate(rng, rest, alike, text);
            }
            blank(rng, text);
            text.push(']');
        }
        step => {
            text.push('{');
            blank(rng, text);
            let mut keys = ["id", "cod", "city", "x", "\\u0069d2", "y"];
            rng.shuffle(&mut keys);
            for key in &keys[..rng.below(keys.len())] {
                write!(text, "\"{key}\"").expect("a string");
                blank(rng, text);
                text.push(':');
                blank(rng, text);
                noise(rng, 3, text);
                text.push(',');
                blank(rng, text);
            }
            let names = if step == "*" { vec!["r1", "r2"] } else { vec![step] };
            for (n, name) in names.iter().enumerate() {
                write!(text, "{}\"{name}\":", if n > 0 { "," } else { "" }).expect("a string");
                generate(rng, rest, alike, text);
            }
            blank(rng, text);
            text.push('}');
        }
    }
}

fn noise(rng: &mut Rng, depth: usize, text: &mut String) {
    match rng.below(if depth > 0 { 8 } else { 4 }) {
        0 => write!(text, "{}", rng.below(1000)).expect("a string"),
        1 => text.push_str(rng.pick(&["null", "true", "-1.5e3"])),
        2 => text.push_str(rng.pick(&[r#""""#, r#""a\"]},{""#, r#""é\\""#, r#""id""#])),
        3 => text.push_str(rng.pick(&["{}", "[]", "[ ]", "{ }"])),
        4 => {
            text.push('[');
            noise(rng, depth - 1, text);
            text.push_str(" ,");
            noise(rng, depth - 1, text);
            text.push(']');
        }
        _ => {
            let mut keys = ["name", "id", "cod", "n", "list", "a"];
            rng.shuffle(&mut keys);
            text.push('{');
            for (n, key) in keys[..rng.below(4)].iter().enumerate() {
                write!(text, "{}\"{key}\": ", if n > 0 { "," } else { "" }).expect("a string");
                noise(rng, depth - 1, text);
            }
            text.push('}');
        }
    }
}

const SHAPES: [(&str, &[&str], &[&str]); 8] = [
    ("$.list", &["list", "[*]"], &["cod", "city.name", "id"]),
    ("$.data.list", &["data", "list", "[*]"], &["cod", "data.id", "data.city.name"]),
    ("$.data.list", &["data", "list", "[*]"], &["city", "city.name.id", "city.name"]),
    ("$.a[*].b", &["a", "[*]", "b", "[*]"], &["cod", "a.id", "a.city.name"]),
    ("$.a[*][*].b", &["a", "[*]", "[*]", "b", "[*]"], &["cod", "a.id"]),
    ("$.a.*", &["a", "*"], &["id", "city.name"]),
    ("$.a.*.list", &["a", "*", "list", "[*]"], &["cod", "a.*.id", "a.*.city.name"]),
    ("$.a[*].b[*].c", &["a", "[*]", "b", "[*]", "c", "[*]"], &["cod", "a.id", "a.b.city"]),
];

/// The object that the members and the record's own are together.
fn joined(kept: &str, own: &str) -> Value {
    serde_json::from_str(&format!("{{{kept}}}"))
        .map(|mut all: Value| {
            match serde_json::from_str(own).expect("JSON") {
                Value::Object(own) => all.as_object_mut().expect("an object").extend(own),
                other => all = other,
            }
            all
        })
        .expect("members")
}

#[test]
fn as_a_model_of_whole_documents_has_it() {
    let mut rng = Rng::new(7);
    let (mut records, mut fields) = (0, 0);
    for turn in 0..400 {
        let (at, steps, keep) = *rng.pick(&SHAPES);
        let options = options(at, keep);
        let (mut text, mut wanted) = (String::new(), Vec::new());
        // What is not looked at as a whole is weighed.
        let is_long = turn % 50 == 0;
        for _ in 0..if is_long { 1 } else { 3 } {
            let mut document = String::new();
            generate(&mut rng, steps, is_long, &mut document);
            let value: Value = serde_json::from_str(&document).expect("JSON");
            model(&value, steps, &mut Vec::new(), keep, &mut wanted);
            text.push_str(&if is_long { long(&document) } else { document });
            text.push('\n');
        }
        let found = match split(text.as_bytes(), &options) {
            Err(Error::NoRecords { .. }) => continue,
            // Any value of an object may be on the way.
            Err(Error::KeptBehind { .. }) if steps.contains(&"*") => continue,
            found => found.unwrap_or_else(|error| panic!("{error:?}: {at} in {text}")),
        };
        // The model goes through the keys of an object in another order.
        let line = |record: &Value, kept: &Value| format!("{record} {kept}");
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let lines = found.iter().map(|found| line(&json(&found.text), &json(&format!("{{{}}}", found.kept))));
        let (mut lines, mut model): (Vec<_>, Vec<_>) =
            (lines.collect(), wanted.iter().map(|(record, kept)| line(record, kept)).collect());
        lines.sort();
        model.sort();
        assert_eq!(lines, model, "{at}, {keep:?} in {text}");
        records += found.len();
        fields += found.iter().filter(|found| !found.kept.is_empty()).count();
        // Nothing else is changed by what is kept.
        let plain = Options { keep: Keep::NONE, ..options.clone() };
        let same = |(kept, plain): (&Found, &Found)| kept.text == plain.text && kept.end == plain.end;
        assert!(found.iter().zip(&split(text.as_bytes(), &plain).expect("records")).all(same));
        for at in [found.len() / 3, found.len() / 2].into_iter().filter(|at| *at < found.len()) {
            let mut splitter = splitter(text.as_bytes(), 1 << 20, &options);
            splitter.resume(found[at].end).expect("a mark");
            assert_eq!(rest(&mut splitter).expect("records"), found[at + 1..], "{text}");
        }
    }
    assert!(records > 1000 && fields > 500, "{records} records, {fields} fields");
}

/// A record among broken ones is given fields of its own document, or none.
#[test]
fn records_of_damaged_documents_get_none_of_others() {
    let mut rng = Rng::new(8);
    let (mut records, mut others) = (0, 0);
    for turn in 0..1000 {
        let mut text = String::new();
        for n in 0..4 {
            let pad = if turn % 100 == 0 && n == 0 { "x".repeat(1_200_000) } else { String::new() };
            write!(text, r#"{{"pad":"{pad}","doc":{n},"city":{{"of":{n},"s":"}}"}},"a":["#)
                .expect("a string");
            for inner in 0..3 {
                let comma = if inner > 0 { "," } else { "" };
                let (one, two) =
                    (format!(r#"{{"d":{n},"i":{inner}}}"#), format!(r#"{{"d":{n},"i":{inner},"s":"x"}}"#));
                write!(text, r#"{comma}{{"id":{inner},"b":[{one},{two}]}}"#).expect("a string");
            }
            text.push_str("]}\n");
        }
        let mut bytes = text.into_bytes();
        for _ in 0..rng.between(1, 3) {
            let from = bytes.len() - 700.min(bytes.len());
            let at = from + rng.below(bytes.len() - from);
            match rng.one_in(2) {
                true => drop(bytes.remove(at)),
                false => bytes[at] = *rng.pick(b"{}[],:\"x\n"),
            }
        }
        let found = match split(&bytes, &options("$.a[*].b", &["doc", "city.of", "a.id"])) {
            Ok(found) => found,
            Err(Error::KeptBehind { .. }) => continue,
            Err(error) => panic!("{error:?}"),
        };
        for found in found {
            let all = joined(&found.kept, &found.text);
            let (Some(d), Some(i)) = (all.get("d"), all.get("i")) else { continue };
            records += 1;
            let wrong = |key: &str, own: &Value| all.get(key).is_some_and(|kept| kept != own);
            if wrong("doc", d) || wrong("of", d) || wrong("id", i) {
                others += 1;
            }
        }
    }
    // Where a key on the way to the records is damaged itself, it may be those of a neighbour.
    assert!(records > 10_000 && others < records / 1000, "{others} of {records} records");
}

#[test]
fn a_pipeline_puts_them_into_the_records() {
    let (mut text, mut wanted) = (String::new(), Vec::new());
    for n in 0..300 {
        let own = if n % 10 > 0 {
            [r#"{"a":1}"#, "{ }", r#"{ "n":"own" }"#, "7"]
        } else {
            ["{\"a\":1}", "oops!", "{}", ""]
        };
        let own: Vec<&str> = own.into_iter().filter(|own| !own.is_empty()).collect();
        writeln!(text, r#"{{"n":{n},"city":{{"name":"c{n}"}},"list":[{}]}}"#, own.join(","))
            .expect("a string");
        let kept = format!(r#""name":"c{n}","n":{n}"#);
        for own in own {
            let inside = own.strip_prefix('{').map(str::trim_start);
            let text = match inside {
                Some("}") => format!("{{{kept}}}"),
                Some(inside) => format!("{{{kept},{inside}"),
                None => own.to_owned(),
            };
            wanted.push((own.to_owned(), text));
        }
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).expect("memory");
    let packed: &'static [u8] = Vec::leak(packed.finish().expect("memory"));
    for (threads, check) in [0, 1, 3]
        .into_iter()
        .flat_map(|threads| [None, Some(true), Some(false)].map(|check| (threads, check)))
    {
        let target = check.map_or(Target::Text, |keep_texts| Target::Jsonb { keep_texts, toast: None });
        let how = pipeline::Options { threads, target, resume_at: 0, range: None };
        let source = Decoded::new(packed, &stream::Options::default()).expect("gzip");
        let framing = options("$.list", &["city.name", "n"]);
        let mut pipeline = Pipeline::new(source, framing, how, Arc::default()).expect("a head");
        assert!(!pipeline.is_splittable());
        pipeline.start(&mut || true);
        let mut rest = wanted.iter();
        while let Some(batch) = pipeline.next(&mut || ()).expect("no read fails") {
            for Entry { place, outcome } in &batch.entries {
                let (own, wanted) = rest.next().expect("no more than that");
                assert_eq!(text[place.offset as usize..][..place.length as usize], *own);
                match *outcome {
                    RecordOutcome::Text { text, .. } | RecordOutcome::WithText { text, .. } => {
                        assert_eq!(batch.c_text(text).expect("a text").to_bytes(), wanted.as_bytes());
                    }
                    RecordOutcome::Reject { .. } => assert_eq!(own, "oops!"),
                    RecordOutcome::Value(_) => {}
                    RecordOutcome::Row { .. } | RecordOutcome::NotAnObject { .. } => {
                        panic!("no rows are asked for")
                    }
                }
                if let Some(value) = outcome.value() {
                    let mut datum = Vec::new();
                    Encoder::new().encode(wanted.as_bytes(), 0, true, &mut datum).expect("memory");
                    assert!(batch.values[value.at..][..value.length] == datum);
                }
                assert!(check.is_none() || own == "oops!" || outcome.value().is_some());
            }
            pipeline.recycle(batch);
        }
        assert!(rest.next().is_none() && pipeline.finish().tally.balances());
    }
}

#[test]
fn very_deep_ones_are_left_to_the_server() {
    for (depth, wanted) in [(400, false), (499, false), (600, true)] {
        let text = format!(r#"{{"x":{}{},"list":[{{"a":1}},2]}}"#, "[".repeat(depth), "]".repeat(depth));
        let options = options("$.list", &["x"]);
        let mut splitter = splitter(text.as_bytes(), 1 << 20, &options);
        let mut undecided = Vec::new();
        while let Some(Item::Record(record)) = splitter.next().expect("no read fails") {
            undecided.push(record.undecided);
        }
        assert_eq!(undecided, [wanted, false], "{depth}");
    }
}
