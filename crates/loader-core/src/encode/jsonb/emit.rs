//! The datum: each byte is written once, at its place, in one walk over the tape.
//!
//! Strings are copied in blocks and numbers written in words, which may reach
//! beyond their ends: what comes next is written over that, and [`bound`] leaves
//! room behind the last. Should the room ever not do, the walk ends with `None`.

use super::jentry::{CONTAINER, FALSE, NULL, NUMERIC, STRING, TRUE, entry};
use super::key_order::KeyOrders;
use super::number;
use super::tape::{Node, Packed, Tape};
use crate::encode::numeric::{self, Short};
use crate::encode::varlena;

/// The flags of containers.
const ARRAY: u32 = 0x4000_0000;
const OBJECT: u32 = 0x2000_0000;
const SCALAR: u32 = 0x1000_0000;

/// A copy may write up to this many bytes beyond its end.
const SLACK: usize = 64;

/// An upper bound of what the value needs that ends at `end`: a string takes no
/// more than its text; any other value takes, beyond the length of its text, no
/// more than JEntry, padding and headers.
pub(super) fn bound(end: usize, tape: &Tape) -> usize {
    const MOST: usize = 4 + 3 + 8 + 9;
    end + MOST * (tape.count() + 1) + SLACK
}

/// Writes the datum of `root` to the front of `out`. Returns its length.
pub(super) fn datum(
    root: Packed,
    text: &[u8],
    tape: &Tape,
    key_orders: &KeyOrders,
    out: &mut [u8],
) -> Option<usize> {
    let mut emitter = Emitter { text, decoded: tape.decoded(), nodes: tape.nodes(), key_orders, out };
    let end = match root.node() {
        Node::Array { .. } | Node::Object { .. } | Node::KnownKeys { .. } => {
            emitter.container(root.node(), 4)?
        }
        _ => {
            emitter.put(4, ARRAY | SCALAR | 1)?;
            emitter.values(&[root], 8, 0, 12, 12)?
        }
    };
    emitter.put(0, varlena::header(end))?;
    Some(end)
}

struct Emitter<'a> {
    text: &'a [u8],
    decoded: &'a [u8],
    nodes: &'a [Packed],
    key_orders: &'a KeyOrders,
    out: &'a mut [u8],
}

impl<'a> Emitter<'a> {
    #[inline(always)]
    fn put(&mut self, at: usize, word: u32) -> Option<()> {
        *self.out.get_mut(at..)?.first_chunk_mut()? = word.to_ne_bytes();
        Some(())
    }

    /// Writes zeros up to a multiple of four.
    #[inline(always)]
    fn pad(&mut self, at: usize) -> Option<usize> {
        self.put(at, 0)?;
        Some(at.next_multiple_of(4))
    }

    /// Writes the container at `at`, which is aligned. Returns where it ends.
    fn container(&mut self, node: Node, at: usize) -> Option<usize> {
        let entries = at + 4;
        match node {
            Node::Array { first, count } => {
                let count = count as usize;
                self.put(at, ARRAY | count as u32)?;
                let data = entries + 4 * count;
                let values = self.nodes(first, count)?;
                self.values(values, entries, 0, data, data)
            }
            Node::Object { first, count } => {
                let count = count as usize;
                self.put(at, OBJECT | count as u32)?;
                let data = entries + 8 * count;
                let (keys, values) = self.nodes(first, 2 * count)?.split_at_checked(count)?;
                let end = self.values(keys, entries, 0, data, data)?;
                self.values(values, entries + 4 * count, count, data, end)
            }
            Node::KnownKeys { first, order } => {
                let (key_entries, keys) = self.key_orders.keys(order)?;
                let count = key_entries.len() / 4;
                self.put(at, OBJECT | count as u32)?;
                self.out.get_mut(entries..entries + 4 * count)?.copy_from_slice(key_entries);
                let data = entries + 8 * count;
                let end = data + keys.len();
                self.out.get_mut(data..end)?.copy_from_slice(keys);
                let values = self.nodes(first, count)?;
                self.values(values, entries + 4 * count, count, data, end)
            }
            _ => None,
        }
    }

    #[inline(always)]
    fn nodes(&self, first: u32, count: usize) -> Option<&'a [Packed]> {
        let nodes: &'a [Packed] = self.nodes;
        nodes.get(first as usize..first as usize + count)
    }

    /// Writes `values` from `at` on, and their JEntries from `entries` on; the
    /// first is entry `index` of a container whose data begin at `data`. Returns
    /// where the last ends.
    fn values(
        &mut self,
        values: &[Packed],
        entries: usize,
        index: usize,
        data: usize,
        at: usize,
    ) -> Option<usize> {
        let mut end = at;
        for (i, value) in values.iter().enumerate() {
            let start = end;
            let kind = match value.node() {
                Node::Text { start: from, length } => {
                    end = self.copy(self.text, from as usize, length as usize, start)?;
                    STRING
                }
                Node::Number { negative, scale, value } => {
                    let aligned = self.pad(start)?;
                    end = numeric::write(self.out, aligned, Short { negative, scale, value }, scale)?;
                    NUMERIC
                }
                container @ (Node::Array { .. } | Node::Object { .. } | Node::KnownKeys { .. }) => {
                    let aligned = self.pad(start)?;
                    end = self.container(container, aligned)?;
                    CONTAINER
                }
                Node::Null => NULL,
                Node::False => FALSE,
                Node::True => TRUE,
                Node::Decoded { start: from, length } => {
                    end = self.copy(self.decoded, from as usize, length as usize, start)?;
                    STRING
                }
                Node::LongNumber { start: from } => {
                    let aligned = self.pad(start)?;
                    end = number::write_long(self.out, aligned, self.text, from as usize)?;
                    NUMERIC
                }
            };
            self.put(entries + 4 * i, entry(kind, index + i, end - start, end - data))?;
        }
        Some(end)
    }

    /// Copies `length` bytes of `source` from `from` on to `at`. Returns where they end.
    #[inline(always)]
    fn copy(&mut self, source: &[u8], from: usize, length: usize, at: usize) -> Option<usize> {
        let rest = source.get(from..)?;
        let room = self.out.get_mut(at..)?;
        match (rest.first_chunk::<32>(), room.first_chunk_mut::<32>()) {
            (Some(source), Some(room)) if length <= 32 => *room = *source,
            _ => room.get_mut(..length)?.copy_from_slice(rest.get(..length)?),
        }
        Some(at + length)
    }
}
