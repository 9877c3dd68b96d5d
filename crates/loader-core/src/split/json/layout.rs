//! Where records start, as the head of a file shows it: one a line, at lines of
//! one indentation, after record separators, or anywhere.

use super::framing::BOM;
use super::prefix::{self, Prefix};
use super::{Format, preamble, text};
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner};
use crate::json::shape::{self, Class, Shape};
use crate::memory::{self, OutOfMemory};

/// Scanning in the head may cost so many times its length; damage that makes
/// every line look like the start of a value to the end must not be quadratic.
const EFFORT: usize = 16;

/// An array that is so many times as long as all behind it holds the records.
const MOSTLY: usize = 8;

/// So many values are looked at for one like the first.
const TRIES: usize = 8;

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

/// The values of a head, one after the other.
struct Values {
    /// Those that are whole.
    seen: Vec<Seen>,
    /// Commas are between them.
    commas: bool,
    /// See [`Sniffed::explained`].
    explained: usize,
    /// See [`Sniffed::opens`].
    opens: bool,
}

/// A record that the head shows whole.
struct Seen {
    at_line_start: bool,
    /// Only framing follows it on its line.
    alone: bool,
    indent: usize,
    many_lines: bool,
    /// The least indentation of the lines inside of it, but for closing ones.
    inner: usize,
    /// The indentation of its last line.
    closing: usize,
    /// A record separator stands before it.
    separator: bool,
    class: Class,
    /// Where it starts, and how long it is, in bytes.
    at: usize,
    length: usize,
}

