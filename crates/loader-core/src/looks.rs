//! What a file looks like that is no JSON, for the message that says so.

/// Bytes of a text that tell what it looks like.
const LOOKED_AT: usize = 16 * 1024;

/// What a file looks like that is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Lines with the same separators.
    Delimited,
    /// An XML document.
    Xml,
    /// An HTML page.
    Html,
    /// NUL bytes and nothing else.
    NulBytes,
    /// Bytes that are no text.
    Binary,
    /// Anything else.
    Text,
}

/// Whether a text of which this is the head is JSON, however its values are framed, and not
/// delimited text. An empty one is.
pub fn is_json(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let head = &head[..head.len().min(LOOKED_AT)];
    match head.trim_ascii_start() {
        [] | [b'{' | 0x1E, ..] => return true,
        [b'[', rest @ ..] if opens_element(rest.trim_ascii_start()) => return true,
        _ => {}
    }
    let lines = || head.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let opens = |line: &&[u8]| matches!(line.first(), Some(b'{'));
    // Text before a record, as a log has it: within delimited text the quotes would be doubled.
    let holds = |line: &&[u8]| {
        line.strip_suffix(b",").unwrap_or(line).ends_with(b"}")
            && memchr::memmem::find(line, b"{\"").is_some()
    };
    lines().any(|line| opens(&line)) || lines().filter(holds).count() * 2 > lines().count()
}

/// Whether a text behind a bracket is the inside of an array, and not a name, as in `[id];[name]`.
fn opens_element(text: &[u8]) -> bool {
    let words: [&[u8]; 4] = [b"true", b"false", b"null", b"NaN"];
    matches!(text.first(), None | Some(b'{' | b'[' | b'"' | b']' | b'-' | b'0'..=b'9' | 0x1E))
        || words.iter().any(|word| text.starts_with(word))
}

/// What a file looks like of which this is the head, and in which no JSON was found.
pub fn looks(head: &[u8]) -> Looks {
    let head = &head[..head.len().min(LOOKED_AT)];
    let text = head.trim_ascii_start();
    let starts =
        |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()));
    if head.iter().all(|&b| b == 0) {
        Looks::NulBytes
    } else if starts("<?xml") {
        Looks::Xml
    } else if starts("<!doctype html") || starts("<html") {
        Looks::Html
    } else if text.first() == Some(&b'<')
        && text.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'!')
    {
        Looks::Xml
    } else if is_binary(head) {
        Looks::Binary
    } else if is_delimited(head) {
        Looks::Delimited
    } else {
        Looks::Text
    }
}

/// Whether a text has bytes that no text has.
fn is_binary(text: &[u8]) -> bool {
    let control = |b: &&u8| **b < 0x20 && !b.is_ascii_whitespace() && !matches!(**b, 0x1B | 0x0B | 0x1E);
    let strange = text.iter().filter(control).count() + text.iter().filter(|b| **b == 0x7F).count();
    strange * 50 > text.len()
}

/// Whether most lines have the same number of one separator.
fn is_delimited(text: &[u8]) -> bool {
    let lines = || text.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(100);
    let total = lines().count();
    b",;\t|".iter().copied().any(|separator| {
        let count = |line: &[u8]| memchr::memchr_iter(separator, line).count();
        let usual = lines().nth(total / 2).map_or(0, count);
        let alike = lines().filter(|line| count(line) == usual).count();
        usual > 0 && alike * 4 >= total * 3 && (total > 1 || usual > 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_delimited_text() {
        let json: [&[u8]; 7] = [
            b"",
            b" \n{\"a\": 1}\n",
            b"\xEF\xBB\xBF[1]",
            b"# exported\n{\"a\": 1}\n",
            b"10:00 INFO {\"a\": 1}\n10:01 INFO {\"a\": 2}\n",
            b"a {\"a\": 1},\nb {\"a\": 2},\n",
            b"\x1E{}\n",
        ];
        for head in json {
            assert!(is_json(head), "{:?}", String::from_utf8_lossy(head));
        }
        let others: [&[u8]; 5] = [
            b"[id];[name]\n1;a\n",
            b"a,b\n1,2\n",
            b"id;data\n1;\"{\"\"a\"\": 1}\"\n2;\"{\"\"a\"\": 2}\"\n",
            b"12\n13\n",
            b"a\tb\n1\t{\n",
        ];
        for head in others {
            assert!(!is_json(head), "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn what_is_no_json_is_named() {
        let cases: [(&[u8], Looks); 9] = [
            (b"a,b\n1,2\n3,4\n", Looks::Delimited),
            (b"1;2;3\n4;5;6\n", Looks::Delimited),
            (b"1,2,3\n", Looks::Delimited),
            (b"<?xml version=\"1.0\"?><a/>", Looks::Xml),
            (b"<!DOCTYPE HTML><p>", Looks::Html),
            (b"<feed>", Looks::Xml),
            (b"\0\0\0\0", Looks::NulBytes),
            (b"\x01\x02\x00\x90\xFF\x03abc", Looks::Binary),
            (b"Once upon a time\nthere was, indeed, a king.\n", Looks::Text),
        ];
        for (head, wanted) in cases {
            assert_eq!(looks(head), wanted, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
