//! What the records of a file look like: the kinds of values in its columns, and how they are
//! quoted. It is learned from the head of the stream, once.

use super::Dialect;
use super::field::Field;
use super::kind::{KINDS, Kind, kind};
use super::nested::{Lines, Nesting, nestings};
use super::read::Read;
use super::walk::{Reading, Stop, walk};
use crate::memory::{self, OutOfMemory};

/// So much of the stream, from the first record on, is learned from. Bytes.
pub(super) const HEAD: usize = 128 * 1024;

/// So many records are learned from.
const MOST_RECORDS: u64 = 1000;

/// A column of fewer values says nothing.
const FEW: u32 = 3;

/// A column of so many values says that what it never has is unusual.
const MANY: u32 = 16;

/// More columns than these are not told apart.
const MOST_COLUMNS: usize = 4096;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    kinds: [u32; KINDS],
    /// How many are not empty.
    values: u32,
    /// Of these, how many are quoted, …
    quoted: u32,
    /// … begin with a blank, …
    indented: u32,
    /// … have a line end in them.
    broken: u32,
    /// The records of which the first line ends in it.
    nesting: Nesting,
}

/// How a value fits a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is of the kind that the column has, and most texts are not.
    Strong,
    /// It may be one of the column's.
    Neutral,
    /// None of the column's is so.
    Contrary,
}

/// How the fields of a record fit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fits {
    /// So many fit strongly.
    pub(super) strong: u32,
    /// So many do not fit.
    pub(super) contrary: u32,
}

impl Fits {
    fn add(&mut self, fit: Fit) {
        match fit {
            Fit::Strong => self.strong += 1,
            Fit::Contrary => self.contrary += 1,
            Fit::Neutral => {}
        }
    }
}

/// What the records of a file look like.
#[derive(Debug, Default)]
pub(super) struct Profile {
    columns: Vec<Column>,
}

impl Column {
    fn learn(&mut self, value: &[u8], quoted: bool) {
        let kind = kind(value);
        self.kinds[kind as usize] += 1;
        if kind == Kind::Empty {
            return;
        }
        self.values += 1;
        self.quoted += u32::from(quoted);
        self.indented += u32::from(value.starts_with(b" "));
        self.broken += u32::from(memchr::memchr(b'\n', value).is_some());
    }

    /// The kind that nearly all values are of, if that is one which texts are not.
    fn typed(&self) -> Option<Kind> {
        let kinds = [Kind::Number, Kind::Time, Kind::Truth, Kind::Uuid];
        let most = |kind: &Kind| self.kinds[*kind as usize] * 10 >= self.values * 9;
        kinds.into_iter().find(most).filter(|_| self.values >= FEW)
    }

    /// Whether lines end in its values. One may be a mistake.
    fn is_broken(&self) -> bool {
        self.broken > 1
    }

    /// Whether this column, as the first one, seldom has such a value.
    fn is_headless(&self, value: &[u8]) -> bool {
        let is_empty = value.trim_ascii().is_empty();
        let seldom = self.kinds[Kind::Empty as usize] * 8 < self.values && self.values >= MANY;
        self.typed().is_some() || (is_empty && seldom)
    }

    fn fit(&self, value: &[u8], quoted: bool) -> Fit {
        let kind = kind(value);
        if kind == Kind::Empty {
            let never = self.kinds[Kind::Empty as usize] == 0 && self.values >= MANY;
            return if never && self.typed().is_some() { Fit::Contrary } else { Fit::Neutral };
        }
        if self.values >= MANY {
            let is_quoted = self.quoted * 50 >= self.values * 49;
            if (is_quoted && !quoted) || (self.indented == 0 && value.starts_with(b" ")) {
                return Fit::Contrary;
            }
        }
        match self.typed() {
            Some(typed) if typed == kind => Fit::Strong,
            Some(_) if self.kinds[kind as usize] * 50 >= self.values.max(100) => Fit::Neutral,
            Some(_) => Fit::Contrary,
            None => Fit::Neutral,
        }
    }
}

impl Profile {
    /// Learns from a text that begins with a record. `is_whole`: nothing follows it.
    pub(super) fn learn(
        &mut self,
        text: &[u8],
        is_whole: bool,
        dialect: &Dialect,
        width: usize,
    ) -> Result<(), OutOfMemory> {
        memory::resize(&mut self.columns, width.min(MOST_COLUMNS), Column::default())?;
        let nestings = nestings(text, is_whole, dialect, width, MOST_COLUMNS)?;
        for (column, nesting) in self.columns.iter_mut().zip(nestings) {
            column.nesting = nesting;
        }
        let (mut at, mut records) = (0, 0);
        while at < text.len() && records < MOST_RECORDS {
            let end = match dialect.find_line_end(text, at) {
                Some(end) => end,
                None if is_whole => text.len(),
                None => break,
            };
            let mut read = dialect.read_line(text, at, Dialect::text_end(text, at, end))?;
            if let Stop::Open(_) = read.stop {
                let column = read.fields;
                if let Some(whole) = dialect.read_on_within(text, read, is_whole)?
                    && whole.fields == width
                    && whole.stop == Stop::End
                    && (self.is_nesting(column)
                        || !Lines { start: at, first_end: read.end, end: whole.end }
                            .hold_record(text, dialect, width)?)
                {
                    read = whole;
                }
            }
            if read.fields == width && read.stop == Stop::End && read.end > at {
                self.learn_record(text, at, &read, dialect)?;
                records += 1;
            }
            at = dialect.find_line_end(text, read.end).map_or(text.len(), |end| end + 1);
        }
        Ok(())
    }

    fn learn_record(
        &mut self,
        text: &[u8],
        at: usize,
        read: &Read,
        dialect: &Dialect,
    ) -> Result<(), OutOfMemory> {
        let mut columns = self.columns.iter_mut();
        let each = |field: Field| {
            if let Some(column) = columns.next() {
                column.learn(&text[field.start..field.end], field.quoted);
            }
            Ok(())
        };
        walk(&text[..read.end], dialect, Reading::default(), (at, None), each).map(|_| ())
    }

    /// How fields fit, the first of which is in the column `first`. `text` is what their
    /// indexes are of.
    pub(super) fn fits(&self, text: &[u8], fields: &[Field], first: usize) -> Fits {
        let mut fits = Fits::default();
        for (n, (field, column)) in fields.iter().zip(self.columns.iter().skip(first)).enumerate() {
            let value = &text[field.start..field.end];
            let fit = column.fit(value, field.quoted);
            // A record is known by its first value.
            let is_headless = first + n == 0 && fit == Fit::Neutral && column.is_headless(value);
            fits.add(if is_headless { Fit::Contrary } else { fit });
        }
        fits
    }

    /// Whether lines end in values of any column.
    pub(super) fn has_broken(&self) -> bool {
        self.columns.iter().any(Column::is_broken)
    }

    /// Whether lines end in values of the column.
    pub(super) fn is_broken(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(Column::is_broken)
    }

    /// Whether a line may end in a value of the column, as far as is known.
    pub(super) fn may_be_broken(&self, column: usize) -> bool {
        self.columns.get(column).is_none_or(|column| column.is_broken() || column.values < MANY)
    }

    /// Whether it is a habit of the file that lines in values of the column look like records.
    pub(super) fn is_nesting(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.nesting.is_habit())
    }

    /// Whether the column has values that texts are not.
    pub(super) fn is_typed(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.typed().is_some())
    }
}
