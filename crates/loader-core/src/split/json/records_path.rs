//! Where the records lie in a document: a list of steps, most of them keys.

use std::fmt;
use std::str::Chars;
use std::sync::Arc;

/// The way from the root of a document to its records: `$.statuses`, `$.data.items` or
/// `$['a b'].x` lead to an array whose elements they are, `$.a[*].b[*]` to an array in each
/// element of another one, `$.data.people.*` to an object whose values they are. `$` is the
/// document itself, an array then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordsPath {
    /// From the outermost container on. The last one leads to the records, and is no key.
    steps: Arc<[Step]>,
}

/// One step of a path: from a container to what lies in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// To the value of a key.
    Key(Box<str>),
    /// To each element of an array.
    Elements,
    /// To each value of an object.
    Values,
}

impl Step {
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    fn key(&self) -> Option<String> {
        match self {
            Step::Key(key) => Some(key.to_string()),
            Step::Elements | Step::Values => None,
        }
    }

    /// What opens the container that it leads from.
    pub(super) fn opener(&self) -> u8 {
        match self {
            Step::Elements => b'[',
            Step::Key(_) | Step::Values => b'{',
        }
    }
}

/// What is wrong with the text of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath {
    /// In PostgreSQL's message style, without any of the text.
    pub what: &'static str,
    /// Where in the text, in bytes.
    pub at: usize,
}

/// The longest path, in bytes. What is compared with its keys is held in memory.
const LONGEST: usize = 4096;

const TOO_LONG: &str = "a path has 4096 bytes at most";
const NO_ROOT: &str = "a path starts with \"$\"";
const NO_KEY: &str = "a path of a field starts with its first key";
const STEP: &str = "\"$\" is followed by \".key\", \".\"any key\"\", \"['any key']\", \"[*]\" or \".*\"";
const DESCENDANTS: &str = "\"..\" is not allowed in a path: each key on the way is named";
const INDEX: &str = "indexes are not allowed in a path, only \"[*]\"";
const UNCLOSED: &str = "a quoted key has no end";
const BRACKET: &str = "in brackets stands a quoted key or \"*\", followed by \"]\"";
const ESCAPE: &str = "an invalid escape sequence in a quoted key";

