//! The values that the head of a file shows, one after the other, and where each stands.

use super::framing::BOM;
use super::text;
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner};
use crate::json::shape::Class;
use crate::memory::{self, OutOfMemory};

/// Scanning in the head may cost this many times its length. Damage can make every line look
/// like the start of a value that goes on to the end; the cost must not be quadratic then.
const EFFORT: usize = 16;

/// The values of a head, one after the other.
pub(super) struct Values {
    /// Those that are whole.
    pub(super) seen: Vec<Seen>,
    /// Commas are between them.
    pub(super) commas: bool,
    /// See [`Sniffed::explained`].
    pub(super) explained: usize,
    /// See [`Sniffed::opens`].
    pub(super) opens: bool,
}

/// A record that the head shows whole.
pub(super) struct Seen {
    pub(super) at_line_start: bool,
    /// Only framing follows it on its line.
    pub(super) alone: bool,
    pub(super) indent: usize,
    pub(super) many_lines: bool,
    /// The least indentation of the lines inside of it, but for closing ones.
    pub(super) inner: usize,
    /// The indentation of its last line.
    pub(super) closing: usize,
    /// A record separator stands before it.
    pub(super) separator: bool,
    pub(super) class: Class,
    /// Where it starts, and how long it is, in bytes.
    pub(super) at: usize,
    pub(super) length: usize,
}

impl Seen {
    /// Whether all that is inside of it lies deeper.
    pub(super) fn clean(&self) -> bool {
        self.inner > self.indent
    }
}

/// A line without what may separate it from its neighbours.
pub(super) fn bare(line: &[u8]) -> &[u8] {
    let framing = |b: &u8| b.is_ascii_whitespace() || matches!(*b, b',' | RECORD_SEPARATOR);
    let start = line.iter().position(|b| !framing(b)).unwrap_or(line.len());
    let end = line.iter().rposition(|b| !framing(b)).map_or(start, |at| at + 1);
    &line[start..end]
}

/// Parses the head from value to value, and where one is broken from line to
/// line, and tells of each value that is whole where it stood; and whether
/// commas were between them.
pub(super) fn top_level(head: &[u8], from: usize, whole: bool) -> Result<Values, OutOfMemory> {
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
pub(super) fn next_start(head: &[u8], line: usize, indent: usize, i: usize) -> Option<usize> {
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
pub(super) fn line_of(head: &[u8], i: usize, from: usize) -> (usize, usize, bool) {
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

/// Skips what may lie between records, but for opening brackets.
pub(super) fn skip_framing(bytes: &[u8], mut i: usize) -> usize {
    loop {
        match bytes.get(i) {
            Some(&(b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}' | RECORD_SEPARATOR)) => i += 1,
            Some(0xEF) if bytes[i..].starts_with(BOM) => i += BOM.len(),
            _ => return i,
        }
    }
}
