//! Tables and plot of what was measured.

use crate::Result;
use crate::figures::Runs;
use crate::results::{Results, Sample};
use crate::{many, memory, plot, targets};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

const COLUMNS: [&str; 14] = [
    "",
    "s",
    "min–max",
    "MB/s",
    "× COPY",
    "of ceiling",
    "CPU s",
    "WAL MB",
    "peak MB",
    "kept",
    "rejected",
    "wrong",
    "lost",
    "size",
];

/// Prints the tables, and puts them between the marks of `out`; the plot goes
/// beside it. Fails, after that, where loader has loaded anything but the truth.
pub fn write(out: &Path, files: &[&str]) -> Result<()> {
    let all = files.iter().map(|file| Results::load(Path::new(file))).collect::<Result<Vec<_>>>()?;
    let mut text = String::new();
    for results in &all {
        version(results, &mut text)?;
    }
    print!("{text}");

    let picture = out.with_extension("svg");
    let name = picture.file_name().unwrap_or_default().to_string_lossy();
    let generated = format!("{BEGIN}\n\n![Speed of each]({name})\n\n{text}{END}");
    let page = fs::read_to_string(out).unwrap_or_default();
    let page = match (page.find(BEGIN), page.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}{generated}{}", &page[..begin], &page[end + END.len()..])
        }
        _ if page.is_empty() => format!("{generated}\n"),
        _ => return Err(format!("{} has no marks {BEGIN} and {END}", out.display()).into()),
    };
    fs::write(out, page)?;
    fs::write(&picture, plot::draw(&all))?;

    let loaded = all.iter().flat_map(|results| &results.samples).filter(|sample| is_loader(&sample.peer));
    let mut bad: Vec<_> = loaded
        .filter(|sample| sample.wrong.unwrap_or(0) > 0 || sample.lost.unwrap_or(0) > 0)
        .map(|sample| format!("{}/{}", sample.case, sample.peer))
        .collect();
    bad.sort();
    bad.dedup();
    if bad.is_empty() { Ok(()) } else { Err(format!("wrong or lost records: {}", bad.join(", ")).into()) }
}

fn is_loader(peer: &str) -> bool {
    peer == "loader"
        || peer.ends_with("-array")
        || ["damaged-", "call-", "psql-"].iter().any(|own| peer.starts_with(own))
}

fn version(results: &Results, text: &mut String) -> Result<()> {
    writeln!(text, "## PostgreSQL {}\n", results.fact("PostgreSQL"))?;
    for (name, value) in results.facts.iter().filter(|(name, _)| name != "PostgreSQL") {
        writeln!(text, "- {name}: {value}")?;
    }
    let mut cases: Vec<&str> = Vec::new();
    for sample in &results.samples {
        if !cases.contains(&sample.case.as_str()) {
            cases.push(&sample.case);
        }
    }

    let rows: Vec<_> = targets::judge(results, &cases)
        .into_iter()
        .map(|v| vec![v.case, v.target, v.measured, if v.reached { "ok" } else { "missed" }.to_owned()])
        .collect();
    if !rows.is_empty() {
        writeln!(text, "\n### Targets\n")?;
        table(&["", "target", "measured", ""], &rows, text)?;
    }
    for case in cases {
        let rows = case_rows(results, case);
        let most = |figure: fn(&Sample) -> i64| {
            results.samples.iter().filter(|sample| sample.case == case).map(figure).max().unwrap_or(0)
        };
        let (kept, bytes) = (most(|sample| sample.kept), most(|sample| sample.bytes as i64));
        let files =
            if many::is(case) { format!(" in {} files", most(|sample| sample.files)) } else { String::new() };
        writeln!(text, "\n### {case}: {kept} records{files}, {:.0} MB\n", bytes as f64 / 1e6)?;
        table(if many::is(case) { &many::COLUMNS } else { &COLUMNS }, &rows, text)?;
        for (_, peer, why) in results.absent.iter().filter(|(of, _, _)| of == case) {
            writeln!(text, "\n{peer}: {why}")?;
        }
    }
    for (case, _, why) in results.absent.iter().filter(|(_, peer, _)| peer == "all") {
        writeln!(text, "\n### {case}\n\n{why}")?;
    }
    writeln!(text)?;
    Ok(())
}

