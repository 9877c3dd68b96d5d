//! A tolerant reading of a sample: what its rows and cells would be in one dialect. It never
//! fails: a quote that nothing closes is a letter, and is counted.

use memchr::{memchr, memchr_iter, memchr2};
use std::ops::Range;

use super::super::{Dialect, NewLine};
use crate::memory::{OutOfMemory, push};

/// The end of a quoted cell is looked for in so many bytes.
const LONGEST_QUOTED: usize = 64 * 1024;

/// So many bytes are looked through in vain, then a quote is a letter.
const MOST_IN_VAIN: usize = 32 * LONGEST_QUOTED;

/// A cell of the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    start: u32,
    end: u32,
    /// It stands in quotes, which are not counted to it.
    pub quoted: bool,
}

/// Where a row begins.
#[derive(Clone, Copy, Debug)]
struct Row {
    cell: u32,
    line: u32,
}

/// The rows of a sample in one dialect. Blank lines and comments are none.
pub(super) struct Grid<'a> {
    text: &'a [u8],
    cells: Vec<Cell>,
    rows: Vec<Row>,
    /// So many cells stand in quotes as they should.
    pub quoted: usize,
    /// So many quotes are opened and not closed, or have letters behind them.
    pub broken: usize,
    /// So many rows have a cell that holds a quote and does not begin with one.
    pub inside: usize,
    /// So many of these where more than blanks stand before it.
    pub behind: usize,
}

impl<'a> Grid<'a> {
    /// Reads a sample.
    pub(super) fn read(text: &'a [u8], dialect: &Dialect) -> Result<Grid<'a>, OutOfMemory> {
        let grid =
            Grid { text, cells: Vec::new(), rows: Vec::new(), quoted: 0, broken: 0, inside: 0, behind: 0 };
        let mut reader = Reader::new(text, dialect, grid);
        while reader.at < text.len() {
            if !reader.passes_over() {
                let is_comment = text[reader.at] == b'#';
                (reader.is_quote_inside, reader.is_quote_behind) = (false, false);
                reader.row()?;
                reader.grid.inside += usize::from(reader.is_quote_inside && !is_comment);
                reader.grid.behind += usize::from(reader.is_quote_behind && !is_comment);
            }
        }
        Ok(reader.grid)
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The cells of a row.
    pub(super) fn row(&self, index: usize) -> &[Cell] {
        let end = self.rows.get(index + 1).map_or(self.cells.len(), |row| row.cell as usize);
        &self.cells[self.rows[index].cell as usize..end]
    }

    /// How many lines of the sample stand before a row.
    pub(super) fn lines_before(&self, index: usize) -> u64 {
        u64::from(self.rows[index].line)
    }

    /// What a cell holds, escapes and blanks around it included.
    pub(super) fn raw(&self, cell: &Cell) -> &'a [u8] {
        &self.text[cell.start as usize..cell.end as usize]
    }

    /// What a cell holds, without blanks around it.
    pub(super) fn value(&self, cell: &Cell) -> &'a [u8] {
        self.raw(cell).trim_ascii()
    }

    /// How many cells of a row hold something.
    pub(super) fn filled(&self, row: &[Cell]) -> usize {
        row.iter().filter(|cell| !self.value(cell).is_empty()).count()
    }

    /// Forgets the last row, which the end of the sample may have cut.
    pub(super) fn drop_last(&mut self) {
        if let Some(row) = self.rows.pop() {
            self.cells.truncate(row.cell as usize);
        }
    }
}

/// Whether bytes that no text has stand here.
fn is_binary(cell: &[u8]) -> bool {
    cell.iter().any(|b| matches!(b, 0..=8 | 0x0E..=0x1F))
}

/// A part of a text in which no line ends, so that it is not looked through again.
#[derive(Debug, Default)]
struct OneLine(Range<usize>);

impl OneLine {
    /// Where the line that goes on at `start` ends, or `limit` if it does not end before it. Neither
    /// is ever before that of the last call.
    fn end(&mut self, text: &[u8], start: usize, limit: usize) -> usize {
        let known = if self.0.contains(&start) { self.0.end.min(limit) } else { start };
        let end = memchr2(b'\n', b'\r', &text[known..limit]).map_or(limit, |length| known + length);
        self.0 = start..end;
        end
    }
}

