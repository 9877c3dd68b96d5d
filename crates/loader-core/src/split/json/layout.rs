//! Where records start, as the head of a file shows it: one a line, at lines of
//! one indentation, after record separators, or anywhere.

use super::enclosing::encloses;
use super::framing::BOM;
use super::head_values::{Seen, Values, bare, top_level};
use super::prefix::{self, Prefix};
use super::{Format, preamble, text};
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner};
use crate::json::shape::Class;
use crate::memory::{self, OutOfMemory};

/// What shows where records start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A newline ends a record. With `strict`, even one that could go on.
    Lines {
        /// The caller asked for newline-delimited records.
        strict: bool,
    },
    /// Records start on lines that are indented by this many bytes, what is
    /// inside of them lies deeper.
    Indented(usize),
    /// Record separators (RFC 7464) stand before records that span lines.
    Sequence,
    /// Nothing outside of the records themselves.
    Free,
}

/// What the head of a file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sniffed {
    pub(super) format: Format,
    pub(super) layout: Layout,
    /// Commas separate the records.
    pub(super) commas: bool,
    /// The first `[` of the file is framing.
    pub(super) unwrap: bool,
    /// So many values of the head are whole.
    pub(super) seen: usize,
    /// Lines have text before their record.
    pub(super) prefix: Option<Prefix>,
    /// Text stands before this index.
    pub(super) begin: usize,
    /// Nothing in the head is, or could be, a record.
    pub(super) is_text: bool,
    /// The indentation of the last line of most values that span lines.
    pub(super) closing: usize,
    /// So many bytes of the head are objects and arrays.
    pub(super) explained: usize,
    /// The head ends inside of a value.
    pub(super) opens: bool,
    /// The classes of the elements of the array that the head begins with, where that is
    /// well-formed.
    pub(super) elements: [bool; Class::COUNT],
    /// The file is one well-formed array of records: its structure alone decides.
    pub(super) sound: bool,
}

/// What the caller says of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) format: Option<Format>,
    /// A text ends the prefixes of lines.
    pub(super) prefixed: bool,
    /// The head is that of a file, not of an array inside of one.
    pub(super) is_file: bool,
}

/// Looks at the head of a file; `whole` says that it is all of it. Of two ways to read it
/// the one is taken that explains more bytes: values one after the other, or a value at the
/// end of each line.
pub(super) fn sniff(head: &[u8], whole: bool, asked: Asked) -> Result<Sniffed, OutOfMemory> {
    let format = asked.format;
    let by_line = asked.is_file && matches!(format, None | Some(Format::NewlineDelimited));
    let begins = match asked.is_file && !asked.prefixed {
        true => preamble::ends(head, whole, format == Some(Format::Array))?,
        false => Vec::new(),
    };
    let nothing = asked.is_file && !asked.prefixed && begins.is_empty();
    // The array around the records explains less than the same and a value in the text
    // before it.
    let worth =
        |sniffed: &Sniffed| sniffed.explained + if sniffed.unwrap { sniffed.explained / 8 + 1 } else { 0 };
    let mut sniffed = sniff_values(head, begins.first().copied().unwrap_or(0), whole, asked)?;
    for &begin in begins.iter().skip(1) {
        let other = sniff_values(head, begin, whole, asked)?;
        if worth(&other) > worth(&sniffed) {
            sniffed = other;
        }
    }
    let prefix = match by_line {
        true if asked.prefixed => Some(Prefix { texts_are_framing: false }),
        true => prefix::read(head, whole)?.beats(sniffed.explained),
        false => None,
    };
    if prefix.is_some() {
        let strict = Layout::Lines { strict: true };
        let format = Format::NewlineDelimited;
        return Ok(Sniffed {
            format,
            layout: strict,
            unwrap: false,
            sound: false,
            prefix,
            begin: 0,
            is_text: false,
            ..sniffed
        });
    }
    let scalars =
        format.is_none() && !sniffed.unwrap && sniffed.explained == 0 && !sniffed.opens && !has_openers(head);
    let hollow = whole && asked.is_file && head.contains(&0) && preamble::first_filled(head) == head.len();
    let is_text = nothing || hollow || (scalars && sniffed.seen > 0 && !has_scalar_lines(head, whole)?);
    // Each line is looked at by itself.
    let begin = if format == Some(Format::NewlineDelimited) { 0 } else { sniffed.begin };
    Ok(Sniffed { is_text, begin, ..sniffed })
}

/// Reads the head as values one after the other, from `begin` on.
fn sniff_values(head: &[u8], begin: usize, whole: bool, asked: Asked) -> Result<Sniffed, OutOfMemory> {
    let start = if begin == 0 && head.starts_with(BOM) { BOM.len() } else { begin };
    let first = skip_blank(head, start);
    let bracket = head.get(first) == Some(&b'[');
    let unwrap = match asked.format {
        Some(Format::Unstructured) => false,
        Some(Format::NewlineDelimited) => false,
        Some(Format::Array) => bracket,
        None => bracket && encloses(head, first, whole)?,
    };
    let Values { seen, commas, mut explained, opens } =
        top_level(head, if unwrap { first + 1 } else { start }, whole)?;
    let (mut elements, mut sound) = ([false; Class::COUNT], false);
    if unwrap {
        let end = match Scanner::for_text(false, head.len())?.scan(head, first, whole) {
            Progress::Done(end) => {
                sound = asked.is_file && whole && begin == 0 && head[end..].trim_ascii().is_empty();
                end
            }
            Progress::More(_) => head.len(),
            _ => first,
        };
        // What is between the elements is explained, too.
        explained = explained.max(end - first);
        // One that is little of the head may be a record, and of one inside of a document it is
        // not known where it ends.
        let holds_all = asked.is_file && (end - first) * 2 > head.len() - first;
        for element in seen.iter().filter(|element| holds_all && element.at < end) {
            elements[element.class as usize] = true;
        }
    }
    let layout = match asked.format {
        Some(Format::NewlineDelimited) => Layout::Lines { strict: true },
        _ => layout_of(head, &seen, whole)?,
    };
    let format = asked.format.unwrap_or(match layout {
        Layout::Lines { .. } => Format::NewlineDelimited,
        _ if unwrap => Format::Array,
        _ => Format::Unstructured,
    });
    Ok(Sniffed {
        format,
        layout,
        commas,
        unwrap,
        seen: seen.len(),
        closing: closing(&seen),
        explained,
        opens,
        elements,
        sound,
        prefix: None,
        begin,
        is_text: false,
    })
}

