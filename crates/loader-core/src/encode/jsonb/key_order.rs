//! The order of an object's keys: by length, then by bytes; of equal keys the
//! last one counts.
//!
//! Records of a file have few key orders. For each a [`KeyOrder`] remembers its keys in
//! the order of the text, the order in which jsonb keeps them, and their part of
//! the jsonb, ready to be copied. An object is taken for one of a key order only when
//! each of its keys is, byte for byte, the key order's: a wrong guess costs time, not
//! truth. What comes next is guessed from what came last at the same place.

use super::block::begin_alike;
use super::jentry;
use super::tape::{Node, Packed, Tape};
use crate::memory::{self, OutOfMemory};

/// No key order.
pub(super) const UNKNOWN: u16 = u16::MAX;

/// The number of places for key orders. The hash of an order tells its place.
const KEY_ORDERS: usize = 256;

/// Objects with more keys, or more bytes of keys, are sorted each time.
const MAX_KEYS: usize = 512;
const MAX_KEY_BYTES: usize = 8 * 1024;

/// A key may be compared by blocks that reach beyond the last.
const BLOCK: usize = 32;

#[derive(Debug, Default, Clone)]
struct KeyOrder {
    /// The hash of the keys; 0 before there are any.
    hash: u64,
    /// The hash of an object that would have been kept here: once more, and it is.
    candidate: u64,
    /// The last record in which this key order was referred to. It is not replaced
    /// before that record is done.
    used: u64,
    keys: Vec<Key>,
    /// The keys as in the text, each with its closing quote, and a block of zeros.
    raw: Vec<u8>,
    /// For each place in the order of jsonb the place in the text.
    order: Vec<u16>,
    /// The keys' JEntries and bytes, in the order of jsonb.
    entries: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    /// Where in [`KeyOrder::raw`].
    start: u32,
    length: u16,
    /// The key order of the objects in the last container under this key.
    child: u16,
}

/// The key orders seen so far.
#[derive(Debug, Default)]
pub(super) struct KeyOrders {
    key_orders: Vec<KeyOrder>,
    /// The key order of the last record.
    root: u16,
    /// The number of the record.
    record: u64,
    /// Buffer for [`KeyOrders::sort`].
    sorted: Vec<u128>,
}

impl KeyOrders {
    /// A new record.
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    pub(super) fn begin(&mut self) -> Result<(), OutOfMemory> {
        self.record += 1;
        if self.key_orders.is_empty() {
            memory::reserve_exact(&mut self.key_orders, KEY_ORDERS)?;
            self.key_orders.resize_with(KEY_ORDERS, KeyOrder::default);
            self.root = UNKNOWN;
        }
        Ok(())
    }

    /// The probable key order of the record.
    pub(super) fn root(&self) -> u16 {
        self.root
    }

    pub(super) fn set_root(&mut self, order: u16) {
        self.root = order;
    }

    /// Whether there is such a key order; it stays for this record.
    #[inline(always)]
    pub(super) fn expect(&mut self, order: u16) -> bool {
        match self.key_orders.get_mut(usize::from(order)) {
            Some(order) => {
                order.used = self.record;
                order.hash != 0
            }
            None => false,
        }
    }

    /// The length of the key of `order` at `index`, if that is the key whose first
    /// byte is `text[start]`. Near the end of the text no key is found.
    #[inline(always)]
    pub(super) fn next_key(&self, order: u16, index: usize, text: &[u8], start: usize) -> Option<usize> {
        let order = self.key_orders.get(usize::from(order))?;
        let key = order.keys.get(index)?;
        let length = usize::from(key.length);
        let raw = order.raw.get(key.start as usize..)?;
        let text = text.get(start..)?;
        let alike = begin_alike(raw.first_chunk::<BLOCK>()?, text.first_chunk::<BLOCK>()?, length + 1);
        let same = alike && (length < BLOCK || raw.get(BLOCK..=length)? == text.get(BLOCK..=length)?);
        same.then_some(length)
    }

    /// Whether the key order has `count` keys.
    #[inline(always)]
    pub(super) fn is_whole(&self, order: u16, count: usize) -> bool {
        self.key_orders.get(usize::from(order)).is_some_and(|order| order.keys.len() == count)
    }

    /// The probable key order of what stands under a key.
    #[inline(always)]
    pub(super) fn child(&self, order: u16, index: usize) -> u16 {
        let key = self.key_orders.get(usize::from(order)).and_then(|order| order.keys.get(index));
        key.map_or(UNKNOWN, |key| key.child)
    }