struct Reader<'a, 'd> {
    text: &'a [u8],
    dialect: &'d Dialect,
    at: usize,
    line: u32,
    /// Bytes at which a cell without quotes may end.
    stops: [bool; 256],
    /// Up to here no quote ends a cell.
    none_before: usize,
    /// So many bytes were looked through for the end of a quoted cell, and it was not there. Those
    /// behind a quote with letters behind it count from the second time on.
    in_vain: usize,
    /// Up to here the end of a quoted cell was looked for in vain.
    looked_to: usize,
    /// Where it is known that no line ends.
    one_line: OneLine,
    /// A cell of this row holds a quote and does not begin with one.
    is_quote_inside: bool,
    /// More than blanks stand before it.
    is_quote_behind: bool,
    grid: Grid<'a>,
}

impl<'a, 'd> Reader<'a, 'd> {
    fn new(text: &'a [u8], dialect: &'d Dialect, grid: Grid<'a>) -> Reader<'a, 'd> {
        let mut stops = [false; 256];
        for stop in [dialect.delimiter.bytes()[0], b'\n', b'\r'] {
            stops[usize::from(stop)] = true;
        }
        Reader {
            text,
            dialect,
            at: 0,
            line: 0,
            stops,
            none_before: 0,
            in_vain: 0,
            looked_to: 0,
            one_line: OneLine::default(),
            is_quote_inside: false,
            is_quote_behind: false,
            grid,
        }
    }

    /// The length of the line end here; 0 where there is none.
    fn line_end(&self, at: usize) -> usize {
        match self.text[at..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            [b'\r', ..] if self.dialect.new_line == NewLine::Cr => 1,
            _ => 0,
        }
    }

    fn is_delimiter(&self, at: usize) -> bool {
        self.text[at..].starts_with(self.dialect.delimiter.bytes())
    }

    /// Passes over a blank line or a comment.
    fn passes_over(&mut self) -> bool {
        let blank = self.text[self.at..]
            .iter()
            .position(|b| !matches!(b, b' ' | b'\t'))
            .map_or(self.text.len(), |length| self.at + length);
        if blank == self.text.len() {
            self.at = blank;
            return true;
        }
        let mut end = blank;
        if self.dialect.comment.is_some_and(|comment| comment == self.text[self.at]) {
            while end < self.text.len() && self.line_end(end) == 0 {
                end += 1;
            }
        } else if self.line_end(blank) == 0 {
            return false;
        }
        self.at = end;
        if end < self.text.len() {
            self.at += self.line_end(end);
            self.line += 1;
        }
        true
    }

    fn row(&mut self) -> Result<(), OutOfMemory> {
        push(&mut self.grid.rows, Row { cell: self.grid.cells.len() as u32, line: self.line })?;
        loop {
            let cell = self.cell();
            push(&mut self.grid.cells, cell)?;
            if self.at == self.text.len() {
                return Ok(());
            }
            let line_end = self.line_end(self.at);
            if line_end > 0 {
                self.at += line_end;
                self.line += 1;
                return Ok(());
            }
            self.at += self.dialect.delimiter.bytes().len();
            if self.at == self.text.len() {
                let end = self.at as u32;
                return push(&mut self.grid.cells, Cell { start: end, end, quoted: false });
            }
        }
    }

    /// Reads a cell up to its delimiter or the end of its row.
    fn cell(&mut self) -> Cell {
        let start = self.at;
        let quote = self.dialect.quote.filter(|&quote| self.text.get(start) == Some(&quote));
        if let Some(quote) = quote {
            if let Some(close) = self.closing(start, quote) {
                self.line += memchr_iter(self.newline(), &self.text[start..close]).count() as u32;
                self.at = self.behind_blanks(close + 1);
                return Cell { start: start as u32 + 1, end: close as u32, quoted: true };
            }
            self.grid.broken += 1;
        }
        let mut end = start;
        while end < self.text.len()
            && !(self.stops[usize::from(self.text[end])]
                && (self.is_delimiter(end) || self.line_end(end) > 0))
        {
            end += 1;
        }
        self.at = end;
        let cell = &self.text[start..end];
        let inner = || self.dialect.quote.and_then(|quote| memchr(quote, cell));
        if quote.is_none()
            && let Some(inner) = inner()
            && !is_binary(cell)
        {
            self.is_quote_inside = true;
            self.is_quote_behind |= !cell[..inner].trim_ascii().is_empty();
        }
        Cell { start: start as u32, end: end as u32, quoted: false }
    }

