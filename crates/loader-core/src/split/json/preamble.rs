//! Text before the first record: where a stream begins.

use super::framing::BOM;
use super::text;
use crate::json::scan::{Progress, RECORD_SEPARATOR, Scanner};
use crate::json::shape::Class;
use crate::memory::{self, OutOfMemory};

/// Scanning for the end of the text may cost this many times the length of the head.
const EFFORT: usize = 16;

/// If a value breaks on its first line, it still was the start of one if this many of its bytes
/// are well-formed.
const CONVINCING: usize = 64;

/// Indexes in the head of a stream at which its records may begin, if text seems to stand
/// before them, in their order; 0 alone where none does, and nothing where there is nothing
/// but text. `whole` says that the head is all of the stream. With `array` only an array will
/// do.
///
/// A bracket in text opens nothing, or something that ends on its line with more text behind
/// it. Which of the others begins the records is told by what follows.
pub(super) fn ends(head: &[u8], whole: bool, array: bool) -> Result<Vec<usize>, OutOfMemory> {
    let mut ends = Vec::new();
    let first = first_filled(head);
    let is_text = first < head.len() && starts_with_text(&head[first..], whole);
    // A scalar, or what is left of an object, may be a record or text.
    let unclear = head.get(first).is_some_and(|&b| match b {
        b'{' => !text::opens(&head[first..]) && !text::opens_loosely(&head[first..]),
        b'[' => false,
        b => {
            let rest = &head[first..];
            let line = memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
            // A bracket that closes something, and words.
            let words = matches!(b, b'}' | b']') && line.iter().any(u8::is_ascii_alphabetic);
            (Class::of(b).is_some() && text::is_prose(line)) || (words && text::is_prose(&line[1..]))
        }
    });
    if !is_text || (unclear && head[first] == b'{') {
        memory::push(&mut ends, 0)?;
        if !unclear {
            return Ok(ends);
        }
    }
    let mut found = Candidates::default();
    found.search(head, first, whole, array)?;
    let Candidates { first, block, array, largest, widest } = found;
    for at in [first, block, array, largest, widest].into_iter().flatten() {
        memory::push(&mut ends, at)?;
    }
    ends.sort_unstable();
    ends.dedup();
    Ok(ends)
}

/// Where records may begin.
#[derive(Default)]
struct Candidates {
    /// The first place.
    first: Option<usize>,
    /// The first bracket that is alone on its line.
    block: Option<usize>,
    /// The first array of objects or arrays that starts a line.
    array: Option<usize>,
    /// The largest value.
    largest: Option<usize>,
    /// Where there is no better one, the largest with more text behind it.
    widest: Option<usize>,
}

impl Candidates {
    fn search(&mut self, head: &[u8], from: usize, whole: bool, array: bool) -> Result<(), OutOfMemory> {
        let mut scanner = Scanner::for_text(false, head.len())?;
        let mut effort = head.len() * EFFORT;
        let (mut most, mut widest) = (0, 0);
        let mut at = from;
        // Whether nothing but blanks has come in the line that starts there.
        let mut line = memchr::memrchr(b'\n', &head[..at]).map_or(0, |newline| newline + 1);
        let mut starts_line = true;
        while effort > 0
            && let Some(next) = memchr::memchr2(b'{', b'[', &head[at..])
        {
            if let Some(newline) = memchr::memrchr(b'\n', &head[at..at + next]) {
                (line, starts_line) = (at + newline + 1, true);
            }
            starts_line &= head[line.max(at)..at + next].trim_ascii().is_empty();
            at += next;
            if starts_line && text::opens_loosely(&head[at..]) && !array {
                self.first.get_or_insert(at);
            }
            if !text::opens(&head[at..]) || is_member_value(&head[..at]) || (array && head[at] == b'{') {
                at += 1;
                starts_line = false;
                continue;
            }
            scanner.reset(false);
            let (end, scanned, convincing) = match scanner.scan(head, at, whole) {
                Progress::Done(end) => {
                    let rest = &head[end..];
                    let rest = memchr::memchr(b'\n', rest).map_or(rest, |newline| &rest[..newline]);
                    let holds = head[at + 1..end].iter().any(|b| matches!(b, b'{' | b'[' | b':'));
                    let spans_lines = head[at..end].contains(&b'\n');
                    let convincing = spans_lines || ((starts_line || holds) && ends_line(rest));
                    if !convincing && holds && end - at > widest {
                        (widest, self.widest) = (end - at, Some(at));
                    }
                    (end, end, convincing)
                }
                Progress::Broken(spot) => {
                    let broken = spot.at - at >= CONVINCING || head[at..spot.at].contains(&b'\n');
                    (at + 1, spot.at, starts_line || broken)
                }
                Progress::More(_) => (head.len(), head.len(), true),
                Progress::OutOfMemory(error) => return Err(error),
            };
            if convincing {
                self.first.get_or_insert(at);
                if head[at] == b'['
                    && starts_line
                    && head[at + 1..].trim_ascii_start().len() < head.len() - at - 1
                {
                    self.block.get_or_insert(at);
                }
                let element = head[at + 1..].trim_ascii_start().first();
                if head[at] == b'[' && starts_line && matches!(element, Some(b'{' | b'[')) {
                    self.array.get_or_insert(at);
                }
                if end - at > most {
                    (most, self.largest) = (end - at, Some(at));
                }
            }
            effort = effort.saturating_sub(scanned.max(end) - at);
            if let Some(newline) = memchr::memrchr(b'\n', &head[at..end]) {
                line = at + newline + 1;
            }
            starts_line = false;
            at = end;
        }
        if self.first.is_some() {
            self.widest = None;
        }
        Ok(())
    }
}

