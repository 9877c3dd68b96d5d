//! What a text holds: a flat list of nodes in which the children of a container
//! stand side by side.

use crate::memory;

/// What a node stands for. Positions count from the start of the text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Null,
    False,
    True,
    /// A string without escapes: bytes of the text.
    Text {
        start: u32,
        length: u32,
    },
    /// A string that had escapes: bytes of [`Tape::decoded`].
    Decoded {
        start: u32,
        length: u32,
    },
    /// A number of at most 19 digits: `value` / 10^`scale`; the scale is at most 63.
    Number {
        negative: bool,
        scale: u8,
        value: u64,
    },
    /// Any other number, to be read again from the text.
    LongNumber {
        start: u32,
    },
    /// `count` nodes from `first` on.
    Array {
        first: u32,
        count: u32,
    },
    /// `count` sorted keys from `first` on, then their values.
    Object {
        first: u32,
        count: u32,
    },
    /// The values, from `first` on, of an object whose keys are those of a known key order.
    KnownKeys {
        first: u32,
        order: u16,
    },
}

/// A [`Node`] as it is kept: two words, made in registers. The enum itself would
/// be put together in memory from parts of different sizes, and reading it back
/// as a whole waits until each part has arrived there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    /// The kind in the lowest byte, then small things, then a length or count.
    word: u64,
    /// A start or a value.
    value: u64,
}

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const TEXT: u8 = 3;
const DECODED: u8 = 4;
const NUMBER: u8 = 5;
const LONG_NUMBER: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;
const KNOWN_KEYS: u8 = 9;

impl Packed {
    pub(super) const NULL: Packed = Packed { word: NULL as u64, value: 0 };

    #[inline(always)]
    pub(super) fn new(node: Node) -> Packed {
        let (kind, small, length, value) = match node {
            Node::Null => (NULL, 0, 0, 0),
            Node::False => (FALSE, 0, 0, 0),
            Node::True => (TRUE, 0, 0, 0),
            Node::Text { start, length } => (TEXT, 0, length, start.into()),
            Node::Decoded { start, length } => (DECODED, 0, length, start.into()),
            Node::Number { negative, scale, value } => {
                (NUMBER, u16::from(scale) << 1 | u16::from(negative), 0, value)
            }
            Node::LongNumber { start } => (LONG_NUMBER, 0, 0, start.into()),
            Node::Array { first, count } => (ARRAY, 0, count, first.into()),
            Node::Object { first, count } => (OBJECT, 0, count, first.into()),
            Node::KnownKeys { first, order } => (KNOWN_KEYS, order, 0, first.into()),
        };
        Packed { word: u64::from(kind) | u64::from(small) << 8 | u64::from(length) << 32, value }
    }

    pub(super) fn is_text(self) -> bool {
        self.word as u8 == TEXT
    }

    #[inline(always)]
    pub(super) fn node(self) -> Node {
        let small = (self.word >> 8) as u16;
        let (start, length) = (self.value as u32, (self.word >> 32) as u32);
        match self.word as u8 {
            FALSE => Node::False,
            TRUE => Node::True,
            TEXT => Node::Text { start, length },
            DECODED => Node::Decoded { start, length },
            NUMBER => Node::Number { negative: small & 1 != 0, scale: (small >> 1) as u8, value: self.value },
            LONG_NUMBER => Node::LongNumber { start },
            ARRAY => Node::Array { first: start, count: length },
            OBJECT => Node::Object { first: start, count: length },
            KNOWN_KEYS => Node::KnownKeys { first: start, order: small },
            _ => Node::Null,
        }
    }
}

/// The nodes of one text. Vectors are as long as they ever were, so that adding a
/// node is one comparison and one store; what counts is up to the `used` index.
#[derive(Debug, Default)]
pub(super) struct Tape {
    nodes: Vec<Packed>,
    nodes_used: usize,
    /// Children of containers that are still open.
    pending: Vec<Packed>,
    pending_used: usize,
    decoded: Vec<u8>,
    decoded_used: usize,
}

/// Makes `vec` at least `length` long. An error is the number of bytes asked for.
pub(super) fn grow<T: Copy>(vec: &mut Vec<T>, length: usize, fill: T) -> Result<(), usize> {
    if vec.len() < length {
        let length = length.max(vec.len() * 2).max(256);
        let more = length - vec.len();
        memory::reserve_exact(vec, more)?;
        memory::resize(vec, length, fill)?;
    }
    Ok(())
}

