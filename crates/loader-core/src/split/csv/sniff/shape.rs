//! Where the table begins, how many lines its header has, and which columns are nothing but
//! delimiters at the end of a line.

use super::super::{Dialect, Overrides};
use super::Guess;
use super::grid::{Cell, Grid};
use super::header::{Header, find};
use super::names::names;
use super::score::Fit;
use crate::memory::OutOfMemory;

/// A table begins within so many rows.
const LONGEST_PREAMBLE: usize = 100;

/// Makes a guess of a dialect and the samples that were read in it.
pub(super) fn guess(
    grids: &[Grid<'_>],
    dialect: &Dialect,
    fit: &Fit,
    overrides: &Overrides,
) -> Result<Guess, OutOfMemory> {
    let head = &grids[0];
    // Delimiters that end the rows may not end the header.
    let least = fit.width - empty_columns(grids, fit.width);
    let first = if overrides.skip.is_some() { 0 } else { first_row(head, least) };
    if grids.iter().all(|grid| grid.len() == 0) {
        let dialect =
            Dialect { skip: overrides.skip.unwrap_or(0), header: overrides.header.unwrap_or(1), ..*dialect };
        return Ok(Guess { dialect, names: Vec::new(), width: 0, surplus: 0, confidence: 1.0 });
    }
    let header = find(grids, fit.width, first, overrides)?;
    let last = (header.start + header.rows).checked_sub(1).filter(|_| header.rows > 0);
    let cells = last.filter(|last| *last < head.len()).map(|last| head.row(last));
    let surplus = surplus(grids, &header, cells, fit.width, dialect);
    let width = fit.width - surplus;
    let names = match cells {
        Some(cells) => names(head, cells, width, dialect)?,
        None => Vec::new(),
    };
    let skip = match overrides.skip {
        Some(skip) => skip,
        None if header.start == 0 || header.start >= head.len() => 0,
        None => head.lines_before(header.start),
    };
    let lines = overrides.header.unwrap_or(header.rows as u64);
    let dialect = Dialect { skip, header: lines, ..*dialect };
    Ok(Guess { dialect, names, width, surplus, confidence: fit.score.clamp(0.0, 1.0) })
}

/// The first row of the table: titles above it have fewer cells, or nothing in them.
fn first_row(head: &Grid<'_>, width: usize) -> usize {
    let is_row = |index: &usize| {
        let row = head.row(*index);
        let filled = head.filled(row);
        row.len() >= width && (width == 1 || filled > 1 || (width == 2 && *index > 0 && filled > 0))
    };
    (0..head.len().min(LONGEST_PREAMBLE)).find(is_row).unwrap_or(0)
}

/// How many of the last columns are empty in all rows of this width.
fn empty_columns(grids: &[Grid<'_>], width: usize) -> usize {
    let rows = grids.iter().flat_map(|grid| (0..grid.len()).map(move |row| (grid, grid.row(row))));
    let empty = |(grid, row): (&Grid<'_>, &[Cell])| {
        row.iter().rev().take_while(|cell| grid.value(cell).is_empty()).count()
    };
    rows.filter(|(_, row)| row.len() == width).map(empty).min().unwrap_or(0).min(width.saturating_sub(1))
}

/// How many of the last columns are empty in the header and in all rows.
fn surplus(
    grids: &[Grid<'_>],
    header: &Header,
    cells: Option<&[Cell]>,
    width: usize,
    dialect: &Dialect,
) -> usize {
    let named = cells.map(|cells| {
        let is_empty = |cell: &&Cell| grids[0].value(cell).is_empty();
        width - cells[..cells.len().min(width)].iter().rev().skip_while(is_empty).count()
    });
    // Without a header, one delimiter at the end of every line is how some programs end it.
    let most =
        named.unwrap_or_else(|| usize::from(!matches!(dialect.delimiter.bytes(), b"," | b";" | b"\t")));
    let mut surplus = most.min(width.saturating_sub(1));
    for (index, grid) in grids.iter().enumerate() {
        let start = if index == 0 { header.start + header.rows } else { 0 };
        for row in (start..grid.len()).map(|row| grid.row(row)).filter(|row| row.len() == width) {
            let empty = row.iter().rev().take(surplus).take_while(|cell| grid.value(cell).is_empty()).count();
            surplus = surplus.min(empty);
        }
    }
    surplus
}