fn case_rows(results: &Results, case: &str) -> Vec<Vec<String>> {
    let mut peers: Vec<&str> = Vec::new();
    for sample in results.samples.iter().filter(|sample| sample.case == case) {
        if !peers.contains(&sample.peer.as_str()) {
            peers.push(&sample.peer);
        }
    }
    if case == memory::CASE {
        return memory_rows(results);
    }
    let copy = Runs::of(results, case, "copy");
    let ceiling = Runs::of(results, case, "insert-select");
    let ratio = |ratio: Option<f64>| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
    let mut rows = Vec::new();
    for peer in peers {
        let Some(runs) = Runs::of(results, case, peer) else { continue };
        if many::is(case) {
            rows.push(many::row(results, case, peer, &runs));
            continue;
        }
        let (least, most) = runs.range();
        let fills = runs.most(|sample| sample.size) > 0;
        let against = |other: &Option<Runs<'_>>| {
            other.as_ref().filter(|_| fills).and_then(|other| runs.faster_than(other))
        };
        let mut row = vec![
            peer.to_owned(),
            format!("{:.2}", runs.median(|sample| sample.seconds)),
            format!("{least:.2}–{most:.2}"),
            format!("{:.0}", runs.speed()),
            ratio(against(&copy)),
            ratio(against(&ceiling).map(|faster| 1.0 / faster)),
            format!("{:.2}", runs.median(|sample| sample.cpu)),
        ];
        if fills {
            let looked = |figure: i64| figure.to_string();
            let size = |runs: &Runs<'_>| runs.median(|sample| sample.size as f64);
            row.extend([
                format!("{:.0}", runs.median(|sample| sample.wal as f64) / 1e6),
                format!("{:.1}", runs.most(|sample| sample.peak as i64) as f64 / 1e6),
                looked(runs.most(|sample| sample.kept)),
                looked(runs.most(|sample| sample.rejected)),
                looked(ever(results, case, peer, |sample| sample.wrong)),
                looked(ever(results, case, peer, |sample| sample.lost)),
                ratio(copy.as_ref().map(|copy| size(&runs) / size(copy))),
            ]);
        } else {
            row.resize(COLUMNS.len(), String::new());
        }
        rows.push(row);
    }
    rows
}

/// The most in any round, the discarded one too: it is the one in which order is
/// looked at.
fn ever(results: &Results, case: &str, peer: &str, figure: impl Fn(&Sample) -> Option<i64>) -> i64 {
    let samples = results.samples.iter().filter(|sample| sample.case == case && sample.peer == peer);
    samples.filter_map(figure).max().unwrap_or(0)
}

/// One load, which stands beside nothing.
fn memory_rows(results: &Results) -> Vec<Vec<String>> {
    let loads =
        results.samples.iter().filter(|sample| sample.case == memory::CASE && sample.peer == "loader");
    loads
        .map(|sample| {
            let mut row = vec![String::new(); COLUMNS.len()];
            row[0] = sample.peer.clone();
            row[1] = format!("{:.2}", sample.seconds);
            row[3] = format!("{:.0}", sample.bytes as f64 / 1e6 / sample.seconds);
            row[6] = format!("{:.2}", sample.cpu);
            row[7] = format!("{:.0}", sample.wal as f64 / 1e6);
            row[8] = format!("{:.1}", sample.peak as f64 / 1e6);
            row[9] = sample.kept.to_string();
            row[10] = sample.rejected.to_string();
            row[11] = sample.wrong.unwrap_or(0).to_string();
            row[12] = sample.lost.unwrap_or(0).to_string();
            row
        })
        .collect()
}

/// A table of Markdown that can be read as it stands.
fn table(head: &[&str], rows: &[Vec<String>], text: &mut String) -> Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count(), 2]).max().unwrap_or(2)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    // Words to the left, figures to the right.
    let words = |column: usize| column == 0 || head[column] == "target";
    let mut line = |cells: &[&str]| -> Result<()> {
        for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
            if words(column) {
                write!(text, "| {cell:<width$} ")?;
            } else {
                write!(text, "| {cell:>width$} ")?;
            }
        }
        writeln!(text, "|")?;
        Ok(())
    };
    line(head)?;
    let rules: Vec<String> = widths
        .iter()
        .enumerate()
        .map(
            |(column, &width)| {
                if words(column) { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) }
            },
        )
        .collect();
    line(&rules.iter().map(String::as_str).collect::<Vec<_>>())?;
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    Ok(())
}
