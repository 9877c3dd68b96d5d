//! What must hold for any input at all: the ledger balances, items lie in file
//! order and do not overlap, every record is good and every read size gives the
//! same items.

use loader_core::split::json::{Format, Keep, Options, Splitter};
use loader_core::split::{Item, Split};
use loader_core::stream::{Error, Source};
use proptest::prelude::*;

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

/// An item without its lifetime: good or not, number, offset, line, bytes.
type Owned = (bool, u64, u64, u64, Vec<u8>);

fn split(input: &[u8], format: Option<Format>, max_record_size: usize, step: usize) -> Vec<Owned> {
    let options = Options {
        format,
        records_path: None,
        keep: Keep::NONE,
        line_prefix: None,
        max_record_size,
        raw_limit: usize::MAX,
    };
    let mut splitter = match Splitter::new(Steps { rest: input, step }, options) {
        Ok(splitter) => splitter,
        Err(Error::NotJson(_)) => return Vec::new(),
        Err(error) => panic!("no read fails: {error:?}"),
    };
    let mut items = Vec::new();
    while let Some(item) = splitter.next().expect("no read fails") {
        items.push(match item {
            Item::Record(r) => (true, r.number, r.offset, r.line, r.bytes.to_vec()),
            Item::Reject(r) => {
                assert_eq!(r.length, r.raw.len() as u64);
                (false, r.number, r.offset, r.line, r.raw.to_vec())
            }
        });
    }
    let tally = splitter.tally();
    assert!(tally.balances(), "{tally:?}");
    assert_eq!(tally.stream_bytes, input.len() as u64);
    assert_eq!(tally.records, items.iter().filter(|item| item.0).count() as u64);
    items
}

fn check(input: &[u8], format: Option<Format>, max_record_size: usize) {
    let items = split(input, format, max_record_size, usize::MAX);
    let mut end = 0;
    for (at, (good, number, offset, line, bytes)) in items.iter().enumerate() {
        assert_eq!(*number, at as u64 + 1);
        assert!(*offset >= end, "items overlap");
        assert!(!bytes.is_empty(), "an empty item");
        end = offset + bytes.len() as u64;
        assert_eq!(&input[*offset as usize..end as usize], bytes);
        let newlines = input[..*offset as usize].iter().filter(|&&b| b == b'\n').count();
        assert_eq!(*line, newlines as u64 + 1);
        if *good {
            assert!(bytes.len() <= max_record_size);
            let value: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(bytes);
            assert!(value.is_ok(), "not JSON: {}", String::from_utf8_lossy(bytes));
        }
    }
    for step in [1, 2, 7, 60] {
        assert_eq!(items, split(input, format, max_record_size, step), "read size {step}");
    }
}

/// Pieces of JSON and of what breaks it, in any order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => Just(&b"{\"id\":1,\"a\":[1,{\"b\":2}]}"[..]),
        4 => Just(&b"{\"id\":2,\"a\":[]}"[..]),
        2 => Just(&b"[1,\"x\",null]"[..]),
        4 => Just(&b"\n"[..]),
        4 => Just(&b","[..]),
        2 => Just(&b"\n  "[..]),
        1 => Just(&b"{"[..]),
        1 => Just(&b"}"[..]),
        1 => Just(&b"["[..]),
        1 => Just(&b"]"[..]),
        1 => Just(&b"\""[..]),
        1 => Just(&b":"[..]),
        1 => Just(&b"\\"[..]),
        1 => Just(&b"\\u00"[..]),
        1 => Just(&b"\"\\ud83d\\ude00\""[..]),
        1 => Just(&b"\"\\ud83d\""[..]),
        1 => Just(&b"\"key\":"[..]),
        1 => Just(&b"true"[..]),
        1 => Just(&b"-12.5e3"[..]),
        1 => Just(&b"1e131072"[..]),
        1 => Just(&b"\x1e"[..]),
        1 => Just(&b"\0"[..]),
        1 => Just(&b"\xff"[..]),
        1 => Just(&b"\xef\xbb\xbf"[..]),
        1 => Just(&b"  {\n    \"id\": 1\n  },\n"[..]),
        1 => Just(&b"/* c */"[..]),
        1 => Just(&b"'x'"[..]),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

fn format() -> impl Strategy<Value = Option<Format>> {
    prop_oneof![
        Just(None),
        Just(Some(Format::NewlineDelimited)),
        Just(Some(Format::Array)),
        Just(Some(Format::Unstructured)),
    ]
}

/// So many inputs a property: `PROPTEST_CASES`, or few enough for every day.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn holds_for_any_pieces(input in soup(), format in format(), max in prop_oneof![Just(1usize << 20), Just(40)]) {
        check(&input, format, max);
    }

    #[test]
    fn holds_for_any_bytes(input in prop::collection::vec(any::<u8>(), 0..400), format in format()) {
        // A byte order mark of another encoding is an error, and rightly so.
        prop_assume!(!matches!(input[..], [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF, ..]));
        check(&input, format, 1 << 20);
    }
}

/// Damage over more than a window, where bytes leave it before their reject ends.
#[test]
fn holds_for_rejects_longer_than_the_window() {
    let good = b"{\"id\":1,\"name\":\"a\"}";
    let junk = b"{\"id\": ]]}\"x y{[".repeat(1_200_000);
    for (glue, open) in [(&b"\n"[..], &b""[..]), (b",", b"["), (b"", b"")] {
        let input = [open, good, glue, good, glue, &junk, glue, good, glue, good].concat();
        let items = split(&input, None, 1 << 20, 1 << 16);
        assert_eq!(items, split(&input, None, 1 << 20, usize::MAX));
        let kept = items.iter().filter(|item| item.0 && item.4 == good).count();
        assert!(kept >= 3, "{kept} of 4 kept");
        assert_eq!(items.iter().filter(|item| item.0).count(), kept);
    }
}
