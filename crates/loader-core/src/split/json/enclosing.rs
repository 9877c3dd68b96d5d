//! Whether the bracket that a file begins with opens an array around its records.

use super::head_values::{Seen, bare, line_of, next_start, skip_framing, top_level};
use super::text;
use crate::json::scan::{Progress, Scanner};
use crate::json::shape::{self, Class, Shape};
use crate::memory::OutOfMemory;

/// An array holds the records if it is this many times as long as everything behind it.
const MOSTLY: usize = 8;

/// At most this many values are compared with the first.
const TRIES: usize = 8;

/// Whether the bracket that opens a file opens an array around its records, and
/// is not the first byte of a record that is an array.
pub(super) fn encloses(head: &[u8], first: usize, whole: bool) -> Result<bool, OutOfMemory> {
    let line_end = memchr::memchr(b'\n', &head[first..]).map_or(head.len(), |at| first + at);
    let rest = bare(&head[first + 1..line_end]);
    let mut scanner = Scanner::for_text(false, head.len())?;
    let progress = scanner.scan(head, first, whole);
    // Where the array ends, and the values behind it, if the head shows it whole.
    let whole_array = match progress {
        Progress::Done(end) => Some((end, top_level(head, end, whole)?.seen)),
        _ => None,
    };
    if let Some((end, behind)) = &whole_array
        && head[first + 1..].trim_ascii_start().starts_with(b"{")
    {
        let end = *end;
        // Next to it, a few arrays in the text behind it are nothing.
        let arrays = behind.iter().filter(|seen| seen.class == Class::Array).map(|seen| seen.length);
        if arrays.sum::<usize>() * MOSTLY < end - first {
            return Ok(true);
        }
        if holds_objects(&head[first..end]) {
            return Ok(holds_records(&head[first..end], behind));
        }
    }
    if rest.is_empty() && line_end < head.len() {
        return Ok(encloses_lines(head, first, line_end) && !stands_beside(head, first, whole, &mut scanner));
    }
    if let Some((end, after)) = whole_array {
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
