//! Damaged files of every framing and fault: every good record is loaded, no
//! fragment is, and every byte is accounted for (invariants 2, 3, 4 and 7).

mod support;

use loader_damage::File;
use loader_damage::judge::Verdict;
use loader_damage::suite::{self, Choice};
use std::sync::Mutex;
use std::thread;

const SEEDS: [u64; 3] = [1, 20, 300];

/// Phantoms allowed for so many good records where nothing but the records
/// themselves shows where they start.
const GOOD_PER_PHANTOM: usize = 1000;

/// Calls `with` for one file in so many of the seeds, on all processors.
fn each_file(one_in: usize, with: impl Fn(&File) + Sync) {
    let files = SEEDS.into_iter().flat_map(|seed| suite::all(Choice { seed, one_in }));
    let queue: Mutex<Box<dyn Iterator<Item = File> + Send>> = Mutex::new(Box::new(files));
    let workers = thread::available_parallelism().map_or(1, |n| n.get());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no worker has panicked").next();
                    let Some(file) = next else { break };
                    with(&file);
                }
            });
        }
    });
}

#[test]
fn nothing_good_is_lost_and_nothing_false_is_loaded() {
    let strict = Mutex::new((Verdict::default(), Vec::new()));
    let compact = Mutex::new((Verdict::default(), Vec::new()));
    each_file(1, |file| {
        let verdict = support::judge(file);
        let mut sum =
            if file.framing.strict() { &strict } else { &compact }.lock().expect("no worker has panicked");
        sum.0.add(&verdict);
        if !verdict.is_perfect() {
            let figures = (verdict.lost.len(), verdict.phantoms.len(), verdict.errors);
            sum.1.push(format!(
                "{} lost, {} phantoms, errors {:?}: {}",
                figures.0, figures.1, figures.2, file.name
            ));
        }
    });
    let (strict, imperfect) = strict.into_inner().expect("no worker has panicked");
    let show = |list: &[String]| list.iter().take(40).map(|line| format!("\n  {line}")).collect::<String>();
    assert!(imperfect.is_empty(), "{} of {} files:{}", imperfect.len(), strict.files, show(&imperfect));
    let (compact, imperfect) = compact.into_inner().expect("no worker has panicked");
    assert!(compact.errors.is_empty(), "{}", show(&imperfect));
    let lost = compact.good - compact.kept;
    assert!(lost * 100 <= compact.good, "{lost} of {} lost:{}", compact.good, show(&imperfect));
    let phantoms = compact.phantoms.len();
    assert!(phantoms * GOOD_PER_PHANTOM <= compact.good, "{phantoms} phantoms:{}", show(&imperfect));
}

#[test]
fn read_size_makes_no_difference() {
    let differing = Mutex::new(Vec::new());
    each_file(20, |file| {
        let whole = support::split(&file.bytes, 1 << 20).ok();
        for step in [1, 2, 3, 7, 60, 4096] {
            if support::split(&file.bytes, step).ok() != whole {
                differing.lock().expect("no worker has panicked").push(format!("{} at {step}", file.name));
            }
        }
    });
    let differing = differing.into_inner().expect("no worker has panicked");
    assert!(differing.is_empty(), "{differing:?}");
}

/// The check of the generator and the parser that everybody uses agree.
#[test]
fn the_truth_agrees_with_serde_json() {
    each_file(10, |file| {
        for good in &file.good {
            let record = good.span.of(&file.bytes);
            assert!(serde_json::from_slice::<serde_json::Value>(record).is_ok(), "{}", file.name);
        }
    });
}