    #[inline(always)]
    pub(super) fn set_child(&mut self, order: u16, index: usize, child: u16) {
        if let Some(order) = self.key_orders.get_mut(usize::from(order))
            && let Some(key) = order.keys.get_mut(index)
        {
            key.child = child;
        }
    }

    /// The JEntries and the bytes of a key order's keys.
    pub(super) fn keys(&self, order: u16) -> Option<(&[u8], &[u8])> {
        let order = self.key_orders.get(usize::from(order))?;
        Some((&order.entries, &order.bytes))
    }

    /// Closes the object whose keys and values, in turn, are pending from `base`
    /// on, and whose keys are those of `order`.
    #[inline(always)]
    pub(super) fn close_known(&self, order: u16, base: usize, tape: &mut Tape) -> Result<Node, usize> {
        let sorted = self.key_orders.get(usize::from(order)).map_or(&[][..], |order| &order.order);
        let first = tape.close_in_order(base, sorted.iter().map(|&place| 2 * usize::from(place) + 1))?;
        Ok(Node::KnownKeys { first, order })
    }

    /// Closes the object whose keys and values, in turn, are pending from `base`
    /// on. Returns its key order, too, if it has one.
    #[inline(never)]
    pub(super) fn close(&mut self, text: &[u8], base: usize, tape: &mut Tape) -> Result<(Node, u16), usize> {
        let hash = self.list_keys(text, base, tape)?;
        let place = (hash >> 56) as u16 % KEY_ORDERS as u16;
        let pairs = tape.pending_from(base);
        if let Some(order) = self.key_orders.get_mut(usize::from(place))
            && order.hash == hash
            && order.has_keys(text, pairs)
        {
            order.used = self.record;
            return Ok((self.close_known(place, base, tape)?, place));
        }
        let count = self.sorted.len();
        self.sort(text, base, tape);
        let distinct = self.sorted.len() == count;
        let mut known = UNKNOWN;
        if let Some(order) =
            self.key_orders.get_mut(usize::from(place)).filter(|order| order.used != self.record)
            && distinct
            && count <= MAX_KEYS
        {
            if order.candidate != hash {
                order.candidate = hash;
            } else if order.learn(hash, text, tape.pending_from(base), &self.sorted)? {
                order.used = self.record;
                known = place;
            }
        }
        if known != UNKNOWN {
            return Ok((self.close_known(known, base, tape)?, known));
        }
        let count = self.sorted.len();
        let keys = self.sorted.iter().map(|&key| 2 * index(key));
        let values = self.sorted.iter().map(|&key| 2 * index(key) + 1);
        let first = tape.close_in_order(base, Both(keys, values))?;
        Ok((Node::Object { first, count: count as u32 }, UNKNOWN))
    }

    /// Lists the keys for sorting, and hashes them. Each is a number: the key's
    /// length, its first eight bytes and its index. Of numbers that differ in
    /// more than the index the order is the order of the keys.
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    fn list_keys(&mut self, text: &[u8], base: usize, tape: &Tape) -> Result<u64, usize> {
        let pairs = tape.pending_from(base);
        let count = pairs.len() / 2;
        self.sorted.clear();
        memory::reserve(&mut self.sorted, count)?;
        let mut hash = 0u64;
        for (index, pair) in pairs.chunks_exact(2).enumerate() {
            let key = key_bytes(text, tape.decoded(), pair);
            let prefix = prefix(key);
            self.sorted.push((key.len() as u128) << 96 | u128::from(prefix) << 32 | index as u128);
            hash = (hash.rotate_left(5) ^ prefix ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        // Not the mark of a key order that there is not.
        Ok(hash | 1)
    }

    /// Sorts the listed keys; of equal ones the last is left.
    fn sort(&mut self, text: &[u8], base: usize, tape: &Tape) {
        let pairs = tape.pending_from(base);
        let bytes = |key: u128| {
            let pair = pairs.get(2 * index(key)..).unwrap_or_default();
            key_bytes(text, tape.decoded(), pair)
        };
        self.sorted.sort_unstable();
        for run in self.sorted.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
            if run.len() == 1 || run.first().is_none_or(|key| key >> 96 <= 8) {
                continue;
            }
            // The same once more with the next eight bytes: keys often begin alike.
            for key in &mut *run {
                let next = prefix(bytes(*key).get(8..).unwrap_or_default());
                *key = *key & !(u128::from(u64::MAX) << 32) | u128::from(next) << 32;
            }
            run.sort_unstable();
            for run in run.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
                if run.len() > 1 && run.first().is_some_and(|key| key >> 96 > 16) {
                    run.sort_unstable_by(|&a, &b| bytes(a).cmp(bytes(b)).then(index(a).cmp(&index(b))));
                }
            }
        }
        // `dedup_by` keeps the first of a run, with what is put there.
        self.sorted.dedup_by(|next, kept| {
            let equal = *next >> 32 == *kept >> 32 && (*next >> 96 <= 8 || bytes(*next) == bytes(*kept));
            if equal {
                *kept = *next;
            }
            equal
        });
    }
}

