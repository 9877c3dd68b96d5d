//! How the splitter fares on generated damage, by framing and by fault.
//!
//! `damage-report [SUITE] [seed [count [worst]]]` sums up that many seeds and lists so
//! many of the worst files, strict framings first; `damage-report SEED show NAME [PATH]`
//! tells everything about one file and writes it to a path. SUITE is one of
//! `suite::REAL` or `real`, which is all of those; without it the report is of the
//! suites `plain`, `hard` and `long`.

#[path = "../tests/support/mod.rs"]
mod support;

mod reporting;

use loader_damage::judge::Verdict;
use loader_damage::suite::{self, Choice};
use loader_damage::{File, Span};
use reporting::{HEADING, WORST, cost, figures, in_time};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::sync::Arc;

fn main() {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let named = args.first().is_some_and(|arg| arg.parse::<u64>().is_err());
    let suite = if named { args.remove(0) } else { "all".to_owned() };
    let seed = args.first().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    match args.get(1).map(String::as_str) {
        Some("show") => show(seed, args.get(2).map_or("", String::as_str), args.get(3)),
        _ => {
            let number = |n: usize, or: usize| args.get(n).and_then(|arg| arg.parse().ok()).unwrap_or(or);
            report(&suite, seed, number(1, 1) as u64, number(2, WORST));
        }
    }
}

/// The files of a suite, or of several.
fn files(suite: &str, seed: u64) -> Box<dyn Iterator<Item = File>> {
    let choice = Choice::from(seed);
    let real = suite::REAL.into_iter().filter(|one| suite == "real" || suite == one.name);
    match suite {
        "all" => Box::new(suite::all(choice)),
        _ => Box::new(real.collect::<Vec<_>>().into_iter().flat_map(move |one| (one.files)(choice))),
    }
}

fn report(suite: &str, seed: u64, count: u64, list: usize) {
    std::panic::set_hook(Box::new(|_| {}));
    let mut by_framing: BTreeMap<(&str, String), Verdict> = BTreeMap::new();
    let mut by_scenario: BTreeMap<(&str, String), Verdict> = BTreeMap::new();
    let mut by_content: BTreeMap<(&str, String), Verdict> = BTreeMap::new();
    let mut by_size: BTreeMap<(&str, String), Verdict> = BTreeMap::new();
    let mut totals: BTreeMap<(&str, String), Verdict> = BTreeMap::new();
    let mut worst = Vec::new();
    for seed in seed..seed + count {
        for file in files(suite, seed) {
            let file = Arc::new(file);
            let what = |file: &File| format!("{} bytes: {seed} show {}", file.bytes.len(), file.name);
            let Some(verdict) = in_time(&file, what, support::judge) else { continue };
            let mut parts = file.name.split('/');
            let name = parts.next().unwrap_or_default();
            let size = parts.rev().nth(1).unwrap_or_default();
            let content = file.content.name().to_owned();
            let kind = if file.framing.strict() { "strict" } else { "compact" };
            by_framing.entry((kind, file.framing.name().to_owned())).or_default().add(&verdict);
            let scenario = match suite {
                "real" => format!("{name} {}", file.scenario),
                _ => file.scenario.to_owned(),
            };
            by_scenario.entry((kind, scenario)).or_default().add(&verdict);
            by_content.entry((kind, content)).or_default().add(&verdict);
            if suite != "all" {
                by_size.entry((kind, size.to_owned())).or_default().add(&verdict);
            }
            totals.entry((kind, name.to_owned())).or_default().add(&verdict);
            totals.entry((kind, "all".to_owned())).or_default().add(&verdict);
            if !verdict.is_perfect() {
                worst.push((file.framing.strict(), verdict, seed, file.name.clone()));
            }
        }
    }
    let tables = [
        ("framing", &by_framing),
        ("content", &by_content),
        ("fault", &by_scenario),
        ("records", &by_size),
        ("suite", &totals),
    ];
    for (title, table) in tables {
        println!("\n{title:<32} {HEADING}");
        let all = suite != "all" || title == "framing" || title == "suite";
        for ((kind, name), v) in table.iter().filter(|(_, v)| all || v.perfect < v.files) {
            println!("{:<32} {}", format!("{kind} {name}"), figures(v));
        }
    }
    worst.sort_by_key(|(strict, v, ..)| (!strict, usize::MAX - cost(v)));
    println!("\n{} files are not perfect\n\nstrict:", worst.len());
    for (_, v, seed, name) in worst.iter().filter(|(strict, ..)| *strict).take(list) {
        let errors = v.errors.first().map_or(String::new(), |error| format!(" {error}"));
        println!("{} lost, {} phantoms: {seed} show {name}{errors}", v.lost.len(), v.phantoms.len());
    }
    println!("\ncompact:");
    for (_, v, seed, name) in worst.iter().filter(|(strict, ..)| !strict).take(list) {
        println!("{} lost, {} phantoms: {seed} show {name}", v.lost.len(), v.phantoms.len());
    }
}

fn show(seed: u64, name: &str, path: Option<&String>) {
    let mut all = suite::all(seed).chain(files("real", seed));
    let Some(file) = all.find(|file| file.name == name) else {
        return eprintln!("no such file");
    };
    if let Some(path) = path
        && let Err(error) = fs::write(path, &file.bytes)
    {
        eprintln!("{path}: {error}");
    }
    for damage in &file.damaged {
        println!("damaged  {:7} {}", damage.fault.name(), place(&file, damage.span, 160));
    }
    for good in file.good.iter().filter(|good| good.unsure) {
        println!("unsure   {}", place(&file, good.span, 60));
    }
    let verdict = support::judge(&file);
    for span in &verdict.lost {
        println!("lost     {}", place(&file, *span, 100));
    }
    for span in &verdict.phantoms {
        println!("phantom  {}", place(&file, *span, 100));
    }
    for error in &verdict.errors {
        println!("error    {error}");
    }
    if let Ok((found, _)) = support::split_file(&file, 1 << 20) {
        for item in found.iter().filter(|item| !item.good) {
            println!("reject   {}", place(&file, item.span, 100));
        }
    }
}

/// Where a span lies, and its text, or both ends of a long one.
fn place(file: &File, span: Span, width: usize) -> String {
    reporting::place(&file.bytes, span, 12, width)
}
