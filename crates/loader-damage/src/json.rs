//! JSON values, written in the styles that files come in, and a check of what
//! `jsonb` would take. Written for clearness, not for speed.

/// A value, its members in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Vec<(String, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Value::Number(number.to_string())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Value::Array(values)
    }
}

/// An object of these members.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// White space inside of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// None.
    Compact,
    /// A blank after colons and commas, as Python writes it.
    Spaced,
    /// One member a line.
    Pretty,
    /// One member a line, commas at the start of lines.
    CommaFirst,
}

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// White space.
    pub layout: Layout,
    /// One step of indentation.
    pub indent: &'static str,
    /// Steps by which a whole record is indented.
    pub level: usize,
    /// The end of a line.
    pub newline: &'static str,
    /// Everything beyond ASCII is escaped.
    pub ascii: bool,
    /// Pretty layouts keep arrays of scalars on one line.
    pub inline: bool,
}

/// Writes a value.
pub fn write(value: &Value, style: &Style) -> Vec<u8> {
    let mut out = String::new();
    put(value, style, style.level, &mut out);
    out.into_bytes()
}

fn put(value: &Value, style: &Style, level: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::String(text) => put_string(text, style, out),
        Value::Array(values) => {
            let scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_));
            let flat = Style { layout: Layout::Spaced, ..*style };
            let pretty = matches!(style.layout, Layout::Pretty | Layout::CommaFirst);
            let style = if pretty && style.inline && values.iter().all(scalar) { &flat } else { style };
            let items = values.iter().map(|value| (None, value));
            put_items(items, values.is_empty(), ['[', ']'], style, level, out);
        }
        Value::Object(members) => {
            let items = members.iter().map(|(key, value)| (Some(key.as_str()), value));
            put_items(items, members.is_empty(), ['{', '}'], style, level, out);
        }
    }
}

fn put_items<'a>(
    items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    empty: bool,
    [open, close]: [char; 2],
    style: &Style,
    level: usize,
    out: &mut String,
) {
    out.push(open);
    if empty {
        out.push(close);
        return;
    }
    let line = |level: usize, out: &mut String| {
        out.push_str(style.newline);
        (0..level).for_each(|_| out.push_str(style.indent));
    };
    for (n, (key, value)) in items.enumerate() {
        match (style.layout, n) {
            (Layout::Compact | Layout::Spaced, 0) => {}
            (Layout::Compact, _) => out.push(','),
            (Layout::Spaced, _) => out.push_str(", "),
            (Layout::Pretty, _) => {
                if n > 0 {
                    out.push(',');
                }
                line(level + 1, out);
            }
            (Layout::CommaFirst, 0) => out.push(' '),
            (Layout::CommaFirst, _) => {
                line(level, out);
                out.push_str(", ");
            }
        }
        if let Some(key) = key {
            put_string(key, style, out);
            out.push_str(if style.layout == Layout::Compact { ":" } else { ": " });
        }
        put(value, style, level + 1, out);
    }
    if matches!(style.layout, Layout::Pretty | Layout::CommaFirst) {
        line(level, out);
    }
    out.push(close);
}

fn put_string(text: &str, style: &Style, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || (style.ascii && !c.is_ascii()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether these bytes are one JSON value that `jsonb` takes, white space
/// around it allowed. Depth is not limited.
pub fn valid(bytes: &[u8]) -> bool {
    let mut check = Check { bytes, at: 0 };
    let one = std::str::from_utf8(bytes).is_ok() && check.value().is_some();
    check.blank();
    one && check.at == bytes.len()
}

/// The length of the one JSON value that these bytes start with. Depth is not
/// limited, and UTF-8 not looked at.
pub fn prefix(bytes: &[u8]) -> Option<usize> {
    let mut check = Check { bytes, at: 0 };
    check.value().map(|()| check.at)
}

/// The bytes without what may lie between records.
pub fn strip(bytes: &[u8]) -> &[u8] {
    let framing =
        |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | 0x1E | 0xEF | 0xBB | 0xBF);
    let Some(from) = bytes.iter().position(|b| !framing(b)) else { return &[] };
    let to = bytes.iter().rposition(|b| !framing(b)).map_or(from, |at| at + 1);
    &bytes[from..to]
}

struct Check<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Check<'_> {
    /// Steps over one value, white space before it too.
    fn value(&mut self) -> Option<()> {
        let mut stack = Vec::new();
        loop {
            // A value is due.
            self.blank();
            match self.peek()? {
                open @ (b'{' | b'[') => {
                    self.at += 1;
                    self.blank();
                    let close = open + 2;
                    if self.peek()? == close {
                        self.at += 1;
                    } else {
                        stack.push(close);
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // A value has ended.
            loop {
                let Some(&close) = stack.last() else { return Some(()) };
                self.blank();
                let found = self.peek()?;
                self.at += 1;
                if found == close {
                    stack.pop();
                } else if found == b',' {
                    if close == b'}' {
                        self.key()?;
                    }
                    break;
                } else {
                    return None;
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn key(&mut self) -> Option<()> {
        self.blank();
        self.string()?;
        self.blank();
        self.word(b":")
    }

    fn string(&mut self) -> Option<()> {
        self.word(b"\"")?;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                0..0x20 => return None,
                b'\\' => {
                    let escape = self.peek()?;
                    self.at += 1;
                    match escape {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => match self.hex()? {
                            0 | 0xDC00..=0xDFFF => return None,
                            0xD800..=0xDBFF => {
                                self.word(b"\\u")?;
                                (0xDC00..=0xDFFF).contains(&self.hex()?).then_some(())?;
                            }
                            _ => {}
                        },
                        _ => return None,
                    }
                }
                _ => {}
            }
        }
    }

    fn hex(&mut self) -> Option<u16> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn digits(&mut self) -> Option<&str> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.bytes[from..self.at]).ok()?;
        (!digits.is_empty()).then_some(digits)
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.word(b"-");
        let whole = self.digits()?;
        (whole == "0" || !whole.starts_with('0')).then_some(())?;
        let mut before = whole.len() as i64;
        let mut behind = 0;
        if self.word(b".").is_some() {
            behind = self.digits()?.len() as i64;
        }
        if self.word(b"e").or_else(|| self.word(b"E")).is_some() {
            let sign = if self.word(b"-").is_some() { -1 } else { 1 };
            if sign == 1 {
                let _ = self.word(b"+");
            }
            // What does not fit is out of numeric's range by far.
            let exponent = sign * self.digits()?.parse::<i64>().unwrap_or(i64::MAX / 2);
            before += exponent;
            behind -= exponent;
        }
        // The limits of numeric: digits before the point, and behind it.
        (before <= 131_072 && behind <= 16_383).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for good in [
            "1",
            " [] ",
            "{}",
            "[1,[2,{\"a\":null}]]",
            "\"\\ud83d\\ude00\"",
            "1e131071",
            "-0.5E-3",
            "\"\u{7f}é\"",
            "[[],{}]",
        ] {
            assert!(valid(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "\"\\u0000\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "1e131072",
            "1e-16384",
            "\"\t\"",
            "nul",
            "[1}",
            "1 2",
            "[",
            "{\"a\"}",
            "{\"a\":1 \"b\":2}",
            "\"\\x\"",
            "NaN",
            "//",
            "[1]]",
        ] {
            assert!(!valid(bad.as_bytes()), "{bad}");
        }
        assert!(!valid(b"\"\xFF\""));
        assert!(!valid("[".repeat(100_000).as_bytes()));
    }
}