impl Tape {
    pub(super) fn clear(&mut self) {
        self.nodes_used = 0;
        self.pending_used = 0;
        self.decoded_used = 0;
    }

    /// Gives back each buffer of more than `kept` bytes.
    pub(super) fn shrink(&mut self, kept: usize) {
        for nodes in [&mut self.nodes, &mut self.pending] {
            if nodes.capacity() > kept / size_of::<Packed>() {
                *nodes = Vec::new();
            }
        }
        if self.decoded.capacity() > kept {
            self.decoded = Vec::new();
        }
    }

    /// How many nodes there are, but for the root.
    pub(super) fn count(&self) -> usize {
        self.nodes_used
    }

    pub(super) fn nodes(&self) -> &[Packed] {
        self.nodes.get(..self.nodes_used).unwrap_or_default()
    }

    pub(super) fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// How many nodes are pending.
    pub(super) fn pending(&self) -> usize {
        self.pending_used
    }

    /// The pending nodes from `base` on.
    pub(super) fn pending_from(&self, base: usize) -> &[Packed] {
        self.pending.get(base..self.pending_used).unwrap_or_default()
    }

    pub(super) fn pop(&mut self) -> Option<Packed> {
        self.pending_used = self.pending_used.checked_sub(1)?;
        self.pending.get(self.pending_used).copied()
    }

    #[inline(always)]
    pub(super) fn push(&mut self, node: Packed) -> Result<(), usize> {
        match self.pending.get_mut(self.pending_used) {
            Some(slot) => *slot = node,
            None => self.push_growing(node)?,
        }
        self.pending_used += 1;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn push_growing(&mut self, node: Packed) -> Result<(), usize> {
        grow(&mut self.pending, self.pending_used + 1, Packed::NULL)?;
        if let Some(slot) = self.pending.get_mut(self.pending_used) {
            *slot = node;
        }
        Ok(())
    }

    /// Moves the pending nodes from `base` on to the list, in their order.
    /// Returns where they begin.
    #[inline]
    pub(super) fn close(&mut self, base: usize) -> Result<u32, usize> {
        let first = self.nodes_used;
        let children = self.pending.get(base..self.pending_used).unwrap_or_default();
        let end = first + children.len();
        grow(&mut self.nodes, end, Packed::NULL)?;
        if let Some(target) = self.nodes.get_mut(first..end) {
            target.copy_from_slice(children);
        }
        self.nodes_used = end;
        self.pending_used = base;
        Ok(first as u32)
    }

    /// Moves those of the pending nodes from `base` on that `order` names, in its
    /// order, to the list. Returns where they begin.
    #[inline]
    pub(super) fn close_in_order(
        &mut self,
        base: usize,
        order: impl ExactSizeIterator<Item = usize>,
    ) -> Result<u32, usize> {
        let first = self.nodes_used;
        let end = first + order.len();
        grow(&mut self.nodes, end, Packed::NULL)?;
        let children = self.pending.get(base..self.pending_used).unwrap_or_default();
        if let Some(target) = self.nodes.get_mut(first..end) {
            for (slot, from) in target.iter_mut().zip(order) {
                if let Some(node) = children.get(from) {
                    *slot = *node;
                }
            }
        }
        self.nodes_used = end;
        self.pending_used = base;
        Ok(first as u32)
    }

    /// Where the next decoded string begins.
    pub(super) fn decoded_used(&self) -> usize {
        self.decoded_used
    }

    /// Room for at least `N` more decoded bytes at `at`.
    #[inline(always)]
    pub(super) fn decoded_room<const N: usize>(&mut self, at: usize) -> Result<&mut [u8; N], usize> {
        if self.decoded.len() < at + N {
            grow(&mut self.decoded, at + N, 0)?;
        }
        self.decoded.get_mut(at..).and_then(|room| room.first_chunk_mut()).ok_or(N)
    }

    /// The string that began at [`Tape::decoded_used`] ends at `at`.
    pub(super) fn decoded_to(&mut self, at: usize) {
        self.decoded_used = at;
    }
}
