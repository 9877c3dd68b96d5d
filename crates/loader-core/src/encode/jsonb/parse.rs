//! From text to tape: the grammar. The rules are those of [`crate::json::scan`],
//! which is tested against the server; here there are no words for what is wrong.

use super::MAX_DEPTH;
use super::block::spaces;
use super::key_order::{KeyOrders, UNKNOWN};
use super::number;
use super::string::{self, Failure};
use super::tape::{Node, Packed, Tape};

/// What became of a text.
pub(super) enum Outcome {
    Good { root: Packed, end: usize },
    Bad,
    OutOfMemory(usize),
}

/// Reads one value. Functions return `None` to stop: for bad text or, where
/// `wanted` is set, for want of memory.
pub(super) struct Parser<'a> {
    text: &'a [u8],
    tape: &'a mut Tape,
    key_orders: &'a mut KeyOrders,
    depth: usize,
    deepest: usize,
    newline: bool,
    /// The key order of the object that ended last.
    last_order: u16,
    /// Memory that was not to be had.
    wanted: Option<usize>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a [u8], tape: &'a mut Tape, key_orders: &'a mut KeyOrders) -> Self {
        Parser {
            text,
            tape,
            key_orders,
            depth: 0,
            deepest: 0,
            newline: false,
            last_order: UNKNOWN,
            wanted: None,
        }
    }

    pub(super) fn deepest(&self) -> usize {
        self.deepest
    }

    pub(super) fn spans_lines(&self) -> bool {
        self.newline
    }

    /// Reads the value at the front of the text; `eof` says that nothing follows it.
    pub(super) fn run(&mut self, eof: bool) -> Outcome {
        let parsed = self.root(eof);
        match (parsed, self.wanted) {
            (_, Some(bytes)) => Outcome::OutOfMemory(bytes),
            (Some((root, end)), None) => Outcome::Good { root, end },
            (None, None) => Outcome::Bad,
        }
    }

    fn root(&mut self, eof: bool) -> Option<(Packed, usize)> {
        let b = *self.text.first()?;
        let end = if matches!(b, b'{' | b'[') {
            let end = self.container(b, 0, self.key_orders.root())?;
            self.key_orders.set_root(self.last_order);
            end
        } else {
            let end = self.scalar(b, 0)?;
            let ends_itself = b == b'"';
            let ended = match self.text.get(end) {
                Some(&next) => !in_word(next),
                None => eof,
            };
            if !ends_itself && !ended {
                return None;
            }
            end
        };
        Some((self.tape.pop()?, end))
    }

    #[inline(always)]
    fn push(&mut self, node: Packed) -> Option<()> {
        let pushed = self.tape.push(node);
        self.memory(pushed)
    }

    #[inline(always)]
    fn memory<T>(&mut self, result: Result<T, usize>) -> Option<T> {
        result.map_err(|bytes| self.wanted = Some(bytes)).ok()
    }

    /// The index of the first byte from `at` on that is not white space, and the byte.
    #[inline(always)]
    fn token(&mut self, at: usize) -> Option<(usize, u8)> {
        let b = *self.text.get(at)?;
        if b > b' ' {
            return Some((at, b));
        }
        // One space, as many programs write it.
        if let (b' ', &next) = (b, self.text.get(at + 1)?)
            && next > b' '
        {
            return Some((at + 1, next));
        }
        self.token_after_space(at)
    }

    #[inline(never)]
    fn token_after_space(&mut self, mut at: usize) -> Option<(usize, u8)> {
        loop {
            match *self.text.get(at)? {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => self.newline = true,
                b => return Some((at, b)),
            }
            at += 1;
            // Indentation.
            while let Some(block) = self.text.get(at..).and_then(|rest| rest.first_chunk()) {
                let length = spaces(block);
                at += length;
                if length < block.len() {
                    break;
                }
            }
        }
    }

    /// The value that starts with `b` at `at`, if it is a scalar; the index behind it.
    /// What follows a number or a literal is for the caller to judge.
    #[inline(always)]
    fn scalar(&mut self, b: u8, at: usize) -> Option<usize> {
        let (node, end) = match b {
            b'"' => self.string(at + 1)?,
            b'-' | b'0'..=b'9' => number::scan(self.text, at)?,
            b't' => (Packed::new(Node::True), self.literal(at, b"true")?),
            b'f' => (Packed::new(Node::False), self.literal(at + 1, b"alse")?),
            b'n' => (Packed::new(Node::Null), self.literal(at, b"null")?),
            _ => return None,
        };
        self.push(node)?;
        Some(end)
    }

    #[inline(always)]
    fn literal(&self, at: usize, word: &[u8; 4]) -> Option<usize> {
        (self.text.get(at..)?.first_chunk::<4>()? == word).then_some(at + 4)
    }

    /// The string whose first byte is at `start`, and the index behind its quote.
    #[inline(always)]
    fn string(&mut self, start: usize) -> Option<(Packed, usize)> {
        let end = string::plain_end(self.text, start);
        match self.text.get(end)? {
            b'"' => {
                Some((Packed::new(Node::Text { start: start as u32, length: (end - start) as u32 }), end + 1))
            }
            b'\\' => self.escaped_string(start),
            _ => None,
        }
    }

    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Option<(Packed, usize)> {
        let from = self.tape.decoded_used();
        match string::decode(self.text, start, self.tape) {
            Ok(quote) => {
                let length = (self.tape.decoded_used() - from) as u32;
                Some((Packed::new(Node::Decoded { start: from as u32, length }), quote + 1))
            }
            Err(Failure::Bad) => None,
            Err(Failure::OutOfMemory(bytes)) => {
                self.wanted = Some(bytes);
                None
            }
        }
    }

    /// The container that opens with `b` at `at`, which probably has the key order
    /// `hint` or, if it is an array, elements of that key order. Leaves the key order that
    /// it had in `last_order`.
    fn container(&mut self, b: u8, at: usize, hint: u16) -> Option<usize> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let end = if b == b'{' { self.object(at + 1, hint) } else { self.array(at + 1, hint) };
        self.depth -= 1;
        end
    }

    fn array(&mut self, at: usize, hint: u16) -> Option<usize> {
        let base = self.tape.pending();
        let mut hint = hint;
        let (mut at, mut b) = self.token(at)?;
        if b != b']' {
            loop {
                if matches!(b, b'{' | b'[') {
                    at = self.container(b, at, hint)?;
                    hint = self.last_order;
                } else {
                    at = self.scalar(b, at)?;
                }
                (at, b) = self.token(at)?;
                match b {
                    b',' => (at, b) = self.token(at + 1)?,
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.last_order = hint;
        let count = (self.tape.pending() - base) as u32;
        let closed = self.tape.close(base);
        let first = self.memory(closed)?;
        self.push(Packed::new(Node::Array { first, count }))?;
        Some(at + 1)
    }

    fn object(&mut self, at: usize, hint: u16) -> Option<usize> {
        let base = self.tape.pending();
        let (mut at, mut b) = self.token(at)?;
        if b == b'}' {
            self.last_order = hint;
            self.push(Packed::new(Node::Object { first: 0, count: 0 }))?;
            return Some(at + 1);
        }
        // As long as the keys are those of the key order, in its order.
        let mut expected = self.key_orders.expect(hint);
        let mut index = 0;
        loop {
            if b != b'"' {
                return None;
            }
            let start = at + 1;
            match expected.then(|| self.key_orders.next_key(hint, index, self.text, start)).flatten() {
                Some(length) => {
                    self.push(Packed::new(Node::Text { start: start as u32, length: length as u32 }))?;
                    at = start + length + 1;
                }
                None => {
                    expected = false;
                    let key;
                    (key, at) = self.string(start)?;
                    self.push(key)?;
                }
            }
            (at, b) = self.token(at)?;
            if b != b':' {
                return None;
            }
            (at, b) = self.token(at + 1)?;
            if matches!(b, b'{' | b'[') {
                let child = if expected { self.key_orders.child(hint, index) } else { UNKNOWN };
                at = self.container(b, at, child)?;
                if expected {
                    self.key_orders.set_child(hint, index, self.last_order);
                }
            } else {
                at = self.scalar(b, at)?;
            }
            index += 1;
            (at, b) = self.token(at)?;
            match b {
                b',' => (at, b) = self.token(at + 1)?,
                b'}' => break,
                _ => return None,
            }
        }
        let known = expected && self.key_orders.is_whole(hint, index);
        let closed = if known {
            self.last_order = hint;
            self.key_orders.close_known(hint, base, self.tape)
        } else {
            let closed = self.key_orders.close(self.text, base, self.tape);
            closed.map(|(node, order)| {
                self.last_order = if order == UNKNOWN { hint } else { order };
                node
            })
        };
        let node = self.memory(closed)?;
        self.push(Packed::new(node))?;
        Some(at + 1)
    }
}

/// Bytes that cannot follow a number or a literal directly.
fn in_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-' | b'.' | b'$') || b >= 0x80
}
