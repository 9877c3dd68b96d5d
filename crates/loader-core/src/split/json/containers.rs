//! Where the path leads in a document that is well-formed: found in the one scan that tells
//! whether it is.

use super::records_path::{RecordsPath, Step};
use crate::json::scan::Watch;
use crate::json::shape::string_end;
use crate::memory::{self, OutOfMemory};
use std::ops::Range;

/// The containers of records in a document, from its first byte on, in their order.
#[derive(Debug, Default)]
pub(super) struct Containers {
    found: Vec<Range<usize>>,
    /// So many have been entered.
    entered: usize,
}

impl Containers {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The one that comes next.
    pub(super) fn next(&self) -> Option<Range<usize>> {
        self.found.get(self.entered).cloned()
    }

    /// The one that comes next has been entered.
    pub(super) fn enter(&mut self) {
        self.entered += 1;
    }
}

/// Follows the path through the value at `start` while that is scanned.
pub(super) struct Follower<'a> {
    path: &'a RecordsPath,
    start: usize,
    containers: &'a mut Containers,
    /// So many containers are open that lie on the way, the one of the records among them.
    level: usize,
    /// Where the last key of the innermost of them begins.
    key: usize,
    /// Where the container of the records in hand begins.
    begin: usize,
}

impl<'a> Follower<'a> {
    /// Before a scan. What was in `containers` is forgotten.
    pub(super) fn new(path: &'a RecordsPath, start: usize, containers: &'a mut Containers) -> Self {
        containers.found.clear();
        containers.entered = 0;
        Follower { path, start, containers, level: 0, key: 0, begin: 0 }
    }

    /// Whether the container that opens at `at` lies on the way.
    fn is_on_way(&self, buf: &[u8], at: usize) -> bool {
        if self.path.opener(self.level) != Some(buf[at]) {
            return false;
        }
        let Some(step) = self.level.checked_sub(1) else { return true };
        matches!(self.path.steps()[step], Step::Elements)
            || self.path.is_key(step, &buf[self.key + 1..string_end(buf, self.key) - 1])
    }
}

impl Watch for Follower<'_> {
    fn key(&mut self, depth: usize, at: usize) {
        if depth == self.level {
            self.key = at;
        }
    }

    fn opens(&mut self, depth: usize, buf: &[u8], at: usize) {
        if depth == self.level && self.is_on_way(buf, at) {
            self.level += 1;
            self.begin = at;
        }
    }

    fn closes(&mut self, depth: usize, end: usize) -> Result<(), OutOfMemory> {
        if depth >= self.level {
            return Ok(());
        }
        if self.level > self.path.around() {
            memory::push(&mut self.containers.found, self.begin - self.start..end - self.start)?;
        }
        self.level = depth;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::finder::{Event, Finder};
    use super::*;
    use crate::json::scan::{Progress, Scanner};

    /// The containers in a document, which the scanner sees in pieces of `step` bytes.
    fn found<'a>(path: &RecordsPath, text: &'a str, step: usize) -> Vec<&'a str> {
        let mut containers = Containers::default();
        let mut follower = Follower::new(path, 0, &mut containers);
        let (mut scanner, mut from, mut seen) = (Scanner::new(false), 0, 0);
        loop {
            seen = text.len().min(seen + step);
            let eof = seen == text.len();
            match scanner.scan_watched(&text.as_bytes()[..seen], from, eof, &mut follower) {
                Progress::Done(end) => {
                    assert_eq!(end, text.len(), "{text}");
                    break;
                }
                Progress::More(next) => from = next,
                other => panic!("{text}: {other:?}"),
            }
        }
        let mut list = Vec::new();
        while let Some(records) = containers.next() {
            containers.enter();
            list.push(&text[records]);
        }
        list
    }

    #[test]
    fn the_path_leads_through_keys_arrays_and_values() {
        let deep = r#"{"a":[{"b":[[1],[2]]},{"c":{"b":[3]}},7,{"b":{}},{"b":[]}],"b":[4]}"#;
        let twice = r#"{"a":1,"a":[1],"x":{"a":[2]},"a":null,"a":{"a":[3]},"a":[[4]]}"#;
        let escaped = r#"{"\"":0, "\u0061" : [ "]", "\\" ] ,"x\"a":[1]}"#;
        for (at, text, wanted) in [
            ("$.a", deep, &[r#"[{"b":[[1],[2]]},{"c":{"b":[3]}},7,{"b":{}},{"b":[]}]"#][..]),
            ("$.a[*].b", deep, &["[[1],[2]]", "[]"]),
            ("$.a[*].b[*][*]", deep, &["[1]", "[2]"]),
            ("$.a[*].*", deep, &[r#"{"b":[[1],[2]]}"#, r#"{"c":{"b":[3]}}"#, r#"{"b":{}}"#, r#"{"b":[]}"#]),
            ("$.a[*].*.b", deep, &["[3]"]),
            ("$.b", deep, &["[4]"]),
            ("$.*", deep, &[deep]),
            ("$", deep, &[]),
            ("$.a", twice, &["[1]", "[[4]]"]),
            ("$.a.a", twice, &["[3]"]),
            ("$.*.a", twice, &["[2]", "[3]"]),
            ("$.a", escaped, &[r#"[ "]", "\\" ]"#]),
            ("$", "[[1],[]]", &["[[1],[]]"]),
            ("$[*][*]", "[[1],2,[],{\"a\":[3]}]", &["[1]", "[]"]),
            ("$.a", "[[1]]", &[]),
            ("$", "1", &[]),
        ] {
            let path = RecordsPath::parse(at).expect("a path");
            for step in [1, 2, 3, 7, text.len()] {
                assert_eq!(found(&path, text, step), wanted, "{at} in {text}, {step} bytes at a time");
            }
            let mut finder = Finder::new(path);
            let mut starts = Vec::new();
            for (at, &b) in text.as_bytes().iter().enumerate() {
                if finder.step(b) == Some(Event::Found) {
                    starts.push(&text[at..=at]);
                    break;
                }
            }
            let first: Vec<&str> = wanted.iter().take(1).map(|records| &records[..1]).collect();
            assert_eq!(starts, first, "{at} in {text}, by the finder");
        }
    }
}