impl KeyOrder {
    fn has_keys(&self, text: &[u8], pairs: &[Packed]) -> bool {
        pairs.len() == 2 * self.keys.len()
            && self.keys.iter().zip(pairs.chunks_exact(2)).all(|(key, pair)| {
                let raw =
                    self.raw.get(key.start as usize..).and_then(|raw| raw.get(..usize::from(key.length)));
                pair.first().is_some_and(|key| key.is_text()) && raw == Some(key_bytes(text, &[], pair))
            })
    }

    /// Becomes the key order of the object with these keys; `sorted` is their order.
    /// Not if keys have escapes, or are too long to be kept.
    #[expect(clippy::disallowed_methods, reason = "the room was asked for before")]
    fn learn(&mut self, hash: u64, text: &[u8], pairs: &[Packed], sorted: &[u128]) -> Result<bool, usize> {
        let total: usize = sorted.iter().map(|key| (key >> 96) as usize + 1).sum();
        let plain = pairs.iter().step_by(2).all(|key| key.is_text());
        if !plain || total > MAX_KEY_BYTES {
            return Ok(false);
        }
        // Nothing, should memory not do.
        self.hash = 0;
        self.keys.clear();
        self.raw.clear();
        self.order.clear();
        self.entries.clear();
        self.bytes.clear();
        let count = sorted.len();
        memory::reserve(&mut self.keys, count)?;
        memory::reserve(&mut self.raw, total + BLOCK)?;
        memory::reserve(&mut self.order, count)?;
        memory::reserve(&mut self.entries, count * 4)?;
        memory::reserve(&mut self.bytes, total)?;
        for pair in pairs.chunks_exact(2) {
            let key = key_bytes(text, &[], pair);
            self.keys.push(Key { start: self.raw.len() as u32, length: key.len() as u16, child: UNKNOWN });
            self.raw.extend_from_slice(key);
            self.raw.push(b'"');
        }
        self.raw.extend_from_slice(&[0; BLOCK]);
        for (place, &key) in sorted.iter().enumerate() {
            let key_bytes = key_bytes(text, &[], pairs.get(2 * index(key)..).unwrap_or_default());
            self.bytes.extend_from_slice(key_bytes);
            let entry = jentry::entry(jentry::STRING, place, key_bytes.len(), self.bytes.len());
            self.entries.extend_from_slice(&entry.to_ne_bytes());
            self.order.push(index(key) as u16);
        }
        self.hash = hash;
        Ok(true)
    }
}

/// The bytes of the key that `pair` begins with.
fn key_bytes<'a>(text: &'a [u8], decoded: &'a [u8], pair: &[Packed]) -> &'a [u8] {
    let (bytes, start, length) = match pair.first().map(|key| key.node()) {
        Some(Node::Text { start, length }) => (text, start, length),
        Some(Node::Decoded { start, length }) => (decoded, start, length),
        _ => return &[],
    };
    bytes.get(start as usize..start as usize + length as usize).unwrap_or_default()
}

/// The first eight bytes as a number in their order; of shorter keys, with zeros behind.
fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let number = key.iter().fold(0, |number, &b| number << 8 | u64::from(b));
            number.checked_shl(64 - 8 * key.len() as u32).unwrap_or(0)
        }
    }
}

/// The index in the text's order of a key listed for sorting.
fn index(key: u128) -> usize {
    key as u32 as usize
}

/// One iterator after the other, with the length of both.
struct Both<A, B>(A, B);

impl<A: Iterator, B: Iterator<Item = A::Item>> Iterator for Both<A, B> {
    type Item = A::Item;

    fn next(&mut self) -> Option<A::Item> {
        self.0.next().or_else(|| self.1.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let length = self.0.size_hint().0 + self.1.size_hint().0;
        (length, Some(length))
    }
}

impl<A: ExactSizeIterator, B: ExactSizeIterator<Item = A::Item>> ExactSizeIterator for Both<A, B> {}
