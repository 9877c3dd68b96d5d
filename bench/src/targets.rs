//! The figures that loader is to reach.

use crate::columns;
use crate::csv;
use crate::figures::Runs;
use crate::many;
use crate::results::Results;

/// A bound on a ratio of two times in one round.
struct Target {
    case: &'static str,
    peer: &'static str,
    against: &'static str,
    bound: Bound,
}

/// Which way the ratio is meant.
#[derive(Clone, Copy)]
enum Bound {
    /// The peer is at least so many times faster than the other.
    Faster(f64),
    /// The peer takes at most so many times the time of the other.
    Takes(f64),
}

use Bound::{Faster, Takes};

const fn target(case: &'static str, peer: &'static str, against: &'static str, bound: Bound) -> Target {
    Target { case, peer, against, bound }
}

/// Those of single cases.
const TARGETS: [Target; 34] = [
    target("events", "loader", "copy", Faster(3.0)),
    target("github", "loader", "copy", Faster(3.0)),
    target("tweets", "loader", "copy", Faster(3.5)),
    target("tweets-lz4", "loader", "copy", Faster(3.0)),
    target("numbers", "loader", "copy", Faster(3.0)),
    target("escapes", "loader", "copy", Faster(3.0)),
    target("wide", "loader", "copy", Faster(3.0)),
    target("events", "loader", "insert-select", Takes(1.25)),
    target("github", "loader", "insert-select", Takes(1.75)),
    target("tweets", "loader", "insert-select", Takes(2.5)),
    target("tweets-lz4", "loader", "insert-select", Takes(1.75)),
    target("numbers", "loader", "insert-select", Takes(1.5)),
    target("escapes", "loader", "insert-select", Takes(1.5)),
    target("wide", "loader", "insert-select", Takes(1.5)),
    target("events", "loader", "execute-values", Faster(8.0)),
    target("events", "loader", "two-copies", Faster(1.5)),
    target("events", "encoder", "jsonb-in", Faster(5.5)),
    target("github", "encoder", "jsonb-in", Faster(8.0)),
    target("tweets", "encoder", "jsonb-in", Faster(8.0)),
    target(columns::CASE, "loader", "staging", Faster(6.0)),
    target(columns::CASE, "loader", "copy", Faster(2.0)),
    target(columns::CASE, "loader", "insert-select", Takes(1.4)),
    target(columns::CASE, "loader-upsert", "staging-upsert", Faster(1.5)),
    target(columns::CASE, "loader-refused", "loader", Takes(1.15)),
    target(columns::CASE, "loader-violated", "loader-check", Takes(1.5)),
    target(csv::MIXED, "loader", "copy", Faster(2.5)),
    target(csv::MIXED, "loader", "insert-select", Takes(1.25)),
    target(csv::MIXED, "damaged", "loader", Takes(1.1)),
    target(csv::TEXT, "loader", "copy", Faster(1.2)),
    target(csv::TIMES, "loader", "copy", Faster(4.0)),
    target(csv::INTEGERS, "loader", "copy", Faster(1.4)),
    target(many::CASE, "call-2", "loader", Faster(1.3)),
    target(many::CASE, "call-2", "two-copies", Faster(2.0)),
    target(many::SMALL_CASE, "call-2", "psql-calls", Faster(10.0)),
];

/// Those of every case: framings and damage against the newline-delimited twin.
const TWINS: [(&str, Bound); 4] = [
    ("open-array", Takes(1.15)),
    ("compact-array", Takes(1.15)),
    ("pretty-array", Takes(1.15)),
    ("damaged-1", Takes(1.10)),
];

/// A target and what became of it.
pub struct Verdict {
    /// The case.
    pub case: String,
    /// In words.
    pub target: String,
    /// The measured ratio.
    pub measured: String,
    /// Whether it is reached.
    pub reached: bool,
}

/// All targets that these results say something about.
pub fn judge(results: &Results, cases: &[&str]) -> Vec<Verdict> {
    let mut targets: Vec<Target> = TARGETS.into();
    for case in crate::cases::choose("") {
        targets.extend(TWINS.iter().map(|&(peer, bound)| target(case.name, peer, "loader", bound)));
    }
    let position = |target: &Target| cases.iter().position(|case| *case == target.case);
    targets.sort_by_key(position);
    let mut verdicts: Vec<_> = targets.iter().filter_map(|target| target.judge(results)).collect();
    verdicts.extend(many_files(results));
    verdicts.extend(memory(results));
    verdicts
}

impl Target {
    fn judge(&self, results: &Results) -> Option<Verdict> {
        let runs = |peer| Runs::of(results, self.case, peer);
        let ratio = runs(self.peer)?.faster_than(&runs(self.against)?)?;
        let (words, measured, reached) = match self.bound {
            Faster(bound) => {
                (format!("≥ {bound} × faster than {}", self.against), format!("{ratio:.2} ×"), ratio >= bound)
            }
            Takes(bound) => (
                format!("≤ {bound} × the time of {}", self.against),
                format!("{:.2} ×", 1.0 / ratio),
                1.0 / ratio <= bound,
            ),
        };
        Some(Verdict { case: self.case.into(), target: format!("{}: {words}", self.peer), measured, reached })
    }
}

/// Private memory on many files.
fn many_files(results: &Results) -> Option<Verdict> {
    let peak = |peer| {
        let runs = Runs::of(results, many::SMALL_CASE, peer)?;
        Some(runs.most(|sample| (sample.peak + sample.others) as i64))
    };
    let (tenth, all) = (peak("call-2-tenth")?, peak("call-2")?);
    Some(Verdict {
        case: many::SMALL_CASE.into(),
        target: format!(
            "call-2: peak private memory ≤ {:.0} MB more than of a tenth of the files",
            many::GROWTH as f64 / 1e6
        ),
        measured: format!("{:.1} and {:.1} MB", tenth as f64 / 1e6, all as f64 / 1e6),
        reached: all <= tenth + many::GROWTH as i64,
    })
}

/// Private memory on a large file.
fn memory(results: &Results) -> Option<Verdict> {
    let run = results.samples.iter().find(|sample| sample.case == crate::memory::CASE)?;
    Some(Verdict {
        case: run.case.clone(),
        target: format!("peak private memory ≤ {:.0} MB beyond the start", crate::memory::LIMIT as f64 / 1e6),
        measured: format!("{:.1} MB", run.peak as f64 / 1e6),
        reached: run.peak <= crate::memory::LIMIT,
    })
}
