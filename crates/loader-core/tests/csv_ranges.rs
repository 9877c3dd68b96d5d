//! A run over delimited text that goes on at any mark of an earlier one hands out what that one
//! did from there; ranges, split each for itself, come to what one run comes to.

mod csv;

use csv::{Found, Steps, dialect, found, options, whole};
use loader_core::split::csv::{Dialect, Options, Splitter};
use loader_core::split::{Assumption, Cuts, Range, ResumePoint, Split};
use loader_core::stream::Error;
use proptest::prelude::*;

struct Part {
    found: Vec<Found>,
    end: ResumePoint,
    assumption: Assumption,
}

fn part(bytes: &[u8], options: Options, range: Range) -> Result<Part, Error> {
    let mut splitter = Splitter::new(Steps { rest: bytes, step: 1000 }, options)?;
    splitter.seek(range.start)?;
    splitter.stop_at(range.end);
    let mut all = Vec::new();
    while let Some(item) = splitter.next()? {
        all.push(found(item));
    }
    let end = splitter.mark();
    assert!(end.tally.balances());
    Ok(Part { found: all, end, assumption: splitter.assumption() })
}

/// What ranges that are cut near `ends` come to, with the rule of [`Range`] applied.
fn in_ranges(bytes: &[u8], options: Options, ends: &[u64]) -> (Vec<Found>, ResumePoint) {
    let mut cuts = Cuts::new(Steps { rest: bytes, step: 7 }).expect("memory");
    let mut bounds: Vec<u64> = ends.iter().map(|&end| cuts.after(end).expect("no read fails")).collect();
    bounds.dedup();
    bounds.retain(|&bound| bound < bytes.len() as u64);
    let starts = [0].into_iter().chain(bounds.iter().copied());
    let ends = bounds.iter().copied().chain([u64::MAX]);
    let (mut all, mut here) = (Vec::new(), ResumePoint::default());
    for (start, end) in starts.zip(ends) {
        let mut begun = ResumePoint::at(start);
        let guessed = part(bytes, options, Range { start: begun, end }).ok();
        if here.offset >= end {
            continue;
        }
        let part = match guessed.filter(|part| part.assumption.holds_at(&here)) {
            Some(part) => part,
            None => {
                begun = here;
                part(bytes, options, Range { start: here, end }).expect("a place between two items")
            }
        };
        all.extend(part.found.into_iter().map(|found| Found {
            number: found.number - begun.records + here.records,
            line: found.line - begun.line + here.line,
            ..found
        }));
        here = part.end.rebased(&begun, &here);
    }
    (all, here)
}

fn check(bytes: &[u8], options: Options, places: &[prop::sample::Index]) {
    let one = whole(bytes, usize::MAX, options);
    if bytes.is_empty() {
        return;
    }
    let mut ends: Vec<u64> = places.iter().map(|place| place.index(bytes.len()) as u64 + 1).collect();
    ends.sort_unstable();
    let (all, end) = in_ranges(bytes, options, &ends);
    if let Some(at) = (0..all.len().max(one.found.len())).find(|&at| all.get(at) != one.found.get(at)) {
        let brief =
            |list: &[Found]| list.get(at).map(|item| (item.brief(), item.number, item.line, item.offset));
        panic!("in ranges to {ends:?}\n{:?}\nin one\n{:?}", brief(&all), brief(&one.found));
    }
    assert_eq!(end, one.end);
    for (at, mark) in one.marks.iter().enumerate().step_by(one.marks.len() / 5 + 1) {
        let mut splitter = Splitter::new(Steps { rest: bytes, step: 50 }, options).expect("no read fails");
        splitter.resume(mark.offset).expect("a mark");
        assert_eq!(splitter.mark(), *mark);
        for expected in &one.found[at + 1..] {
            let item = splitter.next().expect("no read fails").expect("as many items");
            assert_eq!(&found(item), expected);
        }
        assert!(splitter.next().expect("no read fails").is_none());
        assert_eq!(splitter.mark(), one.end);
        if one.found[at].length > 1 {
            let mut splitter = Splitter::new(bytes, options).expect("no read fails");
            assert!(matches!(splitter.resume(one.found[at].offset + 1), Err(Error::NoBoundary)));
        }
    }
}

