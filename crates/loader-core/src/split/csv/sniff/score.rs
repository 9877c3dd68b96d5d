//! How well a dialect fits: how alike the rows are in their number of cells, and whether the
//! cells look like values.

use super::super::Dialect;
use super::candidates::prior;
use super::grid::{Cell, Grid};
use super::kinds::{ALL, KINDS, Kind, kind};
use crate::memory::{OutOfMemory, filled};

/// So many rows of a sample have the kinds of their cells looked at …
const ROWS_LOOKED_AT: usize = 200;

/// … and so many cells of a row.
const CELLS_LOOKED_AT: usize = 256;

/// A row above the first or below the last of the usual number of cells counts for so much:
/// titles and totals are no part of the table.
const OUTSIDE: f64 = 0.3;

/// Fewer rows before those of the usual number of cells are no table of their own.
const SMALLEST_TABLE: u32 = 3;

/// What begins with `#` and has another number of cells is hardly a row.
const COMMENT: f64 = 0.1;

/// How well a dialect fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// The number of cells that most rows have.
    pub width: usize,
    /// So many columns of that many are not empty in all rows.
    pub columns: usize,
    /// The rows looked at …
    pub rows: usize,
    /// … and those of them that have that number of cells.
    pub alike: usize,
    /// So many rows have more than one cell.
    pub split: usize,
    /// So many cells stand in quotes as they should …
    pub quoted: usize,
    /// … and so many quotes are broken.
    pub broken: usize,
    /// So many rows have a cell that holds a quote and does not begin with one.
    pub inside: usize,
    /// So many of these where more than blanks stand before it.
    pub behind: usize,
    /// How alike the rows are, from 0 to 1.
    pub uniform: f64,
    /// The share of cells that have a strict form.
    pub strict: f64,
    /// All rows from the first to the last of that number of cells have it, and most of their cells
    /// stand in quotes.
    pub enclosed: bool,
    /// From 0 to 1.
    pub score: f64,
}

impl Fit {
    /// Whether quotes are letters: they stand within cells, and hardly any cell begins with one.
    /// A few of them are damage.
    pub(super) fn has_bare_quotes(&self) -> bool {
        self.inside > 1 && self.inside * 50 >= self.rows && (self.quoted + self.broken) * 2 <= self.inside
    }

    /// Whether most rows have a quote behind the beginning of a cell: few of them would be records.
    pub(super) fn is_spoiled(&self) -> bool {
        self.behind * 2 > self.rows
    }
}

