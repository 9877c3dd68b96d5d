//! Damaged files of delimited text, of every dialect and kind of damage: how many good rows are
//! loaded, how many rows are made up, and that every byte is accounted for. Once with the dialect
//! given and once with nothing but the bytes. The aim is all and none; the figures below are what
//! holds, and only ever get stricter.

mod support;

use loader_core::split::csv::fields;
use loader_damage::csv::{File, strict, suite};
use loader_damage::judge::Verdict;
use loader_damage::suite::Choice;
use std::collections::BTreeMap;
use std::sync::Mutex;
use support::csv::{self, By};

const SEED: u64 = 1;

/// Of all files: one good row in so many may be lost, …
const GOOD_PER_LOST: usize = 200;

/// … and one be made up for so many.
const GOOD_PER_PHANTOM: usize = 2_000;

/// Rows inside of a field whose opening quote is lost are records of the right number of fields by
/// themselves: they may be loaded, and are counted apart.
const INSIDE: &str = "inside";

/// The kinds of damage that may cost more than one row in [`GOOD_PER_LOST`] and one phantom in
/// [`GOOD_PER_PHANTOM`]: one in so many of each.
const LIMITS: [(By, &str, usize, usize); 3] = [
    (By::Caller, INSIDE, 200, 10),
    (By::Sniffer, INSIDE, 15, 15),
    // A file whose dialect cannot be told is refused, with all of its rows.
    (By::Sniffer, "other-escape", 40, GOOD_PER_PHANTOM),
];

/// The files that both tests are about: enough of each suite for a minute.
fn files() -> impl Iterator<Item = File> {
    let some = |one_in| Choice { seed: SEED, one_in };
    suite::alone(some(2))
        .chain(suite::mixed(some(1)))
        .chain(suite::healthy(some(6)))
        .chain(suite::long(some(6)))
}

/// What came of the files of one kind of damage.
#[derive(Default)]
struct Group {
    sum: Verdict,
    imperfect: Vec<String>,
}

impl Group {
    fn add(&mut self, file: &File, verdict: &Verdict) {
        self.sum.add(verdict);
        if !verdict.is_perfect() {
            let (lost, phantoms, errors) =
                (verdict.lost.len(), verdict.phantoms.len(), verdict.errors.first());
            self.imperfect
                .push(format!("\n  {lost} lost, {phantoms} phantoms, {errors:?}: {SEED} show {}", file.name));
        }
    }

    /// What is said of it, if it costs more than one row in so many of each kind.
    fn complaint(&self, name: &str, per_lost: usize, per_phantom: usize) -> Option<String> {
        let Verdict { files, good, kept, phantoms, .. } = &self.sum;
        let (lost, phantoms, imperfect) = (good - kept, phantoms.len(), self.imperfect.len());
        let fine = lost * per_lost <= *good && phantoms * per_phantom <= *good;
        (!fine).then(|| {
            let shown: String = self.imperfect.iter().take(10).map(String::as_str).collect();
            format!(
                "\n{name}: {imperfect} of {files} files, {lost} of {good} lost, {phantoms} phantoms{shown}"
            )
        })
    }
}

/// What is too much, of all files and by kinds of damage.
fn complaints(by: By) -> String {
    let groups: Mutex<BTreeMap<&str, Group>> = Mutex::default();
    support::each(files(), |file| {
        let verdict = csv::judged(file, by);
        let mut groups = groups.lock().expect("no worker has panicked");
        let all = (file.scenario != INSIDE).then_some("all");
        for name in all.into_iter().chain([file.scenario]) {
            groups.entry(name).or_default().add(file, &verdict);
        }
    });
    let groups = groups.into_inner().expect("no worker has panicked");
    let limit = |name: &str| LIMITS.iter().find(|limit| limit.0 == by && limit.1 == name);
    let complaint = |(name, group): (&&str, &Group)| {
        let (lost, phantoms) =
            limit(name).map_or((GOOD_PER_LOST, GOOD_PER_PHANTOM), |limit| (limit.2, limit.3));
        let unbooked = |error: &&String| error.starts_with("item") || error.starts_with("the ledger");
        let books = group.sum.errors.iter().find(unbooked).map(|error| format!("\n{name}: {error}"));
        [group.complaint(name, lost, phantoms), books].into_iter().flatten().collect::<String>()
    };
    groups.iter().map(complaint).collect()
}

#[test]
fn nothing_good_is_lost_and_nothing_false_is_loaded() {
    let complaints = complaints(By::Caller);
    assert!(complaints.is_empty(), "see the example csv-damage-report{complaints}");
}

#[test]
fn the_bytes_alone_tell_as_much() {
    let complaints = complaints(By::Sniffer);
    assert!(complaints.is_empty(), "see the example csv-damage-report{complaints}");
}

#[test]
fn read_size_makes_no_difference() {
    let differing = Mutex::new(Vec::new());
    let some = Choice { seed: SEED, one_in: 40 };
    support::each(suite::alone(some).chain(suite::mixed(some)), |file| {
        let options = csv::options(file);
        let whole = csv::split(&file.bytes, 1 << 20, options).ok();
        for step in [1, 2, 3, 7, 60, 4096] {
            if csv::split(&file.bytes, step, options).ok() != whole {
                differing.lock().expect("no worker has panicked").push(format!("{} at {step}", file.name));
            }
        }
    });
    let differing = differing.into_inner().expect("no worker has panicked");
    assert!(differing.is_empty(), "{differing:?}");
}

/// The reader of the generator and that of the core see the same fields in good rows.
#[test]
fn the_fields_of_good_rows_agree() {
    let some = Choice { seed: SEED, one_in: 5 };
    support::each(suite::healthy(some).chain(suite::mixed(some)), |file| {
        let dialect = csv::dialect(file.dialect, 0, 0);
        for good in file.good.iter().filter(|good| !good.unsure) {
            let record = good.span.of(&file.bytes);
            let mut listed = Vec::new();
            let broken = fields::fields(record, &dialect, &mut listed).expect("there is memory");
            assert_eq!(broken, Ok(()), "{} at {}", file.name, good.span.offset);
            let text = |field: &fields::Field| {
                let raw = &record[field.start..field.end];
                let mut text = Vec::new();
                if !field.escaped {
                    return raw.to_vec();
                }
                fields::unescape(raw, &dialect, &mut text).expect("there is memory");
                text
            };
            let truth = strict::read(record, 0, file.dialect).expect("a good row is one").fields;
            assert_eq!(
                listed.iter().map(text).collect::<Vec<_>>(),
                truth,
                "{} at {}",
                file.name,
                good.span.offset
            );
        }
    });
}