/// Pieces of a file, and of what breaks it, in any order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => Just(&b"12,some text,2024-01-05\n"[..]),
        4 => Just(&b"13,\"some, \"\"text\"\"\",2024-01-06\n"[..]),
        4 => Just(&b"14,\"lines\nof, text\n\nand\",2024-01-07\r\n"[..]),
        1 => Just(&b"id,\"na\nme\",day\n"[..]),
        1 => Just(&b"# comment, with \"\n"[..]),
        2 => Just(&b"\n"[..]),
        1 => Just(&b"\r"[..]),
        2 => Just(&b"\""[..]),
        1 => Just(&b","[..]),
        1 => Just(&b"15,\"lost,2024-01-08\n"[..]),
        1 => Just(&b"16,lost\",2024-01-08\n"[..]),
        1 => Just(&b"17\n"[..]),
        1 => Just(&b"\0\xFF"[..]),
        1 => Just(&b"  "[..]),
        1 => Just(&b"\xEF\xBB\xBF"[..]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ranges_and_marks_come_to_what_one_run_comes_to(
        input in soup(), places in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        skip in 0u64..3, header in 0u64..3, strict in any::<bool>(), small in any::<bool>(),
    ) {
        let max_record_size = if small { 60 } else { 1 << 20 };
        let dialect = Dialect { skip, header, comment: Some(b'#'), ..dialect() };
        check(&input, Options { strict, max_record_size, ..options(dialect, 3) }, &places);
    }
}

/// Tables of several widths, one behind the other, the first one again, and damage.
fn tables() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(&b"12,some text,2024-01-05\n"[..]),
        2 => Just(&b"13,short\n"[..]),
        2 => Just(&b"key,count\n7,8\n# comment\n9,10\n\n11,12\n"[..]),
        2 => Just(&b"id,text,day,more\r\n1,\"a\nb\",2024-01-05,\r\n2,b,2024-01-06,\r\n3,c,2024-01-07,\r\n"[..]),
        2 => Just(&b"id,text,day\n"[..]),
        1 => Just(&b"\n"[..]),
        1 => Just(&b"15,\"lost,2024-01-08\n"[..]),
    ];
    let table = b"id,text,day\n1,a,2024-01-05\n2,b,2024-01-05\n3,c,2024-01-05\n".to_vec();
    prop::collection::vec(piece, 0..40).prop_map(move |pieces| [table.clone(), pieces.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ranges_know_which_table_they_are_in(
        input in tables(), places in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        strict in any::<bool>(),
    ) {
        let dialect = Dialect { header: 1, comment: Some(b'#'), ..dialect() };
        check(&input, Options { strict, ..options(dialect, 3) }, &places);
    }
}

/// Records around the end of a window, behind more than what is learned from.
#[test]
fn ranges_come_to_the_same_where_windows_end() {
    let record = |n: usize| match n % 50 {
        7 => format!("{n},\"lost,2024-01-05\n"),
        13 => format!("{n},\"lines\n1,of,2024-01-05\n,text\",2024-01-05\n"),
        21 => format!("{n},lost\",2024-01-05\n"),
        33 => format!("{n},\"{}\",2024-01-05\n", "long lines of text\n".repeat(n % 1000 * 10)),
        _ => format!("{n},some text,2024-01-05\n"),
    };
    let bytes: Vec<u8> = (0..3000).flat_map(|n| record(n).into_bytes()).collect();
    assert!(bytes.len() > 2_000_000);
    let o = options(dialect(), 3);
    let one = whole(&bytes, 100_000, o);
    assert_eq!(one.found.iter().filter(|item| item.fault.is_some()).count(), 120);
    let ends: Vec<u64> = (1..40).map(|n| n * bytes.len() as u64 / 40).collect();
    let (all, end) = in_ranges(&bytes, o, &ends);
    assert!(all == one.found);
    assert_eq!(end, one.end);
}