/// Says how well a dialect fits the samples that were read in it.
pub(super) fn fit(grids: &[Grid<'_>], dialect: &Dialect) -> Result<Fit, OutOfMemory> {
    let width = usual_width(grids)?;
    let rows = grids.iter().map(|grid| grid.len()).sum::<usize>();
    let quoted = grids.iter().map(|grid| grid.quoted).sum::<usize>();
    let broken = grids.iter().map(|grid| grid.broken).sum::<usize>();
    let inside = grids.iter().map(|grid| grid.inside).sum::<usize>();
    let (alike, uniform) = uniform(grids, width);
    let types = types(grids, width)?;
    let split = grids.iter().map(|grid| (0..grid.len()).filter(|row| grid.row(*row).len() > 1).count()).sum();
    let wide = types.columns as f64 / (types.columns as f64 + 1.0);
    let whole = 1.0 / (1.0 + broken as f64 / rows.max(1) as f64);
    // Where there are few rows, what is usual decides.
    let usual = prior(dialect).powf(1.0 + 6.0 / rows.max(1) as f64);
    let score = uniform * uniform.sqrt() * wide * types.score * whole * usual * head(&grids[0], width);
    Ok(Fit {
        width,
        columns: types.columns,
        rows,
        alike,
        split,
        quoted,
        broken,
        inside,
        behind: grids.iter().map(|grid| grid.behind).sum(),
        uniform,
        strict: types.strict,
        enclosed: is_enclosed(grids, width),
        score,
    })
}

/// Whether all rows from the first to the last of this number of cells have it, and most of their
/// cells stand in quotes.
fn is_enclosed(grids: &[Grid<'_>], width: usize) -> bool {
    let [grid] = grids else { return false };
    let is_usual = |index: &usize| grid.row(*index).len() == width;
    let (Some(first), Some(last)) = ((0..grid.len()).find(is_usual), (0..grid.len()).rfind(is_usual)) else {
        return false;
    };
    let rows = || (first..=last).map(|index| grid.row(index));
    let quoted = rows().flatten().filter(|cell| cell.quoted).count();
    last > first && rows().all(|row| row.len() == width) && quoted * 2 > (last - first + 1) * width
}

/// How many rows have the usual number of cells, and how alike the rows are, from 0 to 1.
fn uniform(grids: &[Grid<'_>], width: usize) -> (usize, f64) {
    let (mut alike, mut like, mut total) = (0, 0.0, 0.0);
    for (part, grid) in grids.iter().enumerate() {
        let is_usual = |index: &usize| grid.row(*index).len() == width;
        let first = (0..grid.len()).find(is_usual).unwrap_or(0);
        let last = (0..grid.len()).rfind(is_usual).unwrap_or(grid.len());
        for index in 0..grid.len() {
            let row = grid.row(index);
            alike += usize::from(row.len() == width);
            let outside = row.len() < width && (part == 0 && index < first || index > last);
            let weight = match outside {
                _ if row.len() != width && is_comment(grid, row) => COMMENT,
                true => OUTSIDE,
                false => 1.0,
            };
            like += weight * likeness(grid, row, width);
            total += weight;
        }
    }
    (alike, if total > 0.0 { like / total } else { 0.0 })
}

/// The number of cells that most rows have; more cells count for more.
pub(super) fn usual_width(grids: &[Grid<'_>]) -> Result<usize, OutOfMemory> {
    let widest =
        grids.iter().flat_map(|grid| (0..grid.len()).map(|row| grid.row(row).len())).max().unwrap_or(0);
    let mut counts = filled(widest + 1, 0u32)?;
    for grid in grids {
        for row in
            (0..grid.len()).map(|row| grid.row(row)).filter(|row| row.len() > 1 || !is_comment(grid, row))
        {
            counts[row.len()] += 1;
        }
    }
    let weight = |width: usize| f64::from(counts[width]) * (1.1 - 1.0 / width as f64);
    let usual = (1..=widest).max_by(|a, b| weight(*a).total_cmp(&weight(*b))).unwrap_or(1);
    Ok(first_table(grids, &counts, usual).unwrap_or(usual))
}

/// The number of cells of a table that ends before the first row of the usual number, and has
/// about as many rows: of two tables the first is the one.
fn first_table(grids: &[Grid<'_>], counts: &[u32], usual: usize) -> Option<usize> {
    let rows = || grids.iter().flat_map(|grid| (0..grid.len()).map(|row| grid.row(row).len()));
    let before = || rows().take_while(|width| *width != usual);
    let in_front = |width: usize| before().filter(|other| *other == width).count() == counts[width] as usize;
    let total: u32 = counts.iter().sum();
    let is_table = |width: &usize| {
        counts[*width] >= SMALLEST_TABLE
            && counts[*width] * 10 >= counts[usual] * 9
            && (counts[*width] + counts[usual]) * 10 >= total * 9
            && in_front(*width)
    };
    (2..counts.len()).filter(|width| *width != usual).find(is_table)
}

/// Whether a row begins as comments do in many files.
fn is_comment(grid: &Grid<'_>, row: &[Cell]) -> bool {
    row.first().is_some_and(|cell| !cell.quoted && grid.raw(cell).first() == Some(&b'#'))
}

/// How well the first row fits, from 0 to 1: it should be one of the table, and have no half
/// of a quoted cell.
fn head(grid: &Grid<'_>, width: usize) -> f64 {
    if grid.len() == 0 {
        return 1.0;
    }
    let row = grid.row(0);
    let odd = row.iter().filter(|cell| kind(grid.value(cell), cell.quoted) == Kind::Odd).count();
    let usual = if row.len() == width { 1.0 } else { 0.85 };
    usual * (1.0 - 0.5 * odd as f64 / row.len() as f64)
}

/// How like the others a row is in its number of cells, from 0 to 1.
fn likeness(grid: &Grid<'_>, row: &[Cell], width: usize) -> f64 {
    if row.len() == width {
        1.0
    } else if row.len() > width && row[width..].iter().all(|cell| grid.value(cell).is_empty()) {
        0.8
    } else if row.len() < width && row.len() > 1 {
        0.4 * row.len() as f64 / width as f64
    } else {
        0.0
    }
}

/// What the cells say.
struct Types {
    /// How well they look like values, and those of a column like each other.
    score: f64,
    /// The share of those that have a strict form.
    strict: f64,
    /// So many columns are not empty.
    columns: usize,
}

/// How well the cells look like values, and those of a column like each other.
fn types(grids: &[Grid<'_>], width: usize) -> Result<Types, OutOfMemory> {
    let columns = width.min(CELLS_LOOKED_AT);
    let mut tallies = filled(columns, [0u32; KINDS])?;
    for grid in grids {
        let step = grid.len() / ROWS_LOOKED_AT + 1;
        // The first row may be a header.
        let first = usize::from(grid.len() > 1);
        for index in (first..grid.len()).step_by(step) {
            let row = grid.row(index);
            if row.len() != width {
                continue;
            }
            for (cell, tally) in row.iter().zip(&mut tallies) {
                tally[kind(grid.value(cell), cell.quoted) as usize] += 1;
            }
        }
    }
    let (mut score, mut strict) = (0.0, 0.0);
    let mut empty = 0;
    for tally in &tallies {
        let column = column(tally);
        score += column.score;
        strict += column.strict;
        empty += 1 - column.columns;
    }
    let total = columns.max(1) as f64;
    Ok(Types { score: score / total, strict: strict / total, columns: width - empty })
}

fn column(tally: &[u32; KINDS]) -> Types {
    let total: u32 = tally.iter().sum();
    let filled = total - tally[Kind::Empty as usize];
    if filled == 0 {
        return Types { score: Kind::Empty.worth(), strict: 0.0, columns: 0 };
    }
    let of = |kind: Kind| f64::from(tally[kind as usize]);
    let worth: f64 = ALL.iter().map(|kind| of(*kind) * kind.worth()).sum();
    let words = of(Kind::Code) + of(Kind::Word) + of(Kind::Text) + of(Kind::List);
    let most = [of(Kind::Number), of(Kind::Time), of(Kind::Formal), words, of(Kind::Joined) + of(Kind::Odd)];
    let same = most.into_iter().fold(0.0, f64::max) / f64::from(filled);
    let strict: f64 = ALL.iter().filter(|kind| kind.is_strict()).map(|kind| of(*kind)).sum();
    Types {
        score: worth / f64::from(total) * (0.7 + 0.3 * same),
        strict: strict / f64::from(filled),
        columns: 1,
    }
}
