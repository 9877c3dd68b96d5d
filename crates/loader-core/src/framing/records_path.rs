//! Where the array of the records lies in a wrapper document: a list of keys.

use std::fmt;
use std::str::Chars;
use std::sync::Arc;

/// The way from the root of a document to the array whose elements are its
/// records: `$.statuses`, `$.data.items`, `$."a b".x` or `$['a b'].x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordsPath {
    keys: Arc<[Box<str>]>,
}

/// What is wrong with the text of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath {
    /// In PostgreSQL's message style, without any of the text.
    pub what: &'static str,
    /// Where in the text, in bytes.
    pub at: usize,
}

/// A longer path is none: what is compared with its keys is held in memory.
const LONGEST: usize = 4096;

const TOO_LONG: &str = "a path has 4096 bytes at most";
const NO_ROOT: &str = "a path starts with \"$\"";
const NO_KEY: &str = "a path names at least one key, as in \"$.key\"";
const STEP: &str = "\"$\" is followed by keys only: \".key\", \".\"any key\"\" or \"['any key']\"";
const WILDCARD: &str = "wildcards are not allowed in a path, only keys";
const INDEX: &str = "indexes are not allowed in a path, only keys";
const UNCLOSED: &str = "a quoted key has no end";
const BRACKET: &str = "a key in brackets is quoted and followed by \"]\"";
const ESCAPE: &str = "an invalid escape sequence in a quoted key";

impl RecordsPath {
    /// Reads a path.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    pub fn parse(text: &str) -> Result<RecordsPath, BadPath> {
        if text.len() > LONGEST {
            return Err(BadPath { what: TOO_LONG, at: LONGEST });
        }
        let mut cursor = Cursor { text, at: text.len() - text.trim_start().len() };
        cursor.expect('$', NO_ROOT)?;
        let mut keys = Vec::new();
        while !cursor.rest().trim_end().is_empty() {
            keys.push(cursor.step()?.into_boxed_str());
        }
        if keys.is_empty() {
            return cursor.fail(NO_KEY);
        }
        Ok(RecordsPath { keys: keys.into() })
    }

    /// Of keys as they stand in a document, without their quotes; `None` where there is
    /// none, or one is no string.
    #[expect(clippy::disallowed_methods, reason = "the caller has bounded number and length of the keys")]
    pub(super) fn of_raw(keys: &[&str]) -> Option<RecordsPath> {
        let keys: Option<Vec<Box<str>>> =
            keys.iter().map(|raw| unescape(raw).map(String::into_boxed_str)).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| RecordsPath { keys: keys.into() })
    }

    /// The keys, from the outermost object on.
    pub fn keys(&self) -> &[Box<str>] {
        &self.keys
    }

    /// So many bytes of a document may stand for a key of the path: each of its
    /// bytes as an escape.
    pub(super) fn longest_raw(&self) -> usize {
        6 * self.keys.iter().map(|key| key.len()).max().unwrap_or(0)
    }

    /// Whether `raw`, a key of a document without its quotes, is the key `n`.
    pub(super) fn is_key(&self, n: usize, raw: &[u8]) -> bool {
        let Some(key) = self.keys.get(n) else { return false };
        if !raw.contains(&b'\\') {
            return raw == key.as_bytes();
        }
        std::str::from_utf8(raw).ok().and_then(unescape).is_some_and(|raw| raw == **key)
    }
}

impl fmt::Display for RecordsPath {
    /// The canonical form: plain keys bare, others quoted as JSON has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for key in self.keys.iter() {
            let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if plain {
                write!(f, ".{key}")?;
                continue;
            }
            f.write_str(".\"")?;
            for c in key.chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

/// A place in the text of a path.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, BadPath> {
        Err(BadPath { what, at: self.at })
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn expect(&mut self, c: char, what: &'static str) -> Result<(), BadPath> {
        if self.peek() != Some(c) {
            return self.fail(what);
        }
        self.at += c.len_utf8();
        Ok(())
    }

