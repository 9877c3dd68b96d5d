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
    /// An object's keys, hashed, sorted, each once.
    Object(Vec<u64>),
    /// An array's elements by class, in order, the first [`MAX_ELEMENTS`] of
    /// them, and how many there are.
    Array(Vec<Class>, usize),
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
                let first = |classes: &[Class]| classes.iter().copied().take(BEGINNING).collect::<Vec<_>>();
                ours.len().min(theirs.len()) >= 2 && first(ours) == first(theirs)
            }
            _ => false,
        }
    }
}

/// So many elements are the beginning of an array.
const BEGINNING: usize = 2;

/// So many elements of an array are part of its shape.
pub const MAX_ELEMENTS: usize = 16;

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

/// A container that is being walked through.
struct Open {
    start: usize,
    role: Role,
    shape: Shape,
}

/// Calls `visit` for the containers in a well-formed value, each when it ends:
/// where it stands, how deep (the root is 0), its first byte, and its shape.
pub fn containers(text: &[u8], mut visit: impl FnMut(Role, usize, usize, Shape)) {
    let mut open: Vec<Open> = Vec::new();
    let mut too_deep = 0usize;
    let mut after_colon = false;
    let mut key_due = false;
    let mut i = 0;
    while i < text.len() {
        let b = text[i];
        let start = i;
        match b {
            b'"' => i = string_end(text, i),
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                i += 1;
                while text
                    .get(i)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
                {
                    i += 1;
                }
            }
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
                    visit(ended.role, open.len(), ended.start, ended.shape);
                }
                key_due = false;
            }
            b'"' if key_due => {
                if let Some(Open { shape: Shape::Object(keys), .. }) = open.last_mut() {
                    keys.push(key_hash(&text[start..i]));
                }
                key_due = false;
            }
            _ => {
                let Some(class) = Class::of(b) else { continue };
                if let Some(Open { shape: Shape::Array(elements, count), .. }) = open.last_mut() {
                    *count += 1;
                    if elements.len() < MAX_ELEMENTS {
                        elements.push(class);
                    }
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
                        open.push(Open { start, role, shape: Shape::Object(Vec::new()) });
                        key_due = true;
                    }
                    Class::Array => {
                        open.push(Open { start, role, shape: Shape::Array(Vec::new(), 0) });
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
    object(text).or_else(|| root(text))
}

/// The shape of the root in [`containers`].
fn root(text: &[u8]) -> Option<Shape> {
    let mut root = None;
    containers(text, |role, _, _, shape| {
        if role == Role::Root {
            root = Some(shape);
        }
    });
    root
}

/// What [`root`] says of a text that is one object, without a look at what lies
/// deeper; `None` where it takes that.
fn object(text: &[u8]) -> Option<Shape> {
    if text.first() != Some(&b'{') {
        return None;
    }
    let mut keys = Vec::new();
    let mut key_due = true;
    let mut depth = 1usize;
    let mut i = 1;
    while depth > 0 {
        let b = *text.get(i)?;
        let start = i;
        i = if b == b'"' { string_end(text, i) } else { i + 1 };
        match b {
            b'"' if key_due && depth == 1 => {
                keys.push(key_hash(&text[start..i]));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_every_container_with_its_role() {
        let mut seen = Vec::new();
        containers(br#"{"b":1,"a":[{"x":"},{"},[2,"y",null]],"c":{}}"#, |role, depth, start, shape| {
            seen.push((role, depth, start, shape));
        });
        let key = |k: &str| key_hash(k.as_bytes());
        let mut root = vec![key("\"a\""), key("\"b\""), key("\"c\"")];
        root.sort_unstable();
        assert_eq!(
            seen,
            [
                (Role::Element, 2, 12, Shape::Object(vec![key("\"x\"")])),
                (Role::Element, 2, 24, Shape::Array(vec![Class::Number, Class::String, Class::Null], 3)),
                (Role::Member, 1, 11, Shape::Array(vec![Class::Object, Class::Array], 2)),
                (Role::Member, 1, 42, Shape::Object(vec![])),
                (Role::Root, 0, 0, Shape::Object(root)),
            ]
        );
    }

    #[test]
    fn the_short_way_to_the_shape_of_an_object_leads_to_the_same() {
        let deep = format!("{{\"a\":{}{},\"b\":0}}", "[".repeat(200), "]".repeat(200));
        let good = [
            "{}",
            "{ \n}",
            r#"{"b":1,"a":[{"x":"},{"},[2,"y",null]],"c":{}}"#,
            r#"{ "b" : "\",\"x\":" , "b" :{"a":[1,{"q":2}]} , "\\" : false,"":-1.5e+3}"#,
            &deep,
        ];
        for text in good {
            assert!(object(text.as_bytes()).is_some(), "{text}");
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
    }
}
