//! A run that goes on at any mark of an earlier one hands out what that one did
//! from there; ranges of a stream of lines, split each for itself, come to what one
//! run comes to.

mod support;

use loader_core::fault::Fault;
use loader_core::split::json::{Format, Keep, Options, RecordsPath, Splitter};
use loader_core::split::{Assumption, Cuts, Item, Range, ResumePoint, Split};
use loader_core::stream::{Error, Source};
use loader_damage::File;
use loader_damage::framing::Framing;
use loader_damage::rng::Rng;
use loader_damage::suite::{self, Choice};
use proptest::prelude::*;
use support::Slow;

const OPTIONS: Options = Options {
    format: None,
    records_path: None,
    keep: Keep::NONE,
    line_prefix: None,
    max_record_size: 1 << 28,
    raw_limit: 1 << 16,
};

/// The window grows by so much: what a run has at hand ends there.
const BLOCK: usize = 256 * 1024;

/// Everything that is said of an item.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    number: u64,
    offset: u64,
    line: u64,
    length: u64,
    bytes: Vec<u8>,
    fault: Option<Fault>,
    undecided: bool,
}

fn found(item: Item<'_>) -> Found {
    match item {
        Item::Record(r) => Found {
            number: r.number,
            offset: r.offset,
            line: r.line,
            length: r.bytes.len() as u64,
            bytes: r.bytes.to_vec(),
            fault: None,
            undecided: r.undecided,
        },
        Item::Reject(r) => Found {
            number: r.number,
            offset: r.offset,
            line: r.line,
            length: r.length,
            bytes: r.raw.to_vec(),
            fault: Some(r.fault),
            undecided: false,
        },
    }
}

/// What a run from the start comes to.
struct Whole {
    found: Vec<Found>,
    /// Behind each item.
    marks: Vec<ResumePoint>,
    end: ResumePoint,
    cuttable: bool,
}

fn whole(bytes: &[u8], options: &Options) -> Option<Whole> {
    let mut splitter = Splitter::new(bytes, options.clone()).ok()?;
    let (mut all, mut marks) = (Vec::new(), Vec::new());
    while let Some(item) = splitter.next().expect("no read fails") {
        all.push(found(item));
        marks.push(splitter.mark());
    }
    let end = splitter.mark();
    assert_eq!(end.offset, bytes.len() as u64);
    assert!(end.tally.balances());
    Some(Whole { found: all, marks, end, cuttable: splitter.is_splittable() })
}

/// What a range comes to.
struct Part {
    range: Range,
    found: Vec<Found>,
    end: ResumePoint,
    assumption: Assumption,
}

fn part(bytes: &[u8], options: &Options, range: Range) -> Result<Part, Error> {
    let mut splitter = Splitter::new(Slow { bytes, step: 100_000 }, options.clone())?;
    splitter.seek(range.start)?;
    splitter.stop_at(range.end);
    let mut all = Vec::new();
    while let Some(item) = splitter.next()? {
        all.push(found(item));
    }
    let end = splitter.mark();
    assert!(end.tally.balances());
    assert_eq!(end.offset - range.start.offset, end.tally.stream_bytes - range.start.tally.stream_bytes);
    Ok(Part { range, found: all, end, assumption: splitter.assumption() })
}

