//! Damaged files of every framing and fault: how many good records are loaded, how
//! many fragments are, and that every byte is accounted for (invariants 2, 3, 4 and
//! 7). The aim is all and none where newlines or indentation show where records
//! start, 99 % and 1 in 1,000 elsewhere; the figures below are what holds on each
//! group of files, and only ever get stricter.

mod support;

use loader_core::split::json::Format;
use loader_damage::File;
use loader_damage::judge::Verdict;
use loader_damage::suite::{self, Choice};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

const SEEDS: [u64; 3] = [1, 20, 300];

/// Phantoms allowed for so many good records where nothing but the records
/// themselves shows where they start.
const GOOD_PER_PHANTOM: usize = 1000;

/// What a group of files may cost at most.
#[derive(Clone, Copy)]
struct Limit {
    suite: &'static str,
    /// Lines show where records start.
    strict: bool,
    /// One good record in so many may be lost, …
    lost: usize,
    /// … one phantom be loaded for so many, …
    phantoms: usize,
    /// … and one error be in the books of so many files; 0 for none.
    errors: usize,
}

const fn limit(suite: &'static str, strict: bool, lost: usize, phantoms: usize, errors: usize) -> Limit {
    Limit { suite, strict, lost, phantoms, errors }
}

/// Those of the suites of what people have.
const REAL_LIMITS: [Limit; 9] = [
    limit("around", true, 1_000, 150, 0),
    limit("around", false, 200, 250, 0),
    limit("prefixed", true, 900, 8_000, 40),
    limit("between", true, 2_000, 1_000, 0),
    limit("between", false, 1_000, 1_000, 0),
    limit("held-out", true, 10_000, 10_000, 0),
    limit("held-out", false, 1_000, 10_000, 0),
    limit("documents", true, 100, 1_000, 12),
    limit("documents", false, 80, 2_000, 12),
];

/// Those of their files of up to five records without damage: hundreds of lines of text, of
/// which some are JSON, stand beside some of them.
const SMALL_LIMITS: [Limit; 7] = [
    limit("around", true, 40, 2, 0),
    limit("around", false, 15, 3, 0),
    limit("prefixed", true, 130, 500, 0),
    limit("between", true, 100, 40, 0),
    limit("between", false, 20, 1_000, 0),
    limit("documents", true, 500, 60, 12),
    limit("documents", false, 150, 200, 12),
];

/// Those of arrays with text around them where the caller names the format.
const NAMED_LIMITS: [Limit; 2] = [limit("around", true, 1_000, 150, 80), limit("around", false, 18, 200, 80)];

/// Calls `with` for one file in so many of the seeds, on all processors.
fn each_file(one_in: usize, with: impl Fn(&File) + Sync) {
    let files = SEEDS.into_iter().flat_map(move |seed| suite::all(Choice { seed, one_in }));
    support::each(files, with);
}

/// The same of the suites of what people have.
fn each_real_file(one_in: usize, with: impl Fn(&File) + Sync) {
    let files = SEEDS.into_iter().flat_map(move |seed| {
        suite::REAL.into_iter().flat_map(move |suite| (suite.files)(Choice { seed, one_in }))
    });
    support::each(files, with);
}

/// What came of the files of one group.
#[derive(Default)]
struct Group {
    sum: Verdict,
    imperfect: Vec<String>,
}

impl Group {
    fn add(&mut self, file: &File, verdict: &Verdict) {
        self.sum.add(verdict);
        if !verdict.is_perfect() {
            let (lost, phantoms, errors) = (verdict.lost.len(), verdict.phantoms.len(), &verdict.errors);
            self.imperfect.push(format!(
                "\n  {lost} lost, {phantoms} phantoms, errors {errors:?}: {} show {}",
                file.seed, file.name
            ));
        }
    }

    /// The first imperfect files.
    fn shown(&self) -> String {
        self.imperfect.iter().take(40).map(String::as_str).collect()
    }
}

#[test]
fn nothing_good_is_lost_and_nothing_false_is_loaded() {
    let groups: Mutex<BTreeMap<&str, Group>> = Mutex::default();
    each_file(1, |file| {
        let verdict = support::judge(file);
        let names = match (file.framing.strict(), file.name.starts_with("plain")) {
            (true, true) => ["line starts", "line starts, plain"],
            (true, false) => ["line starts", "line starts, hard"],
            (false, true) => ["compact", "compact, plain"],
            (false, false) => ["compact", "compact, hard"],
        };
        for name in names {
            groups.lock().expect("no worker has panicked").entry(name).or_default().add(file, &verdict);
        }
    });
    let mut complaints = String::new();
    for (name, group) in groups.into_inner().expect("no worker has panicked") {
        let Verdict { files, good, kept, phantoms, errors, .. } = &group.sum;
        let (lost, phantoms, imperfect) = (good - kept, phantoms.len(), group.imperfect.len());
        // One lost in so many, one phantom in so many.
        let (kept_of, phantom_of) = match name {
            "line starts, plain" => (10_000, 10_000),
            "line starts" => (2_000, 2_000),
            "line starts, hard" => (500, 500),
            "compact, plain" => (500, GOOD_PER_PHANTOM),
            "compact" => (100, GOOD_PER_PHANTOM),
            _ => (40, 500),
        };
        let fine = errors.is_empty() && lost * kept_of <= *good && phantoms * phantom_of <= *good;
        if !fine {
            complaints += &format!(
                "\n{name}: {imperfect} of {files} files, {lost} of {good} lost, {phantoms} phantoms"
            );
            complaints += &group.shown();
        }
    }
    assert!(complaints.is_empty(), "see the example damage-report{complaints}");
}

