//! The next line of a file whose lines have text before their record.

use super::outcome::Scanned;
use super::prefix::{Found, Prefix, find, is_text_before};
use super::splitter::Splitter;
use super::text;
use crate::json::shape::Class;
use crate::split::Reader;
use crate::stream::{Error, Source};

/// The end of a line is looked for within this many bytes. In a longer line, the first bracket
/// decides where the record starts.
const LONGEST: usize = 16 * 1024 * 1024;

/// What comes next on a line.
pub(super) enum Line {
    /// A record, perhaps behind a prefix, and what was seen of it if it is whole.
    Record(usize, Option<Scanned>),
    /// Text up to there that counts as a prefix.
    Prefix(usize),
    /// Text up to there and no record.
    Text(usize),
    /// The rest of a line, up to there, on which a record was torn off.
    Torn(usize),
}

impl<S: Source, R: Reader> Splitter<S, R> {
    /// What stands at `start`, which is no framing, in a file whose lines have prefixes.
    pub(super) fn line(&mut self, start: usize, prefix: Prefix) -> Result<Line, Error> {
        let end = self.line_end(start)?;
        let line = &self.cursor.bytes()[start..end];
        if !self.begins_line(start) {
            // Behind the record of the line.
            return Ok(match text::is_remark(line) {
                true => Line::Prefix(end),
                false => Line::Record(start, None),
            });
        }
        if let Some(marker) = &self.options.line_prefix {
            return Ok(match memchr::memmem::find(line, marker) {
                Some(at) if !line[at + marker.len()..].trim_ascii().is_empty() => {
                    let behind = &line[at + marker.len()..];
                    Line::Record(end - behind.trim_ascii_start().len(), None)
                }
                _ => Line::Text(end),
            });
        }
        let profile = &self.profile;
        let learned = profile.records() > 0;
        let owns = |value: &[u8]| !learned || profile.owns(value);
        let opens = |text: &[u8]| !learned || profile.opens(text);
        let unknown = |found: &Found| {
            let class = Class::of(line[found.start]);
            learned && found.whole.is_some() && !class.is_some_and(|class| profile.knows_class(class))
        };
        let found = find(line, &mut self.scanner, owns, opens)?;
        Ok(match found.filter(|found| !unknown(found)) {
            // What lies before it may be the rest of a record that lost its start.
            Some(Found { start: at, whole }) => {
                let like = whole.is_some_and(|whole| learned && profile.owns(&line[at..whole.end]));
                match at == 0 || is_text_before(line, at) {
                    true => Line::Record(start + at, whole.map(|whole| whole.shifted(start))),
                    false if like => Line::Torn(start + line[..at].trim_ascii_end().len()),
                    false => Line::Record(start, None),
                }
            }
            None if !text::is_prose(line) => Line::Record(start, None),
            None if prefix.texts_are_framing => Line::Prefix(end),
            None => Line::Text(end),
        })
    }

    /// The end of the line of `start` without blanks, or as far as is looked.
    fn line_end(&mut self, start: usize) -> Result<usize, Error> {
        let end = self.find_line_end(start, start + LONGEST)?;
        let end = end.unwrap_or(self.cursor.bytes().len().min(start + LONGEST));
        Ok(start + self.cursor.bytes()[start..end].trim_ascii_end().len())
    }
}