/// What ranges that are cut near `ends` come to, with the rule of [`Range`] applied;
/// and how many were split again.
fn in_ranges(bytes: &[u8], options: &Options, ends: &[u64]) -> (Vec<Found>, ResumePoint, usize) {
    let mut cuts = Cuts::new(Slow { bytes, step: 1000 }).expect("memory");
    let mut bounds: Vec<u64> = ends.iter().map(|&end| cuts.after(end).expect("no read fails")).collect();
    bounds.dedup();
    bounds.retain(|&bound| bound < bytes.len() as u64);
    for (&end, bound) in ends.iter().zip(ends.iter().map(|&end| bounds.iter().find(|&&b| b >= end))) {
        let line_end = bytes[end as usize - 1..].iter().position(|&b| b == b'\n').map(|at| end + at as u64);
        assert_eq!(bound.copied(), line_end.filter(|&b| b < bytes.len() as u64));
    }
    let starts = [0].into_iter().chain(bounds.iter().copied());
    let ends = bounds.iter().copied().chain([u64::MAX]);
    let (mut all, mut here, mut again) = (Vec::new(), ResumePoint::default(), 0);
    for (start, end) in starts.zip(ends) {
        // Before learning is over, an item may lie across the start.
        let guessed = part(bytes, options, Range { start: ResumePoint::at(start), end }).ok();
        if here.offset >= end {
            continue;
        }
        let holds = |part: &Part| part.assumption.holds_at(&here);
        let Part { range, found, end, .. } = match guessed.filter(holds) {
            Some(part) => part,
            None => {
                again += 1;
                part(bytes, options, Range { start: here, end }).expect("a place between two items")
            }
        };
        all.extend(found.into_iter().map(|found| Found {
            number: found.number - range.start.records + here.records,
            line: found.line - range.start.line + here.line,
            ..found
        }));
        here = end.rebased(&range.start, &here);
    }
    (all, here, again)
}

/// Compares ranges that end at so many random places with one run.
fn check(name: &str, bytes: &[u8], options: &Options, counts: &[usize], rng: &mut Rng) {
    let Some(whole) = whole(bytes, options).filter(|whole| whole.cuttable) else { return };
    for &count in counts {
        let mut ends: Vec<u64> = (1..count).map(|_| rng.between(1, bytes.len().max(1)) as u64).collect();
        ends.sort_unstable();
        if bytes.is_empty() {
            ends.clear();
        }
        let (found, end, _) = in_ranges(bytes, options, &ends);
        if let Some(at) =
            (0..whole.found.len().max(found.len())).find(|&at| whole.found.get(at) != found.get(at))
        {
            let (ours, theirs) = (found.get(at), whole.found.get(at));
            panic!("{name}: in ranges to {ends:?}\n{ours:?}\nin one\n{theirs:?}");
        }
        assert_eq!(end, whole.end, "{name}: ranges to {ends:?}");
    }
}

/// A file behind so many good records that learning is over, so that a window of
/// the run from the start ends inside of it.
fn behind_good_records(file: &File, rng: &mut Rng) -> Option<Vec<u8>> {
    let good: Vec<&[u8]> =
        file.good.iter().map(|good| good.span.of(&file.bytes)).filter(|good| good.len() < 5000).collect();
    let mut bytes = Vec::new();
    for n in 0..300 {
        bytes.extend_from_slice(good.get(n % good.len().max(1))?);
        bytes.push(b'\n');
    }
    pad(&mut bytes, rng.between(1, file.bytes.len()));
    bytes.extend_from_slice(&file.bytes);
    Some(bytes)
}

/// Blank lines, until so many bytes are missing to the end of a window: the second
/// or a later one, for a range may go on in what was learned from.
fn pad(bytes: &mut Vec<u8>, missing: usize) {
    let end = (bytes.len() + missing).next_multiple_of(BLOCK) + BLOCK - missing;
    while bytes.len() < end {
        bytes.push(if bytes.len() % 100 == 99 { b'\n' } else { b' ' });
    }
}

#[test]
fn ranges_of_damaged_files_come_to_what_one_run_comes_to() {
    support::each(suite::all(Choice { seed: 11, one_in: 16 }), |file| {
        let mut rng = Rng::new(file.bytes.len() as u64);
        check(&file.name, &file.bytes, &OPTIONS, &[2, 5], &mut rng);
        if let Some(bytes) = behind_good_records(file, &mut rng) {
            let counts = [[1, 50], [2, 5], [3, 5]][rng.below(3)];
            check(&file.name, &bytes, &OPTIONS, &counts, &mut rng);
        }
    });
}

