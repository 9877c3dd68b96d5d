//! Records in an array inside of a large object, sound and damaged: the same are
//! loaded as from the bare array, nothing of what is around it is, and every byte
//! is accounted for.

mod support;

use loader_core::fault::FaultKind;
use loader_core::split::json::{Format, Keep, Options, RecordsPath, Splitter};
use loader_core::split::{Item, Split};
use loader_core::stream::{Error, Source};
use loader_damage::framing::Framing;
use loader_damage::judge::{self, Found, Ledger, Verdict};
use loader_damage::suite::{self, Choice};
use loader_damage::{File, Span};
use proptest::prelude::*;
use std::sync::Mutex;

const SEEDS: [u64; 2] = [1, 20];

/// A document around an array.
struct Shell {
    name: &'static str,
    path: &'static str,
    before: &'static str,
    after: &'static str,
}

const SHELLS: [Shell; 4] = [
    Shell {
        name: "two keys",
        path: "$.data.items",
        before: r#"{"head":{"n":1,"items":[{"id":0}]},"data":{"x":[{"id":1}],"items":"#,
        after: r#","next":{"a":{"b":1}}},"tail":{"items":[{"id":2}],"s":"]}"}}"#,
    },
    Shell {
        name: "one key",
        path: "$.items",
        before: "{\n  \"items\": ",
        after: ",\n  \"search_metadata\": {\"n\": [1, {}]}\n}\n",
    },
    Shell { name: "nothing behind", path: "$.items", before: r#"{"n":[{"items":[]}],"items":"#, after: "}" },
    Shell {
        name: "cut behind",
        path: "$.data.items",
        before: r#"{"data":{"items":"#,
        after: r#","next":{"a":[{"b":"#,
    },
];

fn path(text: &str) -> RecordsPath {
    RecordsPath::parse(text).expect("a path")
}

/// Whether the file is an array with both of its brackets.
fn is_array(file: &File) -> bool {
    use Framing::*;
    let wraps = matches!(
        file.framing,
        ArrayLines
            | ArrayLinesHugging
            | CommaFirstLines
            | CompactArray
            | SpacedArray
            | Pretty2
            | Pretty4
            | PrettyTabs
            | PrettyCrlf
            | Hugging
            | HuggingFlush
            | CommaFirst
    );
    let text = file.bytes.trim_ascii();
    let [open, _, close] = file.framing.glue();
    wraps && file.bytes.starts_with(open.as_bytes()) && text.ends_with(close.trim_ascii().as_bytes())
}

/// What was found in `shell` around the file, as it lies in the bare one.
fn unwrap(shell: &Shell, length: usize, found: Vec<Found>, ledger: Ledger) -> (Vec<Found>, Ledger) {
    let start = shell.before.len();
    let around = (start + shell.after.len()) as u64;
    let lines = shell.before.matches('\n').count() as u64;
    let inside = |found: Found| {
        let offset = found.span.offset.checked_sub(start);
        let span = Span { offset: offset.unwrap_or(length), ..found.span };
        Found { span, line: found.line - lines, ..found }
    };
    let found = found.into_iter().map(inside).collect();
    let ledger =
        Ledger { stream: ledger.stream - around, framing: ledger.framing.saturating_sub(around), ..ledger };
    (found, ledger)
}

fn wrap(shell: &Shell, bytes: &[u8]) -> Vec<u8> {
    [shell.before.as_bytes(), bytes, shell.after.as_bytes()].concat()
}

/// The verdict on the file in a shell.
fn judge_wrapped(shell: &Shell, file: &File) -> Verdict {
    match support::split_at(&wrap(shell, &file.bytes), 1 << 20, Some(path(shell.path))) {
        Ok((found, ledger)) => {
            let (found, ledger) = unwrap(shell, file.bytes.len(), found, ledger);
            judge::judge(file, &found, &ledger)
        }
        Err(error) => panic!("{}: {error:?}", file.name),
    }
}

/// What is worse than in the bare file, if anything is.
fn worse(file: &File, bare: &Verdict, wrapped: &Verdict) -> Option<String> {
    let worse = (wrapped.lost.len(), wrapped.phantoms.len()) > (bare.lost.len(), bare.phantoms.len());
    (worse || !wrapped.errors.is_empty()).then(|| {
        let lost = wrapped.lost.len() as i64 - bare.lost.len() as i64;
        let phantoms = wrapped.phantoms.len() as i64 - bare.phantoms.len() as i64;
        let errors = &wrapped.errors;
        format!("  {lost:+} lost, {phantoms:+} phantoms, {errors:?}: {} {}\n", file.seed, file.name)
    })
}

/// The sums of what is found in one shell.
#[derive(Default)]
struct Sums {
    wrapped: Verdict,
    worse: String,
}

#[test]
fn as_much_is_loaded_as_from_the_bare_array() {
    let sums = Mutex::new((Verdict::default(), SHELLS.map(|_| Sums::default())));
    let files = SEEDS.into_iter().flat_map(|seed| suite::all(Choice { seed, one_in: 3 })).filter(is_array);
    support::each(files, |file| {
        let alone = support::judge(file);
        let verdicts = SHELLS.each_ref().map(|shell| judge_wrapped(shell, file));
        let (bare, shells) = &mut *sums.lock().expect("nobody panics here");
        bare.add(&alone);
        for (sums, verdict) in shells.iter_mut().zip(verdicts) {
            sums.worse.extend(worse(file, &alone, &verdict));
            sums.wrapped.add(&verdict);
        }
    });
    let (bare, shells) = sums.into_inner().expect("nobody panicked");
    assert!(bare.files > 500, "{} files", bare.files);
    for (shell, Sums { wrapped, worse }) in SHELLS.iter().zip(shells) {
        let (lost, phantoms) = (wrapped.lost.len(), wrapped.phantoms.len());
        assert_eq!(wrapped.files, bare.files, "{}", shell.name);
        assert!(
            wrapped.errors.is_empty() && lost <= bare.lost.len() && phantoms <= bare.phantoms.len(),
            "{}: of {} good records {lost} lost, {phantoms} phantoms; bare {} and {}\n{worse}",
            shell.name,
            bare.good,
            bare.lost.len(),
            bare.phantoms.len()
        );
    }
}

/// The texts that are loaded from the array at `$.items`, and those rejected
/// with a `!` before them.
fn split(input: &str) -> Vec<String> {
    split_from(input, "$.items").unwrap_or_else(|error| panic!("{error:?}: {input}"))
}

fn split_from(input: &str, at: &str) -> Result<Vec<String>, Error> {
    let bytes = input.as_bytes();
    let (found, ledger) = support::split_at(bytes, 1 << 20, Some(path(at)))?;
    let mut items = Vec::new();
    let (mut loaded, mut rejected, mut end) = (0, 0, 0);
    for (n, item) in found.iter().enumerate() {
        assert_eq!(item.number, n as u64 + 1);
        assert!(item.span.offset >= end && item.raw == item.span.of(bytes), "{input}");
        let before = &input[..item.span.offset];
        assert_eq!(item.line, before.matches('\n').count() as u64 + 1, "{input}");
        end = item.span.end();
        *if item.good { &mut loaded } else { &mut rejected } += item.span.length as u64;
        let text = String::from_utf8_lossy(&item.raw);
        items.push(if item.good { text.into_owned() } else { format!("!{text}") });
    }
    let stream = input.len() as u64;
    assert_eq!(ledger, Ledger { stream, loaded, rejected, framing: stream - loaded - rejected }, "{input}");
    for step in [1, 7] {
        let slow = support::split_at(bytes, step, Some(path(at)))?;
        assert!(slow == (found.clone(), ledger), "{input}");
    }
    Ok(items)
}

const A: &str = r#"{"id":1,"tags":["x"],"name":"a"}"#;
const B: &str = r#"{"id":2,"tags":[],"name":"b"}"#;
const C: &str = r#"{"id":3,"tags":["y","z"],"name":"c"}"#;

#[test]
fn the_array_is_found_where_the_path_leads() {
    for (at, text) in [
        ("$.items", format!(r#"{{"items":[{A},{B},{C}]}}"#)),
        (
            "$.items",
            format!("\u{feff}{{ \"n\" : 1 , \"items\" :\n[ {A} , {B} , {C} ] , \"x\" : [ {A} ] }} \n"),
        ),
        ("$.items", format!(r#"{{"x":{{"items":[{A}]}},"y":[{{"items":[{B}]}}],"items":[{A},{B},{C}]}}"#)),
        (
            "$.items",
            format!(r#"{{"items":1,"items":{{"items":[{A}]}},"items":[{A},{B},{C}],"n":{{"items":[{A}]}}}}"#),
        ),
        ("$.items", format!(r#"{{"s":"\"items\":[{{}}]","\u0069te\u006ds":[{A},{B},{C}]}}"#)),
        ("$.a.b", format!(r#"{{"b":[{A}],"a":{{"a":{{"b":[{A}]}},"b":[{A},{B},{C}]}},"c":{{"b":[{A}]}}}}"#)),
        ("$['a b']", format!(r#"{{"a":{{"b":[]}},"a b":[{A},{B},{C}]}}"#)),
        ("$.items", format!(r#"[{{"items":[{A}]}},{{"x":0}},{{"items":[{B},{C}]}}]"#)),
    ] {
        assert_eq!(split_from(&text, at).expect("an array"), [A, B, C], "{text}");
    }
    for text in [r#"{"items":[]}"#, r#"{"items": [ ] ,"n":[{"id":1}]}"#, "{\"items\":[]}\n{\"items\":[]}"] {
        assert!(split(text).is_empty(), "{text}");
    }
}

#[test]
fn without_an_array_there_is_an_error() {
    for text in [
        "",
        "[1,2]",
        r#"{"a":1}"#,
        r#"{"items":{"a":[1]}}"#,
        r#"{"items":"[1]"}"#,
        r#"{"items":null,"x":{"items":[1]}}"#,
        r#"{"x":"\"items\":[1]"}"#,
        r#"[{"x":[{"items":[1]}]}]"#,
    ] {
        assert!(matches!(split_from(text, "$.items"), Err(Error::NoRecords { .. })), "{text}");
    }
}

#[test]
fn all_documents_of_a_stream_are_read() {
    for glue in ["", "\n", " \n\n", ",\n", ",", "\u{1e}"] {
        let page = |records: &str, tail: &str| format!(r#"{{"n":{{"a":[0]}},"items":[{records}]{tail}}}"#);
        let pages = [
            page(A, ""),
            page("", r#","next":{"id":7,"name":"z"}"#),
            r#"{"error":["none"]}"#.to_owned(),
            page(&format!("{B},{C}"), r#","next":[{"id":8}]"#),
            page(A, ""),
        ];
        let (open, close) = if glue.contains(',') { ("[", "]") } else { ("", "") };
        let text = format!("{open}{}{close}", pages.join(glue));
        assert_eq!(split(&text), [A, B, C, A], "{text}");
    }
    let pretty =
        format!("{{\n  \"items\": [\n    {A},\n    {B}\n  ],\n  \"next\": {{\n    \"id\": 1\n  }}\n}}\n");
    assert_eq!(split(&pretty.repeat(3)), [A, B, A, B, A, B]);
}

/// The first bytes of each item in a text that is too long to be shown, as [`split`] has them.
fn split_long(text: &str, step: usize) -> Vec<String> {
    let (found, ledger) = support::split_at(text.as_bytes(), step, Some(path("$.items"))).expect("an array");
    assert_eq!(ledger.loaded + ledger.rejected + ledger.framing, text.len() as u64);
    let show = |item: &Found| {
        let raw = String::from_utf8_lossy(&item.raw[..item.raw.len().min(100)]);
        if item.good { raw.into_owned() } else { format!("!{raw}") }
    };
    found.iter().map(show).collect()
}

#[test]
fn documents_that_are_longer_than_what_is_looked_at_keep_their_records() {
    // Quarters of a megabyte.
    let pad = |quarters: usize| format!(r#""pad":"{}""#, "x".repeat(quarters << 18));
    let torn = r#"{"id":9,"tags":["x"],"name":"#;
    for (glue, tail) in [("\n", ""), ("", ""), ("", r#","next":{"id":7}"#)] {
        // Before the array, and behind it.
        for sizes in [[(5, 0), (5, 0), (5, 0)], [(5, 0), (6, 0), (0, 0)], [(0, 5), (0, 5), (0, 5)]] {
            let text = |torn: &str| {
                let page = |(before, behind): (usize, usize), records: &str| {
                    format!("{{{},\"items\":[{records}],{}{tail}}}", pad(before), pad(behind))
                };
                let first = page(sizes[0], &format!("{A},{torn}{B}"));
                [first, page(sizes[1], C), page(sizes[2], &format!("{B},{A}"))].join(glue)
            };
            let (sound, damaged) = (text(""), text(&format!("{torn},")));
            for step in [1 << 20, 777] {
                let found = split_long(&sound, step);
                assert_eq!(found, [A, B, C, B, A], "{glue:?} {tail:?} {sizes:?}");
            }
            let found = split_long(&damaged, 1 << 20);
            let good: Vec<_> = found.iter().filter(|item| !item.starts_with('!')).collect();
            assert_eq!(good, [A, B, C, B, A], "{glue:?} {tail:?} {sizes:?}");
            assert_eq!(found.len(), 6, "{found:?}");
        }
    }
}

#[test]
fn a_damaged_wrapper_costs_no_record() {
    let all = [A, B, C];
    for (before, after) in [
        // The head is cut off, or garbage.
        (r#"ad":{"n":1},"items":["#, r#"],"tail":{"id":1}}"#),
        (r#""n":[1,{"#, r#"],"tail":{}}"#),
        ("\0\0\u{1}garbage {\"items\":[", "]}"),
        // A brace, a bracket, a quote or a comma is lost.
        (r#"{"head":{"n":1,"items":["#, r#"],"tail":{"x":1}}"#),
        (r#"{"head":{"n":[1,"items":["#, "]}"),
        (r#"{"head":"n":1},"items":["#, "]}"),
        (r#"{"head":{"n":"1},"items":["#, r#"],"tail":{"x":1}}"#),
        (r#"{"head":{"n":1}"items":["#, "]}"),
        // There is one too many.
        (r#"{"head":{"n":1}},"items":["#, "]}"),
        (r#"{"head":{{"n":1},"items":["#, r#"],"tail":{}}"#),
        (r#"{"items":["#, "]}}}"),
        // The tail is cut off, or damaged.
        (r#"{"items":["#, ""),
        (r#"{"items":["#, "]"),
        (r#"{"items":["#, r#"],"ta"#),
        (r#"{"items":["#, r#"],"tail":{"x":[{"x":1"#),
        (r#"{"items":["#, r#"],"tail":{"x":1"#),
        (r#"{"items":["#, r#"],"tail":{x,,]"#),
    ] {
        let found = match before.contains("items") {
            true => split(&format!("{before}{A},{B},{C}{after}")),
            false => split(&format!("{before}\"items\":[{A},{B},{C}{after}")),
        };
        assert_eq!(found, all, "{before} … {after}");
    }
}

#[test]
fn damage_at_the_end_of_an_array_stays_there() {
    for torn in [r#"{"id":9,"tags":["x"#, r#"{"id":9,"tags":["x"]"#, r#"{"id":9,"#, r#"{"id":9,"name":x}"#] {
        for tail in ["", r#","next":{"a":{"b":1}}"#] {
            let page = |records: &str| format!(r#"{{"items":[{records}]{tail}}}"#);
            let text = format!("{}\n{}\n", page(&format!("{A},{B},{torn}")), page(&format!("{C},{A}")));
            let found = split(&text);
            let good: Vec<_> = found.iter().filter(|item| !item.starts_with('!')).collect();
            assert_eq!(good, [A, B, C, A], "{text}");
            assert!(found.iter().all(|item| !item.contains("next")), "{found:?}");
        }
        // Pages whose writer died.
        let text = format!("{{\"items\":[{A},{B},{torn}\n{{\"items\":[{C},{A}]}}");
        let good: Vec<_> = split(&text).into_iter().filter(|item| !item.starts_with('!')).collect();
        assert_eq!(good, [A, B, C, A], "{text}");
    }
    assert_eq!(split(&format!("{{\"items\":[{A},{B}\n{{\"items\":[{C}]}}")), [A, B, C]);
    // A stray bracket ends nothing.
    assert_eq!(split(&format!(r#"{{"items":[{A}],{B}],],{C}],"next":{A}}}"#)), [A, B, C]);
}

/// A source that makes up its bytes: pieces, each so many times.
struct Endless {
    parts: Vec<(Vec<u8>, usize)>,
    at: usize,
}

impl Source for Endless {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let Some((piece, times)) = self.parts.first_mut() else { return Ok(0) };
        let rest = &piece[self.at..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        if self.at == piece.len() {
            self.at = 0;
            *times -= 1;
            if *times == 0 {
                self.parts.remove(0);
            }
        }
        Ok(n)
    }
}

#[test]
fn what_is_around_may_be_larger_than_what_is_held() {
    let filler = b"{\"id\":1,\"tags\":[\"x\"]},".repeat(100);
    let (front, back) = (br#"{"head":["#.to_vec(), br#"0],"items":["#.to_vec());
    let records = format!("{A},{B}],\"tail\":[").into_bytes();
    let parts = vec![
        (front, 1),
        (filler.clone(), 20_000),
        (back, 1),
        (records, 1),
        (filler, 20_000),
        (b"0]}".to_vec(), 1),
    ];
    let length: usize = parts.iter().map(|(piece, times)| piece.len() * times).sum();
    let records_path = Some(path("$.items"));
    let options = Options {
        format: None,
        records_path,
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size: 1 << 20,
        raw_limit: 64,
    };
    let mut splitter = Splitter::new(Endless { parts, at: 0 }, options).expect("an array");
    assert_eq!(splitter.format(), Format::Array);
    let mut items = 0;
    while splitter.next().expect("no read fails").is_some() {
        items += 1;
    }
    let tally = splitter.tally();
    assert!(tally.balances());
    assert_eq!((items, tally.records, tally.stream_bytes), (2, 2, length as u64));
    assert_eq!(tally.bytes_loaded, (A.len() + B.len()) as u64);
}

/// The records alone, of a text that has no reject.
fn good(text: &str, at: &str) -> Vec<String> {
    let found = split_from(text, at).unwrap_or_else(|error| panic!("{error:?}: {text}"));
    assert!(found.iter().all(|item| !item.starts_with('!')), "{found:?}: {text}");
    found
}

/// Pages of one to three records each with what stands between them, in each framing of
/// documents.
fn streams(between: &[&str]) -> Vec<(String, Vec<String>)> {
    let mut streams = Vec::new();
    for sizes in [&[1, 1, 1, 1][..], &[2, 1, 3, 1, 2], &[0, 1, 0, 2], &[3, 3, 3]] {
        for shape in 0..4 {
            let (mut pages, mut wanted) = (Vec::new(), Vec::new());
            let mut id = 0;
            for (n, &size) in sizes.iter().enumerate() {
                let records: Vec<String> = (0..size)
                    .map(|_| {
                        id += 1;
                        [
                            format!(r#"{{"id":{id},"name":"n{id}","error":null}}"#),
                            format!(r#"{{"id":{id},"items":[{id}],"tags":["x"]}}"#),
                            format!("[{id},\"x\"]"),
                            format!("{id}"),
                        ][shape]
                            .clone()
                    })
                    .collect();
                wanted.extend(records.iter().cloned());
                pages.push(format!(r#"{{"page":{n},"items":[{}],"next":null}}"#, records.join(",")));
                pages.push(between[n % between.len()].to_owned());
            }
            streams.push((pages.join("\n"), wanted.clone()));
            if between.iter().all(|between| between.starts_with('{')) {
                streams.push((pages.concat(), wanted.clone()));
                streams.push((format!("[{}]", pages.join(",")), wanted.clone()));
                streams.push((format!("[\n{}\n]\n", pages.join(",\n")), wanted.clone()));
            }
            let pretty: Vec<String> = pages.iter().map(|page| pretty(page)).collect();
            // Records of such pages are spelled otherwise.
            let wanted_pretty: Vec<String> = wanted
                .iter()
                .map(|record| serde_json::from_str::<serde_json::Value>(record).expect("JSON").to_string())
                .collect();
            streams.push((pretty.join("\n") + "\n", wanted_pretty));
        }
    }
    streams
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// How many records there are, where there is no reject.
fn good_count(text: &str, at: &str) -> usize {
    let (found, _) = support::split_at(text.as_bytes(), 1 << 20, Some(path(at))).expect("records");
    assert!(found.iter().all(|found| found.good));
    found.len()
}

/// The text, on many lines if it is JSON.
fn pretty(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => serde_json::to_string_pretty(&value).expect("JSON"),
        Err(_) => text.to_owned(),
    }
}

/// Records in a uniform spelling.
fn plain(records: &[String]) -> Vec<String> {
    let spell = |record: &String| match serde_json::from_str::<serde_json::Value>(record) {
        Ok(value) => value.to_string(),
        Err(_) => record.clone(),
    };
    records.iter().map(spell).collect()
}

#[test]
fn documents_without_the_array_cost_no_record_of_others() {
    for without in [
        r#"{"items":null}"#,
        r#"{"items":{}}"#,
        r#"{"items":"none"}"#,
        r#"{"error":"rate limited","code":429}"#,
        r#"{"error":{"items":[{"id":7,"name":"z","error":1}]}}"#,
        r#"{"id":7,"name":"z","error":null}"#,
        r#"{"id":7,"tags":["x"]}"#,
        "{}",
    ] {
        for (text, wanted) in streams(&[without]) {
            assert_eq!(plain(&good(&text, "$.items")), plain(&wanted), "{text}");
            let text = format!("{without}\n{without}\n{text}");
            assert_eq!(plain(&good(&text, "$.items")), plain(&wanted), "{text}");
        }
    }
}

#[test]
fn text_around_documents_costs_no_record() {
    for noise in [
        "<html><body>502 Bad Gateway</body></html>",
        "<html>\n<head><title>502</title></head>\n<body class=\"x\">\n</body>\n</html>",
        "ERROR: timeout",
        "HTTP/1.1 200 OK\nContent-Type: application/json; charset=\"utf-8\"\nETag: \"abc\"\n",
        ")]}'",
        ")]}',",
        "[WARN] it's late: 12:00",
        "[",
        "while(1);",
        "--",
        "retrying \"page 2",
        "page 1, 2, 3,",
        "callback(",
        "12 of 30",
    ] {
        for (text, wanted) in streams(&[noise]) {
            assert_eq!(plain(&good(&text, "$.items")), plain(&wanted), "{text}");
            let text = format!("{noise}\n{text}\n{noise}\n");
            assert_eq!(plain(&good(&text, "$.items")), plain(&wanted), "{text}");
        }
    }
    // On the line of the document itself.
    let page = format!(r#"{{"items":[{A},{B}]}}"#);
    for (before, after) in [(")]}'", ""), ("while(1);", ""), ("callback(", ");"), ("var x = ", ";")] {
        let text = format!("{before}{page}{after}\n").repeat(3);
        assert_eq!(good(&text, "$.items"), [A, B, A, B, A, B], "{text}");
    }
}

#[test]
fn a_document_that_lost_its_array_is_rejected() {
    let sound = [format!(r#"{{"items":[{A}]}}"#), format!(r#"{{"items":[{B},{C}]}}"#)];
    for broken in [
        r#"{"items":{"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"{"items" {"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"{"items":"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"{"items":[{"id":7,"name":"x"},{"id":8"#,
        r#"{"it"ems":[{"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"{items":[{"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"{"items:[{"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"{"items":nul,"code":5}"#,
        r#"{"error":"rate limited""#,
        r#"items":[{"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#"items:[{"id":7,"name":"x"},{"id":8,"name":"y"}]}"#,
        r#":7,"name":"x"},{"id":8,"name":"y"}]}"#,
    ] {
        for place in 0..=2 {
            let mut pages = sound.to_vec();
            pages.insert(place, broken.to_owned());
            for text in [pages.join("\n"), pages.join("\n") + "\n"] {
                let found = split(&text);
                let good: Vec<_> = found.iter().filter(|item| !item.starts_with('!')).collect();
                let salvaged = |item: &&&String| item.contains("\"id\":7") || item.contains("\"id\":8");
                let own: Vec<_> = good.iter().filter(|item| !salvaged(item)).collect();
                assert_eq!(own, [&A, &B, &C], "{found:?}: {text}");
                let rejects = found.len() - good.len();
                let lost = 2 - good.iter().filter(salvaged).count();
                assert!(rejects == 1 || (rejects == 0 && lost == 0), "{found:?}: {text}");
            }
        }
    }
}

#[test]
fn a_rejected_document_may_be_larger_than_what_is_held() {
    let filler = b"{\"id\":1,\"tags\":[\"x\"]},".repeat(100);
    for back in [&b"0]}\n"[..], b"\n"] {
        let page = format!("{{\"items\":[{A},{B}]}}\n").into_bytes();
        let parts = vec![
            (page.clone(), 1),
            (br#"{"items" "#.to_vec(), 1),
            (filler.clone(), 2_000),
            (back.to_vec(), 1),
            (page, 1),
        ];
        let length: usize = parts.iter().map(|(piece, times)| piece.len() * times).sum();
        let lost = 9 + filler.len() * 2_000 + back.len();
        let records_path = Some(path("$.items"));
        let options = Options {
            format: None,
            records_path,
            keep: Keep::NONE,
            line_prefix: None,
            max_record_size: 1 << 20,
            raw_limit: 64,
        };
        let mut splitter = Splitter::new(Endless { parts, at: 0 }, options).expect("an array");
        let mut items = Vec::new();
        while let Some(item) = splitter.next().expect("no read fails") {
            items.push(match item {
                Item::Record(record) => (true, record.offset, record.bytes.len() as u64),
                Item::Reject(reject) => {
                    assert_eq!(reject.raw.len(), 64);
                    (false, reject.offset, reject.length)
                }
            });
        }
        let start = (A.len() + B.len() + 14) as u64;
        assert_eq!(items.len(), 5, "{items:?}");
        let (good, offset, length_found) = items[2];
        assert!(!good && offset == start && length_found.abs_diff(lost as u64) <= 2, "{items:?} {lost}");
        let tally = splitter.tally();
        assert!(tally.balances());
        assert_eq!((tally.records, tally.rejects, tally.stream_bytes), (4, 1, length as u64));
    }
}

#[test]
fn arrays_in_arrays() {
    let otlp = |spans: &[&[&str]]| {
        let scopes: Vec<String> = spans
            .iter()
            .map(|spans| format!(r#"{{"scope":{{"spans":[{{"id":0}}]}},"spans":[{}]}}"#, spans.join(",")))
            .collect();
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k"}}]}},"scopeSpans":[{}]}},{{"scopeSpans":[]}},{{"scopeSpans":[{{"spans":[{C}]}}],"spans":[1]}}],"spans":[2]}}"#,
            scopes.join(",")
        )
    };
    for at in ["$.resourceSpans[*].scopeSpans[*].spans[*]", "$.resourceSpans[*].scopeSpans[*].spans"] {
        for (spans, wanted) in [
            (&[&[A][..], &[B]][..], vec![A, B, C]),
            (&[&[A, B, A], &[], &[B]], vec![A, B, A, B, C]),
            (&[], vec![C]),
        ] {
            let text = otlp(spans);
            assert_eq!(good(&text, at), wanted, "{text}");
            let twice = [wanted.clone(), wanted.clone()].concat();
            assert_eq!(good(&format!("{text}\n{text}\n"), at), twice);
            assert_eq!(good(&format!("{text}{text}"), at), twice);
            assert_eq!(good(&format!("[{text},{text}]"), at), twice);
            let long = format!("{{\"pad\":\"{}\",{}", "x".repeat(2 << 20), &text[1..]);
            assert_eq!(good(&long, at), wanted, "long");
            let pretty = pretty(&text) + "\n";
            assert_eq!(plain(&good(&pretty.repeat(2), at)), plain(&strings(&twice)), "{pretty}");
        }
    }
    let text = format!(r#"{{"a":[[[{A}],[{B}]],[[{C}]],[]]}}"#);
    assert_eq!(good(&text, "$.a[*][*][*]"), [A, B, C]);
    assert_eq!(good(&text, "$.a[*][*]"), [A, B, C].map(|record| format!("[{record}]")));
    assert_eq!(good(&text, "$.a[*]"), [format!("[[{A}],[{B}]]"), format!("[[{C}]]"), "[]".to_owned()]);
    // One of the inner arrays lost its bracket.
    let text = format!(r#"{{"a":[{{"b":[{A}]}},{{"b":{{"id":7}},{{"id":8}}]}},{{"b":[{B}]}}]}}"#);
    let found = split_from(&text, "$.a[*].b").expect("records");
    let (good, bad): (Vec<&String>, _) = found.iter().partition(|item| !item.starts_with('!'));
    assert_eq!((good, bad.len()), (vec![&A.to_owned(), &B.to_owned()], 1), "{found:?}");
}

#[test]
fn plain_keys_where_an_array_lies_between() {
    let text = format!(r#"{{"a":[{{"b":[{A}]}}]}}"#);
    match split_from(&text, "$.a.b") {
        Err(Error::NoRecords { between, .. }) => assert_eq!(between.as_deref(), Some("$.a[*].b")),
        other => panic!("{other:?}"),
    }
    match split_from(r#"{"a":{"b":[[1]]}}"#, "$.a.c") {
        Err(Error::NoRecords { between: None, others, .. }) => assert_eq!(others, ["$.a.b"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_values_of_an_object() {
    let people = format!(
        r#"{{"n":1,"data":{{"people":{{"a":{A},"b \u00e9\"":{B},"c":{C}}},"x":{{}}}},"people":{{"z":1}}}}"#
    );
    assert_eq!(good(&people, "$.data.people.*"), [A, B, C]);
    assert_eq!(good(&format!("{people}\n{people}"), "$.data.people.*"), [A, B, C, A, B, C]);
    let long = format!("{{\"pad\":\"{}\",{}", "x".repeat(2 << 20), &people[1..]);
    assert_eq!(good(&long, "$.data.people.*"), [A, B, C], "long");
    assert_eq!(good(&format!("{long}\n{people}"), "$.data.people.*"), [A, B, C, A, B, C], "long");
    assert_eq!(plain(&good(&pretty(&people), "$.data.people.*")), plain(&strings(&[A, B, C])));
    assert_eq!(good(r#"{"a":1,"b":[2],"c":"x"}"#, "$.*"), ["1", "[2]", "\"x\""]);
    assert_eq!(good(r#"{"a":{"x":[1,2]},"b":{"x":[3]}}"#, "$.*.x"), ["1", "2", "3"]);
    assert_eq!(good(r#"{"a":{},"b":{"x":[3]}}{"a":{}}"#, "$.a.*"), [""; 0]);
    // Each has its key, as it stands there.
    let options = Options {
        format: None,
        records_path: Some(path("$.data.people.*")),
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size: 1 << 20,
        raw_limit: 64,
    };
    let mut splitter = Splitter::new(people.as_bytes(), options.clone()).expect("UTF-8");
    let mut keys = Vec::new();
    while let Some(Item::Record(record)) = splitter.next().expect("no read fails") {
        keys.push(String::from_utf8_lossy(record.key.expect("a key")).into_owned());
    }
    assert_eq!(keys, ["a", r#"b \u00e9\""#, "c"]);
    // A bad one has it too.
    let broken = people.replace(B, r#"{"id":oops}"#);
    let mut splitter = Splitter::new(broken.as_bytes(), options).expect("UTF-8");
    let mut bad = Vec::new();
    while let Some(item) = splitter.next().expect("no read fails") {
        if let Item::Reject(reject) = item {
            bad.push((reject.key.expect("a key").to_vec(), reject.raw.to_vec()));
        }
    }
    assert_eq!(bad, [(br#"b \u00e9\""#.to_vec(), br#"{"id":oops}"#.to_vec())]);
    // One is broken.
    for pad in [0, 2 << 20] {
        let pad = "x".repeat(pad);
        let text =
            format!(r#"{{"pad":"{pad}","p":{{"a":{A},"b":{{"id":7,"tags":[}},"c":{C}}},"q":{{"r":1}}}}"#);
        let found = split_from(&text, "$.p.*").expect("records");
        let (good, bad): (Vec<&String>, _) = found.iter().partition(|item| !item.starts_with('!'));
        assert_eq!((good, bad.len()), (vec![&A.to_owned(), &C.to_owned()], 1), "{found:?}");
    }
}

#[test]
fn the_root_is_an_array() {
    for (text, wanted) in [
        (format!("[{A},{B}]"), vec![A, B]),
        (format!("[{A}]\n[{B},{C}]\n"), vec![A, B, C]),
        (format!("[{A}][][{B},{C}]"), vec![A, B, C]),
        (format!("[{A}]\n{{\"items\":[{C}]}}\n\"x\" 12 null\n[{B}]"), vec![A, B]),
        (format!("npm warn: x\n[WARN] it\n[\n  {A},\n  {B}\n]\ndone.\n"), vec![A, B]),
        ("[[1,2],[3]]\n[[4]]".to_owned(), vec!["[1,2]", "[3]", "[4]"]),
        ("[1,2]".to_owned(), vec!["1", "2"]),
    ] {
        assert_eq!(good(&text, "$"), wanted, "{text}");
        assert_eq!(good(&text, "$[*]"), wanted, "{text}");
    }
    assert!(matches!(split_from("{\"a\":[1]}", "$"), Err(Error::NoRecords { .. })));
    let found = split_from(&format!("[{A},{{\"id\":7,]\n[{B},{C}]\n"), "$").expect("records");
    let (good, bad): (Vec<&String>, _) = found.iter().partition(|item| !item.starts_with('!'));
    assert_eq!((good.len(), bad.len()), (3, 1), "{found:?}");
    assert_eq!(good, [A, B, C]);
    let large = format!("[{}]", [A; 80_000].join(","));
    assert_eq!(good_count(&format!("{large}\n{large}\n"), "$"), 160_000);
}

/// What is said of the only item, a reject, of a text without a path.
fn only_fault(text: &str) -> (FaultKind, &'static str, u64) {
    let options = Options {
        format: None,
        records_path: None,
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size: 256 << 20,
        raw_limit: 64,
    };
    let source = support::Slow { bytes: text.as_bytes(), step: 1 << 20 };
    let mut splitter = Splitter::new(source, options).expect("UTF-8");
    let found = match splitter.next().expect("no read fails") {
        Some(Item::Reject(reject)) => (reject.fault.kind, reject.fault.what, reject.length),
        other => panic!("{other:?}"),
    };
    assert!(splitter.next().expect("no read fails").is_none());
    assert!(splitter.tally().balances());
    found
}

#[test]
fn an_object_that_does_not_end_is_one_record() {
    let row = |n: usize| {
        format!(r#"{{"time":"2026-01-01T{n:05}","temperature":{{"min":{n},"max":1}},"rain":[0,1]}}"#)
    };
    for rows in [3, 100, 30_000] {
        let rows: Vec<String> = (0..rows).map(row).collect();
        let head = r#"{"latitude":52.5,"meta":{"unit":"C","tags":["x"]},"rows":["#;
        let compact = format!("{head}{},", rows.join(","));
        let lines = format!("{head}\n{},\n", rows.join(",\n"));
        let value = serde_json::from_str(&format!("{head}{}]}}", rows.join(","))).expect("JSON");
        let pretty = serde_json::to_string_pretty::<serde_json::Value>(&value).expect("JSON");
        let pretty = pretty[..pretty.len() * 9 / 10].to_owned();
        let torn = compact[..compact.len() - 20].to_owned();
        for text in [compact, lines, pretty, torn] {
            let (kind, what, length) = only_fault(&text);
            assert_eq!(kind, FaultKind::Truncated);
            assert!(what.contains("records_path"), "{what}");
            assert!(length as usize >= text.trim_end_matches([',', '\n', ' ']).len(), "{length}");
        }
    }
    // A record that lost its end is one among others.
    let records: Vec<String> = (0..50).map(row).collect();
    let text = format!("{{\"time\":\"x\",\"rain\":[0,\n{},\n", records.join(",\n"));
    let (found, _) = support::split(text.as_bytes(), 1 << 20).expect("UTF-8");
    assert_eq!(found.iter().filter(|found| found.good).count(), 50);
}

/// Pieces of wrapped documents and of what breaks them, in any order.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("{\"items\":["),
        4 => Just("],\"next\":{\"a\":1}}"),
        4 => Just("]}"),
        8 => Just(A),
        4 => Just(B),
        2 => Just("{\"items\":[1,{\"b\":2}]}"),
        6 => Just(","),
        3 => Just("\n"),
        1 => Just("\n  "),
        1 => Just("{"),
        1 => Just("}"),
        1 => Just("["),
        1 => Just("]"),
        1 => Just("\""),
        1 => Just(":"),
        1 => Just("\\"),
        1 => Just("\"items\""),
        1 => Just("\"key\":"),
        1 => Just("-12.5e3"),
        1 => Just("\u{1e}"),
        1 => Just("\u{feff}"),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// `split` looks at the books, and at other read sizes.
    #[test]
    fn the_books_are_right_for_any_pieces(text in soup()) {
        match split_from(&text, "$.items") {
            Ok(items) => for item in items.iter().filter(|item| !item.starts_with('!')) {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(item).is_ok(), "{}", item);
            },
            Err(error) => prop_assert!(matches!(error, Error::NoRecords { .. }), "another error"),
        }
    }
}
