//! Which arrays the first document of a stream has. They are named in the HINT of the error
//! that says that there is no array at `records_path`. They are a guess from the head of the
//! stream, and nothing else depends on them.

use super::finder::{Event, Finder};
use super::records_path::RecordsPath;

/// Bytes of the head that are looked at.
const HEAD: usize = 64 * 1024;

/// An error names at most this many arrays, …
const NAMED: usize = 5;

/// … whose paths have at most this many keys, …
const DEPTH: usize = 4;

/// … none of them longer than this many bytes. Longer keys are data rather than names.
const LONGEST_KEY: usize = 64;

/// Paths of arrays in the first document, in its order. What lies in an array is not
/// looked at.
#[expect(
    clippy::disallowed_methods,
    reason = "a few paths of a few short keys: the constants above bound them"
)]
pub(super) fn in_head(head: &[u8]) -> Vec<RecordsPath> {
    let head = &head[..head.len().min(HEAD)];
    let mut found = Vec::new();
    // Keys that lead to the object in hand; `None` for one that is not named.
    let mut keys: Vec<Option<&str>> = Vec::new();
    // The key of the value that comes next.
    let mut key = None;
    let mut arrays = 0_usize;
    let mut deeper = 0_usize;
    let mut at = 0;
    while let Some(&b) = head.get(at) {
        at += 1;
        match b {
            b'"' => {
                let Some(length) = string_length(&head[at..]) else { break };
                let text = &head[at..at + length];
                at += length + 1;
                if arrays == 0 && deeper == 0 && follows_colon(&head[at..]) {
                    key = str::from_utf8(text).ok().filter(|key| key.len() <= LONGEST_KEY);
                }
            }
            b'{' if arrays > 0 => {}
            b'{' if deeper > 0 || keys.len() > DEPTH => deeper += 1,
            b'{' => keys.push(key.take()),
            b'}' if arrays > 0 => {}
            b'}' if deeper > 0 => deeper -= 1,
            b'}' => {
                keys.pop();
                if keys.is_empty() {
                    break;
                }
            }
            b'[' => {
                // The first of `keys` is that of the root, which has none.
                let path = keys.iter().skip(1).copied().chain([key.take()]).collect::<Option<Vec<_>>>();
                if arrays == 0
                    && deeper == 0
                    && !keys.is_empty()
                    && let Some(path) = path.and_then(|path| RecordsPath::of_raw(&path))
                    && !found.contains(&path)
                {
                    found.push(path);
                    if found.len() == NAMED {
                        break;
                    }
                }
                // The arrays around a document are passed.
                if !keys.is_empty() {
                    arrays += 1;
                }
            }
            b']' => arrays = arrays.saturating_sub(1),
            b',' if arrays == 0 => key = None,
            _ => {}
        }
    }
    found
}

/// What the path should be where arrays lie on its way that it does not name: `$.a[*].b`
/// for `$.a.b`, if there is an array in the head then.
pub(super) fn between(head: &[u8], path: &RecordsPath) -> Option<RecordsPath> {
    let head = &head[..head.len().min(HEAD)];
    let mut path = path.clone();
    let mut longer = false;
    // Each turn adds a step, and no more of them than there are keys.
    for _ in 0..=path.keys() {
        let mut finder = Finder::new(path.clone());
        let mut at = None;
        for &b in head {
            at = at.or(finder.array_between(b));
            if finder.step(b) == Some(Event::Found) {
                return longer.then_some(path);
            }
        }
        path = path.through_array(at?);
        longer = true;
    }
    None
}

/// The length of a string up to its closing quote.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &text[at..])?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
        if at >= text.len() {
            return None;
        }
    }
}

fn follows_colon(text: &[u8]) -> bool {
    text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_arrays_of_the_first_document() {
        let long = "k".repeat(LONGEST_KEY + 1);
        for (text, wanted) in [
            (
                r#"{"a": [1], "b": {"c": [], "d": {"e": [{"no": []}]}}, "f": "[", "g": 1}"#,
                "$.a $.b.c $.b.d.e",
            ),
            (r#"[{"a": {"b": [1]}}, {"c": [1]}]"#, "$.a.b"),
            (r#"{"a": {}} {"b": []}"#, ""),
            (r#"{"x": "y", "a b": ["], "], "\u0041\"": []}"#, r#"$."a b" $."A\"""#),
            (r#"{"a": [[1], [2]], "b": ["#, "$.a $.b"),
            (r#"{"1": [], "2": [], "3": [], "4": [], "5": [], "6": []}"#, r#"$."1" $."2" $."3" $."4" $."5""#),
            (r#"{"a":{"b":{"c":{"d":{"e":{"f":[]}}}}}, "g": []}"#, "$.g"),
            (&format!(r#"{{"{long}": [], "{long}": {{"a": []}}, "b": []}}"#), "$.b"),
            (r#"{"a": {"b": 1}}, "c": [1]"#, ""),
            ("no JSON at all", ""),
            ("", ""),
            (r#"[1, 2]"#, ""),
            (r#"{"a"#, ""),
            (r#"{"a\"#, ""),
        ] {
            let found: Vec<String> = in_head(text.as_bytes()).iter().map(RecordsPath::to_string).collect();
            assert_eq!(found.join(" "), wanted, "{text}");
        }
    }

    #[test]
    fn names_the_arrays_between() {
        for (text, path, wanted) in [
            (r#"{"a":[{"b":[1]}]}"#, "$.a.b", Some("$.a[*].b")),
            (r#"{"a":[{"b":[{"c":{"d":[1]}}]}]}"#, "$.a.b.c.d", Some("$.a[*].b[*].c.d")),
            (r#"{"a":[[{"b":{"c":1}}]]}"#, "$.a.b.*", Some("$.a[*][*].b.*")),
            (r#"{"a":[{"b":{"c":1}}]}"#, "$.a.b.*", Some("$.a[*].b.*")),
            (r#"{"a":[{"c":[1]}]}"#, "$.a.b", None),
            (r#"{"a":{"b":[1]}}"#, "$.a.b", None),
            (r#"{"a":{"b":{}}}"#, "$.a.b", None),
            ("", "$", None),
        ] {
            let path = RecordsPath::parse(path).expect("a path");
            let found = between(text.as_bytes(), &path).map(|path| path.to_string());
            assert_eq!(found.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn what_it_names_is_a_path() {
        let text = r#"{"a\n'\u0000": {"$": [1]}, "é.*": []}"#;
        let found = in_head(text.as_bytes());
        assert_eq!(found.len(), 2);
        for path in found {
            assert_eq!(RecordsPath::parse(&path.to_string()).as_ref(), Ok(&path));
        }
    }
}