    fn newline(&self) -> u8 {
        if self.dialect.new_line == NewLine::Cr { b'\r' } else { b'\n' }
    }

    /// The index of the quote that closes the cell which the quote at `open` opens.
    fn closing(&mut self, open: usize, quote: u8) -> Option<usize> {
        if open < self.none_before || self.in_vain > MOST_IN_VAIN {
            return None;
        }
        let escape = self.dialect.escape.unwrap_or(quote);
        let mut limit = self.text.len().min(open + LONGEST_QUOTED);
        let mut at = open + 1;
        let mut stray = None;
        while let Some(found) =
            memchr2(quote, escape, &self.text[at.min(limit)..limit]).map(|found| at + found)
        {
            let byte = self.text[found];
            if byte == escape && (escape != quote || self.text.get(found + 1) == Some(&quote)) {
                at = found + 2;
                continue;
            }
            let end = self.behind_blanks(found + 1);
            if end == self.text.len() || self.is_delimiter(end) || self.line_end(end) > 0 {
                let is_whole = stray.is_none() && end == found + 1 && self.encloses(open, found);
                // Two apostrophes with lines between them say neither.
                self.grid.broken += usize::from(!is_whole && (stray.is_some() || self.encloses(open, found)));
                self.grid.quoted += usize::from(is_whole && (quote == b'"' || found > open + 1));
                return Some(found);
            }
            // A quote behind a delimiter opens a cell, so the one before did not.
            if self.text[open + 1..found].ends_with(self.dialect.delimiter.bytes()) {
                break;
            }
            // A quote with letters behind it: the cell goes on, but on this line only.
            if stray.is_none() {
                limit = self.one_line.end(self.text, open, limit);
                if limit < found {
                    break;
                }
            }
            stray = Some(found);
            at = found + 1;
        }
        let end = at.min(limit);
        match stray {
            Some(stray) => {
                self.none_before = stray;
                self.in_vain += end.min(self.looked_to).saturating_sub(open);
            }
            None => self.in_vain += end - open,
        }
        self.looked_to = self.looked_to.max(end);
        None
    }

    /// Whether these are quotes and not two apostrophes, with lines between them.
    fn encloses(&self, open: usize, close: usize) -> bool {
        self.text[open] == b'"' || memchr2(b'\n', b'\r', &self.text[open..close]).is_none()
    }

    /// Behind the blanks here, if they stand between a quote and the end of the cell.
    fn behind_blanks(&self, at: usize) -> usize {
        if at == self.text.len() || self.is_delimiter(at) {
            return at;
        }
        let blanks = self.text[at..].iter().take_while(|&&b| b == b' ').count();
        at + blanks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Grid<'_> {
        Grid::read(text.as_bytes(), &Dialect::default()).expect("memory")
    }

    #[test]
    fn a_line_is_looked_through_once_for_its_end() {
        let mut text = b"abcdef\nghi\rjkl".to_vec();
        let mut line = OneLine::default();
        let ends = [(0, 4), (1, 5), (2, 9), (6, 9), (7, 9), (8, 14), (11, 14)].map(|(start, limit)| {
            let end = line.end(&text, start, limit);
            assert!(text[start..end].iter().all(|b| !matches!(b, b'\n' | b'\r')));
            end
        });
        assert_eq!(ends, [4, 5, 6, 6, 9, 10, 14]);
        // Where none was, none is looked for.
        let mut line = OneLine::default();
        line.end(&text, 0, 5);
        text[3] = b'\n';
        assert_eq!(line.end(&text, 1, 5), 5);
        assert_eq!(OneLine::default().end(&text, 1, 5), 3);
    }

    #[test]
    fn what_is_looked_through_again_behind_stray_quotes_is_in_vain() {
        let last = "\n\"x\",1\n";
        let quoted = |line: String| read(&(line + last)).quoted;
        // Each of these cells is looked through once, as far as the next.
        assert_eq!(quoted("\"a\"b,".repeat(20_000)), 1);
        // Of two quotes behind each other, the first may close the cell or stand for a letter with
        // the second: so each of these cells could go on to the end of the line.
        assert_eq!(quoted("\"\"b,".repeat(100)), 1);
        assert_eq!(quoted("\"\"b,".repeat(20_000)), 0);
    }
}