    /// One more key.
    fn step(&mut self) -> Result<String, BadPath> {
        match self.peek() {
            Some('.') => {
                self.at += 1;
                match self.peek() {
                    Some('"') => self.quoted('"'),
                    Some('*' | '.') => self.fail(WILDCARD),
                    _ => self.bare(),
                }
            }
            Some('[') => {
                self.at += 1;
                let key = match self.peek() {
                    Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                    Some('*') => return self.fail(WILDCARD),
                    Some('0'..='9' | '-') => return self.fail(INDEX),
                    _ => return self.fail(BRACKET),
                };
                self.expect(']', BRACKET)?;
                Ok(key)
            }
            _ => self.fail(STEP),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    fn bare(&mut self) -> Result<String, BadPath> {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@');
        let rest = self.rest();
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        if key.is_empty() {
            return self.fail(STEP);
        }
        self.at += end;
        Ok(key)
    }

    fn quoted(&mut self, quote: char) -> Result<String, BadPath> {
        self.at += quote.len_utf8();
        let start = self.at;
        loop {
            match self.take() {
                None => return self.fail(UNCLOSED),
                Some('\\') => drop(self.take()),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        let raw = &self.text[start..self.at - quote.len_utf8()];
        unescape(raw).ok_or(BadPath { what: ESCAPE, at: start })
    }
}

/// A JSON string without its escapes; `\'` is one too. Only as long as a path may be.
#[expect(clippy::disallowed_methods, reason = "a path is short")]
fn unescape(raw: &str) -> Option<String> {
    let mut plain = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next()? {
            c @ ('"' | '\'' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => escaped_unit(&mut chars)?,
            _ => return None,
        });
    }
    Some(plain)
}

/// The character of a `\u` escape, or of a pair of them.
fn escaped_unit(chars: &mut Chars<'_>) -> Option<char> {
    let first = hex4(chars)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    if (chars.next()?, chars.next()?) != ('\\', 'u') {
        return None;
    }
    let second = hex4(chars)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second)
}

fn hex4(chars: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | chars.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_lists_of_keys() {
        for (text, keys, shown) in [
            ("$.statuses", &["statuses"][..], "$.statuses"),
            (" $.data.items ", &["data", "items"], "$.data.items"),
            (r#"$."a b".x"#, &["a b", "x"], r#"$."a b".x"#),
            ("$['a b'].x", &["a b", "x"], r#"$."a b".x"#),
            (r#"$["a"]['x']"#, &["a", "x"], "$.a.x"),
            (r"$['it\'s']", &["it's"], r#"$."it's""#),
            (r#"$."\u00e9\ud83d\ude00\"\\""#, &["é😀\"\\"], r#"$."é😀\"\\""#),
            ("$.größe.a-b.$x", &["größe", "a-b", "$x"], r#"$."größe"."a-b"."$x""#),
            (r#"$."""#, &[""], r#"$."""#),
        ] {
            let path = RecordsPath::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad:?}"));
            let found: Vec<&str> = path.keys().iter().map(|key| &**key).collect();
            assert_eq!(found, keys, "{text}");
            assert_eq!(path.to_string(), shown);
            assert_eq!(RecordsPath::parse(shown), Ok(path));
        }
    }

    #[test]
    fn anything_else_is_refused_where_it_stands() {
        for (text, what, at) in [
            ("", NO_ROOT, 0),
            ("statuses", NO_ROOT, 0),
            ("$", NO_KEY, 1),
            ("$.", STEP, 2),
            ("$x", STEP, 1),
            ("$.a b", STEP, 3),
            ("$.*", WILDCARD, 2),
            ("$..a", WILDCARD, 2),
            ("$.a[*]", WILDCARD, 4),
            ("$.a[0]", INDEX, 4),
            ("$[a]", BRACKET, 2),
            ("$['a'", BRACKET, 5),
            ("$['a", UNCLOSED, 4),
            (r#"$."a"#, UNCLOSED, 4),
            (r#"$."\x""#, ESCAPE, 3),
            (r#"$."\ud800""#, ESCAPE, 3),
        ] {
            assert_eq!(RecordsPath::parse(text), Err(BadPath { what, at }), "{text}");
        }
        let long = format!("$.{}", "a".repeat(LONGEST));
        assert_eq!(RecordsPath::parse(&long), Err(BadPath { what: TOO_LONG, at: LONGEST }));
        assert!(RecordsPath::parse(&long[..LONGEST]).is_ok());
    }

    #[test]
    fn keys_are_compared_without_their_escapes() {
        let path = RecordsPath::parse("$.data.größe").expect("a path");
        assert!(path.is_key(0, b"data") && path.is_key(0, br"\u0064at\u0061"));
        assert!(path.is_key(1, "größe".as_bytes()) && path.is_key(1, br"gr\u00f6\u00DFe"));
        assert!(!path.is_key(0, br"dat\x") && !path.is_key(0, b"dat") && !path.is_key(2, b""));
    }
}