/// What is too much of the files of the suites of what people have.
#[derive(Default)]
struct Complaints(BTreeMap<(&'static str, bool), Group>);

impl Complaints {
    fn add(&mut self, file: &File, verdict: &Verdict) {
        let suite = suite::REAL.iter().find(|suite| file.name.split('/').next() == Some(suite.name));
        let suite = suite.expect("files are named after their suite").name;
        self.0.entry((suite, file.framing.strict())).or_default().add(file, verdict);
    }

    /// By suites, and by whether lines show where records start.
    fn text(&self, limits: &[Limit]) -> String {
        let mut complaints = String::new();
        for ((suite, strict), group) in &self.0 {
            let limit = limits.iter().find(|limit| limit.suite == *suite && limit.strict == *strict);
            let limit = limit.expect("every group has its limits");
            let Verdict { files, good, kept, phantoms, errors, .. } = &group.sum;
            let (lost, phantoms, imperfect) = (good - kept, phantoms.len(), group.imperfect.len());
            let errors = errors.len();
            let too_many_errors = if limit.errors == 0 { errors > 0 } else { errors * limit.errors > *files };
            if too_many_errors || lost * limit.lost > *good || phantoms * limit.phantoms > *good {
                complaints += &format!(
                    "\n{suite}, strict {strict}: {imperfect} of {files} files, {lost} of {good} lost, \
                     {phantoms} phantoms, {errors} errors"
                );
                complaints += &group.shown();
            }
        }
        complaints
    }
}

/// What came of the files of the suites of what people have. To make and to judge them takes
/// long: the tests below share it.
#[derive(Default)]
struct Real {
    all: Complaints,
    /// The files of up to five records without damage.
    small: Complaints,
    /// Files whose lines have a prefix on the line of their record, …
    prefixed: usize,
    /// … and those of them that have more rejects than half of their records.
    wordy: Vec<String>,
}

/// These prefixes stand on lines of their own.
const ON_LINES_OF_THEIR_OWN: [&str; 3] = ["server-sent-events", "progress", "length"];

impl Real {
    fn get() -> &'static Real {
        static REAL: OnceLock<Real> = OnceLock::new();
        REAL.get_or_init(|| {
            let real: Mutex<Real> = Mutex::default();
            each_real_file(1, |file| {
                let verdict = support::judge(file);
                real.lock().expect("no worker has panicked").add(file, &verdict);
            });
            real.into_inner().expect("no worker has panicked")
        })
    }

    fn add(&mut self, file: &File, verdict: &Verdict) {
        self.all.add(file, verdict);
        if !file.damaged.is_empty() {
            return;
        }
        if file.good.len() <= 5 {
            self.small.add(file, verdict);
        }
        let prefixed = file.name.starts_with("prefixed/") && !ON_LINES_OF_THEIR_OWN.contains(&file.scenario);
        if prefixed && file.good.len() >= 5 {
            self.prefixed += 1;
            if verdict.rejects * 2 > file.good.len() {
                self.wordy.push(format!("{}: {}", verdict.rejects, file.name));
            }
        }
    }
}

/// Each suite by itself: the sum of several would hide one.
#[test]
fn text_and_documents_around_records_cost_none() {
    let all = &Real::get().all;
    assert!(all.0.len() >= suite::REAL.len(), "suites without a file");
    let complaints = all.text(&REAL_LIMITS);
    assert!(complaints.is_empty(), "see the example damage-report{complaints}");
}

/// Half of the files are small, and next to none of the records are in them.
#[test]
fn small_files_are_read_like_long_ones() {
    let complaints = Real::get().small.text(&SMALL_LIMITS);
    assert!(complaints.is_empty(), "see the example damage-report{complaints}");
}

/// A prefix is framing: it is not one reject a line. What stands on lines of its own
/// may be one.
#[test]
fn a_prefix_of_every_line_is_no_reject() {
    /// One file in so many may be read as lines of text.
    const WORDY: usize = 15;
    let Real { prefixed: all, wordy, .. } = Real::get();
    let few = wordy.len();
    assert!(*all > 100 && few * WORDY <= *all, "{few} of {all} files: {:#?}", &wordy[..few.min(40)]);
}

/// Whoever names the format gets no less.
#[test]
fn text_around_an_array_that_is_named_costs_no_record() {
    let all: Mutex<Complaints> = Mutex::default();
    let files = SEEDS.into_iter().flat_map(|seed| suite::around(Choice { seed, one_in: 2 }));
    support::each(files, |file| {
        let verdict = support::judge_as(file, Format::Array);
        all.lock().expect("no worker has panicked").add(file, &verdict);
    });
    let complaints = all.into_inner().expect("no worker has panicked").text(&NAMED_LIMITS);
    assert!(complaints.is_empty(), "see the example damage-report{complaints}");
}

#[test]
fn read_size_makes_no_difference() {
    let differing = Mutex::new(Vec::new());
    let compare = |file: &File| {
        let whole = support::split_file(file, 1 << 20).ok();
        for step in [1, 2, 3, 7, 60, 4096] {
            if support::split_file(file, step).ok() != whole {
                differing.lock().expect("no worker has panicked").push(format!("{} at {step}", file.name));
            }
        }
    };
    each_file(20, compare);
    each_real_file(40, compare);
    let differing = differing.into_inner().expect("no worker has panicked");
    assert!(differing.is_empty(), "{differing:?}");
}

/// The check of the generator and the parser that everybody uses agree.
#[test]
fn the_truth_agrees_with_serde_json() {
    let check = |file: &File| {
        for good in &file.good {
            let record = good.span.of(&file.bytes);
            assert!(serde_json::from_slice::<serde_json::Value>(record).is_ok(), "{}", file.name);
        }
    };
    each_file(10, check);
    each_real_file(20, check);
}
