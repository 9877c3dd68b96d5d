//! A splitter finds the same with a quick reader as without one.

use loader_core::json::scan::{Progress, Scanner};
use loader_core::split::json::{Keep, Options, Splitter};
use loader_core::split::{Item, Reader, Split, Value};
use loader_core::stream::{Error, Source};
use loader_damage::suite::{self, Choice};
use proptest::prelude::*;

/// Reads by the scanner, as often as `mood` allows: a reader may decline what it
/// cannot decide.
struct Moody {
    scanner: Scanner,
    mood: u32,
    asked: u32,
    taken: Vec<u8>,
}

impl Moody {
    fn new(mood: u32) -> Self {
        Moody { scanner: Scanner::new(false), mood, asked: 0, taken: Vec::new() }
    }
}

impl Reader for Moody {
    fn read(&mut self, bytes: &[u8], start: usize, eof: bool) -> Result<Option<Value>, Error> {
        assert!(!b" \t\r\n".contains(&bytes[start]));
        self.asked += 1;
        if self.asked.is_multiple_of(self.mood) {
            return Ok(None);
        }
        self.scanner.reset(false);
        let Progress::Done(end) = self.scanner.scan(bytes, start, eof) else { return Ok(None) };
        if self.scanner.soft().is_some() {
            return Ok(None);
        }
        self.taken.clear();
        self.taken.extend_from_slice(&bytes[start..end]);
        let spans_lines = self.taken.contains(&b'\n');
        Ok(Some(Value { end, deepest: self.scanner.deepest(), spans_lines }))
    }
}

/// Hands out `step` bytes a read.
struct Steps<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Source for Steps<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = buf.len().min(self.step).min(self.rest.len());
        buf[..n].copy_from_slice(&self.rest[..n]);
        self.rest = &self.rest[n..];
        Ok(n)
    }
}

/// All that the splitter says of `input`, and how many records the reader took.
fn split<R: Reader>(
    input: &[u8],
    max_record_size: usize,
    reader: R,
    taken: impl Fn(&R) -> &[u8],
) -> (Vec<String>, usize) {
    let source = Steps { rest: input, step: 1 << 20 };
    let options = Options {
        format: None,
        records_path: None,
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size,
        raw_limit: 100,
    };
    let Ok(mut splitter) = Splitter::with_reader(source, options, reader) else { return (Vec::new(), 0) };
    let mut said = Vec::new();
    let mut read = None;
    let mut count = 0;
    loop {
        if let Some(bytes) = read.take() {
            count += 1;
            assert_eq!(taken(splitter.reader()), bytes);
        }
        let Some(item) = splitter.next().expect("no read fails") else { break };
        said.push(match item {
            Item::Record(r) => {
                read = r.read.then(|| r.bytes.to_vec());
                format!("{} {} {} {} {}", r.number, r.offset, r.line, r.bytes.len(), r.undecided)
            }
            Item::Reject(reject) => format!("{reject:?}"),
        });
    }
    said.push(format!("{:?}", splitter.tally()));
    (said, count)
}

fn check(input: &[u8], max_record_size: usize) -> usize {
    let without = split(input, max_record_size, (), |()| &[]).0;
    let mut read = 0;
    for mood in [3, u32::MAX] {
        let with = split(input, max_record_size, Moody::new(mood), |moody| &moody.taken);
        assert_eq!(with.0, without);
        read = with.1;
    }
    read
}

#[test]
fn damaged_files() {
    for seed in [4, 50] {
        for file in suite::all(Choice { seed, one_in: 8 }) {
            check(&file.bytes, 1 << 28);
        }
    }
}

#[test]
fn good_records_are_read_once_wherever_a_window_cuts_them() {
    let record = |i: usize, glue: &str| {
        format!(r#"{{"id":{i},{glue}"name":"\ud83d\ude00",{glue}"tags":["{}"]}}"#, "x".repeat(i % 5000))
    };
    for (open, glue, inner) in [("", "\n", ""), ("[", ",\n", ""), ("[", ",", ""), ("[\n", ",\n", "\n  ")] {
        let records: Vec<String> = (0..1000).map(|i| record(i, inner)).collect();
        let input = format!("{open}{}", records.join(glue));
        assert_eq!(check(input.as_bytes(), 1 << 28), records.len(), "{open:?} {glue:?}");
    }
}

#[test]
fn long_deep_and_misshapen_records() {
    let (a, b) = (r#"{"id":1,"name":"a"}"#, "{\"id\":2,\n\"name\":\"b\"}");
    let long = format!(r#"{{"id":3,"name":"{}"}}"#, "x".repeat(1_500_000));
    let deep = format!("{}1{}", "[".repeat(600), "]".repeat(600));
    let bad = b"{\"id\":4,\"name\":\"\xFF\"}";
    for (open, glue) in [("", "\n"), ("[", ","), ("", "")] {
        let pieces: [&[u8]; 8] = [
            a.as_bytes(),
            a.as_bytes(),
            b.as_bytes(),
            long.as_bytes(),
            deep.as_bytes(),
            bad,
            b"12",
            a.as_bytes(),
        ];
        let input = [open.as_bytes(), &pieces.join(glue.as_bytes())].concat();
        for max in [15, 1000, 1 << 20, 1 << 28] {
            check(&input, max);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(&[
        "{\"id\":1,\"a\":[1,{\"b\":2}]}", "{\"id\":2,\"a\":[]}", "[1,\"x\",null]", "{\"id\":3,\n \"a\":[]}",
        "\n", ",", "\n  ", "{", "}", "[", "]", "\"", ":", "\\", "\"\\ud83d\\ude00\"", "\"\\ud83d\"",
        "\"key\":", "true", "-12.5e3", "1e131072", "\x1e", "\0", "\u{feff}", " {\n \"id\": 1\n  },\n",
    ][..]), 0..80), max in prop_oneof![Just(1usize << 20), Just(20)]) {
        check(pieces.concat().as_bytes(), max);
    }
}
