//! Reads the samples in the dialects that they allow, and scores each.

use super::super::{Dialect, NewLine, Overrides};
use super::Samples;
use super::candidates;
use super::grid::Grid;
use super::score::{Fit, fit};
use crate::memory::{OutOfMemory, push};

/// Every dialect is tried on so many bytes of the head.
const PROBE: usize = 64 * 1024;

/// So many delimiters are tried on everything …
const FINALISTS: usize = 3;

/// … if they have this part of the best score.
const FINAL: f64 = 0.6;

/// A dialect and how well it fits.
pub(super) struct Scored {
    pub dialect: Dialect,
    pub fit: Fit,
}

/// A text without so many of its first lines.
pub(super) fn behind_lines(text: &[u8], lines: u64, new_line: NewLine) -> &[u8] {
    let mut rest = text;
    for _ in 0..lines {
        let end = match new_line {
            NewLine::Cr => memchr::memchr2(b'\r', b'\n', rest),
            NewLine::Lf | NewLine::CrLf => memchr::memchr(b'\n', rest),
        };
        let Some(end) = end else { return &[] };
        let both = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(both)..];
    }
    rest
}

/// The beginning of the head, on which all dialects are tried.
pub(super) fn probe<'a>(samples: &Samples<'a>) -> Samples<'a> {
    Samples {
        head: &samples.head[..samples.head.len().min(PROBE)],
        is_whole: samples.is_whole && samples.head.len() <= PROBE,
        others: &[],
    }
}

/// The dialects, by falling score: all on the probe, and the best on everything.
pub(super) fn finals(
    samples: &Samples<'_>,
    usual: &Dialect,
    overrides: &Overrides,
) -> Result<Vec<Scored>, OutOfMemory> {
    let probe = probe(samples);
    let mut list = Vec::new();
    for delimiter in candidates::delimiters(probe.head, overrides)? {
        let mut dialects = Vec::new();
        candidates::dialects(probe.head, delimiter, usual, overrides, &mut dialects)?;
        score(&probe, &dialects, &mut list)?;
    }
    prefer_quotes(&mut list);
    sort(&mut list);
    if probe.is_whole && samples.others.is_empty() {
        return Ok(list);
    }
    let least = list.first().map_or(0.0, |best| best.fit.score * FINAL);
    let mut finalists = Vec::new();
    for scored in list.iter().filter(|scored| scored.fit.score >= least) {
        if finalists.len() < FINALISTS && !finalists.contains(&scored.dialect.delimiter) {
            push(&mut finalists, scored.dialect.delimiter)?;
        }
    }
    list.retain(|scored| !finalists.contains(&scored.dialect.delimiter));
    for delimiter in finalists {
        let mut dialects = Vec::new();
        // Quotes may be seen for the first time behind the probe.
        for text in samples.others.iter().chain([&samples.head]) {
            let mut more = Vec::new();
            candidates::dialects(text, delimiter, usual, overrides, &mut more)?;
            for dialect in more {
                if !dialects.contains(&dialect) {
                    push(&mut dialects, dialect)?;
                }
            }
        }
        score(samples, &dialects, &mut list)?;
    }
    prefer_quotes(&mut list);
    sort(&mut list);
    Ok(list)
}

/// By falling score.
pub(super) fn sort(list: &mut [Scored]) {
    list.sort_unstable_by(|a, b| b.fit.score.total_cmp(&a.fit.score));
}

/// Adds the dialects of one delimiter, and how well they fit.
fn score(samples: &Samples<'_>, dialects: &[Dialect], to: &mut Vec<Scored>) -> Result<(), OutOfMemory> {
    let mut list = Vec::new();
    for dialect in dialects {
        // Quotes that enclose cells are quotes.
        let is_settled = |scored: &Scored| {
            scored.fit.quoted > 0 && scored.fit.broken == 0 && !scored.fit.has_bare_quotes()
        };
        if dialect.quote.is_none() && list.iter().any(is_settled) {
            continue;
        }
        let fit = fit(&read(samples, dialect)?, dialect)?;
        push(&mut list, Scored { dialect: *dialect, fit })?;
    }
    settle_quotes(&mut list);
    for scored in list {
        push(to, scored)?;
    }
    Ok(())
}

/// Where quotes enclose cells in one dialect, they should in the others.
fn prefer_quotes(list: &mut [Scored]) {
    let is_quoted = |scored: &Scored| scored.fit.quoted > 0 && scored.fit.broken == 0;
    if list.iter().any(is_quoted) {
        for scored in list.iter_mut().filter(|scored| scored.fit.quoted == 0) {
            scored.fit.score *= 0.9;
        }
    }
}

/// Keeps of the dialects of one delimiter those whose quotes are not spoken against: where
/// cells are enclosed as they should be, it is no chance.
fn settle_quotes(list: &mut Vec<Scored>) {
    let is_spoiled = |scored: &Scored| scored.dialect.quote == Some(b'\'') && scored.fit.is_spoiled();
    let of = |quote: u8| {
        list.iter().filter(move |scored| scored.dialect.quote == Some(quote) && !is_spoiled(scored))
    };
    let quoted = |quote: u8, per_broken: usize| {
        let fits = of(quote).map(|scored| &scored.fit);
        fits.filter(|fit| fit.broken * per_broken <= fit.quoted).map(|fit| fit.quoted).max().unwrap_or(0)
    };
    let bare = of(b'"').any(|scored| scored.fit.has_bare_quotes());
    let (double, single) = (if bare { 0 } else { quoted(b'"', 5) }, quoted(b'\'', 2));
    if list.len() > 1 {
        list.retain(|scored| match scored.dialect.quote {
            None => bare,
            Some(b'\'') => single > double * 2,
            _ => !bare,
        });
    }
}

/// Reads all samples in a dialect, without the records that their ends cut.
pub(super) fn read<'a>(samples: &Samples<'a>, dialect: &Dialect) -> Result<Vec<Grid<'a>>, OutOfMemory> {
    let mut grids = Vec::new();
    let mut head = Grid::read(samples.head, dialect)?;
    if !samples.is_whole && head.len() > 1 {
        head.drop_last();
    }
    push(&mut grids, head)?;
    for other in samples.others {
        let mut best = read_part(behind_lines(other, 1, dialect.new_line), dialect)?;
        if best.broken > 0
            && let Some(rest) = behind_quoted(other, dialect)
        {
            let within = read_part(rest, dialect)?;
            if within.broken < best.broken {
                best = within;
            }
        }
        push(&mut grids, best)?;
    }
    Ok(grids)
}

fn read_part<'a>(text: &'a [u8], dialect: &Dialect) -> Result<Grid<'a>, OutOfMemory> {
    let mut grid = Grid::read(text, dialect)?;
    grid.drop_last();
    Ok(grid)
}

/// What follows the first line that ends in a quote: a sample may begin within quotes.
fn behind_quoted<'a>(text: &'a [u8], dialect: &Dialect) -> Option<&'a [u8]> {
    let quote = dialect.quote?;
    let end = memchr::memchr_iter(quote, text).find(|at| matches!(text.get(at + 1), Some(b'\n' | b'\r')))?;
    Some(behind_lines(&text[end..], 1, dialect.new_line))
}