impl Seen {
    /// Whether all that is inside of it lies deeper.
    fn clean(&self) -> bool {
        self.inner > self.indent
    }
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
    let mut sniffed = sniff_values(head, begins.first().copied().unwrap_or(0), whole, format)?;
    for &begin in begins.iter().skip(1) {
        let other = sniff_values(head, begin, whole, format)?;
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
    // What is found of an array inside of a document may end anywhere.
    let elements = if asked.is_file { sniffed.elements } else { [false; Class::COUNT] };
    // Each line is looked at by itself.
    let begin = if format == Some(Format::NewlineDelimited) { 0 } else { sniffed.begin };
    Ok(Sniffed { is_text, begin, elements, sound: sniffed.sound && asked.is_file, ..sniffed })
}

/// Reads the head as values one after the other, from `begin` on.
fn sniff_values(
    head: &[u8],
    begin: usize,
    whole: bool,
    asked: Option<Format>,
) -> Result<Sniffed, OutOfMemory> {
    let start = if begin == 0 && head.starts_with(BOM) { BOM.len() } else { begin };
    let first = skip_blank(head, start);
    let bracket = head.get(first) == Some(&b'[');
    let unwrap = match asked {
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
                sound = whole && begin == 0 && head[end..].trim_ascii().is_empty();
                end
            }
            Progress::More(_) => head.len(),
            _ => first,
        };
        // What is between the elements is explained, too.
        explained = explained.max(end - first);
        // One that is little of the head may be a record.
        let holds_all = (end - first) * 2 > head.len() - first;
        for element in seen.iter().filter(|element| holds_all && element.at < end) {
            elements[element.class as usize] = true;
        }
    }
    let layout = match asked {
        Some(Format::NewlineDelimited) => Layout::Lines { strict: true },
        _ => layout_of(head, &seen, whole)?,
    };
    let format = asked.unwrap_or(match layout {
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

/// Whether the bracket that opens a file opens an array around its records, and
/// is not the first byte of a record that is an array.
fn encloses(head: &[u8], first: usize, whole: bool) -> Result<bool, OutOfMemory> {
    let line_end = memchr::memchr(b'\n', &head[first..]).map_or(head.len(), |at| first + at);
    let rest = bare(&head[first + 1..line_end]);
    let mut scanner = Scanner::for_text(false, head.len())?;
    let progress = scanner.scan(head, first, whole);
    if let Progress::Done(end) = progress
        && head[first + 1..].trim_ascii_start().starts_with(b"{")
    {
        let behind = top_level(head, end, whole)?.seen;
        // Next to it, a few arrays in the text behind it are nothing.
        let arrays = behind.iter().filter(|seen| seen.class == Class::Array).map(|seen| seen.length);
        if arrays.sum::<usize>() * MOSTLY < end - first {
            return Ok(true);
        }
        if holds_objects(&head[first..end]) {
            return Ok(holds_records(&head[first..end], &behind));
        }
    }
    if rest.is_empty() && line_end < head.len() {
        return Ok(encloses_lines(head, first, line_end) && !stands_beside(head, first, whole, &mut scanner));
    }
    if let Progress::Done(end) = progress {
        let after = top_level(head, end, whole)?.seen;
        let objects = rest.starts_with(b"{");
        if after.is_empty() && !objects {
            return Ok(head.get(skip_framing(head, end)) != Some(&b'['));
        }
        let other = |seen: &Seen| seen.class == Class::Array || (!objects && seen.class == Class::Object);
        return Ok(!after.iter().any(other));
    }
    if line_end == head.len() {
        return Ok(rest.starts_with(b"{") || !values_touch(head));
    }
    scanner.reset(true);
    let container = matches!(rest.first(), Some(b'{' | b'['));
    if container && matches!(scanner.scan(rest, 0, true), Progress::Done(_)) {
        return Ok(!lines_are_arrays(head, first)?);
    }
    Ok(rest.starts_with(b"{"))
}

/// Whether all elements of a whole array are objects, or the first of many are.
fn holds_objects(array: &[u8]) -> bool {
    matches!(shape::of(array), Some(Shape::Array(classes, count))
        if count > 0 && classes.iter().all(|class| class == Class::Object))
}

/// Whether the array of objects that opens a file holds its records: it does not where it is
/// one line of many that are such arrays.
fn holds_records(array: &[u8], behind: &[Seen]) -> bool {
    let lines = behind.iter().filter(|seen| seen.class == Class::Array && !seen.many_lines && seen.alone);
    let lines = lines.count();
    array.contains(&b'\n') || lines == 0 || lines <= behind.len() - lines
}

/// Whether more arrays of a long line follow each other directly than objects
/// with a comma between them: those in an array do not.
fn values_touch(head: &[u8]) -> bool {
    let (mut touching, mut separated) = (0, 0);
    for at in memchr::memchr2_iter(b']', b'}', head) {
        let mut next = head[at + 1..].iter().filter(|b| !matches!(b, b' ' | b'\t'));
        match next.next() {
            Some(b'[') if head[at] == b']' => touching += 1,
            Some(b',') if head[at] == b'}' => separated += usize::from(next.next() == Some(&b'{')),
            _ => {}
        }
    }
    touching > separated
}

/// A bracket alone on its line encloses what lies deeper below it, unless other
/// values start as far left as it does; and what lies no deeper, as in an array
/// with one record a line.
fn encloses_lines(head: &[u8], first: usize, line_end: usize) -> bool {
    let line = memchr::memrchr(b'\n', &head[..first]).map_or(0, |at| at + 1);
    let indent_of = |line: &[u8]| line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let own = indent_of(&head[line..]);
    let mut below = head[line_end + 1..].split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let next = match below.next() {
        Some(next) if indent_of(next) > own => indent_of(next),
        _ => return true,
    };
    let (mut beside, mut inside) = (0, 0);
    for line in below {
        let text = bare(line);
        let closers = text.iter().take_while(|b| matches!(b, b']' | b'}')).count();
        let opens = |b: Option<&u8>| matches!(b, Some(b'[' | b'{'));
        let after = text[closers..].iter().find(|b| !matches!(b, b' ' | b'\t' | b','));
        let comma = line.trim_ascii_start().first() == Some(&b',');
        let other = opens(text.get(closers)) && text::opens(&text[closers..]);
        beside += usize::from(indent_of(line) <= own && !comma && other);
        inside += usize::from(indent_of(line) == next && opens(after));
    }
    // Rubbish may look like a value or two.
    beside * 6 <= inside
}

/// Whether the array at `first` is whole, and another that spans lines, too, starts below it as
/// far left.
fn stands_beside(head: &[u8], first: usize, whole: bool, scanner: &mut Scanner) -> bool {
    let (_, indent, _) = line_of(head, first, first);
    let Progress::Done(mut end) = scanner.scan(head, first, whole) else { return false };
    for _ in 0..TRIES {
        let Some(line) = next_start(head, end, indent, end) else { return false };
        let start = skip_framing(head, line);
        scanner.reset(false);
        match scanner.scan(head, start, whole) {
            Progress::Done(behind) if head[start] == b'[' && head[start..behind].contains(&b'\n') => {
                return true;
            }
            Progress::Done(behind) => end = behind,
            Progress::Broken(_) => end = start,
            Progress::More(_) | Progress::OutOfMemory(_) => return false,
        }
    }
    false
}

/// Whether the line at `first` and most others are each a whole array.
fn lines_are_arrays(head: &[u8], first: usize) -> Result<bool, OutOfMemory> {
    let mut scanner = Scanner::for_text(true, head.len())?;
    let mut is_array = |line: &[u8]| {
        scanner.reset(true);
        line.first() == Some(&b'[') && scanner.scan(line, 0, true) == Progress::Done(line.len())
    };
    let mut lines = head[first..].split(|&b| b == b'\n').map(bare).filter(|line| !line.is_empty());
    let first_is_array = lines.next().is_some_and(&mut is_array);
    let (mut arrays, mut others) = (0, 0);
    for line in lines {
        match is_array(line) {
            true => arrays += 1,
            false => others += 1,
        }
    }
    Ok(first_is_array && arrays > others)
}

/// A line without what may separate it from its neighbours.
fn bare(line: &[u8]) -> &[u8] {
    let framing = |b: &u8| b.is_ascii_whitespace() || matches!(*b, b',' | RECORD_SEPARATOR);
    let start = line.iter().position(|b| !framing(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !framing(b)).map_or(start, |at| at + 1);
    &line[start..end]
}

/// Parses the head from value to value, and where one is broken from line to
/// line, and tells of each value that is whole where it stood; and whether
/// commas were between them.
fn top_level(head: &[u8], from: usize, whole: bool) -> Result<Values, OutOfMemory> {
    let mut scanner = Scanner::for_text(false, head.len())?;
    let mut line_scanner = Scanner::for_text(true, head.len())?;
    let mut effort = head.len() * EFFORT;
    let mut seen: Vec<Seen> = Vec::new();
    let (mut with_comma, mut without) = (0usize, 0usize);
    let (mut explained, mut opens) = (0, false);
    // The line that the last value that counts began on.
    let mut values_on = None;
    // Where the value or text before ends, and whether that was an object or array.
    let mut before = (from, true);
    let mut i = from;
    loop {
        let gap = i;
        i = skip_framing(head, i);
        if i >= head.len() {
            break;
        }
        let (line, indent, at_line_start) = line_of(head, i, from);
        if let Some(end) = scalar_beside(head, gap, i, &seen, &mut line_scanner) {
            i = end;
            continue;
        }
        scanner.reset(false);
        match scanner.scan(head, i, whole) {
            Progress::Done(end) if swallows_lines(&head[i..end], indent, &seen, &mut line_scanner) => {
                let Some(next) = next_start(head, line, indent, i) else { break };
                effort = effort.saturating_sub(end - i);
                i = next;
            }
            Progress::Done(end) => {
                if !seen.is_empty() {
                    match head[gap..i].contains(&b',') {
                        true => with_comma += 1,
                        false => without += 1,
                    }
                }
                let inside = inner_lines(head, i, end).filter(|(_, b)| !matches!(b, b'}' | b']'));
                let inner = inside.map(|(inner, _)| inner).min().unwrap_or(usize::MAX);
                let last = memchr::memrchr(b'\n', &head[..end]).map_or(0, |at| at + 1);
                let closing = head[last..end].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                let separator = head[gap..i].contains(&RECORD_SEPARATOR);
                let class = Class::of(head[i]).unwrap_or(Class::Null);
                let many_lines = head[i..end].contains(&b'\n');
                let container = matches!(class, Class::Object | Class::Array);
                let apart = at_line_start || many_lines || (before.1 && before.0 >= gap);
                if container && apart {
                    explained += end - i;
                    values_on = Some(line);
                }
                before = (end, container && apart && holds_more(&head[i..end]));
                let rest = &head[end..memchr::memchr(b'\n', &head[end..]).map_or(head.len(), |at| end + at)];
                let alone = bare(rest).iter().all(|b| *b == b']')
                    || (container && scalar_ends_line(rest, &mut line_scanner));
                let value = Seen {
                    at_line_start,
                    alone,
                    indent,
                    many_lines,
                    inner,
                    closing,
                    separator,
                    class,
                    at: i,
                    length: end - i,
                };
                memory::push(&mut seen, value)?;
                effort = effort.saturating_sub(end - i);
                i = end;
            }
            Progress::More(_) => {
                opens = matches!(head[i], b'{' | b'[') && text::opens(&head[i..]);
                explained += if opens { head.len() - i } else { 0 };
                break;
            }
            Progress::OutOfMemory(error) => return Err(error),
            Progress::Broken(spot) => {
                effort = effort.saturating_sub(spot.at - i);
                opens |= text::opens(&head[i..]) || text::opens_loosely(&head[i..]);
                if effort == 0 {
                    break;
                }
                if let Some(next) = behind_text(head, i, &mut scanner, whole) {
                    i = next;
                    continue;
                }
                // On with the next value of a line that had some, or the bracket of the file; then
                // with the next line that is no deeper than this record; where the head of the
                // file is lost, with any.
                if values_on == Some(line) || (seen.is_empty() && from > line && head[from - 1] == b'[') {
                    let beside = next_on_line(head, spot.at, &mut scanner, &mut effort, whole);
                    if let Some(next) = beside {
                        before = (next, true);
                        i = next;
                        continue;
                    }
                }
                let next = next_start(head, line, indent, i);
                let any = || seen.is_empty().then(|| next_start(head, line, usize::MAX, i)).flatten();
                let Some(next) = next.or_else(any) else { break };
                i = next;
            }
        }
    }
    Ok(Values { seen, commas: with_comma > without, explained, opens })
}

/// The end of a scalar at `i` that stands beside a container on its line, without a comma: it
/// is text. `gap` is where the value before it ends.
fn scalar_beside(head: &[u8], gap: usize, i: usize, seen: &[Seen], scanner: &mut Scanner) -> Option<usize> {
    let beside = seen.last().is_some_and(|before| matches!(before.class, Class::Object | Class::Array))
        && !head[gap..i].iter().any(|b| matches!(b, b',' | b'\n'));
    if !beside || matches!(head[i], b'{' | b'[') {
        return None;
    }
    scanner.reset(true);
    match scanner.scan(head, i, true) {
        Progress::Done(end) => Some(end),
        _ => None,
    }
}

/// Whether nothing but a scalar is left of a line, without a comma before it.
fn scalar_ends_line(rest: &[u8], scanner: &mut Scanner) -> bool {
    let text = rest.trim_ascii();
    scanner.reset(true);
    !matches!(text.first(), None | Some(b',' | b'{' | b'['))
        && scanner.scan(text, 0, true) == Progress::Done(text.len())
}

/// The first whole object or array behind `from` on its line that stands beside others, and is no
/// value of a key.
fn next_on_line(
    head: &[u8],
    from: usize,
    scanner: &mut Scanner,
    effort: &mut usize,
    whole: bool,
) -> Option<usize> {
    let line = &head[..memchr::memchr(b'\n', &head[from..]).map_or(head.len(), |end| from + end)];
    let mut at = from;
    while *effort > 0 {
        at += memchr::memchr2(b'{', b'[', line.get(at..)?)?;
        let beside = matches!(line[..at].trim_ascii_end().last(), Some(b',' | b'}' | b']'));
        if beside && text::opens(&line[at..]) {
            scanner.reset(true);
            match scanner.scan(head, at, whole) {
                Progress::Done(_) => return Some(at),
                Progress::Broken(spot) => *effort = effort.saturating_sub(spot.at - at),
                Progress::More(_) | Progress::OutOfMemory(_) => return None,
            }
        }
        at += 1;
    }
    None
}

/// Whether a value is more than an array of scalars, which may be a part of a text.
fn holds_more(value: &[u8]) -> bool {
    value[0] == b'{' || value[1..].iter().any(|b| matches!(b, b'{' | b'['))
}

/// Where text stands at `i`: a value that spans lines and starts on the same one.
fn behind_text(head: &[u8], i: usize, scanner: &mut Scanner, whole: bool) -> Option<usize> {
    let line = memchr::memchr(b'\n', &head[i..]).map_or(head.len(), |end| i + end);
    if matches!(head[i], b'{' | b'[') && text::opens(&head[i..]) || !text::is_prose(plain(&head[i..line])) {
        return None;
    }
    let opener = memchr::memchr2_iter(b'{', b'[', &head[i..line])
        .map(|at| i + at)
        .find(|&at| text::opens(&head[at..]))?;
    scanner.reset(false);
    matches!(scanner.scan(head, opener, whole), Progress::Done(end) if end > line).then_some(opener)
}

/// A line up to its first bracket that opens something.
fn plain(line: &[u8]) -> &[u8] {
    let mut openers = memchr::memchr2_iter(b'{', b'[', line);
    openers.find(|&at| text::opens(&line[at..])).map_or(line, |at| &line[..at])
}

/// Whether a value that lies on many lines, in a file that had one a line so far,
/// has such a line inside: it lost its end.
fn swallows_lines(value: &[u8], indent: usize, seen: &[Seen], scanner: &mut Scanner) -> bool {
    if !seen.iter().any(|seen| !seen.many_lines && seen.at_line_start && seen.indent == indent) {
        return false;
    }
    value.split(|&b| b == b'\n').skip(1).any(|line| {
        let blank = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let line = bare(line);
        scanner.reset(true);
        blank <= indent
            && matches!(line.first(), Some(b'{' | b'['))
            && scanner.scan(line, 0, true) == Progress::Done(line.len())
    })
}

/// The start of the first line after `i` that is indented by `indent` at most
/// and starts with a bracket or brace that opens.
fn next_start(head: &[u8], line: usize, indent: usize, i: usize) -> Option<usize> {
    let mut at = i.max(line);
    loop {
        at += memchr::memchr(b'\n', &head[at..])? + 1;
        let start = at + head[at..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        let open = skip_framing(head, start);
        if start - at <= indent && matches!(head.get(open), Some(b'{' | b'[')) {
            return Some(at);
        }
    }
}

/// The start of the line of `i`, its indentation, and whether only framing and
/// closing brackets stand before `i` on it. The file's own first bracket, which
/// lies before `from`, is framing too.
fn line_of(head: &[u8], i: usize, from: usize) -> (usize, usize, bool) {
    let line = memchr::memrchr(b'\n', &head[..i]).map_or(0, |at| at + 1);
    let line = if line == 0 && head.starts_with(BOM) { BOM.len() } else { line };
    let before = &head[line..i];
    let text = before.strip_prefix(&[RECORD_SEPARATOR]).unwrap_or(before);
    let indent = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let framing = |(at, b): (usize, &u8)| {
        line + at < from || matches!(*b, b' ' | b'\t' | b'\r' | b',' | b'}' | b']' | RECORD_SEPARATOR)
    };
    (line, indent, before.iter().enumerate().all(framing))
}

/// The lines that start inside of `head[from..to]`, but for blank ones: their
/// indentation and the first byte that is neither blank nor a comma.
fn inner_lines(head: &[u8], from: usize, to: usize) -> impl Iterator<Item = (usize, u8)> + '_ {
    memchr::memchr_iter(b'\n', &head[from..to]).filter_map(move |at| {
        let line = &head[from + at + 1..to];
        let indent = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let first = line[indent..].iter().copied().find(|b| !matches!(b, b' ' | b'\t' | b','))?;
        (!matches!(first, b'\n' | b'\r')).then_some((indent, first))
    })
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

/// Skips what may lie between records, but for opening brackets.
fn skip_framing(bytes: &[u8], mut i: usize) -> usize {
    loop {
        match bytes.get(i) {
            Some(&(b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}' | RECORD_SEPARATOR)) => i += 1,
            Some(0xEF) if bytes[i..].starts_with(BOM) => i += BOM.len(),
            _ => return i,
        }
    }
}
