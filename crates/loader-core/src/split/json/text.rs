//! Tells text from JSON: what a person would say who looks at the first characters behind a
//! bracket. Nothing here parses a value.

use crate::json::shape;

/// Brackets in a row that are looked through.
const LEVELS: usize = 16;

/// Whether the bracket at the front of `text` seems to open an object or array: a key and
/// its colon follow, or another such bracket, or an element and what may follow one. What
/// the end of `text` leaves open counts as a yes.
pub(super) fn opens(text: &[u8]) -> bool {
    let mut rest = text;
    for _ in 0..LEVELS {
        let Some((&bracket, after)) = rest.split_first() else { return true };
        let inner = after.trim_ascii_start();
        match (bracket, inner.first()) {
            (b'{' | b'[', None) | (b'{', Some(b'}')) | (b'[', Some(b']')) => return true,
            (b'{', Some(b'"')) => return is_member(inner),
            (b'[', Some(b'{' | b'[')) => rest = inner,
            (b'[', Some(_)) => return is_element(inner),
            _ => return false,
        }
    }
    true
}

/// The same of text that only resembles JSON, as programs print their own objects: a key
/// without quotes, or in single ones.
pub(super) fn opens_loosely(text: &[u8]) -> bool {
    let Some(inner) = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let key = match inner.first() {
        Some(b'\'') => inner[1..].iter().position(|&b| b == b'\'').map(|end| end + 2),
        _ => Some(inner.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()),
    };
    key.is_some_and(|end| end > 0 && inner[end..].trim_ascii_start().starts_with(b":"))
}

/// Whether a string and a colon stand at the front of `text`. What its end leaves open
/// counts as a yes.
pub(super) fn is_member(text: &[u8]) -> bool {
    text.first() == Some(&b'"') && matches!(behind_string(text).first(), None | Some(b':'))
}

/// Whether a colon follows the string at the front of `text`.
pub(super) fn is_key(text: &[u8]) -> bool {
    behind_string(text).first() == Some(&b':')
}

/// What follows the string at the front of `text`, and blanks.
fn behind_string(text: &[u8]) -> &[u8] {
    text[shape::string_end(text, 0).min(text.len())..].trim_ascii_start()
}

/// Whether a scalar that an array may begin with stands at the front of `text`.
fn is_element(text: &[u8]) -> bool {
    let end = match text.first() {
        Some(b'"') => shape::string_end(text, 0).min(text.len()),
        _ => match scalar_end(text) {
            Some(end) => end,
            None => return false,
        },
    };
    matches!(text[end..].trim_ascii_start().first(), None | Some(b',' | b']'))
}

/// The index behind the number or word at the front of `text`.
fn scalar_end(text: &[u8]) -> Option<usize> {
    let words: [&[u8]; 3] = [b"true", b"false", b"null"];
    if let Some(word) = words.into_iter().find(|word| text.starts_with(word)) {
        return Some(word.len());
    }
    let end = text.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
    let number = str::from_utf8(&text[..end]).ok()?;
    // Dates, times and versions are made of the same characters.
    (number.parse::<f64>().is_ok() && !number.starts_with(['+', '.'])).then_some(end)
}

/// Whether the rest of a line, behind a whole value, may be text that somebody wrote behind
/// it: nothing of JSON is in it.
pub(super) fn is_remark(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii();
    let comment = [&b"//"[..], b"/*", b"#"].iter().any(|start| rest.starts_with(start));
    comment
        || (is_prose(rest) && !rest.iter().any(|b| matches!(b, b'{' | b']')) && rest.first() != Some(&b':'))
}

/// Whether bytes that were rejected hold nothing of JSON: no member, no bracket that opens
/// something, and no bracket that closes what the text did not open.
pub(super) fn is_prose(bytes: &[u8]) -> bool {
    is_prose_before(bytes, bytes.len())
}

/// The same of what stands before index `end`; what follows tells what a bracket opens.
pub(super) fn is_prose_before(bytes: &[u8], end: usize) -> bool {
    let mut open = 0usize;
    let mut at = 0;
    while let Some(next) = memchr::memchr3(b'"', b'{', b'}', bytes.get(at..end).unwrap_or_default()) {
        at += next;
        match bytes[at] {
            b'"' if bytes[at + 1..].trim_ascii_start().starts_with(b":") => return false,
            b'"' if bytes.get(at + 1) != Some(&b'"') && is_whole_member(&bytes[at..]) => return false,
            b'"' => {}
            b'{' if opens(&bytes[at..]) => return false,
            b'{' => open += 1,
            _ if open == 0 => return false,
            _ => open -= 1,
        }
        at += 1;
    }
    true
}

/// Whether a string on one line and a colon stand at the front of `text`.
fn is_whole_member(text: &[u8]) -> bool {
    let mut at = 1;
    while let Some(next) = memchr::memchr3(b'"', b'\\', b'\n', text.get(at..).unwrap_or_default()) {
        at += next;
        match text[at] {
            b'"' => return text[at + 1..].trim_ascii_start().starts_with(b":"),
            b'\\' => at += 2,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_that_opens_something_is_told_from_one_in_text() {
        let yes = [
            "{\"a\":1",
            "{ \"a\" : ",
            "{}",
            "{",
            "[",
            "[]",
            "[[{\"a\":1}]]",
            "[1]",
            "[1, 2",
            "[-1.5e+3,",
            "[\"a\",",
            "[true]",
            "[null,",
            "{\n  \"a\":",
            "[\n{\"a",
        ];
        for text in yes {
            assert!(opens(text.as_bytes()), "{text}");
        }
        let no = [
            "[INFO] x",
            "[1/5] x",
            "[2024-01-02 03:04] x",
            "[1.2.3]",
            "{y}",
            "{a: 1}",
            "[main]",
            "{\"a\"}",
            "{'a': 1}",
            "[\"a\" x",
            "[12:34]",
            "{\"\"a\"\":1}",
            "x",
            "[[INFO]]",
            "[.5]",
        ];
        for text in no {
            assert!(!opens(text.as_bytes()), "{text}");
        }
        assert!(opens_loosely(b"{'a': 1}") && opens_loosely(b"{ key : 1}") && !opens_loosely(b"{y}"));
    }

    #[test]
    fn remarks_and_prose_hold_nothing_of_json() {
        for rest in [
            ";",
            ");",
            " // {\"a\":1}",
            " # x",
            "\x1b[0m",
            " over",
            "%",
            " (3 rows)",
            "\t7\t\"x\"",
            " at 12:30",
        ] {
            assert!(is_remark(rest.as_bytes()), "{rest}");
        }
        for rest in [",\"a\":1}", "}", " }", "]}", " {\"a\":1}", ": 1"] {
            assert!(!is_remark(rest.as_bytes()), "{rest}");
        }
        for text in
            ["no JSON", "it's \"quoted\" (x={y})", "<a href=\"x\">", "[WARN] 12:30 \"GET / HTTP\" 200"]
        {
            assert!(is_prose(text.as_bytes()), "{text}");
        }
        for text in ["\"id\":1", "id\":1}", "x}", "see {\"a\":1}", "\"a\" : [", "1,\"b\":\"x\""] {
            assert!(!is_prose(text.as_bytes()), "{text}");
        }
    }
}
