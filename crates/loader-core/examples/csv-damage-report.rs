//! How the splitter of delimited text fares on generated damage, by kind of damage, dialect and
//! content, with the dialect given and with the bytes alone.
//!
//! `csv-damage-report [given|sniffed] [SEED [COUNT [WORST [ONE_IN]]]]` sums up that many seeds and
//! lists so many of the worst files, each beside what was lost and made up first;
//! `csv-damage-report given|sniffed SEED show NAME [PATH]` tells everything about one file and
//! writes it to a path.

#[path = "../tests/support/mod.rs"]
mod support;

mod reporting;

use loader_damage::Span;
use loader_damage::csv::{File, suite};
use loader_damage::judge::Verdict;
use loader_damage::suite::Choice;
use reporting::{HEADING, WORST, cost, figures, in_time};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::{env, fs};
use support::csv::{self, By};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let by = if args.first().is_some_and(|arg| arg == "sniffed") { By::Sniffer } else { By::Caller };
    let number = |n: usize, or: usize| args.get(n).and_then(|arg| arg.parse().ok()).unwrap_or(or);
    let seed = number(1, 1) as u64;
    match args.get(2).map(String::as_str) {
        Some("show") => show(by, seed, args.get(3).map_or("", String::as_str), args.get(4)),
        _ => report(by, seed, number(2, 1) as u64, number(3, WORST), number(4, 1)),
    }
}

type Table = BTreeMap<String, Verdict>;

fn report(by: By, seed: u64, count: u64, list: usize, one_in: usize) {
    std::panic::set_hook(Box::new(|_| {}));
    let mut tables: [(&str, Table); 4] = ["damage", "dialect", "content", "suite"].map(|t| (t, Table::new()));
    let mut worst = Vec::new();
    for file in (seed..seed + count).flat_map(|seed| suite::all(Choice { seed, one_in })) {
        let file = Arc::new(file);
        let what = |file: &File| format!("{} bytes: {} show {}", file.bytes.len(), file.seed, file.name);
        let Some(verdict) = in_time(&file, what, move |file| csv::judged(file, by)) else { continue };
        let suite = file.name.split('/').next().unwrap_or_default();
        let names = [file.scenario, file.dialect.name, file.content.name(), suite];
        for ((_, table), name) in tables.iter_mut().zip(names) {
            table.entry(name.to_owned()).or_default().add(&verdict);
        }
        tables[3].1.entry("all".to_owned()).or_default().add(&verdict);
        if !verdict.is_perfect() {
            worst.push((verdict, file));
        }
    }
    for (title, table) in &tables {
        println!("\n{title:<28} {HEADING}");
        for (name, v) in table {
            println!("{name:<28} {}", figures(v));
        }
    }
    worst.sort_by_key(|(v, _)| usize::MAX - cost(v));
    println!("\n{} files are not perfect", worst.len());
    for (v, file) in worst.iter().take(list) {
        let error = v.errors.first().map_or(String::new(), |error| format!(" {error}"));
        println!(
            "{} lost, {} phantoms: {} show {}{error}",
            v.lost.len(),
            v.phantoms.len(),
            file.seed,
            file.name
        );
        for (what, span) in [("lost", v.lost.first()), ("phantom", v.phantoms.first())] {
            let Some(span) = span else { continue };
            println!("    {what} {}", place(file, *span, 200));
        }
    }
}

fn show(by: By, seed: u64, name: &str, path: Option<&String>) {
    let Some(file) = suite::all(seed).find(|file| file.name == name) else {
        return eprintln!("no such file");
    };
    if let Some(path) = path
        && let Err(error) = fs::write(path, &file.bytes)
    {
        eprintln!("{path}: {error}");
    }
    println!("{} bytes, width {}, skip {}, header {}", file.bytes.len(), file.width, file.skip, file.header);
    for damage in &file.damaged {
        println!("damaged  {} {}", damage.fault.name(), place(&file, damage.span, 400));
    }
    for good in file.good.iter().filter(|good| good.unsure) {
        println!("unsure   {}", place(&file, good.span, 100));
    }
    let options = if by == By::Caller { Ok(csv::options(&file)) } else { csv::sniffed(&file) };
    println!("options  {options:?}");
    let verdict = csv::judged(&file, by);
    for (what, spans) in [("lost    ", &verdict.lost), ("phantom ", &verdict.phantoms)] {
        for span in spans {
            println!("{what} {}", place(&file, *span, 400));
        }
    }
    for error in &verdict.errors {
        println!("error    {error}");
    }
    if let Ok(options) = options
        && let Ok((found, _)) = csv::split(&file.bytes, 1 << 20, options)
    {
        for item in found.iter().filter(|item| !item.good) {
            println!("reject   {}", place(&file, item.span, 200));
        }
    }
}

/// Where a span lies, and its text, or both ends of a long one.
fn place(file: &File, span: Span, width: usize) -> String {
    reporting::place(&file.bytes, span, 40, width)
}
