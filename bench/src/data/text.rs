//! Writes compact JSON, member by member.

use std::fmt::Display;
use std::io::Write;

/// A record in the making.
#[derive(Debug, Default)]
pub struct Text {
    out: Vec<u8>,
    comma: bool,
}

impl Text {
    /// The bytes so far; the next record starts anew.
    pub fn take(&mut self, into: &mut Vec<u8>) {
        into.clear();
        into.append(&mut self.out);
        self.comma = false;
    }

    /// An object as the next value.
    pub fn object(&mut self, members: impl FnOnce(&mut Text)) {
        self.container(b"{}", members);
    }

    /// An array as the next value.
    pub fn array(&mut self, elements: impl FnOnce(&mut Text)) {
        self.container(b"[]", elements);
    }

    /// A key; its value comes next.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.string(key);
        self.out.push(b':');
        self.comma = false;
        self
    }

    /// A string, with nothing escaped but what must be.
    pub fn string(&mut self, text: &str) {
        self.separate();
        self.out.push(b'"');
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.out.extend([b'\\', byte]),
                b'\n' => self.out.extend(b"\\n"),
                b'\r' => self.out.extend(b"\\r"),
                b'\t' => self.out.extend(b"\\t"),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }

    /// A value as it is written: a number, a literal, a string with its quotes.
    pub fn raw(&mut self, value: impl Display) {
        self.separate();
        write!(self.out, "{value}").expect("a vector takes all");
    }

    /// A member that is an object.
    pub fn put_object(&mut self, key: &str, members: impl FnOnce(&mut Text)) {
        self.key(key).object(members);
    }

    /// A member that is an array.
    pub fn put_array(&mut self, key: &str, elements: impl FnOnce(&mut Text)) {
        self.key(key).array(elements);
    }

    /// A member that is a string.
    pub fn put(&mut self, key: &str, text: impl AsRef<str>) {
        self.key(key).string(text.as_ref());
    }

    /// A member that is a number or a literal.
    pub fn put_raw(&mut self, key: &str, value: impl Display) {
        self.key(key).raw(value);
    }

    /// A member that is null.
    pub fn put_null(&mut self, key: &str) {
        self.key(key).raw("null");
    }

    fn container(&mut self, brackets: &[u8; 2], inside: impl FnOnce(&mut Text)) {
        self.separate();
        self.out.push(brackets[0]);
        self.comma = false;
        inside(self);
        self.out.push(brackets[1]);
        self.comma = true;
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }
}