/// The first index that is no framing and no NUL byte.
pub(super) fn first_filled(head: &[u8]) -> usize {
    let mut i = 0;
    loop {
        match head.get(i) {
            Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | 0 | &RECORD_SEPARATOR) => i += 1,
            Some(0xEF) if head[i..].starts_with(BOM) => i += BOM.len(),
            _ => return i,
        }
    }
}

/// Whether a stream starts with text: not with a value, and not with the rest of one.
fn starts_with_text(head: &[u8], whole: bool) -> bool {
    let line = memchr::memchr(b'\n', head).map_or(head, |end| &head[..end]);
    match head.first() {
        Some(b'{') if text::opens(head) || text::opens_loosely(head) => return false,
        Some(b'[') if text::opens(head) => {
            // A timestamp, a number or scalars in brackets, and text behind it.
            let whole_at = match Scanner::new(true).scan(line, 0, true) {
                Progress::Done(end) => Some(end),
                _ => None,
            };
            let bracket = || memchr::memchr(b']', line).map_or(line.len(), |end| end + 1);
            let end = whole_at.unwrap_or_else(bracket);
            let holds = line[1..end].iter().any(|b| matches!(b, b'{' | b'['));
            let strings = whole_at.is_none() && line[1..end].contains(&b'"');
            let rest = &line[end..];
            if holds || strings || end == line.len() || ends_line(rest) || followed_by_value(rest) {
                return false;
            }
        }
        Some(b':' | b'}' | b']') => return false,
        // What keeps browsers from running a page's JSON.
        Some(b')') => return true,
        Some(b'"') if text::is_member(line) => return false,
        Some(&b) if Class::of(b).is_some() => {
            let mut scanner = Scanner::new(true);
            if let Progress::Done(end) = scanner.scan(head, 0, whole)
                && line[end.min(line.len())..].iter().all(|b| b.is_ascii_whitespace() || is_closer(*b))
            {
                return false;
            }
        }
        _ => {}
    }
    // What is left of a record that lost its start has members, or brackets that it did not open.
    let mut openers = memchr::memchr2_iter(b'{', b'[', line).filter(|&at| text::opens(&line[at..]));
    text::is_prose_before(line, openers.find(|&at| at > 0).unwrap_or(line.len()))
}

/// Whether nothing, a comma and whatever, or a remark is left of a line.
fn ends_line(rest: &[u8]) -> bool {
    let rest_of_array =
        rest.iter().all(|b| b.is_ascii_whitespace() || matches!(b, b',' | b']' | b')' | b';' | b'}'));
    let next = rest.trim_ascii_start();
    rest_of_array
        || (matches!(next.first(), Some(b'{' | b'[')) && text::opens(next))
        || rest.trim_ascii_start().starts_with(b",")
        || text::is_remark(rest) && !rest.iter().any(u8::is_ascii_alphanumeric)
}

/// Whether a byte may follow an element on its line.
fn is_closer(b: u8) -> bool {
    matches!(b, b',' | b']' | b'}')
}

/// Whether a value follows on the line, with at most a comma between.
fn followed_by_value(rest: &[u8]) -> bool {
    rest.first() == Some(&b'[') || rest.trim_ascii_start().starts_with(b",")
}

/// Whether a key and a colon stand before.
fn is_member_value(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    before.strip_suffix(b":").is_some_and(|key| key.trim_ascii_end().ends_with(b"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(text: &str) -> Option<usize> {
        ends(text.as_bytes(), true, false).expect("memory").first().copied()
    }

    #[test]
    fn text_ends_where_records_begin() {
        for before in [
            "> npm start\n",
            "[WARN] x\n[INFO] [1/5] {y}\n",
            "HTTP/1.1 200 OK\r\nDate: x\r\n\r\n",
            ")]}'\n",
            "while(1);",
            "window.x = ",
            "cb(",
            "```json\n",
            "warn config {\"a\":1} ignored\n",
            "it's \"quoted\" (x={y}) [2]\n",
            "[12345.6] usb {\"n\":1} x\n",
            "true story\n",
            "2024-01-02 x\n",
            "-- 7\n",
            "\u{1b}[0m",
        ] {
            for data in
                ["[{\"id\":1},{\"id\":2}]", "{\"id\":1}\n{\"id\":2}\n", "[\n  {\n    \"id\": 1\n  }\n]\n"]
            {
                assert_eq!(begins(&format!("{before}{data}")), Some(before.len()), "{before}{data}");
            }
        }
    }

    #[test]
    fn no_text_is_seen_where_a_value_or_the_rest_of_one_stands() {
        for text in [
            "",
            " \n",
            "{\"a\":1}",
            "\u{feff}[{}]",
            "1\n2\n",
            "\"a\"\n\"b\"\n",
            "[1]\n[2]\n",
            "id\":1}\n{\"id\":2}\n",
            "\"id\":1}\n{\"id\":2}\n",
            "\"x\",\n\"y\"]}\n{\"id\":1}",
            "}\n{\"id\":1}",
            ":1}\n{\"a\":1}",
            "{'a': 1}\n{'a': 2}",
            "\0\0\0{\"a\":1}",
            "[1][2][3]",
            " ]\n ],\n [\n  1,\n  []\n ]",
            "{]\"id\":1}{\"id\":2}",
        ] {
            assert_eq!(begins(text), Some(0), "{text}");
        }
        for text in ["once upon a time\n", "<p>x</p>", "a,b\n1,2\n"] {
            assert_eq!(begins(text), None, "{text}");
        }
    }
}
