//! The framings by example: what is a record, what is a reject, what is framing.

use loader_core::split::json::{Format, Keep, Options, Splitter};
use loader_core::split::{Item, Split};
use loader_damage::rng::Rng;

const OPTIONS: Options = Options {
    format: None,
    records_path: None,
    keep: Keep::NONE,
    line_prefix: None,
    max_record_size: 1 << 20,
    raw_limit: 64,
};

/// Every item of `input`: records as they are, rejects behind a `!`.
fn split_with(input: &str, options: Options) -> (Format, Vec<String>) {
    let mut splitter = Splitter::new(input.as_bytes(), options.clone()).expect("a slice can be read");
    let mut items = Vec::new();
    while let Some(item) = splitter.next().expect("a slice can be read") {
        items.push(match item {
            Item::Record(record) => {
                let start = record.offset as usize;
                assert_eq!(record.bytes, &input.as_bytes()[start..start + record.bytes.len()]);
                String::from_utf8(record.bytes.to_vec()).expect("records are UTF-8")
            }
            Item::Reject(reject) => {
                let start = reject.offset as usize;
                let raw = &input.as_bytes()[start..start + reject.length as usize];
                assert_eq!(reject.raw, &raw[..raw.len().min(options.raw_limit)]);
                format!("!{}", String::from_utf8_lossy(raw))
            }
        });
    }
    let tally = splitter.tally();
    assert!(tally.balances(), "{tally:?}");
    assert_eq!(tally.stream_bytes, input.len() as u64);
    (splitter.format(), items)
}

fn split(input: &str) -> Vec<String> {
    split_with(input, OPTIONS).1
}