#[test]
fn a_run_goes_on_at_any_mark_of_another() {
    support::each(suite::all(Choice { seed: 12, one_in: 16 }), |file| {
        let mut rng = Rng::new(file.bytes.len() as u64);
        let whole = whole(&file.bytes, &OPTIONS).expect("UTF-8");
        for _ in 0..4 {
            let at = rng.below(whole.found.len().max(1));
            let Some(&mark) = whole.marks.get(at) else { continue };
            let mut splitter =
                Splitter::new(Slow { bytes: &file.bytes, step: 5000 }, OPTIONS).expect("UTF-8");
            splitter.resume(mark.offset).expect("a mark");
            assert_eq!(splitter.mark(), mark);
            for expected in &whole.found[at + 1..] {
                let item = splitter.next().expect("no read fails").expect("as many items");
                assert_eq!(&found(item), expected, "{}", file.name);
            }
            assert!(splitter.next().expect("no read fails").is_none());
            assert_eq!(splitter.mark(), whole.end);

            // Inside of an item there is none.
            if whole.found[at].length > 1 {
                let mut splitter = Splitter::new(&file.bytes[..], OPTIONS).expect("UTF-8");
                let inside = whole.found[at].offset + 1;
                assert!(matches!(splitter.resume(inside), Err(Error::NoBoundary)), "{}", file.name);
            }
        }
        let mut splitter = Splitter::new(&file.bytes[..], OPTIONS).expect("UTF-8");
        let behind = file.bytes.len() as u64 + 1;
        assert!(matches!(splitter.resume(behind), Err(Error::NoBoundary)), "{}", file.name);
    });
}

#[test]
fn a_run_around_arrays_goes_on_at_any_mark_of_another() {
    let path = RecordsPath::parse("$.items").expect("a path");
    let options = Options { records_path: Some(path), ..OPTIONS };
    let arrays = [Framing::CompactArray, Framing::Pretty2, Framing::ArrayLines];
    let files: Vec<File> = suite::all(Choice { seed: 13, one_in: 5 })
        .filter(|file| arrays.contains(&file.framing) && file.bytes.len() < 20_000)
        .collect();
    let mut between = 0;
    for pages in files.chunks(5) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for page in pages {
            bytes.extend_from_slice(b"{\"n\": [1, {}], \"items\": ");
            bytes.extend_from_slice(&page.bytes);
            bytes.extend_from_slice(b", \"next\": {\"id\": [7]}}\n");
            ends.push(bytes.len() as u64);
        }
        let what = &pages[0].name;
        let whole = whole(&bytes, &options).expect("an array");
        let check = |offset: u64, mark: Option<ResumePoint>| {
            let mut splitter =
                Splitter::new(Slow { bytes: &bytes, step: 5000 }, options.clone()).expect("UTF-8");
            splitter.resume(offset).expect("a mark");
            assert_eq!(splitter.mark().offset, offset);
            assert!(mark.is_none_or(|mark| splitter.mark() == mark), "{what}");
            for expected in whole.found.iter().filter(|item| item.offset >= offset) {
                let item = splitter.next().expect("no read fails").expect("as many items");
                assert_eq!(&found(item), expected, "{what}");
            }
            assert!(splitter.next().expect("no read fails").is_none());
            assert_eq!(splitter.mark(), whole.end);
        };
        let every = whole.marks.len() / 50 + 1;
        whole.marks.iter().step_by(every).for_each(|mark| check(mark.offset, Some(*mark)));
        // Where the stream ended before it grew: between two documents.
        for end in ends {
            let inside = |item: &Found| item.offset < end && item.offset + item.length > end;
            if !whole.found.iter().any(inside) {
                between += 1;
                check(end, None);
            }
        }
    }
    assert!(between > 20, "{between} places between documents");
}

/// Records of a few kinds, more than are learned from.
fn head() -> Vec<u8> {
    let record = |n: usize| match n % 10 {
        0 => format!("{{\"id\":{n},\"a\":[]}}\n"),
        1 => format!("[{n},\"x\",null]\n"),
        _ => format!("{{\"id\":{n},\"a\":[1,{{\"b\":2}}]}}\n"),
    };
    (0..300).map(record).collect::<String>().into_bytes()
}

