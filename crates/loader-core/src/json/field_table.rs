//! Names of fields, each with a number. Objects of one kind have their fields in the same order,
//! mostly: so the table remembers which field stood behind which, and looks there first.

use super::object::{self, Span};
use super::shape::key_hash;
use crate::encode::jsonb::unescape;
use crate::memory::{self, OutOfMemory};

/// So many fields are told apart: no table of the server has more columns (MaxHeapAttributeNumber).
pub const MAX_FIELDS: usize = 1600;

/// The names of all fields together have no more bytes than this.
pub const MAX_NAME_BYTES: usize = 1024 * 1024;

/// No field: that of an empty slot, of a name that there was no room for, or the one before
/// the first.
pub(crate) const NONE: u32 = u32::MAX;

/// The table. Numbers are given in the order in which names are first seen, from 0.
#[derive(Debug)]
pub(crate) struct FieldTable {
    fields: Vec<Known>,
    /// Numbers by the hash of their names, or [`NONE`]; a power of two of them.
    slots: Vec<u32>,
    name_bytes: usize,
    /// The field that came first in the last object that began with a name without escapes.
    first: u32,
    decoded: Vec<u8>,
}

#[derive(Debug)]
struct Known {
    name: Vec<u8>,
    hash: u64,
    /// The field behind it in the last object that had one there, written without escapes.
    next: u32,
}

impl FieldTable {
    /// A table without fields.
    pub(crate) fn new() -> Self {
        FieldTable { fields: Vec::new(), slots: Vec::new(), name_bytes: 0, first: NONE, decoded: Vec::new() }
    }

    /// The name of a field.
    pub(crate) fn name(&self, field: u32) -> &[u8] {
        &self.fields[field as usize].name
    }

    /// The field whose name begins at `start`, behind its quote, and the end of the name. It is
    /// probably the one that stood behind the field `before` the last time. A name that is not
    /// known gets the next number; where there is no room for it, the field is [`NONE`].
    #[inline]
    pub(crate) fn at(&mut self, text: &[u8], start: usize, before: u32) -> Result<(u32, usize), OutOfMemory> {
        let expected = match self.fields.get(before as usize) {
            Some(before) => before.next,
            None => self.first,
        };
        if let Some(field) = self.fields.get(expected as usize) {
            let end = start + field.name.len();
            if object::byte(text, end) == b'"' && text.get(start..end) == Some(&field.name) {
                return Ok((expected, end));
            }
        }
        self.at_another(text, start, before)
    }

    /// The same where it is not the one that is expected.
    #[inline(never)]
    fn at_another(&mut self, text: &[u8], start: usize, before: u32) -> Result<(u32, usize), OutOfMemory> {
        let name = object::string(text, start);
        let field = self.find_span(text, name)?;
        // A name that needs escapes is never expected: its text may be the beginning of how another
        // one is written. A name that was written without escapes has no quote and no backslash.
        if !name.has_escapes {
            match self.fields.get_mut(before as usize) {
                Some(before) => before.next = field,
                None => self.first = field,
            }
        }
        Ok((field, name.end))
    }

    fn find_span(&mut self, text: &[u8], name: Span) -> Result<u32, OutOfMemory> {
        let raw = name.of(text);
        if !name.has_escapes {
            return self.find(raw);
        }
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        let found = unescape(raw, &mut decoded).and_then(|_| self.find(&decoded));
        self.decoded = decoded;
        found
    }

    /// The field of this name, a new one where there is none; [`NONE`] where there is no room
    /// for more.
    pub(crate) fn find(&mut self, name: &[u8]) -> Result<u32, OutOfMemory> {
        let hash = key_hash(name);
        if let Some(field) = self.look_up(hash, name) {
            return Ok(field);
        }
        if self.fields.len() == MAX_FIELDS || self.name_bytes + name.len() > MAX_NAME_BYTES {
            return Ok(NONE);
        }
        let mut copy = Vec::new();
        memory::reserve_exact(&mut copy, name.len())?;
        memory::append(&mut copy, name)?;
        self.add(Known { name: copy, hash, next: NONE })
    }

    fn look_up(&self, hash: u64, name: &[u8]) -> Option<u32> {
        let mut slot = hash as usize;
        loop {
            let field = *self.slots.get(slot & self.slots.len().checked_sub(1)?)?;
            let known = self.fields.get(field as usize)?;
            if known.hash == hash && known.name == name {
                return Some(field);
            }
            slot = slot.wrapping_add(1);
        }
    }

    /// Adds a field that there is none of yet.
    fn add(&mut self, field: Known) -> Result<u32, OutOfMemory> {
        // At most half of the slots are taken, so that there is an empty one everywhere.
        if self.slots.len() < 2 * (self.fields.len() + 1) {
            self.slots = memory::filled((2 * self.slots.len()).max(64), NONE)?;
            for index in 0..self.fields.len() {
                self.enter(self.fields[index].hash, index as u32);
            }
        }
        let index = self.fields.len() as u32;
        let (hash, bytes) = (field.hash, field.name.len());
        memory::push(&mut self.fields, field)?;
        self.name_bytes += bytes;
        self.enter(hash, index);
        Ok(index)
    }

    fn enter(&mut self, hash: u64, field: u32) {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != NONE {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = field;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Names with all that makes escapes, and how they may be written.
    fn any_name() -> impl Strategy<Value = (String, String)> {
        let letter = prop_oneof![
            Just(("a", "a")),
            Just(("a", "\\u0061")),
            Just(("n", "n")),
            Just(("\n", "\\n")),
            Just(("\"", "\\\"")),
            Just(("\\", "\\\\")),
            Just((":", ":")),
        ];
        prop::collection::vec(letter, 0..4).prop_map(|letters| letters.into_iter().unzip())
    }

    proptest! {
        /// What stood where a name stands now does not change which name it is.
        #[test]
        fn names_are_told_apart_whatever_came_before(
            objects in prop::collection::vec(prop::collection::vec(any_name(), 0..4), 0..8),
        ) {
            let mut table = FieldTable::new();
            for object in objects {
                let mut before = NONE;
                for (name, written) in object {
                    let text = format!("\"{written}\":1,\"a\":2}}");
                    let (field, end) = table.at(text.as_bytes(), 1, before).expect("memory");
                    prop_assert_eq!(table.name(field), name.as_bytes(), "{}", text);
                    prop_assert_eq!(end, 1 + written.len(), "{}", text);
                    before = field;
                }
            }
        }
    }
}