#[test]
fn well_formed_files_load_whole_in_every_framing() {
    let records = [r#"{"id":1,"a":[1,{"x":"},{"}]}"#, r#"{"id":2,"a":[]}"#, r#"{"id":3,"a":[[2],{}]}"#];
    let pretty = |s: &str| s.replace("{\"id", "{\n    \"id").replace(",\"a", ",\n    \"a");
    let pretty: Vec<String> =
        records.iter().map(|r| pretty(r).trim_end_matches('}').to_string() + "\n  }").collect();
    let pretty_first = pretty[0].clone();
    for (name, format, text) in [
        ("lines", Format::NewlineDelimited, records.join("\n")),
        ("lines, CRLF", Format::NewlineDelimited, records.join("\r\n") + "\r\n"),
        ("open array", Format::NewlineDelimited, format!("[{}", records.join(",\n"))),
        ("open array, bracket line", Format::NewlineDelimited, format!("[\n{},\n", records.join(",\n"))),
        ("array of lines", Format::NewlineDelimited, format!("[\n{}\n]\n", records.join(",\n"))),
        ("comma lines", Format::NewlineDelimited, records.join(",\n")),
        ("compact array", Format::Array, format!("[{}]", records.join(","))),
        ("compact array, spaces", Format::Array, format!(" [ {} ] \n", records.join(" , "))),
        ("concatenated", Format::Unstructured, records.concat()),
        ("sequence", Format::NewlineDelimited, records.map(|r| format!("\x1e{r}\n")).concat()),
        ("sequence without newlines", Format::Unstructured, records.map(|r| format!("\x1e{r}")).concat()),
        ("byte order mark", Format::NewlineDelimited, format!("\u{feff}{}", records.join("\n"))),
    ] {
        assert_eq!(split_with(&text, OPTIONS), (format, records.map(String::from).to_vec()), "{name}");
    }
    assert!(pretty_first.contains('\n'));
    for (name, format, text) in [
        ("pretty array", Format::Array, format!("[\n  {}\n]\n", pretty.join(",\n  "))),
        ("comma first", Format::Array, format!("[\n  {}\n]\n", pretty.join("\n, "))),
        ("hugging", Format::Array, format!("[{}]\n", pretty.join(", "))),
        ("pretty values", Format::Unstructured, pretty.join("\n")),
    ] {
        assert_eq!(split_with(&text, OPTIONS), (format, pretty.clone()), "{name}");
    }
}

#[test]
fn the_neighbours_of_a_bad_line_are_kept() {
    let (a, b) = (r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":"b"}"#);
    for bad in [
        r#"{"id":9,"name":"x""#,
        r#"{"id":9,"name":"x"#,
        r#"{"id":9,"name":"x"}}"#,
        r#"{"id":9,"list":[{"id":1,"name":"a"},{"id":2,"name":"b"}"#,
        r#"{"id":9,"list":{"id":1,"name":"a"},{"id":2,"name":"b"}]}"#,
        r#""id":9,"list":[{"id":1,"name":"a"}]}"#,
        r#"{"id":9,"name":x}"#,
        r#"{{"id":9,"name":"x"}"#,
        "[1,",
        "[1 2]",
        "nonsense",
        "\"open",
        r#"{"id":1,"name":"\ud800"}"#,
        r#"{"id":1e131072,"name":"a"}"#,
        &"[".repeat(100_000),
        &"{\"a\":".repeat(10_000),
    ] {
        for glue in ["\n", ",\n"] {
            let text = [a, bad, b].join(glue);
            let raw = bad.trim_end_matches(',');
            assert_eq!(split(&text), [a.to_string(), format!("!{raw}"), b.to_string()], "{bad}");
            let text = format!("[{}", [a, bad, b].join(glue));
            assert_eq!(split(&text), [a.to_string(), format!("!{raw}"), b.to_string()], "{bad}");
        }
    }
}

#[test]
fn a_torn_head_does_not_take_the_record_behind_it() {
    let (a, b, c) = (r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":"b"}"#, r#"{"id":3,"name":"c"}"#);
    for head in
        [r#"{"id":9,"na"#, r#"{"id":9"#, r#"{"id":9,"#, r#"{"id":9,"name":"x"#, r#"{"id":9,"t":[{"u":1},"#]
    {
        for (open, glue, close) in [("", "\n", ""), ("[", ",\n", ""), ("[", ",", "]"), ("", "", "")] {
            let text = format!("{open}{a}{glue}{head}{b}{glue}{c}{close}");
            assert_eq!(split(&text), [a, &format!("!{}", head.trim_end_matches(',')), b, c], "{text}");
        }
    }
}

/// The record before it is whole, and not an object inside of a record that goes on behind it.
#[test]
fn a_lost_opening_brace_costs_no_record_before_it() {
    let (user, error, ping, batch) = (
        r#"{"type":"user","uid":1,"name":"a","address":{"city":"x","zip":"1"}}"#,
        r#"{"level":"error","seq":2,"message":"b","stack":[]}"#,
        r#"{"ping":3}"#,
        r#"{"kind":"batch","seq":4,"entries":[{"ping":776},{"ping":777}]}"#,
    );
    let records = [user, error, ping, batch, user, ping, batch, error];
    for (open, glue, close) in [("[", ",", "]"), ("", "", ""), ("[", ", ", "]\n"), ("", " ", "\n")] {
        for lost in 4..records.len() {
            let mut damaged = records;
            damaged[lost] = &records[lost][1..];
            let text = format!("{open}{}{close}", damaged.join(glue));
            let mut wanted = records.map(str::to_owned);
            wanted[lost] = format!("!{}", damaged[lost]);
            assert_eq!(split(&text), wanted, "{text}");
        }
    }
}

/// What follows one brace too many is the rest of the record, not another that lost its own.
#[test]
fn a_closing_brace_too_many_ends_no_record() {
    let whole =
        |n: usize| format!(r#"{{"id":{n},"name":"a","user":{{"id":7,"name":"b"}},"ok":true,"note":null}}"#);
    let key = [r#""id""#, r#","name":"a""#, r#","user""#, r#","ok""#, r#","note""#];
    for behind in key {
        let broken = whole(9).replacen(behind, &format!("}}{behind}"), 1);
        for (open, glue, close) in [("[", ",", "]"), ("", "", ""), ("", "\n", "\n")] {
            let text = format!("{open}{}{close}", [whole(1), whole(2), broken.clone(), whole(4)].join(glue));
            assert_eq!(split(&text), [whole(1), whole(2), format!("!{broken}"), whole(4)], "{text}");
        }
    }
}

/// What is left of an array without its bracket are values on lines of their own, more of them
/// than there are records.
#[test]
fn pieces_of_an_array_that_lost_its_bracket_are_no_records() {
    let whole = |n: usize| {
        format!(
            "[\n    {n},\n    \"x\",\n    true,\n    [],\n    {{\n        \"a\": [1, 2]\n    }},\n    null\n]"
        )
    };
    for lost in 0..3 {
        for glue in ["\n", "\n\n"] {
            let mut records: Vec<String> = (1000..1004).map(whole).collect();
            let broken = records[lost].split_off(1);
            records[lost].clone_from(&broken);
            let text = records.join(glue) + "\n";
            records[lost] = format!("!{}", broken.trim_ascii());
            assert_eq!(split(&text), records, "{text}");
        }
    }
}

/// What was read before a broken element counts: a place behind it explains less.
#[test]
fn a_broken_element_behind_text_costs_no_record_before_it() {
    let mut records: Vec<String> = (0..40).map(|n| format!(r#"{{"id":{n},"name":"a"}}"#)).collect();
    records[5] = r#"{"id":NaN,"name":"a"}"#.to_owned();
    for before in ["// do not edit", "} [5 bytes data]", "x {\"a\" [1, 2"] {
        let text = format!("{before}\n[{}]", records.join(","));
        let mut wanted = records.clone();
        wanted[5] = format!("!{}", records[5]);
        wanted.insert(0, format!("!{before}"));
        assert_eq!(split(&text), wanted, "{before}");
    }
}

#[test]
fn records_on_one_line_without_newlines_between_are_all_kept() {
    let (a, b, c) = (r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":"b"}"#, r#"{"id":3,"name":"c"}"#);
    assert_eq!(split(&format!("{a}\n{b}{c}\n{a}\n")), [a, b, c, a]);
    assert_eq!(split(&format!("{a},\n{b},{c},\n{a}\n")), [a, b, c, a]);
}

#[test]
fn a_file_of_arrays_has_arrays_as_records() {
    assert_eq!(split("[1,2]\n[3,4]\n"), ["[1,2]", "[3,4]"]);
    assert_eq!(split("[[1,2],[3,4]]"), ["[1,2]", "[3,4]"]);
    assert_eq!(split("[1,2][3,4]"), ["[1,2]", "[3,4]"]);
    assert_eq!(split("[1,2,3]\n"), ["1", "2", "3"]);
}

#[test]
fn a_record_over_the_limit_is_passed_over() {
    let options = Options { max_record_size: 1000, ..OPTIONS };
    let big = format!(r#"{{"id":7,"name":"{}"}}"#, "x".repeat(3_000_000));
    let (a, b) = (r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":"b"}"#);
    for (open, glue, close) in [("", "\n", ""), ("[", ",\n", ""), ("[", ",", "]"), ("", "", "")] {
        let text = format!("{open}{a}{glue}{big}{glue}{b}{close}");
        assert_eq!(split_with(&text, options.clone()).1, [a, &format!("!{big}"), b]);
    }
}

/// Damage that makes every few bytes look like the start of something. Were the
/// cost of that not linear, this would take hours.
#[test]
fn megabytes_of_damage_cost_what_megabytes_cost() {
    let good = r#"{"id":1,"name":"a","tags":[{"x":1}]}"#;
    for piece in [
        r#"{"id":""#,
        r#"{"id":1,"name":"a","#,
        r#"{"id":1,"name":"a","tags":[{"x":1}]"#,
        "  {\n    \"id\": 1,\n    \"name\": [\n",
        "[1,\"a\",\n",
        "{\"a\":[",
        "\"",
        "[",
    ] {
        for glue in ["\n", ","] {
            let rows = [good; 20].join(glue);
            let text = [&rows, &piece.repeat(3_000_000 / piece.len()), &rows].map(String::as_str).join(glue);
            let kept = split(&text).iter().filter(|item| *item == good).count();
            assert!(kept >= 20, "{piece:?} {glue:?}: {kept}");
        }
    }
}

/// A record, compact or over several lines that are indented by `indent`.
fn entry(n: usize, indent: Option<usize>) -> String {
    let value =
        serde_json::json!({"id": n, "name": format!("n{n}"), "tags": [n, 2], "at": {"x": n, "y": []}});
    let Some(indent) = indent else { return value.to_string() };
    let margin = " ".repeat(indent);
    serde_json::to_string_pretty(&value).expect("JSON").replace('\n', &format!("\n{margin}"))
}

/// A file of its own with the records of these numbers.
fn whole_file(kind: &str, numbers: std::ops::Range<usize>) -> String {
    let entries = |indent, before: &str, between: &str| -> String {
        let entries: Vec<String> = numbers.clone().map(|n| format!("{before}{}", entry(n, indent))).collect();
        entries.join(between)
    };
    match kind {
        "lines" => entries(None, "", "\n") + "\n",
        "pretty values" => entries(Some(0), "", "\n") + "\n",
        "pretty array" => format!("[\n{}\n]\n", entries(Some(2), "  ", ",\n")),
        "deep array" => format!("[\n{}\n]\n", entries(Some(4), "    ", ",\n")),
        "array of lines" => format!("[\n{}\n]\n", entries(None, "", ",\n")),
        "compact array" => format!("[{}]\n", entries(None, "", ",")),
        _ => unreachable!("{kind}"),
    }
}

#[test]
fn files_that_were_joined_are_read_each_in_its_own_way() {
    let kinds = ["lines", "pretty values", "pretty array", "deep array", "array of lines", "compact array"];
    let on_lines = ["lines", "array of lines"];
    let mut wrong = Vec::new();
    for count in [3, 40, 150] {
        for (a, b, c) in triples(&kinds) {
            // Where each line is a record, a whole array on a line is one, too.
            let lines = [a, b, c].iter().any(|kind| on_lines.contains(kind));
            let arrays = [b, c].iter().filter(|kind| **kind == "compact array").count();
            if lines && arrays > 0 || arrays == 2 && a == "compact array" {
                continue;
            }
            let text = whole_file(a, 0..count)
                + &whole_file(b, count..2 * count)
                + &whole_file(c, 2 * count..3 * count);
            let plain = |item: &String| match serde_json::from_str::<serde_json::Value>(item) {
                Ok(value) => value.to_string(),
                Err(_) => item.clone(),
            };
            let found: Vec<String> = split(&text).iter().map(plain).collect();
            let wanted: Vec<String> = (0..3 * count).map(|n| entry(n, None)).collect();
            if found != wanted {
                let first = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
                let first = first.map(|(found, _)| found.chars().take(60).collect::<String>());
                wrong.push(format!("{count} of each of {a}, {b}, {c}: {} items, {first:?}", found.len()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn triples<'a>(kinds: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let pairs = kinds.iter().flat_map(|a| kinds.iter().map(move |b| (*a, *b)));
    pairs.flat_map(|(a, b)| kinds.iter().map(move |c| (a, b, *c)))
}

#[test]
fn lines_with_a_prefix_before_lines_without() {
    let plain = |n: usize| entry(n, None) + "\n";
    let prefixed = |n: usize| format!("2024-01-02T03:04:05Z host app[{n}]: {}", plain(n));
    for (with, without) in [(20, 20), (300, 290), (300, 900)] {
        let text: String = (0..with).map(prefixed).chain((with..with + without).map(plain)).collect();
        let wanted: Vec<String> = (0..with + without).map(|n| entry(n, None)).collect();
        assert_eq!(split(&text), wanted, "{with} and {without}");
    }
}

#[test]
fn a_scalar_beside_records_is_text() {
    let records: Vec<String> = (0..5).map(|n| entry(n, None)).collect();
    let array = format!("[{}]", records.join(", "));
    let lines = format!("[\n{}\n]", records.join(",\n"));
    let beside: String = records.iter().map(|record| format!("{record} 17\n")).collect();
    for text in
        [format!("{array}\n200"), format!("[WARN] a [b]\n{array}\n200\n"), format!("{lines}\n200\n"), beside]
    {
        let found = split(&text);
        let (rejects, rows): (Vec<_>, Vec<_>) = found.into_iter().partition(|item| item.starts_with('!'));
        assert_eq!(rows, records, "{text}");
        assert!(
            rejects
                .iter()
                .all(|reject| reject.contains("WARN") || ["!200", "!17"].contains(&reject.as_str()))
        );
    }
    // Where scalars are records, they stay.
    assert_eq!(split("[{\"a\": 1}, 2, \"x\", null]"), ["{\"a\": 1}", "2", "\"x\"", "null"]);
    assert_eq!(
        split("{\"a\": 1}\n2\n\"x\"\nnull\n{\"a\": 2}\n"),
        ["{\"a\": 1}", "2", "\"x\"", "null", "{\"a\": 2}"]
    );
    assert_eq!(split("[\n{\"a\": 1},\n2,\n\"x\",\nnull\n]\n"), ["{\"a\": 1}", "2", "\"x\"", "null"]);
}

/// A random value: containers, and strings that look like pieces of JSON.
fn any_value(random: &mut Rng, depth: usize) -> serde_json::Value {
    use serde_json::{Value, json};
    let strings = ["", "x", "{", "[1,", "}],", "\"q\"", "key: {v}", "http://x/[y]"];
    match random.below(if depth < 3 { 10 } else { 6 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.below(1000)),
        3 => json!(random.below(1000) as f64 / 8.0),
        4 | 5 => json!(random.pick(&strings)),
        6 | 7 => (0..random.below(5)).map(|_| any_value(random, depth + 1)).collect(),
        _ => {
            let keys = ["id", "a", "b", "x y", "name"];
            let entries = (0..random.below(5)).map(|n| (keys[n].to_owned(), any_value(random, depth + 1)));
            Value::Object(entries.collect())
        }
    }
}

#[test]
fn the_elements_of_a_well_formed_array_are_the_records_whatever_they_are() {
    for seed in 0..600 {
        let mut random = Rng::new(seed);
        let count = [1, 2, 3, 10, 40][random.below(5)];
        let values: Vec<serde_json::Value> = (0..count).map(|_| any_value(&mut random, 0)).collect();
        let entries: Vec<String> = values.iter().map(ToString::to_string).collect();
        let text = match random.below(4) {
            0 => format!("[{}]", entries.join(",")),
            1 => format!("[ {} ]\n", entries.join(" , ")),
            2 => format!("[\n{}\n]\n", entries.join(",\n")),
            _ => serde_json::to_string_pretty(&values).expect("JSON"),
        };
        let found: Vec<serde_json::Value> = split(&text)
            .iter()
            .map(|item| serde_json::from_str(item).unwrap_or_else(|_| item.as_str().into()))
            .collect();
        assert_eq!(found, values, "seed {seed}: {text}");
    }
}

#[test]
fn a_file_of_nul_bytes_is_no_json() {
    for (text, is_json) in
        [("\0".repeat(9), false), ("\0".repeat(300_000) + "\n", false), (String::from("\n"), true)]
    {
        let opened = Splitter::new(text.as_bytes(), OPTIONS);
        assert_eq!(opened.is_ok(), is_json, "{} bytes", text.len());
    }
    assert_eq!(split("\0\0\0{\"a\":1}\n\0\0"), ["!\0\0\0", "{\"a\":1}", "!\0\0"]);
}