/// Pieces of JSON and of what breaks it, in any order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let long = format!("{{\"id\":7,\"a\":[\"{}\"]}}", "long ".repeat(400)).into_bytes();
    let piece = prop_oneof![
        8 => Just(&b"{\"id\":1,\"a\":[1,{\"b\":2}]}"[..]),
        4 => Just(&b"{\"id\":2,\"a\":[]}"[..]),
        2 => Just(&b"[1,\"x\",null]"[..]),
        8 => Just(&b"\n"[..]),
        4 => Just(&b","[..]),
        2 => Just(&b"{"[..]),
        1 => Just(&b"}"[..]),
        2 => Just(&b"["[..]),
        1 => Just(&b"]"[..]),
        1 => Just(&b"\""[..]),
        1 => Just(&b"{\"id\""[..]),
        1 => Just(&b":"[..]),
        1 => Just(&b"\\"[..]),
        1 => Just(&b"\"\\ud83d\\ude00\""[..]),
        1 => Just(&b"\"key\":"[..]),
        1 => Just(&b"true"[..]),
        1 => Just(&b"-12.5e3"[..]),
        1 => Just(&b"\x1e"[..]),
        1 => Just(&b"\xff"[..]),
        1 => Just(&b"\xef\xbb\xbf"[..]),
        2 => Just(&b"      "[..]),
        2 => Just(&b"{\"id\":1,\n\"a\":[1,{\"b\":2}]}"[..]),
    ];
    let piece = prop_oneof![30 => piece.prop_map(<[u8]>::to_vec), 1 => Just(long)];
    prop::collection::vec(piece, 1..80).prop_map(|pieces| pieces.concat())
}

/// So many inputs a property: `PROPTEST_CASES`, or few enough for every day.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ranges_of_any_pieces_come_to_what_one_run_comes_to(
        soup in soup(),
        seed in any::<u64>(),
        strict in any::<bool>(),
        max_record_size in prop_oneof![Just(1usize << 20), Just(40)],
        aligned in any::<bool>(),
    ) {
        let mut rng = Rng::new(seed);
        let format = strict.then_some(Format::NewlineDelimited);
        let options = Options { format, max_record_size, ..OPTIONS };
        let mut bytes = head();
        if aligned {
            pad(&mut bytes, rng.between(1, soup.len()));
        }
        bytes.extend_from_slice(&soup);
        check("soup", &bytes, &options, &[2, 4], &mut rng);
        // Most cuts of those lie in the head.
        let whole = whole(&bytes, &options).expect("UTF-8");
        let first = bytes.len() - soup.len();
        let mut ends: Vec<u64> = (0..5).map(|_| rng.between(first.max(1), bytes.len()) as u64).collect();
        ends.sort_unstable();
        if whole.cuttable {
            let (found, end, _) = in_ranges(&bytes, &options, &ends);
            prop_assert_eq!(found, whole.found);
            prop_assert_eq!(end, whole.end);
        }
    }
}

/// Wherever the windows of the run from the start end, a range that begins before
/// that has all of it at hand.
#[test]
fn what_is_at_hand_makes_no_difference() {
    compare_windows(1 << 20);
}

#[test]
fn what_is_at_hand_makes_no_difference_to_records_that_are_too_large() {
    compare_windows(40);
}

