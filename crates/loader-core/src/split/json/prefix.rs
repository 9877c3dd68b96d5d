//! Lines that have text before their record: what a logger, a shipper of logs or a protocol
//! writes there. The prefix is framing.

use super::outcome::Scanned;
use super::text;
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner};
use crate::memory::OutOfMemory;

/// At most this many brackets of a line are tried as the start of its record.
const CANDIDATES: usize = 32;

/// If at least one record in this many has a line of text before it, such lines belong to the
/// prefix of the record: they are the fields of an event, say, or the length of the record.
const USUAL: usize = 4;

/// With more lines than this for each record, the file is a text that holds a value now and then.
const RARE: usize = 4;

/// A way of reading explains nearly as much as another if it lacks one byte in this many at most:
/// pieces of broken records may be good values.
const NEARLY: usize = 16;

/// How lines with prefixes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    /// Lines without a record belong to the prefix of the next that has one.
    pub(super) texts_are_framing: bool,
}

/// What lines of the head show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Lines with text and a whole record, …
    records: usize,
    /// … bytes of these records, …
    bytes: usize,
    /// … those of them with text in front, …
    prefixed: usize,
    /// … and lines with text only.
    texts: usize,
    /// Records whose length stands on the line before.
    announced: usize,
    /// Lines that are a record, without text, …
    bare: usize,
    /// … and bytes of these.
    bare_bytes: usize,
}

impl Reading {
    /// How to read the lines, if that explains more of the head than the `explained` bytes
    /// that another way of reading does. Where text stands beside most records, or their lengths
    /// before them, nearly as much will do: the text is explained, too.
    pub(super) fn beats(&self, explained: usize) -> Option<Prefix> {
        let announced = self.announced * 2 > self.records;
        let usual = self.records * RARE >= self.texts;
        // A file may have been joined of lines with and without.
        let joined = self.prefixed * RARE >= self.bare && self.bytes * RARE >= self.bare_bytes;
        let bytes = self.bytes + if joined { self.bare_bytes } else { 0 };
        let beside = self.records > self.bare + self.texts;
        let nearly = self.bytes + self.bare_bytes >= explained - explained / NEARLY;
        let enough = bytes > explained || ((announced || beside) && nearly);
        let wins = self.records > 1 && usual && enough;
        wins.then_some(Prefix { texts_are_framing: self.texts * USUAL >= self.records })
    }
}

/// Reads the lines of a head.
pub(super) fn read(head: &[u8], whole: bool) -> Result<Reading, OutOfMemory> {
    let mut scanner = Scanner::for_text(true, head.len())?;
    let mut reading = Reading::default();
    let end = if whole { head.len() } else { memchr::memrchr(b'\n', head).unwrap_or(0) };
    // Of the line before, where it is a number.
    let mut length = None;
    for line in head[..end].split(|&b| b == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let announced = length.take();
        if is_piece(line) {
            continue;
        }
        match find(line, &mut scanner, |_| true, |_| true)? {
            // Other values, or pieces of some, are no prefix.
            Some(Found { start, .. }) if !is_text_before(line, start) => {}
            Some(Found { start, whole: Some(Scanned { end, .. }) }) => {
                let announced = announced.is_some_and(|length: usize| length.abs_diff(end - start) <= 2);
                let beside = line.len() - (end - start);
                if !tells(&line[start..end], beside) {
                    reading.texts += 1;
                } else if announced || has_text(&line[..start]) || has_text(&line[end..]) {
                    reading.records += 1;
                    reading.prefixed += usize::from(has_text(&line[..start]));
                    reading.bytes += end - start;
                } else {
                    reading.bare += 1;
                    reading.bare_bytes += end - start;
                }
                reading.announced += usize::from(announced);
                reading.texts += usize::from(announced);
            }
            Some(_) => {}
            None => {
                length = str::from_utf8(line).ok().and_then(|line| line.parse().ok());
                reading.texts += usize::from(length.is_none());
            }
        }
    }
    Ok(reading)
}

