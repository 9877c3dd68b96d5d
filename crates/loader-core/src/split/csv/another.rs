//! Another table in the same stream, with a header and a number of fields of its own.
//!
//! Read strictly, its records are rejects, because they have the wrong number of fields. Read
//! leniently, they would be padded or cut to rows that nobody wrote. So what follows the header of
//! another table is read strictly, until the header of the table stands there again.
//!
//! Such a header has another number of fields than the records, and the next records have as many
//! as it. It names columns: most of its fields are names of the table, too, or all of them are words,
//! which do not fit this table, and in a column of theirs there are values that are no words.

use super::Dialect;
use super::ahead::REACH;
use super::field::Field;
use super::kind::{Kind, kind};
use super::options::Options;
use super::read::Read;
use super::splitter::Splitter;
use super::walk::{Reading, Stop, walk};
use crate::memory::{self, OutOfMemory};
use crate::stream::{Error, Source};

/// So many records have as many fields as the header above them, …
const RECORDS: usize = 3;

/// … or so many at the end of the stream.
const LAST_RECORDS: usize = 2;

/// So many names are compared, …
const MOST_NAMES: usize = 64;

/// … of so many bytes of the table's header.
const LONGEST_NAMES: usize = 4096;

/// More columns than these are not looked at.
const MOST_COLUMNS: usize = 64;

impl<S: Source> Splitter<S> {
    /// Whether records are read strictly here.
    #[inline]
    pub(super) fn is_strict(&self) -> bool {
        self.options.strict || self.is_in_another_table()
    }

    /// Whether the header of another table was the last one.
    fn is_in_another_table(&self) -> bool {
        self.switches % 2 == 1
    }

    /// The header of the table is passed.
    #[inline]
    pub(super) fn go_back_to_table(&mut self) {
        self.switches += u64::from(self.is_in_another_table());
    }

    /// Whether the line at `start`, which reads as `line` says and has another number of fields than
    /// the records, is one of another table. It is known from then on if one begins.
    pub(super) fn is_of_another_table(&mut self, start: usize, line: &Read) -> Result<bool, Error> {
        if !self.is_in_another_table() && self.is_header_of_another(start, line)? {
            self.switches += 1;
        }
        Ok(self.is_in_another_table() && line.stop == Stop::End)
    }

    /// Whether the line at `start`, which reads as `line` says, is the header of another table.
    #[cold]
    fn is_header_of_another(&mut self, start: usize, line: &Read) -> Result<bool, Error> {
        let Options { dialect, width, .. } = self.options;
        if line.stop != Stop::End || line.fields == width || line.fields < 2 {
            return Ok(false);
        }
        let text = &self.cursor.bytes()[..line.end];
        list(text, &dialect, start, &mut self.fields)?;
        let is_empty = |field: &Field| field.start == field.end;
        if line.fields > width && self.fields[width..].iter().all(is_empty) {
            return Ok(false);
        }
        let repeats = self.repeats_names()?;
        let mut above_values = words(text, &self.fields);
        if !repeats {
            let fits = self.profile.fits(text, &self.fields[..line.fields.min(width)], 0);
            if above_values == 0 || (fits.contrary == 0 && line.fields < width) {
                return Ok(false);
            }
        }
        self.cursor.byte(start + REACH)?;
        let to = self.cursor.bytes().len().min(start + REACH);
        let is_whole = self.cursor.eof() && to == self.cursor.bytes().len();
        let text = &self.cursor.bytes()[..to];
        let (mut end, mut records) = (line.end, 0);
        while records < RECORDS {
            let at = dialect.next_line(text, end);
            if at == to {
                break;
            }
            let Some(read) = record(text, &dialect, at, is_whole)? else { break };
            if read.stop != Stop::End || read.fields != line.fields {
                return Ok(false);
            }
            list(&text[..read.end], &dialect, at, &mut self.fields)?;
            above_values &= values(text, &self.fields);
            (end, records) = (read.end, records + 1);
        }
        let is_end = is_whole && dialect.next_line(text, end) == to;
        let go_on = records == RECORDS || (is_end && records >= LAST_RECORDS);
        Ok(go_on && (repeats || above_values != 0))
    }

    /// Whether most of the fields that are listed are names of the table.
    fn repeats_names(&self) -> Result<bool, OutOfMemory> {
        let mut names = Vec::new();
        let header = &self.header[..self.header.len().min(LONGEST_NAMES)];
        list(header, &self.options.dialect, 0, &mut names)?;
        let text = self.cursor.bytes();
        let is_name = |field: &&Field| {
            let value = text[field.start..field.end].trim_ascii();
            let is_same = |name: &Field| header[name.start..name.end].trim_ascii() == value;
            !value.is_empty() && names.iter().take(MOST_NAMES).any(is_same)
        };
        let fields = &self.fields[..self.fields.len().min(MOST_NAMES)];
        let repeated = fields.iter().filter(is_name).count();
        Ok(repeated > 1 && repeated * 2 > fields.len())
    }
}

/// Lists the fields of the record that begins at `start`, at whose end the text ends.
fn list(text: &[u8], dialect: &Dialect, start: usize, to: &mut Vec<Field>) -> Result<(), OutOfMemory> {
    to.clear();
    walk(text, dialect, Reading::default(), (start, None), |field| memory::push(to, field)).map(|_| ())
}

/// What the record at `at` is by its quotes; `None` if it goes on behind the text.
fn record(text: &[u8], dialect: &Dialect, at: usize, is_whole: bool) -> Result<Option<Read>, OutOfMemory> {
    let end = match dialect.find_line_end(text, at) {
        Some(end) => end,
        None if is_whole => text.len(),
        None => return Ok(None),
    };
    let line = dialect.read_line(text, at, Dialect::text_end(text, at, end))?;
    dialect.read_on_within(text, line, is_whole)
}

/// The columns, a bit for each, where all fields are words; none where one is not.
fn words(text: &[u8], fields: &[Field]) -> u64 {
    let is_word =
        |field: &Field| matches!(kind(&text[field.start..field.end]), Kind::Word | Kind::Text | Kind::Truth);
    if fields.iter().all(is_word) { u64::MAX } else { 0 }
}

/// The columns, a bit for each of the first ones, that have values which are no words.
fn values(text: &[u8], fields: &[Field]) -> u64 {
    let is_value =
        |field: &Field| matches!(kind(&text[field.start..field.end]), Kind::Number | Kind::Time | Kind::Uuid);
    let columns = fields.iter().take(MOST_COLUMNS).enumerate().filter(|(_, field)| is_value(field));
    columns.fold(0, |columns, (column, _)| columns | 1 << column)
}

impl Dialect {
    /// The start of the first line from `at` on that is no comment and has more than blanks; the
    /// end where none has.
    fn next_line(&self, text: &[u8], mut at: usize) -> usize {
        loop {
            let end = self.find_line_end(text, at).unwrap_or(text.len());
            let is_comment = self.comment.is_some() && text.get(at).copied() == self.comment;
            if !is_comment && !text[at..end].trim_ascii().is_empty() {
                return at;
            }
            if end == text.len() {
                return end;
            }
            at = end + 1;
        }
    }
}
