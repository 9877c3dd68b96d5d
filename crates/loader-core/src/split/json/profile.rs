//! What the records of this file look like, learned from its good ones: the
//! evidence that tells a record from a fragment of one.

use crate::json::shape::{self, Class, Classes, Role, Shape};
use crate::memory::{self, OutOfMemory};
use std::collections::HashSet;

/// The profile learns from this many good records and then stops. Later records of one program
/// rarely look different, and what is decided later must not depend on how far a load is.
pub(super) const LEARNED_FROM: u64 = 256;

/// It also stops once the records that it learned from have this many bytes together.
const LEARNED_BYTES: usize = 16 * 1024 * 1024;

/// Of a longer record only the first so many bytes are looked at: what its arrays hold is seen
/// by then.
const LOOKED_AT: usize = 1024 * 1024;

/// Records of a class are expected if at least one record in this many is of that class.
const RARE: u64 = 32;

/// Families of shapes that are told apart; files that mix more kinds of records
/// than this are recognised by the most frequent of them.
const MAX_FAMILIES: usize = 64;

/// Objects with similar keys: the records of one kind, with optional keys.
#[derive(Debug, Default)]
struct Family {
    members: u32,
    /// Key hashes, sorted, with the number of members that have them.
    keys: Vec<(u64, u32)>,
}

impl Family {
    fn shared(&self, keys: &[u64]) -> usize {
        keys.iter().filter(|key| self.count(**key) > 0).count()
    }

    fn count(&self, key: u64) -> u32 {
        self.keys.binary_search_by_key(&key, |&(key, _)| key).map_or(0, |at| self.keys[at].1)
    }

    fn join(&mut self, keys: &[u64]) -> Result<(), OutOfMemory> {
        self.members += 1;
        for &key in keys {
            match self.keys.binary_search_by_key(&key, |&(key, _)| key) {
                Ok(at) => self.keys[at].1 += 1,
                Err(at) => memory::insert(&mut self.keys, at, (key, 1))?,
            }
        }
        Ok(())
    }

    /// Whether an object with these keys belongs to the family: nearly all of
    /// its keys are known, and most of those that every member has are there.
    fn owns(&self, keys: &[u64]) -> bool {
        if keys.is_empty() || self.keys.is_empty() {
            return keys.is_empty() && self.keys.is_empty();
        }
        let core = self.keys.iter().filter(|(_, count)| count * 10 >= self.members * 9);
        let (core, present) = core
            .fold((0, 0), |(core, present), (key, _)| (core + 1, present + usize::from(keys.contains(key))));
        self.shared(keys) * 10 >= keys.len() * 8 && present * 10 >= core * 7
    }
}

/// Shapes of one role.
#[derive(Debug, Default)]
struct Gallery {
    families: Vec<Family>,
    arrays: Vec<(Classes, usize)>,
}

impl Gallery {
    fn add(&mut self, shape: &Shape) -> Result<(), OutOfMemory> {
        match shape {
            Shape::Object(keys) => {
                let akin = |family: &Family| {
                    let shared = family.shared(keys);
                    shared * 2 >= family.keys.len() + keys.len() - shared
                };
                match self.families.iter().position(akin) {
                    Some(at) => self.families[at].join(keys)?,
                    None if self.families.len() < MAX_FAMILIES => {
                        let mut family = Family::default();
                        family.join(keys)?;
                        memory::push(&mut self.families, family)?;
                    }
                    None => {}
                }
            }
            Shape::Array(classes, count) => {
                if self.arrays.len() < MAX_FAMILIES
                    && !self.arrays.iter().any(|(known, n)| known == classes && n == count)
                {
                    memory::push(&mut self.arrays, (*classes, *count))?;
                }
            }
        }
        Ok(())
    }

    fn has(&self, shape: &Shape) -> bool {
        match shape {
            Shape::Object(keys) => self.families.iter().any(|family| family.owns(keys)),
            Shape::Array(classes, count) => self.arrays.iter().any(|(known, n)| {
                n == count && known.iter().zip(classes.iter()).all(|(a, b)| compatible(a, b))
            }),
        }
    }
}

/// Whether two elements may stand in the same place: null goes with everything.
fn compatible(a: Class, b: Class) -> bool {
    a == b || a == Class::Null || b == Class::Null
}

/// At most this many keys of objects are remembered. A file that has more uses keys for data.
const MAX_KEYS: usize = 4096;

/// The profile of a file.
#[derive(Debug, Default)]
pub(super) struct Profile {
    records: u64,
    /// Bytes of them.
    bytes: usize,
    /// How many records are of which class.
    classes: [u64; Class::COUNT],
    /// Classes of values that are records whether or not they were seen.
    expected: [bool; Class::COUNT],
    roots: Gallery,
    /// Shapes of containers that are elements of arrays inside records.
    elements: Gallery,
    /// The most elements of one array that could pass for records.
    pub(super) longest_row: usize,
    /// The deepest container in a record; the record itself is at 0.
    pub(super) deepest: usize,
    /// The longest record, in bytes.
    pub(super) longest: usize,
    /// Elements of arrays inside records look like records.
    lookalikes: bool,
    /// The hashes of keys, of whatever object.
    keys: HashSet<u64>,
}

