//! Quoted fields that hold lines which look like records: whether that is a habit of a file, or
//! whether two quotes are lost.

use super::read::Read;
use super::walk::Stop;
use super::{Dialect, NewLine};
use crate::memory::{self, OutOfMemory};

/// So many records with such a field are a habit, …
const FEW: u32 = 2;

/// … or so many that two lost quotes might explain, …
const MANY: u32 = 4;

/// … if they are more than one in so many: of those over several lines, or of all.
const ONE_IN: u32 = 10;

/// What the records over several lines have, of which the first line ends in a column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    /// How many there are.
    records: u32,
    /// In how many of them lines are records by themselves, …
    nested: u32,
    /// … and in how many more that may be several records of which two lost a quote.
    doubtful: u32,
    /// How many records there are in all.
    all: u32,
}

impl Nesting {
    /// Whether it is a habit that lines in a field look like records.
    pub(super) fn is_habit(&self) -> bool {
        let either = self.nested + self.doubtful;
        (self.nested >= FEW && self.nested * ONE_IN > self.records)
            || (either >= MANY && either * ONE_IN > self.all)
    }
}

/// A record over several lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub(super) start: usize,
    /// Its first line ends before this index.
    pub(super) first_end: usize,
    pub(super) end: usize,
}

impl Lines {
    /// Whether one of its lines but the first and the last is a record by itself.
    pub(super) fn hold_record(
        self,
        text: &[u8],
        dialect: &Dialect,
        width: usize,
    ) -> Result<bool, OutOfMemory> {
        let text = &text[..self.end];
        let mut end = dialect.find_line_end(text, self.first_end);
        while let Some(before) = end {
            let at = before + 1;
            end = dialect.find_line_end(text, at);
            let Some(end) = end else { break };
            let line = dialect.read_line(text, at, Dialect::text_end(text, at, end))?;
            if line.fields == width && line.stop == Stop::End && width > 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many fields the first line and the last one have, if quotes are letters.
    pub(super) fn fields_of_ends(self, text: &[u8], dialect: &Dialect) -> (usize, usize) {
        let behind = &text[self.first_end..self.end];
        let before_last = match dialect.new_line {
            NewLine::Cr => memchr::memrchr2(b'\n', b'\r', behind),
            NewLine::Lf | NewLine::CrLf => memchr::memrchr(b'\n', behind),
        };
        let last = &behind[before_last.map_or(0, |at| at + 1)..];
        let first = &text[self.start..self.first_end];
        (dialect.count_delimiters(first) + 1, dialect.count_delimiters(last) + 1)
    }
}

/// What the columns have in a text that begins with a record, each record taken by its quotes.
/// `is_whole`: nothing follows it.
pub(super) fn nestings(
    text: &[u8],
    is_whole: bool,
    dialect: &Dialect,
    width: usize,
    most_columns: usize,
) -> Result<Vec<Nesting>, OutOfMemory> {
    let mut columns = Vec::new();
    memory::resize(&mut columns, width.min(most_columns), Nesting::default())?;
    let (mut at, mut all) = (0, 0);
    while at < text.len() {
        let Some(line_end) = dialect.find_line_end(text, at) else { break };
        let line = dialect.read_line(text, at, Dialect::text_end(text, at, line_end))?;
        let mut behind = line_end + 1;
        if let Stop::Open(_) = line.stop
            && let Some(column) = columns.get_mut(line.fields)
            && let Some(Read { end, fields, stop: Stop::End, .. }) =
                dialect.read_on_within(text, line, is_whole)?
            && fields == width
        {
            let lines = Lines { start: at, first_end: line.end, end };
            let ends = lines.fields_of_ends(text, dialect);
            column.records += 1;
            if lines.hold_record(text, dialect, width)? {
                let is_doubtful = ends.0.min(ends.1) >= width;
                column.doubtful += u32::from(is_doubtful);
                column.nested += u32::from(!is_doubtful);
            }
            all += 1;
            behind = dialect.find_line_end(text, end).map_or(text.len(), |end| end + 1);
        }
        all += u32::from(line.stop == Stop::End && line.fields == width);
        at = behind;
    }
    for column in &mut columns {
        column.all = all;
    }
    Ok(columns)
}