impl RecordsPath {
    /// Reads a path.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    pub fn parse(text: &str) -> Result<RecordsPath, BadPath> {
        let mut steps = parse_steps(text, Root::Named)?;
        if !matches!(steps.last(), Some(Step::Elements | Step::Values)) {
            steps.push(Step::Elements);
        }
        Ok(RecordsPath { steps: steps.into() })
    }

    /// Of keys as they stand in a document, without their quotes, that lead to an array;
    /// `None` where there is none, or one is no string.
    #[expect(clippy::disallowed_methods, reason = "the caller has bounded number and length of the keys")]
    pub(super) fn of_raw(keys: &[&str]) -> Option<RecordsPath> {
        let step = |raw: &&str| unescape(raw).map(|key| Step::Key(key.into_boxed_str()));
        let steps: Option<Vec<Step>> = keys.iter().map(step).collect();
        let mut steps = steps.filter(|steps| !steps.is_empty())?;
        steps.push(Step::Elements);
        Some(RecordsPath { steps: steps.into() })
    }

    /// The keys that lead to a field, if the path has nothing but keys.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    pub fn field_keys(&self) -> Option<Vec<String>> {
        let (last, keys) = self.steps.split_last()?;
        let keys: Option<Vec<String>> = keys.iter().map(Step::key).collect();
        keys.filter(|keys| *last == Step::Elements && !keys.is_empty())
    }

    /// The steps; there is one at least.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// So many containers are open around the one that holds the records.
    pub(super) fn around(&self) -> usize {
        self.steps.len() - 1
    }

    /// What opens the container at the level `n` on the way, from 0.
    pub(super) fn opener(&self, n: usize) -> Option<u8> {
        self.steps.get(n).map(Step::opener)
    }

    /// Whether the records are the values of an object.
    pub fn is_keyed(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Values))
    }

    /// Whether a document may hold several containers of records.
    pub(super) fn is_manifold(&self) -> bool {
        self.steps[..self.around()].iter().any(|step| !matches!(step, Step::Key(_)))
    }

    /// How many keys are on the way.
    pub(super) fn keys(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Key(_))).count()
    }

    /// Whether the last step before the records is a key.
    pub(super) fn ends_with_key(&self) -> bool {
        matches!(*self.steps, [.., Step::Key(_), _])
    }

    /// Whether the key number `n` on the way, from 0, is `raw`, which is a key of a document
    /// without its quotes.
    pub(super) fn is_nth_key(&self, n: usize, raw: &[u8]) -> bool {
        let mut keys = self.steps.iter().filter(|step| matches!(step, Step::Key(_)));
        keys.nth(n).is_some_and(|step| is_key(step, raw))
    }

    /// Whether the way goes on from the container at the level `n` with `raw`, a key of a
    /// document without its quotes.
    pub(super) fn is_key(&self, n: usize, raw: &[u8]) -> bool {
        self.steps.get(n).is_some_and(|step| is_key(step, raw))
    }

    /// The same way, but through the elements of an array behind the step number `n`.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    pub(super) fn through_array(&self, n: usize) -> RecordsPath {
        let (before, behind) = self.steps.split_at(n + 1);
        RecordsPath { steps: [before, &[Step::Elements], behind].concat().into() }
    }

    /// So many bytes of a document may stand for a key of the path: each of its
    /// bytes as an escape.
    pub(super) fn longest_raw(&self) -> usize {
        let length = |step: &Step| match step {
            Step::Key(key) => key.len(),
            Step::Elements | Step::Values => 0,
        };
        6 * self.steps.iter().map(length).max().unwrap_or(0)
    }
}

/// How a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// With `$`.
    Named,
    /// With its first key, or with `$`.
    Implied,
}

/// Reads the steps of a path.
#[expect(clippy::disallowed_methods, reason = "a path is short")]
pub(super) fn parse_steps(text: &str, root: Root) -> Result<Vec<Step>, BadPath> {
    if text.len() > LONGEST {
        return Err(BadPath { what: TOO_LONG, at: LONGEST });
    }
    let mut cursor = Cursor { text, at: text.len() - text.trim_start().len() };
    let mut steps = Vec::new();
    match (root, cursor.peek()) {
        (Root::Named, _) | (Root::Implied, Some('$')) => cursor.expect('$', NO_ROOT)?,
        (Root::Implied, Some('[')) => {}
        (Root::Implied, Some('.') | None) => return cursor.fail(NO_KEY),
        (Root::Implied, Some(_)) => steps.push(cursor.name()?),
    }
    while !cursor.rest().trim_end().is_empty() {
        steps.push(cursor.step()?);
    }
    // Documents may lie in an array anyway.
    if let [Step::Elements, Step::Key(_) | Step::Values, ..] = *steps {
        steps.remove(0);
    }
    Ok(steps)
}

/// Whether `step` is the key `raw` of a document, without its quotes, or any key.
pub(super) fn is_key(step: &Step, raw: &[u8]) -> bool {
    match step {
        Step::Elements => false,
        Step::Values => true,
        Step::Key(key) if !raw.contains(&b'\\') => raw == key.as_bytes(),
        Step::Key(key) => std::str::from_utf8(raw).ok().and_then(unescape).is_some_and(|raw| raw == **key),
    }
}

