//! Which rows are the header: they hold names where the rows beneath hold values.

use super::super::Overrides;
use super::grid::{Cell, Grid};
use super::kinds::{KINDS, Kind, kind};
use crate::memory::{OutOfMemory, collect, filled, push};

/// A header has at most so many rows.
const LONGEST_HEADER: usize = 15;

/// So many rows of a sample tell what its columns hold.
const ROWS_LOOKED_AT: usize = 200;

/// Where the header stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// The first row of the header, or of the table where there is none.
    pub start: usize,
    /// So many rows are the header.
    pub rows: usize,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Column {
    /// Values of a strict form.
    Strict(Kind),
    /// Letters with digits, without a blank.
    Codes,
    /// Anything else.
    Texts,
}

/// What a row looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// Names, not values; where so many columns say so that chance does not.
    Header { certain: bool },
    /// Like the rows beneath.
    Data,
    /// The columns hold text, as names are.
    Either,
}

/// How the numbers of a row follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Steps {
    /// Not with the same steps.
    None,
    /// With the same steps.
    Alike,
    /// With the same steps, and they are years.
    Years,
}

struct Table<'a, 'g> {
    head: &'g Grid<'a>,
    columns: Vec<Column>,
}

/// Finds the header of a table whose first row is `first`.
pub(super) fn find(
    grids: &[Grid<'_>],
    width: usize,
    first: usize,
    overrides: &Overrides,
) -> Result<Header, OutOfMemory> {
    let table = Table { head: &grids[0], columns: columns(grids, width, first)? };
    if let Some(lines) = overrides.header {
        return Ok(Header { start: first, rows: usize::try_from(lines).unwrap_or(usize::MAX / 2) });
    }
    if table.head.len() == 0 {
        return Ok(Header { start: 0, rows: 1 });
    }
    let start = table.start(first, overrides);
    Ok(Header { start, rows: table.header_rows(start)? })
}

/// What the columns hold beneath the row `first`.
fn columns(grids: &[Grid<'_>], width: usize, first: usize) -> Result<Vec<Column>, OutOfMemory> {
    let mut tallies = filled(width, [0u32; KINDS])?;
    for (index, grid) in grids.iter().enumerate() {
        let start = if index > 0 { 0 } else { first + 1 };
        // Nor does the row beneath one that may group its columns or be a title.
        let is_above = |row: usize| has_gaps(grid, row) || grid.row(row).len() > width;
        let has_names = index == 0 && grid.len() > first + 2 && is_above(first);
        let start = start + usize::from(has_names);
        // A header of several rows does not decide, where there are enough others.
        let start = if index == 0 && grid.len() > first + 10 { first + 4 } else { start };
        let step = grid.len().saturating_sub(start) / ROWS_LOOKED_AT + 1;
        for row in (start..grid.len()).step_by(step).map(|row| grid.row(row)).filter(|row| row.len() == width)
        {
            for (cell, tally) in row.iter().zip(&mut tallies) {
                tally[kind(grid.value(cell), cell.quoted) as usize] += 1;
            }
        }
    }
    let mut columns = Vec::new();
    for tally in &tallies {
        push(&mut columns, column(tally))?;
    }
    Ok(columns)
}

/// Whether many cells of a row are empty.
fn has_gaps(grid: &Grid<'_>, index: usize) -> bool {
    let row = grid.row(index);
    grid.filled(row) * 10 <= row.len() * 7
}

fn column(tally: &[u32; KINDS]) -> Column {
    let filled = tally.iter().sum::<u32>() - tally[Kind::Empty as usize];
    let most = |kind: Kind| filled > 0 && tally[kind as usize] * 5 >= filled * 4;
    for kind in [Kind::Number, Kind::Time, Kind::Formal] {
        if most(kind) {
            return Column::Strict(kind);
        }
    }
    if most(Kind::Code) { Column::Codes } else { Column::Texts }
}

impl Table<'_, '_> {
    /// The first row of the header: one that has a cell too few or too many may stand above
    /// the first row of the right number, and so may one that groups columns.
    fn start(&self, first: usize, overrides: &Overrides) -> usize {
        let width = self.columns.len();
        // A line with more cells than the names beneath it is a title.
        let is_title = overrides.skip.is_none()
            && first + 1 < self.head.len()
            && self.head.row(first).len() > width
            && self.head.row(first + 1).len() == width
            && self.verdict(first + 1) == (Verdict::Header { certain: true });
        if is_title {
            return first + 1;
        }
        let Some(above) = first.checked_sub(1).filter(|_| overrides.skip.is_none() && width > 2) else {
            return first;
        };
        let row = self.head.row(above);
        let near = row.len() + 2 >= width && row.len() > 1 && self.head.filled(row) > 1;
        let is_header = matches!(self.verdict(above), Verdict::Header { .. });
        if near && self.verdict(first) != (Verdict::Header { certain: true }) && is_header {
            above
        } else {
            first
        }
    }

    /// How many rows from `start` on are the header.
    fn header_rows(&self, start: usize) -> Result<usize, OutOfMemory> {
        let end = self.head.len().min(start + LONGEST_HEADER);
        if start >= end {
            return Ok(0);
        }
        let first = self.head.row(start);
        let mut rows = match self.verdict(start) {
            Verdict::Header { .. } => 1,
            Verdict::Data if self.groups(start, end) => 1,
            Verdict::Data => return Ok(0),
            Verdict::Either if self.repeats(start) => return Ok(0),
            Verdict::Either => 1,
        };
        for index in start + rows..end {
            // These rows hold no names. They may be units, if names that are others follow.
            let mut above = start + rows..index;
            let row = self.head.row(index);
            let is_again = self.same(first, row);
            let is_header = if is_again {
                above.is_empty()
            } else {
                row.len() == first.len() && self.verdict(index) == (Verdict::Header { certain: true })
            };
            if !is_header {
                break;
            }
            if is_again || (self.has_names(index)? && !above.any(|row| self.shares(row, index))) {
                rows = index + 1 - start;
            }
        }
        // Where everything looks like names, the first row has them.
        Ok(if start + rows == self.head.len() && rows > 1 { 1 } else { rows })
    }

    /// Whether a row beneath another one has names or units, and is not a record in which values are
    /// missing: no record has one of them in the same column, and they differ from each other.
    fn has_names(&self, index: usize) -> Result<bool, OutOfMemory> {
        let is_record = |row: usize| self.shares(index, row) && self.verdict(row) == Verdict::Data;
        if (index + 1..self.head.len()).any(is_record) {
            return Ok(false);
        }
        // Beneath a row that groups the columns, each group may have the same names.
        if has_gaps(self.head, index - 1) {
            return Ok(true);
        }
        let cells = self.head.row(index).iter().filter(|cell| !self.is_empty(cell));
        let mut values = collect(cells.map(|cell| self.head.value(cell)))?;
        values.sort_unstable();
        Ok(values.windows(2).all(|pair| pair[0] != pair[1]))
    }

    /// Whether a cell holds nothing, or what stands for nothing.
    fn is_empty(&self, cell: &Cell) -> bool {
        kind(self.head.value(cell), cell.quoted) == Kind::Empty
    }

    /// Whether a row with gaps stands above a row of names, and groups its columns.
    fn groups(&self, start: usize, end: usize) -> bool {
        start + 1 < end
            && has_gaps(self.head, start)
            && self.verdict(start + 1) == (Verdict::Header { certain: true })
    }

    fn same(&self, one: &[Cell], other: &[Cell]) -> bool {
        one.len() == other.len()
            && one.iter().zip(other).all(|(a, b)| self.head.value(a) == self.head.value(b))
    }

    /// What a row looks like beside what the columns hold.
    fn verdict(&self, index: usize) -> Verdict {
        let row = self.head.row(index);
        let (mut unlike, mut like, mut hints) = (0, 0, 0);
        let mut strict = 0;
        for (cell, column) in row.iter().zip(&self.columns) {
            let kind = kind(self.head.value(cell), cell.quoted);
            strict += usize::from(matches!(column, Column::Strict(_)));
            match column {
                _ if kind == Kind::Empty => {}
                Column::Strict(usual) if *usual == kind => like += 1,
                Column::Strict(_) => unlike += 1,
                Column::Codes => hints += usize::from(matches!(kind, Kind::Word | Kind::Text)),
                Column::Texts => {}
            }
        }
        if like == 0 && unlike > 0 {
            Verdict::Header { certain: unlike > 1 && unlike * 2 > strict }
        } else if like > 0 && (unlike > like * 4 || self.counts_up(index)) {
            Verdict::Header { certain: false }
        } else if like > 0 {
            Verdict::Data
        } else if hints > 0 {
            Verdict::Header { certain: false }
        } else {
            Verdict::Either
        }
    }

    /// Whether the numbers of a row are names: years, or numbers with the same step, where those
    /// of the next row are not.
    fn counts_up(&self, index: usize) -> bool {
        let next =
            if index + 1 < self.head.len() { self.steps(self.head.row(index + 1)) } else { Steps::None };
        match self.steps(self.head.row(index)) {
            Steps::None => false,
            steps => steps != next,
        }
    }

    /// How the numbers of a row follow each other.
    fn steps(&self, row: &[Cell]) -> Steps {
        let mut last: Option<i64> = None;
        let mut step: Option<i64> = None;
        let mut count = 0;
        let mut years = true;
        for (cell, _) in
            row.iter().zip(&self.columns).filter(|(_, column)| **column == Column::Strict(Kind::Number))
        {
            let value = self.head.value(cell);
            if kind(value, false) != Kind::Number {
                continue;
            }
            let Some(number) = str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok()) else {
                return Steps::None;
            };
            if let Some(last) = last {
                let now = number.saturating_sub(last);
                if now == 0 || step.is_some_and(|step| step != now) {
                    return Steps::None;
                }
                step = Some(now);
            }
            years &= (1900..2100).contains(&number);
            last = Some(number);
            count += 1;
        }
        match count {
            2.. if years => Steps::Years,
            3.. => Steps::Alike,
            _ => Steps::None,
        }
    }

    /// Whether a value of a row stands in the same column again.
    fn repeats(&self, start: usize) -> bool {
        (start + 1..self.head.len()).any(|row| self.shares(start, row))
    }

    /// Whether two rows that are not the same have a value in the same column.
    fn shares(&self, one: usize, other: usize) -> bool {
        let (one, other) = (self.head.row(one), self.head.row(other));
        let is_shared =
            |(a, b): (&Cell, &Cell)| self.head.value(a) == self.head.value(b) && !self.is_empty(a);
        one.len() == other.len() && !self.same(one, other) && one.iter().zip(other).any(is_shared)
    }
}
