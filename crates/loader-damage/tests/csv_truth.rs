//! The generator of delimited text itself: what it calls good is a row, what it calls damaged is
//! none, and the same seed makes the same files.

use loader_damage::csv::dialect::Dialect;
use loader_damage::csv::fault::Fault;
use loader_damage::csv::{File, judge, strict, suite};
use loader_damage::judge::{Found, Ledger};
use loader_damage::suite::Choice;
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 1;

/// No file is larger. Bytes.
const LARGEST: usize = 400_000;

#[test]
fn spans_are_what_they_are_said_to_be() {
    for file in suite::all(SEED) {
        assert!(file.bytes.len() <= LARGEST, "{} has {} bytes", file.name, file.bytes.len());
        let mut end = 0;
        let mut all: Vec<_> = file.good.iter().map(|good| (good.span, true)).collect();
        all.extend(file.damaged.iter().map(|damage| (damage.span, false)));
        all.sort_unstable();
        for (span, good) in all {
            let place = || format!("{} at {}", file.name, span.offset);
            assert!(span.offset >= end, "spans overlap: {}", place());
            end = span.end();
            let rows = strict::rows(span.of(&file.bytes), file.width, file.dialect);
            if good {
                assert_eq!(rows.first(), Some(&(0..span.length)), "{}", place());
                let ends = strict::line_end(&file.bytes, end, file.dialect);
                assert!(
                    ends.is_some() || file.bytes[end..].starts_with(b"\r\r\n"),
                    "no line end: {}",
                    place()
                );
            } else if file.scenario != "inside" {
                for row in rows {
                    let (offset, length) = (span.offset + row.start, row.len());
                    let allowed = |one: &loader_damage::Span| one.offset == offset && one.length == length;
                    assert!(
                        file.tolerated.iter().any(allowed) || file.framing.contains(&span),
                        "a row in what is damaged: {}",
                        place()
                    );
                }
            }
        }
    }
}

/// A reader by the strict rules that is told where each row starts finds all of them.
#[test]
fn every_file_has_good_rows_and_the_healthy_ones_nothing_else() {
    for file in suite::healthy(SEED) {
        assert!(file.damaged.is_empty() && file.tolerated.is_empty(), "{}", file.name);
        let mut at = file
            .framing
            .last()
            .map_or(if file.bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 }, |h| h.end());
        at += strict::line_end(&file.bytes, at, file.dialect).unwrap_or(0);
        let mut rows = 0;
        while at < file.bytes.len() {
            let row = strict::row(&file.bytes, at, file.width, file.dialect);
            at = row.unwrap_or_else(|| panic!("no row: {} at {at}", file.name)).next;
            rows += 1;
        }
        assert_eq!(rows, file.good.len(), "{}", file.name);
    }
    let unsure = |file: &File| file.good.iter().filter(|good| good.unsure).count();
    let (mut all, mut doubtful) = (0, 0);
    for file in suite::all(SEED) {
        assert!(!file.good.is_empty(), "{}", file.name);
        all += file.good.len();
        doubtful += unsure(&file);
    }
    assert!(doubtful * 50 < all, "{doubtful} of {all} rows are unsure");
}

#[test]
fn every_fault_occurs_in_every_dialect() {
    let mut names = BTreeSet::new();
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in suite::alone(SEED) {
        assert!(names.insert(file.name), "names are not unique");
        seen.entry(file.scenario).or_default().insert(file.dialect.name);
    }
    // Where all fields are quoted none is bare, where none is, no quote is lost, and where CR
    // ends a row no other line end does.
    let allowed = |fault: &Fault| match fault {
        Fault::BareCarriageReturn | Fault::DoubledCarriageReturn => 2,
        Fault::StrayQuoteInUnquoted | Fault::StrayOpeningQuote => 2,
        Fault::BareNewline | Fault::MixedLineEnds => 1,
        _ if fault.needs_quotes() => 1,
        _ => 0,
    };
    let missing = |fault: &Fault| Dialect::ALL.len() - seen.get(fault.name()).map_or(0, BTreeSet::len);
    let poor: Vec<_> =
        Fault::ALL.iter().filter(|f| missing(f) > allowed(f)).map(|f| (f.name(), missing(f))).collect();
    assert!(poor.is_empty(), "{poor:?}");
}

#[test]
fn one_seed_one_suite() {
    let sum =
        |seed| suite::all(Choice { seed, one_in: 9 }).take(300).map(|file| file.bytes).collect::<Vec<_>>();
    assert_eq!(sum(7), sum(7));
    assert_ne!(sum(7), sum(8));
}

/// What a reader that finds everything says, and what others say.
#[test]
fn the_judge_tells_perfect_from_lost_and_false() {
    let file =
        suite::alone(SEED).find(|file| file.damaged.len() > 1 && file.good.len() > 3).expect("there is one");
    let item = |span: loader_damage::Span, good| Found {
        good,
        number: 0,
        line: 1 + file.bytes[..span.offset].iter().filter(|&&byte| byte == b'\n').count() as u64,
        span,
        raw: span.of(&file.bytes).to_vec(),
    };
    let mut found: Vec<_> = file.good.iter().map(|good| item(good.span, true)).collect();
    found.extend(file.damaged.iter().map(|damage| item(damage.span, false)));
    let verdict = |mut found: Vec<Found>| {
        found.sort_by_key(|item| item.span);
        let sum =
            |good| found.iter().filter(|item| item.good == good).map(|item| item.span.length as u64).sum();
        let (stream, loaded, rejected) = (file.bytes.len() as u64, sum(true), sum(false));
        let ledger = Ledger { stream, loaded, rejected, framing: stream - loaded - rejected };
        for (n, item) in found.iter_mut().enumerate() {
            item.number = n as u64 + 1;
        }
        judge::judge(&file, &found, &ledger)
    };
    let perfect = verdict(found.clone());
    assert!(perfect.is_perfect(), "{perfect:?}");
    let mut blind = found.clone();
    blind[0].good = false;
    assert_eq!(verdict(blind).lost, [file.good[0].span]);
    let mut greedy = found.clone();
    greedy.last_mut().expect("there are several").good = true;
    assert_eq!(verdict(greedy).phantoms, [file.damaged.last().expect("there are several").span]);
    let mut silent = found;
    silent.pop();
    assert_eq!(verdict(silent).errors.len(), 1);
}