/// Splits short texts that begin at each distance before the end of a window.
fn compare_windows(max_record_size: usize) {
    let lines = [
        "{\"id\":1,\"a\":[1,",
        "{\"id\":2,\"a\":[]}",
        "{\"id\":3,\"a\":[",
        "1,2]}",
        "[{\"id\":4,\"a\":[]}",
        "[[5,\"x\",null]",
        "[[6,",
        "[7,\"x\",null]",
        "{\"id\":8,\"a\":[]}{\"id\":9,\"a\":[]}",
        "{\"id\":10,\"a\":[}{\"id\":11,\"a\":[]}",
        "{\"id\":12,\"a\":[],{\"id\":13,\"a\":[1,{\"b\":2}]},[14,\"x\",null]",
        "{\"id\":15,\"a\":[]}\"b\":16}",
        "{\"id\":17,\"a\":[]}       \u{feff},,",
        "{\"id\":18,\"a\":[\"this is far too large a record\"]}   {\"id\":19,\"a\":[]}",
        "{\"id\":20,\"a\":[\"this is far too large a record\"   ",
        "{\"id\":21,\"a\":[\"\\ud83d\\ude00\", tru, 1e]}   ",
        "\"id\":22,\"a\":[]},{\"id\":23,\"a\":[]}",
    ];
    for first in 0..lines.len() {
        let text = lines[first..].iter().take(3).map(|line| format!("{line}\n")).collect::<String>();
        for missing in 1..text.len() {
            let mut bytes = head();
            pad(&mut bytes, missing);
            bytes.pop();
            bytes.push(b'\n');
            let start = bytes.len() as u64;
            bytes.extend_from_slice(text.as_bytes());
            let options = Options { max_record_size, ..OPTIONS };
            let whole = whole(&bytes, &options).expect("UTF-8");
            assert!(whole.cuttable);
            let (found, end, again) = in_ranges(&bytes, &options, &[start]);
            assert_eq!(again, 0);
            assert_eq!(found, whole.found, "a window ends {missing} bytes before the end of\n{text}");
            assert_eq!(end, whole.end);
        }
    }
}

/// Lines far longer than a window, rejected and too large; where the windows of the
/// run from the start end makes no difference.
#[test]
fn lines_longer_than_any_window() {
    let good = "{\"id\":1,\"a\":[1,{\"b\":2}]}";
    let junk = "{\"id\": ]]}\"x y{[".repeat(1_200_000);
    let array = format!("[[{}", "1,".repeat(9_000_000));
    let large = format!("{{\"id\":\"{}\"}}{}{good}", "x".repeat(3_000_000), " ".repeat(700_000));
    let torn = format!("{{\"id\":\"{}\",{}", "x".repeat(3_000_000), " ".repeat(700_000));
    let options = Options { max_record_size: 2 << 20, ..OPTIONS };
    for (n, line) in [junk, array, large, torn].into_iter().enumerate() {
        let mut bytes = head();
        pad(&mut bytes, 1000);
        bytes.extend_from_slice(good.as_bytes());
        let start = bytes.len() as u64 + 1;
        bytes.extend_from_slice(format!("\n{line}\n{good}\n{good}\n").as_bytes());
        let whole = whole(&bytes, &options).expect("UTF-8");
        assert!(whole.cuttable);
        let kept = whole.found.iter().filter(|found| found.bytes == good.as_bytes()).count();
        assert!(kept >= 3 + usize::from(n == 2), "{kept}");
        for ends in [vec![start], vec![start, start + 5_000, start + 2_000_000], vec![bytes.len() as u64 - 5]]
        {
            let (found, end, _) = in_ranges(&bytes, &options, &ends);
            assert!(found == whole.found, "line {n}, ranges to {ends:?}");
            assert_eq!(end, whole.end, "line {n}, ranges to {ends:?}");
        }
    }
}

/// Reading on behind lines in vain has a budget. Where it was spent before a range
/// begins, that range cannot know.
#[test]
fn a_budget_that_was_spent_before_the_range() {
    let record = "{\"id\":1,\n\"a\":[1,{\"b\":2}]}\n";
    let mut bytes: Vec<u8> =
        (0..300).flat_map(|n| format!("{{\"id\":{n},\"a\":[]}}\n").into_bytes()).collect();
    bytes.extend_from_slice(record.as_bytes());
    let early = bytes.len() as u64;
    let vain = b"[7,\n".repeat(300_000);
    bytes.extend_from_slice(&vain);
    let late = bytes.len() as u64;
    // With a comma, arrays that are read on go on behind it.
    bytes.extend_from_slice(record.replace("}\n", "},\n").as_bytes());
    bytes.extend_from_slice(&vain);
    let whole = whole(&bytes, &OPTIONS).expect("UTF-8");
    assert!(whole.cuttable);
    let found_at = |found: &[Found], offset| found.iter().find(|found| found.offset == offset).cloned();
    let good = |found: Option<Found>| found.is_some_and(|found| found.fault.is_none());
    let split_in_two = |found: &Found| found.fault.is_none() && found.bytes.contains(&b'\n');
    assert!(whole.found.iter().any(split_in_two) && !good(found_at(&whole.found, late)));
    let guessed =
        part(&bytes, &OPTIONS, Range { start: ResumePoint::at(late), end: u64::MAX }).expect("lines");
    assert!(good(found_at(&guessed.found, late)));
    assert!(guessed.assumption.holds_at(&ResumePoint::at(late)));
    let spent = ResumePoint { state: whole.end.state, ..ResumePoint::at(late) };
    assert!(!guessed.assumption.holds_at(&spent));
    for ends in [vec![early], vec![late], vec![early, late], vec![early, early + 600_000, late]] {
        let (found, end, again) = in_ranges(&bytes, &OPTIONS, &ends);
        assert!(found == whole.found && end == whole.end, "{ends:?}");
        assert!(again > 0 || !ends.contains(&late), "{ends:?}");
    }
}

