//! The shape of a value: what tells the records of a file from each other and
//! from the objects inside them. Only good values are looked at, and only while
//! a file is being learned or repaired, so this may be slower than the scanner.

use std::hash::{DefaultHasher, Hasher};

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is the record.
    Root,
    /// The value of a key.
    Member,
    /// An element of an array.
    Element,
}

/// The class of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl Class {
    /// How many there are.
    pub const COUNT: usize = 6;

    /// The class of the value that starts with `b`, if one does.
    pub fn of(b: u8) -> Option<Class> {
        match b {
            b'{' => Some(Class::Object),
            b'[' => Some(Class::Array),
            b'"' => Some(Class::String),
            b'-' | b'0'..=b'9' => Some(Class::Number),
            b't' | b'f' => Some(Class::Bool),
            b'n' => Some(Class::Null),
            _ => None,
        }
    }
}

/// The shape of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object's keys, hashed, sorted, each once; of larger objects the first
    /// [`MAX_KEYS`].
    Object(Vec<u64>),
    /// An array's first elements by class, in order, and how many there are.
    Array(Classes, usize),
}

/// The classes of the first [`MAX_ELEMENTS`] elements of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    first: [Option<Class>; MAX_ELEMENTS],
}

impl Classes {
    /// Notes one more, at `index`.
    fn note(&mut self, index: usize, class: Class) {
        if let Some(slot) = self.first.get_mut(index) {
            *slot = Some(class);
        }
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Class> + '_ {
        self.first.iter().map_while(|class| *class)
    }
}

impl Shape {
    /// How many keys or elements there are.
    pub fn count(&self) -> usize {
        match self {
            Shape::Object(keys) => keys.len(),
            Shape::Array(_, count) => *count,
        }
    }

    /// Whether two arrays begin with elements of the same classes.
    pub fn begins_like(&self, other: &Shape) -> bool {
        match (self, other) {
            (Shape::Array(ours, _), Shape::Array(theirs, _)) => {
                let (ours, theirs) = (&ours.first[..BEGINNING], &theirs.first[..BEGINNING]);
                ours == theirs && ours.iter().all(Option::is_some)
            }
            _ => false,
        }
    }
}

/// Two arrays begin alike if this many of their elements do.
const BEGINNING: usize = 2;

/// Only this many elements of an array are part of its shape.
const MAX_ELEMENTS: usize = 16;

/// Only this many keys of an object are part of its shape. Tables hardly have more columns, and
/// a file must not decide how much memory shapes take.
pub const MAX_KEYS: usize = 1024;

/// Containers nested deeper are not reported: records do not hide there.
const MAX_DEPTH: usize = 64;

/// The hash of a key's raw text.
pub fn key_hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

/// The index behind the string that opens at `i`, in well-formed text.
pub fn string_end(text: &[u8], i: usize) -> usize {
    let mut i = i + 1;
    while let Some(at) = memchr::memchr2(b'"', b'\\', text.get(i..).unwrap_or_default()) {
        if text[i + at] == b'"' {
            return i + at + 1;
        }
        i += at + 2;
    }
    text.len()
}

/// Adds a key to those of a shape.
#[expect(clippy::disallowed_methods, reason = "a few kilobytes at most")]
fn push(keys: &mut Vec<u64>, key: &[u8]) {
    if keys.len() < MAX_KEYS {
        keys.push(key_hash(key));
    }
}

/// A container that is being walked through.
struct Open {
    start: usize,
    role: Role,
    shape: Shape,
}

