//! Many files at once: a few large ones, and very many small ones.

use crate::Result;
use crate::cases::Case;
use crate::data::{Cut, Form, SETS, SMALL};
use crate::figures::Runs;
use crate::peers::{Call, Input, Peer};
use crate::results::{Results, Sample};
use crate::run::Plan;

/// Its name in patterns, and that of the large files in tables.
pub const CASE: &str = "many";

/// The name of the small files in tables.
pub const SMALL_CASE: &str = "many-small";

/// How much more memory all small files may take than a tenth of them: their names
/// are in it.
pub const GROWTH: u64 = 4 << 20;

/// Measures both.
pub fn measure(plan: &Plan, results: &mut Results) -> Result<()> {
    let call = |name, input, workers| Peer::Call(Call { name, input, workers });
    let large = vec![
        Peer::Loader(Form::Lines),
        call("call-2", Input::All(Cut::Eighths), 2),
        call("call-0", Input::All(Cut::Eighths), 0),
        call("call-2-ranges", Input::One, 2),
        Peer::TwoCopies(Cut::Eighths),
    ];
    let small = vec![
        Peer::PsqlCalls,
        call("call-2", Input::All(Cut::Small), 2),
        call("call-0", Input::All(Cut::Small), 0),
        call("call-2-tenth", Input::Tenth(Cut::Small), 2),
        call("call-0-tenth", Input::Tenth(Cut::Small), 0),
    ];
    let settings = "-c default_toast_compression=pglz";
    plan.measure(&Case { name: CASE, set: SETS[0], settings, peers: large }, results)?;
    plan.measure(&Case { name: SMALL_CASE, set: SMALL, settings, peers: small }, results)
}

/// Whether a case is one of these.
pub fn is(case: &str) -> bool {
    [CASE, SMALL_CASE].contains(&case)
}

/// What tables of these cases show.
pub const COLUMNS: [&str; 14] = [
    "",
    "s",
    "min–max",
    "MB/s",
    "files/s",
    "× loader",
    "× two-copies",
    "× psql-calls",
    "CPU s",
    "WAL MB",
    "session MB",
    "others MB",
    "kept",
    "wrong or lost",
];

/// The row of a peer.
pub fn row(results: &Results, case: &str, peer: &str, runs: &Runs<'_>) -> Vec<String> {
    let (least, most) = runs.range();
    let against = |other: &str| {
        let ratio = Runs::of(results, case, other).and_then(|other| runs.faster_than(&other));
        ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
    };
    let megabytes =
        |figure: fn(&Sample) -> u64| format!("{:.1}", runs.most(|sample| figure(sample) as i64) as f64 / 1e6);
    let strays = |sample: &Sample| sample.wrong.unwrap_or(0) + sample.lost.unwrap_or(0);
    vec![
        peer.to_owned(),
        format!("{:.2}", runs.median(|sample| sample.seconds)),
        format!("{least:.2}–{most:.2}"),
        format!("{:.1}", runs.speed()),
        format!("{:.0}", runs.median(|sample| sample.files as f64 / sample.seconds)),
        against("loader"),
        against("two-copies"),
        against("psql-calls"),
        format!("{:.2}", runs.median(|sample| sample.cpu)),
        format!("{:.0}", runs.median(|sample| sample.wal as f64) / 1e6),
        megabytes(|sample| sample.peak),
        megabytes(|sample| sample.others),
        runs.most(|sample| sample.kept).to_string(),
        runs.most(strays).to_string(),
    ]
}
