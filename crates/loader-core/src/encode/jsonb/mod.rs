//! One record → its jsonb bytes, as `jsonb_in` would store them.
//!
//! Two steps. [`parse`] checks the text by the rules of the server's JSON lexer
//! and notes on a [`tape`] what it holds, the children of each container side by
//! side and in the order in which jsonb keeps them ([`key_order`]); [`emit`] walks
//! the tape and writes each byte once, at its place. Buffers are kept from record
//! to record. A failed allocation in a server's thread would end the server, so
//! every buffer that the text decides on is grown by `try_reserve`.
//!
//! Not here: UTF-8 (the caller checks a record at once), and what is wrong with a
//! text that is not good ([`crate::json::scan`] says that).

mod block;
mod emit;
mod jentry;
mod key_order;
mod number;
mod parse;
mod string;
mod tape;

pub use string::unescape;

use crate::encode::varlena;
use crate::memory::{self, OutOfMemory};
use key_order::KeyOrders;
use parse::{Outcome, Parser};
use tape::Tape;

/// Longer texts are not encoded here: positions fit in 32 bits and every length
/// in the 28 bits of a JEntry without a check.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// Deeper texts are not encoded here: parser and emitter recurse.
const MAX_DEPTH: usize = 500;

/// Buffers larger than this are given back after the record that needed them.
const KEPT: usize = 2 * 1024 * 1024;

/// Encodes one record after the other.
#[derive(Debug, Default)]
pub struct Encoder {
    tape: Tape,
    key_orders: KeyOrders,
    datum: Vec<u8>,
    deepest: usize,
    spans_lines: bool,
}

impl Encoder {
    /// An encoder without buffers: they are taken with the first record.
    pub fn new() -> Self {
        Encoder::default()
    }

    /// Appends to `out` the jsonb datum of the value that starts at `text[start]`,
    /// and returns where the value ends. `eof` says that nothing follows `text`.
    ///
    /// `None` where the value is not good, not whole, or not to be decided here
    /// (over 500 levels or 16 MB); `out` is then as it was, as it is in an error.
    pub fn encode(
        &mut self,
        text: &[u8],
        start: usize,
        eof: bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, OutOfMemory> {
        let Some(rest) = text.get(start..) else { return Ok(None) };
        let (text, eof) = match rest.get(..MAX_TEXT) {
            Some(part) if rest.len() > MAX_TEXT => (part, false),
            _ => (rest, eof),
        };
        let end = self.datum(text, eof).and_then(|written| {
            let Some((end, length)) = written else { return Ok(None) };
            let datum = self.datum.get(..length).unwrap_or_default();
            memory::append(out, datum)?;
            Ok(Some(start + end))
        });
        if self.datum.capacity() > KEPT {
            self.datum = Vec::new();
        }
        self.tape.shrink(KEPT);
        end
    }

    /// The deepest nesting in the text that was encoded last.
    pub fn deepest(&self) -> usize {
        self.deepest
    }

    /// Whether there was a newline in the text that was encoded last.
    pub fn spans_lines(&self) -> bool {
        self.spans_lines
    }

    /// Writes the datum into our own buffer, whose bytes are zeroed but once: the
    /// emitter may write further than it means to, and copying the datum to its
    /// place is cheaper than preparing that place. Returns the ends of the value
    /// and of the datum.
    fn datum(&mut self, text: &[u8], eof: bool) -> Result<Option<(usize, usize)>, OutOfMemory> {
        self.tape.clear();
        self.key_orders.begin()?;
        let mut parser = Parser::new(text, &mut self.tape, &mut self.key_orders);
        let outcome = parser.run(eof);
        self.deepest = parser.deepest();
        self.spans_lines = parser.spans_lines();
        let (root, end) = match outcome {
            Outcome::Good { root, end } => (root, end),
            Outcome::Bad => return Ok(None),
            Outcome::OutOfMemory(bytes) => return Err(OutOfMemory(bytes)),
        };
        let room = varlena::HEADER + emit::bound(end, &self.tape);
        tape::grow(&mut self.datum, room, 0).map_err(OutOfMemory)?;
        let length = emit::datum(root, text, &self.tape, &self.key_orders, &mut self.datum);
        Ok(length.map(|length| (end, length)))
    }
}