/// Calls `visit` for the containers in a well-formed value, each when it ends:
/// where it stands, how deep (the root is 0), its first byte, and its shape.
#[expect(clippy::disallowed_methods, reason = "64 small containers at most are open")]
pub fn containers(text: &[u8], mut visit: impl FnMut(Role, usize, usize, &Shape)) {
    let mut open: Vec<Open> = Vec::new();
    // A list of keys that is done with: records hold many small objects.
    let mut spare = Vec::new();
    let mut too_deep = 0usize;
    let mut after_colon = false;
    let mut key_due = false;
    let mut i = 0;
    while i < text.len() {
        let b = text[i];
        let start = i;
        match b {
            b'"' => i = string_end(text, i),
            b'-' | b'0'..=b'9' | b'a'..=b'z' => i = token_end(text, i),
            _ => i += 1,
        }
        if too_deep > 0 {
            match b {
                b'{' | b'[' => too_deep += 1,
                b'}' | b']' => too_deep -= 1,
                _ => {}
            }
            continue;
        }
        match b {
            b',' => key_due = matches!(open.last(), Some(Open { shape: Shape::Object(_), .. })),
            b':' => after_colon = true,
            b'}' | b']' => {
                if let Some(mut ended) = open.pop() {
                    if let Shape::Object(keys) = &mut ended.shape {
                        keys.sort_unstable();
                        keys.dedup();
                    }
                    visit(ended.role, open.len(), ended.start, &ended.shape);
                    if let Shape::Object(keys) = ended.shape {
                        spare = keys;
                    }
                }
                key_due = false;
            }
            b'"' if key_due => {
                if let Some(Open { shape: Shape::Object(keys), .. }) = open.last_mut() {
                    push(keys, &text[start..i]);
                }
                key_due = false;
            }
            _ => {
                let Some(class) = Class::of(b) else { continue };
                if let Some(Open { shape: Shape::Array(elements, count), .. }) = open.last_mut() {
                    elements.note(*count, class);
                    *count += 1;
                }
                let role = match open.is_empty() {
                    true => Role::Root,
                    false if after_colon => Role::Member,
                    false => Role::Element,
                };
                after_colon = false;
                match class {
                    Class::Object | Class::Array if open.len() == MAX_DEPTH => too_deep = 1,
                    Class::Object => {
                        let mut keys = std::mem::take(&mut spare);
                        keys.clear();
                        open.push(Open { start, role, shape: Shape::Object(keys) });
                        key_due = true;
                    }
                    Class::Array => {
                        open.push(Open { start, role, shape: Shape::Array(Classes::default(), 0) });
                        key_due = false;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The shape of a well-formed value; `None` for a scalar.
pub fn of(text: &[u8]) -> Option<Shape> {
    object(text).or_else(|| array(text)).or_else(|| root(text))
}

/// The shape of the root in [`containers`].
fn root(text: &[u8]) -> Option<Shape> {
    let mut root = None;
    containers(text, |role, _, _, shape| {
        if role == Role::Root {
            root = Some(shape.clone());
        }
    });
    root
}

/// What [`root`] says of a text that is one object, without a look at what lies
/// deeper; `None` where it takes that.
fn object(text: &[u8]) -> Option<Shape> {
    members(text.strip_prefix(b"{")?)
}

/// The shape of an object of which `text` is all but the opening brace.
pub fn members(text: &[u8]) -> Option<Shape> {
    let mut keys = Vec::new();
    let mut key_due = true;
    let mut depth = 1usize;
    let mut i = 0;
    while depth > 0 {
        let b = *text.get(i)?;
        let start = i;
        i = if b == b'"' { string_end(text, i) } else { i + 1 };
        match b {
            b'"' if key_due && depth == 1 => {
                push(&mut keys, &text[start..i]);
                key_due = false;
            }
            b',' if depth == 1 => key_due = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                key_due = false;
            }
            _ => {}
        }
    }
    keys.sort_unstable();
    keys.dedup();
    (i == text.len()).then_some(Shape::Object(keys))
}

/// The same for a text that is one array.
fn array(text: &[u8]) -> Option<Shape> {
    if text.first() != Some(&b'[') {
        return None;
    }
    let (mut classes, mut count) = (Classes::default(), 0);
    let mut depth = 1usize;
    let mut i = 1;
    while depth > 0 {
        let b = *text.get(i)?;
        i = match b {
            b'"' => string_end(text, i),
            b'-' | b'0'..=b'9' | b'a'..=b'z' if depth == 1 => token_end(text, i),
            _ => i + 1,
        };
        if depth == 1
            && let Some(class) = Class::of(b)
        {
            classes.note(count, class);
            count += 1;
        }
        match b {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    (i == text.len()).then_some(Shape::Array(classes, count))
}

/// The index behind the number or word at `i`.
fn token_end(text: &[u8], i: usize) -> usize {
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    i + 1 + text[i + 1..].iter().take_while(|b| part(b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_every_container_with_its_role() {
        let mut seen = Vec::new();
        containers(br#"{"b":1,"a":[{"x":"},{"},[2,"y",null]],"c":{}}"#, |role, depth, start, shape| {
            seen.push((role, depth, start, shape.clone()));
        });
        let key = |k: &str| key_hash(k.as_bytes());
        let array = |elements: &[Class]| {
            let mut classes = Classes::default();
            elements.iter().enumerate().for_each(|(at, &class)| classes.note(at, class));
            Shape::Array(classes, elements.len())
        };
        let mut root = vec![key("\"a\""), key("\"b\""), key("\"c\"")];
        root.sort_unstable();
        assert_eq!(
            seen,
            [
                (Role::Element, 2, 12, Shape::Object(vec![key("\"x\"")])),
                (Role::Element, 2, 24, array(&[Class::Number, Class::String, Class::Null])),
                (Role::Member, 1, 11, array(&[Class::Object, Class::Array])),
                (Role::Member, 1, 42, Shape::Object(vec![])),
                (Role::Root, 0, 0, Shape::Object(root)),
            ]
        );
    }

    #[test]
    fn the_short_way_to_a_shape_leads_to_the_same() {
        let deep = format!("{{\"a\":{}{},\"b\":0}}", "[".repeat(200), "]".repeat(200));
        let deep_array = format!("[{deep}, 1]");
        let good = [
            "[]",
            "[ \n]",
            r#"[ 1,-2.5e+7, "],[" ,true,false,null,{"x":[1,2]},[[],"\"]"],[ ]]"#,
            "[1,2,3,4,5,6,7,8,9,0,\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]",
            &deep_array,
            "{}",
            "{ \n}",
            r#"{"b":1,"a":[{"x":"},{"},[2,"y",null]],"c":{}}"#,
            r#"{ "b" : "\",\"x\":" , "b" :{"a":[1,{"q":2}]} , "\\" : false,"":-1.5e+3}"#,
            &deep,
        ];
        for text in good {
            assert!(object(text.as_bytes()).or(array(text.as_bytes())).is_some(), "{text}");
        }
        // Damaged text, too: any byte lost, doubled or replaced.
        for text in good.map(str::as_bytes).iter().filter(|text| text.len() < 100) {
            for at in 0..text.len() {
                for with in [&b""[..], &[text[at]; 2], b"{", b"}", b"[", b"]", b"\"", b",", b":", b"1", b"a"]
                {
                    let text = [&text[..at], with, &text[at + 1..]].concat();
                    assert_eq!(of(&text), root(&text), "{}", String::from_utf8_lossy(&text));
                }
            }
        }
        assert_eq!(of(deep.as_bytes()), root(deep.as_bytes()));
        assert_eq!(of(deep_array.as_bytes()), root(deep_array.as_bytes()));
    }
    #[test]
    fn a_shape_has_so_many_keys_and_no_more() {
        let text: String = (0..2 * MAX_KEYS).map(|n| format!("\"k{n}\":{n},")).collect();
        let text = format!("{{{}\"last\":0}}", text);
        assert_eq!(of(text.as_bytes()).map(|shape| shape.count()), Some(MAX_KEYS));
        assert_eq!(of(text.as_bytes()), root(text.as_bytes()));
    }
}