/// Elements of a record that look like records: how deep the last one lies, and how
/// many have come at that depth.
#[derive(Debug, Default)]
struct Row {
    depth: usize,
    length: usize,
}

impl Profile {
    /// Whether it still learns.
    pub(super) fn learning(&self) -> bool {
        self.records < LEARNED_FROM && self.bytes < LEARNED_BYTES
    }

    /// How many records it has seen.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Learns from a good record.
    pub(super) fn learn(&mut self, record: &[u8]) -> Result<(), OutOfMemory> {
        self.records += 1;
        self.bytes = self.bytes.saturating_add(record.len());
        self.longest = self.longest.max(record.len());
        let Some(class) = record.first().and_then(|&b| Class::of(b)) else { return Ok(()) };
        self.classes[class as usize] += 1;
        // First the record itself: its elements are compared with it.
        let Some(shape) = shape::of(record) else { return Ok(()) };
        self.roots.add(&shape)?;
        let looked_at = &record[..record.len().min(LOOKED_AT)];
        let mut row = Row::default();
        let mut learned = Ok(());
        shape::containers(looked_at, |role, depth, _, shape| {
            if learned.is_ok() {
                learned = self.learn_container(role, depth, shape, &mut row);
            }
        });
        if row.length > 0 && looked_at.len() < record.len() {
            // Where the row ends was not looked at: there are fewer elements than this.
            self.longest_row = self.longest_row.max(record.len() / 2);
        }
        learned
    }

    fn learn_container(
        &mut self,
        role: Role,
        depth: usize,
        shape: &Shape,
        row: &mut Row,
    ) -> Result<(), OutOfMemory> {
        self.deepest = self.deepest.max(depth);
        if let Shape::Object(keys) = shape
            && self.keys.len() < MAX_KEYS
        {
            memory::add_all(&mut self.keys, keys)?;
        }
        if role != Role::Element {
            return Ok(());
        }
        self.elements.add(shape)?;
        if self.roots.has(shape) {
            self.lookalikes = true;
            // Elements of one array are visited at one depth, their own elements before
            // them: count those of the same depth.
            row.length = if depth == row.depth { row.length + 1 } else { 1 };
            row.depth = depth;
            self.longest_row = self.longest_row.max(row.length);
        }
        Ok(())
    }

    /// Whether an object in the records has the key with this hash.
    pub(super) fn knows_key(&self, hash: u64) -> bool {
        self.keys.contains(&hash)
    }

    /// Whether a value has the shape of elements of arrays inside records.
    pub(super) fn is_lookalike(&self, value: &[u8]) -> bool {
        shape::of(value).is_some_and(|shape| self.elements.has(&shape))
    }

    /// Whether elements of arrays inside records look like records.
    pub(super) fn has_lookalikes(&self) -> bool {
        self.lookalikes
    }

    /// Whether records of this class were seen; before the first, containers
    /// are what is expected.
    pub(super) fn knows_class(&self, class: Class) -> bool {
        if self.records == 0 {
            return matches!(class, Class::Object | Class::Array);
        }
        // One stray value in many records is no kind of its own.
        let count = self.classes[class as usize];
        count > 0 && count * RARE >= self.records || self.expected[class as usize]
    }

    /// Whether all records so far are objects.
    pub(super) fn only_objects(&self) -> bool {
        self.records > 0 && self.classes[Class::Object as usize] == self.records
    }

    /// Values of these classes are records: a well-formed array holds them.
    pub(super) fn expect(&mut self, classes: [bool; Class::COUNT]) {
        self.expected = classes;
    }

    /// Whether a value is what is missing of the record whose first keys are
    /// `before`: those that records always have and this one lacks are among them.
    pub(super) fn completes(&self, value: &[u8], before: &[u64]) -> bool {
        let Some(Shape::Object(keys)) = shape::of(value) else { return false };
        let Some(family) = self.roots.families.iter().find(|family| family.owns(&keys)) else { return false };
        let core = family.keys.iter().filter(|(_, count)| count * 10 >= family.members * 9);
        let mut lacking = core.filter(|(key, _)| !keys.contains(key)).peekable();
        lacking.peek().is_some() && lacking.all(|(key, _)| before.contains(key))
    }

    /// Whether a good value looks like the records of this file.
    pub(super) fn owns(&self, value: &[u8]) -> bool {
        match shape::of(value) {
            Some(shape) => self.roots.has(&shape),
            None => false,
        }
    }

    /// Whether a shape is that of the records of this file.
    pub(super) fn owns_shape(&self, shape: &Shape) -> bool {
        self.roots.has(shape)
    }

    /// Whether the text, good or not, starts as the records of this file do: an
    /// object whose first key is one of theirs.
    pub(super) fn opens(&self, text: &[u8]) -> bool {
        match text.first() {
            Some(b'[') => self.knows_class(Class::Array),
            Some(b'{') => {
                let blank = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_whitespace()).count();
                let text = &text[1..];
                let text = &text[blank(text)..];
                if text.first() != Some(&b'"') {
                    return false;
                }
                let end = shape::string_end(text, 0);
                let (key, rest) = text.split_at(end);
                if rest.get(blank(rest)) != Some(&b':') {
                    return false;
                }
                let hash = shape::key_hash(key);
                self.roots.families.is_empty() || self.roots.families.iter().any(|f| f.count(hash) > 0)
            }
            _ => false,
        }
    }
}