impl fmt::Display for RecordsPath {
    /// The canonical form: plain keys bare, others quoted as JSON has them, and no `[*]` at the
    /// end where that goes without saying: behind a key or the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        let implied = matches!(*self.steps, [Step::Elements] | [.., Step::Key(_), Step::Elements]);
        let shown = self.steps.len() - usize::from(implied);
        for step in &self.steps[..shown] {
            if *step != Step::Elements {
                f.write_str(".")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    /// Without the dot that stands before a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self {
            Step::Elements => return f.write_str("[*]"),
            Step::Values => return f.write_str("*"),
            Step::Key(key) => key,
        };
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain { f.write_str(key) } else { write_quoted(f, key) }
    }
}

/// Writes a key as a JSON string.
pub(super) fn write_quoted(out: &mut impl fmt::Write, key: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in key.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
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

    /// The step that a dot stands before.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    fn name(&mut self) -> Result<Step, BadPath> {
        let key = match self.peek() {
            Some('"') => self.quoted('"')?,
            Some('*') => {
                self.at += 1;
                return Ok(Step::Values);
            }
            Some('.') => return self.fail(DESCENDANTS),
            _ => self.bare()?,
        };
        Ok(Step::Key(key.into_boxed_str()))
    }

    /// One more step.
    #[expect(clippy::disallowed_methods, reason = "a path is short")]
    fn step(&mut self) -> Result<Step, BadPath> {
        let key = match self.peek() {
            Some('.') => {
                self.at += 1;
                return self.name();
            }
            Some('[') => {
                self.at += 1;
                let key = match self.peek() {
                    Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                    Some('*') => {
                        self.at += 1;
                        self.expect(']', BRACKET)?;
                        return Ok(Step::Elements);
                    }
                    Some('0'..='9' | '-') => return self.fail(INDEX),
                    _ => return self.fail(BRACKET),
                };
                self.expect(']', BRACKET)?;
                key
            }
            _ => return self.fail(STEP),
        };
        Ok(Step::Key(key.into_boxed_str()))
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
            let wanted: Vec<Step> =
                keys.iter().map(|&key| Step::Key(key.into())).chain([Step::Elements]).collect();
            assert_eq!(path.steps(), wanted, "{text}");
            assert_eq!(path.to_string(), shown);
            assert_eq!(RecordsPath::parse(shown), Ok(path));
        }
    }

    #[test]
    fn paths_lead_through_arrays_and_objects() {
        for (text, shown, openers, keyed) in [
            ("$", "$", "[", false),
            ("$[*]", "$", "[", false),
            ("$[*][*]", "$[*][*]", "[[", false),
            ("$.*", "$.*", "{", true),
            ("$[*].*", "$.*", "{", true),
            ("$.a[*]", "$.a", "{[", false),
            ("$[*].a", "$.a", "{[", false),
            ("$.a[*].b[*]", "$.a[*].b", "{[{[", false),
            ("$.a[*].b", "$.a[*].b", "{[{[", false),
            ("$.a[*][*]", "$.a[*][*]", "{[[", false),
            ("$['a'].*", "$.a.*", "{{", true),
            ("$.a.*.b", "$.a.*.b", "{{{[", false),
            ("$.a.*[*]", "$.a.*[*]", "{{[", false),
            ("$.a[*].*", "$.a[*].*", "{[{", true),
        ] {
            let path = RecordsPath::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad:?}"));
            let found: String = path.steps().iter().map(|step| char::from(step.opener())).collect();
            assert_eq!((found.as_str(), path.is_keyed()), (openers, keyed), "{text}");
            assert_eq!(path.to_string(), shown);
            assert_eq!(RecordsPath::parse(shown), Ok(path));
        }
    }

    #[test]
    fn anything_else_is_refused_where_it_stands() {
        for (text, what, at) in [
            ("", NO_ROOT, 0),
            ("statuses", NO_ROOT, 0),
            ("$.", STEP, 2),
            ("$x", STEP, 1),
            ("$.a b", STEP, 3),
            ("$.*x", STEP, 3),
            ("$..a", DESCENDANTS, 2),
            ("$.a[*", BRACKET, 5),
            ("$[*]x", STEP, 4),
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