/// Fails where the bytes end.
struct Breaks<'a>(&'a [u8]);

impl Source for Breaks<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        match self.0.read(buf)? {
            0 => Err(Error::Stopped),
            n => Ok(n),
        }
    }
}

/// What was handed out before a read fails can be gone on from: in the middle of a
/// reject that has left the window, and of a record that is read on.
#[test]
fn a_mark_after_an_error() {
    let mut before = head();
    pad(&mut before, 1000);
    before.extend_from_slice(b"{\"id\":1,\"a\":[7,\n");
    for rest in ["{\"id\": ]]}\"x y{[".repeat(1_200_000), "[7,\n8,\n".to_owned(), "[7,".repeat(100_000)] {
        let bytes = [&before, rest.as_bytes()].concat();
        let whole = whole(&bytes, &OPTIONS).expect("UTF-8");
        let mut splitter = Splitter::new(Breaks(&bytes), OPTIONS).expect("a head");
        let mut last = ResumePoint::default();
        while let Ok(item) = splitter.next() {
            assert!(item.is_some());
            last = splitter.mark();
        }
        let mark = splitter.mark();
        assert!((mark.records, mark.state) == (last.records, last.state) && mark.tally.balances());
        let Part { found, end, .. } =
            part(&bytes, &OPTIONS, Range { start: mark, end: u64::MAX }).expect("lines");
        assert!(found == whole.found[mark.records as usize..] && end == whole.end);
    }
}

/// A record that goes on behind the end of its range is that range's own.
#[test]
fn a_record_across_the_end_of_a_range() {
    let mut bytes: Vec<u8> =
        (0..300).flat_map(|n| format!("{{\"id\":{n},\"a\":[]}}\n").into_bytes()).collect();
    let start = bytes.len() as u64;
    bytes.extend_from_slice(b"{\"id\":1,\n\"a\":\n[]}\n{\"id\":2,\"a\":[]}\n");
    let whole = whole(&bytes, &OPTIONS).expect("UTF-8");
    assert_eq!((whole.end.records, whole.end.tally.rejects), (302, 0));
    for ends in [vec![start + 3], vec![start + 3, start + 10], vec![start + 1, start + 14, start + 18]] {
        let (found, end, again) = in_ranges(&bytes, &OPTIONS, &ends);
        assert!(found == whole.found && end == whole.end, "{ends:?}");
        assert_eq!(again, 1, "{ends:?}");
    }
}

#[test]
fn learning_is_over_somewhere_or_nowhere() {
    let lines = head();
    let mut splitter = Splitter::new(&lines[..], OPTIONS).expect("UTF-8");
    let learned = splitter.learn().expect("no read fails").expect("enough lines");
    assert!(learned > 0 && learned < lines.len() as u64);
    let mut few = Splitter::new(&lines[..1000], OPTIONS).expect("UTF-8");
    assert_eq!(few.learn().expect("no read fails"), None);
    let mut array = Splitter::new(&b"[{\"a\":1},{\"a\":2}]"[..], OPTIONS).expect("UTF-8");
    assert!(!array.is_splittable());
    assert_eq!(array.learn().expect("no read fails"), None);
    assert!(array.next().expect("no read fails").is_some(), "nothing is dropped");
}