/// Whether there is a bracket that seems to open something.
fn has_openers(head: &[u8]) -> bool {
    memchr::memchr2_iter(b'{', b'[', head).any(|at| text::opens(&head[at..]))
}

/// Whether most lines are one scalar each.
fn has_scalar_lines(head: &[u8], whole: bool) -> Result<bool, OutOfMemory> {
    let end = if whole { head.len() } else { memchr::memrchr(b'\n', head).unwrap_or(head.len()) };
    let mut scanner = Scanner::for_text(true, head.len())?;
    let mut is_scalar = |line: &[u8]| {
        scanner.reset(true);
        scanner.scan(line, 0, true) == Progress::Done(line.len())
    };
    let (mut scalars, mut others) = (0, 0);
    for line in head[..end].split(|&b| b == b'\n').map(bare).filter(|line| !line.is_empty()) {
        match is_scalar(line) {
            true => scalars += 1,
            // A heading and numbers below it are a table of one column.
            false if scalars == 0 => others += 16,
            false => others += 1,
        }
    }
    Ok(scalars > others)
}

fn layout_of(head: &[u8], seen: &[Seen], whole: bool) -> Result<Layout, OutOfMemory> {
    let single = seen.iter().filter(|seen| !seen.many_lines && seen.at_line_start && seen.alone).count();
    let many = seen.iter().filter(|seen| seen.many_lines);
    let at_lines = seen.iter().filter(|seen| seen.at_line_start && (seen.many_lines || seen.alone)).count();
    // The first record starts a line in any file.
    let scattered = seen.len() - at_lines;
    let newlines = memchr::memchr_iter(b'\n', head.trim_ascii()).count();
    if newlines > 0 && seen.is_empty() {
        return Ok(guess_from_lines(head, whole));
    }
    let separated = seen.iter().filter(|seen| seen.separator).count() * 2 > seen.len();
    if scattered > at_lines / 2 + 1 || (scattered > 0 && at_lines <= 1) || newlines == 0 {
        return Ok(if separated { Layout::Sequence } else { Layout::Free });
    }
    if many.clone().count() * 8 <= single {
        return Ok(Layout::Lines { strict: false });
    }
    if separated {
        return Ok(Layout::Sequence);
    }
    // The indentation that most of the records have, by their bytes: pieces of a broken one may
    // be many. The first may stand elsewhere.
    let at_starts = seen.iter().filter(|seen| seen.at_line_start);
    let mut indents: Vec<(usize, usize)> = memory::collect(at_starts.map(|seen| (seen.indent, seen.length)))?;
    indents.sort_unstable();
    let bytes = |same: &[(usize, usize)]| same.iter().map(|(_, length)| length).sum::<usize>();
    let most = indents.chunk_by(|a, b| a.0 == b.0).max_by_key(|same| bytes(same));
    let Some(&(indent, _)) = most.and_then(|same| same.first()) else { return Ok(Layout::Free) };
    let many = many.filter(|seen| seen.at_line_start && seen.indent == indent);
    let clean = many.clone().filter(|seen| seen.clean());
    let count = many.count();
    if count == 0 || clean.clone().count() * 8 < count * 7 {
        return Ok(Layout::Free);
    }
    // A record that stands a little deeper than the others is one all the same.
    let inner = clean.map(|seen| seen.inner).min().unwrap_or(usize::MAX);
    Ok(Layout::Indented(if inner == usize::MAX { indent } else { inner - 1 }))
}

fn closing(seen: &[Seen]) -> usize {
    let lasts = || seen.iter().filter(|seen| seen.many_lines).map(|seen| seen.closing);
    lasts().max_by_key(|&last| lasts().filter(|&other| other == last).count()).unwrap_or(0)
}

/// No value is whole: lines that start like records and end like them are
/// damaged records, one a line.
fn guess_from_lines(head: &[u8], whole: bool) -> Layout {
    let end = if whole { head.len() } else { memchr::memrchr(b'\n', head).unwrap_or(0) };
    let lines = head[..end].split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let open = |line: &&[u8]| line.len() > 2 && matches!(line[0], b'{' | b'[');
    let close = |line: &&[u8]| matches!(line[line.len() - 1], b'}' | b']' | b',');
    let like_records = lines.clone().filter(open).filter(close).count();
    let filled = lines.filter(|line| line.len() > 1).count();
    if like_records * 2 >= filled && filled > 0 { Layout::Lines { strict: false } } else { Layout::Free }
}

fn skip_blank(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|b| b.is_ascii_whitespace() || **b == RECORD_SEPARATOR).count()
}