/// Whether a value with so many bytes beside it on its line is one that records may be, and
/// not what text has in brackets: a number, a list of two.
pub(super) fn tells(value: &[u8], beside: usize) -> bool {
    match value[1..].trim_ascii_start().first() {
        Some(b'}' | b']') | None => false,
        _ if value[0] == b'{' || value[1..].iter().any(|b| matches!(b, b'{' | b'[')) => true,
        _ => value.contains(&b',') && value.len() * 2 >= beside,
    }
}

/// Whether a line is a piece of a record that spans lines.
fn is_piece(line: &[u8]) -> bool {
    let rest = behind_closers(line);
    let opens = || matches!(rest.first(), None | Some(b'{' | b'[')) && text::opens(rest);
    text::is_member(line)
        || line.first() == Some(&b':')
        || rest.len() < line.len() && (text::is_member(rest) || opens())
}

/// A line without the brackets, commas and blanks at its front that close something.
fn behind_closers(line: &[u8]) -> &[u8] {
    let closers = line.iter().take_while(|b| matches!(b, b'}' | b']' | b',' | b' ' | b'\t')).count();
    &line[closers..]
}

/// Whether what stands before index `end` of a line is text, and no other value or piece of one.
pub(super) fn is_text_before(line: &[u8], end: usize) -> bool {
    let rest = behind_closers(line);
    text::is_prose_before(rest, end.saturating_sub(line.len() - rest.len()))
}

/// Whether more than framing is there.
fn has_text(bytes: &[u8]) -> bool {
    bytes.iter().any(|b| !matches!(b, b' ' | b'\t' | b'\r' | b',' | b'[' | b']' | b'}' | &RECORD_SEPARATOR))
}

/// Where the record of a line is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) start: usize,
    /// If it is whole and nothing but a remark follows it.
    pub(super) whole: Option<Scanned>,
}

/// Finds the record of a line: the first whole value that ends it, rather one that `owns`
/// says is like the others. Where none does, the first that begins as one, rather as
/// `opens` says that the others do.
pub(super) fn find(
    line: &[u8],
    scanner: &mut Scanner,
    owns: impl Fn(&[u8]) -> bool,
    opens: impl Fn(&[u8]) -> bool,
) -> Result<Option<Found>, OutOfMemory> {
    let (mut whole, mut broken, mut alike) = (None, None, None);
    // What lies before this is a part of a broken value, as it seems.
    let mut explained = 0;
    let mut at = 0;
    for _ in 0..CANDIDATES {
        let Some(next) = memchr::memchr2(b'{', b'[', &line[at..]) else { break };
        at += next;
        if !text::opens(&line[at..]) {
            at += 1;
            continue;
        }
        scanner.reset(true);
        match scanner.scan(line, at, true) {
            Progress::Done(end) => {
                let rest = &line[end..];
                if text::is_remark(rest) || !has_text(rest) && !rest.contains(&b'}') {
                    let scanned = Scanned { end, soft: scanner.soft(), deepest: scanner.deepest() };
                    let found = Found { start: at, whole: Some(scanned) };
                    // What it is like makes no difference where no other is to come.
                    let last =
                        whole.is_none() && at >= explained && memchr::memchr2(b'{', b'[', rest).is_none();
                    if last || owns(&line[at..end]) {
                        return Ok(Some(found));
                    }
                    if at >= explained {
                        whole = whole.or(Some(found));
                    }
                }
                at = end;
            }
            Progress::Broken(spot) => {
                let found = Found { start: at, whole: None };
                broken = broken.or(Some(found));
                if opens(&line[at..]) {
                    alike = alike.or(Some(found));
                }
                explained = explained.max(spot.at);
                at += 1;
            }
            Progress::OutOfMemory(error) => return Err(error),
            Progress::More(_) => break,
        }
    }
    Ok(whole.or(alike).or(broken))
}
