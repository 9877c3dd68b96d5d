//! The generator itself: what it calls good is JSON, what it calls damaged is
//! not, and the same seed makes the same files.

use loader_damage::fault::Fault;
use loader_damage::framing::Framing;
use loader_damage::suite::{self, Choice};
use loader_damage::{File, Span, json, judge};
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 1;

fn files() -> impl Iterator<Item = File> {
    suite::all(SEED).chain(real(4))
}

/// One in so many of the files that people have.
fn real(one_in: usize) -> impl Iterator<Item = File> {
    suite::REAL.into_iter().flat_map(move |suite| (suite.files)(Choice { seed: SEED, one_in }))
}

#[test]
fn spans_are_what_they_are_said_to_be() {
    for file in files() {
        let mut end = 0;
        let mut all: Vec<_> = file.good.iter().map(|good| (good.span, true)).collect();
        all.extend(file.damaged.iter().map(|damage| (damage.span, false)));
        all.sort_unstable();
        for (span, good) in all {
            assert!(span.offset >= end, "{}: spans overlap at {}", file.name, span.offset);
            end = span.end();
            assert_eq!(json::valid(span.of(&file.bytes)), good, "{} at {}", file.name, span.offset);
        }
        for span in &file.tolerated {
            assert!(json::valid(span.of(&file.bytes)), "{} at {}", file.name, span.offset);
        }
    }
}

#[test]
fn every_fault_occurs_in_every_framing() {
    let mut names = BTreeSet::new();
    let mut seen: BTreeMap<&str, BTreeSet<Framing>> = BTreeMap::new();
    for file in suite::plain(SEED) {
        assert!(names.insert(file.name), "names are not unique");
        seen.entry(file.scenario).or_default().insert(file.framing);
    }
    let missing =
        |fault: &Fault| seen.get(fault.name()).map_or(Framing::ALL.len(), |f| Framing::ALL.len() - f.len());
    // What has no separator can not miss it.
    let allowed = |fault: &Fault| if *fault == Fault::MissingSeparator { 2 } else { 0 };
    let poor: Vec<_> = Fault::ALL
        .iter()
        .filter(|fault| missing(fault) > allowed(fault))
        .map(|f| (f.name(), missing(f)))
        .collect();
    assert!(poor.is_empty(), "{poor:?}");
}

#[test]
fn one_seed_one_suite() {
    let sum = |seed| suite::hard(seed).take(100).map(|file| file.bytes).collect::<Vec<_>>();
    assert_eq!(sum(7), sum(7));
    assert_ne!(sum(7), sum(8));
    for suite in suite::REAL {
        let sum = |seed| (suite.files)(Choice { seed, one_in: 9 }).take(30).map(|file| file.bytes);
        assert!(sum(7).eq(sum(7)), "{}", suite.name);
        assert!(sum(7).ne(sum(8)), "{}", suite.name);
    }
}

/// Small files and long ones, damaged and not, of each kind, with names of their own.
#[test]
fn every_kind_occurs_in_every_size() {
    let mut names = BTreeSet::new();
    let mut seen: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for suite in suite::REAL {
        for file in (suite.files)(Choice::from(SEED)) {
            assert!(file.name.starts_with(suite.name), "{}", file.name);
            assert!(names.insert(file.name.clone()), "names are not unique: {}", file.name);
            let size = file.name.rsplit('/').nth(1).unwrap_or_default().to_owned();
            let damaged = !file.damaged.is_empty();
            assert!(damaged == size.contains("damaged") || file.scenario == "cut", "{}", file.name);
            seen.entry((suite.name, file.scenario)).or_default().insert(size);
        }
    }
    assert_eq!(seen.keys().map(|(suite, _)| *suite).collect::<BTreeSet<_>>().len(), suite::REAL.len());
    for ((suite, kind), sizes) in seen {
        for size in ["5", "50", "5-damaged", "50-damaged"] {
            let healthy = !size.contains("damaged");
            let none = suite == "held-out" && healthy;
            assert!(none || sizes.contains(size), "{suite}, {kind}: none of {size}");
        }
    }
}

/// What nothing happened to is JSON, value after value, whatever is around records.
#[test]
fn documents_are_json() {
    const SOUND: [&str; 7] =
        ["single", "pages", "without-array", "errors", "arrays-in-arrays", "top-level-arrays", "members"];
    let mut seen = BTreeSet::new();
    for file in suite::documents(SEED).filter(|file| SOUND.contains(&file.scenario)) {
        let mut rest = file.bytes.trim_ascii();
        while file.damaged.is_empty() && !rest.is_empty() {
            let length = json::prefix(rest).unwrap_or_else(|| panic!("{}", file.name));
            rest = rest[length..].trim_ascii_start();
        }
        seen.insert(file.scenario);
    }
    assert_eq!(seen.len(), SOUND.len());
}

/// A splitter that knows the truth is perfect in the eyes of the judge, one that
/// loads a damaged record or drops a good one is not.
#[test]
fn the_judge_knows_a_perfect_splitter() {
    for file in suite::plain(SEED).step_by(7).chain(real(20)) {
        // A document that lost a bracket is one reject.
        let apart =
            |span: &Span| !file.broken.iter().any(|b| b.offset <= span.offset && span.end() <= b.end());
        let good = file.good.iter().map(|good| good.span).filter(apart).map(|span| (span, true));
        let damaged = file.damaged.iter().map(|damage| damage.span).filter(apart);
        let rejects = damaged.chain(file.broken.iter().copied()).map(|span| (span, false));
        let mut spans: Vec<_> = good.chain(rejects).collect();
        spans.sort_unstable();
        let mut ledger = judge::Ledger { stream: file.bytes.len() as u64, ..Default::default() };
        let mut found = Vec::new();
        for (n, (span, good)) in spans.into_iter().enumerate() {
            *if good { &mut ledger.loaded } else { &mut ledger.rejected } += span.length as u64;
            let line = 1 + file.bytes[..span.offset].iter().filter(|&&b| b == b'\n').count() as u64;
            found.push(judge::Found {
                good,
                number: n as u64 + 1,
                line,
                span,
                raw: span.of(&file.bytes).to_vec(),
            });
        }
        ledger.framing = ledger.stream - ledger.loaded - ledger.rejected;
        let verdict = judge::judge(&file, &found, &ledger);
        assert!(verdict.is_perfect(), "{}: {:?}", file.name, verdict.errors);
        assert_eq!(verdict.kept, verdict.good);
        if !file.broken.is_empty() || !file.damaged.is_empty() {
            let rows: Vec<_> = found.iter().filter(|item| item.good).cloned().collect();
            assert!(!judge::judge(&file, &rows, &ledger).is_perfect(), "{}", file.name);
        }
        if let Some(bad) = found.iter_mut().find(|item| !item.good) {
            bad.good = true;
            assert!(!judge::judge(&file, &found, &ledger).is_perfect(), "{}", file.name);
        }
        found.pop();
        assert!(!judge::judge(&file, &found, &ledger).is_perfect(), "{}", file.name);
    }
}
