//! How records are laid out in a file.

/// A layout of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One a line.
    Lines,
    /// An array, one a line, that never closes.
    OpenArray,
    /// An array on one line.
    CompactArray,
    /// An array, indented by two.
    PrettyArray,
}

impl Layout {
    /// What stands before record `n`.
    pub fn before(self, n: usize) -> &'static [u8] {
        match (self, n) {
            (Layout::Lines, _) => b"",
            (Layout::OpenArray | Layout::PrettyArray, 0) => b"[\n",
            (Layout::OpenArray | Layout::PrettyArray, _) => b",\n",
            (Layout::CompactArray, 0) => b"[",
            (Layout::CompactArray, _) => b",",
        }
    }

    /// What stands after every record.
    pub fn after(self) -> &'static [u8] {
        if self == Layout::Lines { b"\n" } else { b"" }
    }

    /// What stands at the end.
    pub fn tail(self) -> &'static [u8] {
        match self {
            Layout::Lines => b"",
            Layout::OpenArray => b"\n",
            Layout::CompactArray => b"]\n",
            Layout::PrettyArray => b"\n]\n",
        }
    }

    /// Appends a compact record in this layout.
    pub fn write(self, record: &[u8], out: &mut Vec<u8>) {
        if self == Layout::PrettyArray {
            pretty(record, out);
        } else {
            out.extend_from_slice(record);
        }
    }
}

/// Indents a compact record by two, one level deep already.
fn pretty(record: &[u8], out: &mut Vec<u8>) {
    let mut level = 1;
    let line = |level: usize, out: &mut Vec<u8>| {
        out.push(b'\n');
        out.resize(out.len() + 2 * level, b' ');
    };
    out.extend_from_slice(b"  ");
    let mut at = 0;
    while at < record.len() {
        let byte = record[at];
        match byte {
            b'"' => {
                let end = string_end(record, at);
                out.extend_from_slice(&record[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' if matches!(record[at + 1], b'}' | b']') => {
                out.extend_from_slice(&record[at..at + 2]);
                at += 2;
                continue;
            }
            b'{' | b'[' => {
                level += 1;
                out.push(byte);
                line(level, out);
            }
            b'}' | b']' => {
                level -= 1;
                line(level, out);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(level, out);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
        at += 1;
    }
}

/// The end of the string that starts at `at`.
fn string_end(record: &[u8], mut at: usize) -> usize {
    at += 1;
    while record[at] != b'"' {
        at += if record[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents() {
        let mut out = Vec::new();
        pretty(br#"{"a":[1,{}],"b\"{":"x,y"}"#, &mut out);
        let expected = "  {\n    \"a\": [\n      1,\n      {}\n    ],\n    \"b\\\"{\": \"x,y\"\n  }";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
