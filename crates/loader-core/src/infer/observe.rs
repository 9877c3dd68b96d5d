//! What was seen of the fields of records.

use super::classify::{self, LONGEST_STRING};
use super::decide::{self, DataType, Reason};
use super::kind::KINDS;
use crate::encode::RecordForm;
use crate::encode::field_formats::FieldFormats;
use crate::encode::jsonb::unescape;
use crate::json::field_table::{FieldTable, NONE};
use crate::json::object::{self, Span};
use crate::memory::{self, OutOfMemory};

/// So many bytes of a value are kept to be shown.
const LONGEST_EXAMPLE: usize = 200;

/// What is longer with its escapes, which are of six bytes at most for one, is too long to be
/// anything but text.
const LONGEST_ESCAPED: usize = 6 * LONGEST_STRING;

/// Counts of what the fields of records hold. Those of several parts of the records can be
/// merged, in any order.
#[derive(Debug)]
pub struct Observations {
    /// The names of the fields, …
    names: FieldTable,
    /// … and what was seen of each, in the same order.
    fields: Vec<Field>,
    records: u64,
    not_objects: u64,
    has_too_many: bool,
    /// The names of the fields of the widest file that has no names for them, in their order.
    nameless: Vec<String>,
    /// The fields of the record in hand, in the order in which they first appear.
    members: Vec<Member>,
    decoded: Vec<u8>,
}

/// What the strings of records are.
#[derive(Clone, Copy, Debug)]
pub enum Strings<'a> {
    /// Strings of JSON, which has other values than these.
    Json,
    /// The fields of delimited text, whatever they hold, written in these formats.
    Fields(&'a FieldFormats),
}

impl<'a> Strings<'a> {
    /// What they are in records of a form.
    pub fn of(form: &'a RecordForm) -> Self {
        match form {
            RecordForm::Json => Strings::Json,
            RecordForm::Delimited(delimited) => Strings::Fields(delimited.formats()),
        }
    }
}

/// A field of the record in hand, with its last value.
#[derive(Clone, Copy, Debug)]
struct Member {
    field: u32,
    value: Span,
}

/// What was seen of one field.
#[derive(Debug)]
struct Field {
    /// The number of the first record that has it, and its place in there.
    first: (u64, usize),
    nulls: u64,
    /// Values of each kind …
    counts: [u64; KINDS],
    /// … with the number of the record of the first of them, …
    firsts: [u64; KINDS],
    /// … and that value, as JSON.
    examples: [Vec<u8>; KINDS],
    max_length: u64,
    /// Where it is among the members of the record in hand, if it is one of them.
    member: usize,
}

/// A column, as the observations have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// The name of the field.
    pub field: &'a str,
    /// The type that its values have.
    pub data_type: DataType,
    /// Records that were observed.
    pub records: u64,
    /// Those in which it is null.
    pub nulls: u64,
    /// Those that do not have it.
    pub absent: u64,
    /// The length of its longest value as text, in characters; `None` where it has none.
    pub max_length: Option<u64>,
    /// Why it has this type.
    pub reason: Option<Reason>,
    /// The first value that does not fit the type, or that keeps it from having the one that
    /// most values have: as JSON, cut if it is long.
    pub counter_example: Option<&'a [u8]>,
}

impl Observations {
    /// Of no record.
    pub fn new() -> Self {
        Observations {
            names: FieldTable::new(),
            fields: Vec::new(),
            records: 0,
            not_objects: 0,
            has_too_many: false,
            nameless: Vec::new(),
            members: Vec::new(),
            decoded: Vec::new(),
        }
    }

    /// Records that were observed.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Those that are no objects.
    pub fn not_objects(&self) -> u64 {
        self.not_objects
    }

    /// Whether there are more fields than [`MAX_FIELDS`](crate::json::MAX_FIELDS), or their names have more bytes than
    /// [`MAX_NAME_BYTES`](crate::json::MAX_NAME_BYTES). Some are missing then.
    pub fn has_too_many(&self) -> bool {
        self.has_too_many
    }

    /// Observes a record, which is well-formed JSON in UTF-8. Its number is that of no other.
    pub fn observe(&mut self, number: u64, text: &[u8], strings: Strings<'_>) -> Result<(), OutOfMemory> {
        self.records += 1;
        let start = object::skip_space(text, 0);
        if object::byte(text, start) != b'{' {
            self.not_objects += 1;
            return Ok(());
        }
        self.members.clear();
        let listed = self.list_members(number, text, start + 1);
        for index in 0..self.members.len() {
            let Member { field, value } = self.members[index];
            let field = &mut self.fields[field as usize];
            field.member = usize::MAX;
            field.first = field.first.min((number, index));
            if listed.is_ok() {
                field.observe(number, text, value, strings, &mut self.decoded)?;
            }
        }
        listed
    }

    /// Lists the fields of an object whose first key is looked for at `at`.
    fn list_members(&mut self, number: u64, text: &[u8], mut at: usize) -> Result<(), OutOfMemory> {
        let mut before = NONE;
        loop {
            at = object::skip_space(text, at);
            if object::byte(text, at) != b'"' {
                return Ok(());
            }
            let (field, end) = self.names.at(text, at + 1, before)?;
            self.enter(field, number)?;
            // Behind the closing quote and the colon.
            at = object::skip_space(text, object::skip_space(text, end + 1) + 1);
            let (value, behind) = object::value(text, at);
            if let Some(known) = self.fields.get_mut(field as usize) {
                match self.members.get_mut(known.member) {
                    // The last one of a key counts.
                    Some(member) => member.value = value,
                    None => {
                        known.member = self.members.len();
                        memory::push(&mut self.members, Member { field, value })?;
                    }
                }
                before = field;
            }
            at = object::skip_space(text, behind);
            if object::byte(text, at) != b',' {
                return Ok(());
            }
            at += 1;
        }
    }

    /// Enters fields that are known before any record is, in this order; the record of that number
    /// would be the first.
    pub fn announce(&mut self, number: u64, names: &[String]) -> Result<(), OutOfMemory> {
        for (index, name) in names.iter().enumerate() {
            let field = self.names.find(name.as_bytes())?;
            self.enter(field, number)?;
            if let Some(known) = self.fields.get_mut(field as usize) {
                known.first = known.first.min((number, index));
            }
        }
        Ok(())
    }

    /// The same for the fields of a file that has no names for them: these say where they stand.
    pub fn announce_nameless(&mut self, number: u64, names: &[String]) -> Result<(), OutOfMemory> {
        if names.len() > self.nameless.len() {
            self.nameless.clear();
            for name in names {
                memory::push(&mut self.nameless, memory::copy_str(name)?)?;
            }
        }
        self.announce(number, names)
    }

    /// What the fields of files are called that have no names for them, in their order.
    pub fn nameless(&self) -> &[String] {
        &self.nameless
    }

    /// Adds what was observed of other records.
    pub fn merge(&mut self, other: Observations) -> Result<(), OutOfMemory> {
        self.records += other.records;
        self.not_objects += other.not_objects;
        self.has_too_many |= other.has_too_many;
        if other.nameless.len() > self.nameless.len() {
            self.nameless = other.nameless;
        }
        for (number, field) in (0..).zip(other.fields) {
            let known = self.names.find(other.names.name(number))?;
            match self.fields.get_mut(known as usize) {
                Some(known) => known.merge(field),
                None if known == NONE => self.has_too_many = true,
                None => memory::push(&mut self.fields, field)?,
            }
        }
        Ok(())
    }

    /// Makes room for what is seen of a field that was first met in the record of that number.
    #[inline]
    fn enter(&mut self, field: u32, number: u64) -> Result<(), OutOfMemory> {
        if field == NONE {
            self.has_too_many = true;
        } else if field as usize == self.fields.len() {
            memory::push(&mut self.fields, Field::new(number))?;
        }
        Ok(())
    }

    /// The columns, in the order in which their fields first appear.
    pub fn columns(&self) -> Result<Vec<Column<'_>>, OutOfMemory> {
        let mut order = memory::collect((0..).zip(&self.fields))?;
        order.sort_unstable_by_key(|(_, field)| field.first);
        let columns = order.into_iter();
        memory::collect(
            columns.filter_map(|(number, field)| field.column(self.names.name(number), self.records)),
        )
    }
}

impl Default for Observations {
    fn default() -> Self {
        Observations::new()
    }
}

impl Field {
    fn new(number: u64) -> Self {
        Field {
            first: (number, usize::MAX),
            nulls: 0,
            counts: [0; KINDS],
            firsts: [u64::MAX; KINDS],
            examples: [const { Vec::new() }; KINDS],
            max_length: 0,
            member: usize::MAX,
        }
    }

    #[inline]
    fn observe(
        &mut self,
        number: u64,
        text: &[u8],
        value: Span,
        strings: Strings<'_>,
        decoded: &mut Vec<u8>,
    ) -> Result<(), OutOfMemory> {
        let raw = value.of(text);
        let kind_of = |text: &[u8]| match strings {
            Strings::Json => Ok(classify::of_string(text)),
            Strings::Fields(formats) => classify::of_field(text, formats),
        };
        let kind = if !value.is_string {
            let Some(kind) = classify::of_other(raw) else {
                self.nulls += 1;
                return Ok(());
            };
            self.measure(raw);
            kind
        } else if value.has_escapes && (raw.len() <= LONGEST_ESCAPED || raw.len() as u64 > self.max_length) {
            decoded.clear();
            unescape(raw, decoded)?;
            self.measure(decoded);
            kind_of(decoded)?
        } else {
            self.measure(raw);
            kind_of(raw)?
        };
        let kind = kind as usize;
        self.counts[kind] += 1;
        if number < self.firsts[kind] {
            self.firsts[kind] = number;
            self.examples[kind].clear();
            show(raw, value.is_string, &mut self.examples[kind])?;
        }
        Ok(())
    }

    /// Looks whether a value is the longest one.
    #[inline]
    fn measure(&mut self, value: &[u8]) {
        // No text has more characters than bytes.
        if value.len() as u64 > self.max_length {
            self.max_length = self.max_length.max(characters(value));
        }
    }

    fn merge(&mut self, other: Field) {
        self.first = self.first.min(other.first);
        self.nulls += other.nulls;
        self.max_length = self.max_length.max(other.max_length);
        for (kind, example) in other.examples.into_iter().enumerate() {
            self.counts[kind] += other.counts[kind];
            if other.firsts[kind] < self.firsts[kind] {
                self.firsts[kind] = other.firsts[kind];
                self.examples[kind] = example;
            }
        }
    }

    /// The column; `None` only where the name is no UTF-8, which no record has.
    fn column<'a>(&'a self, name: &'a [u8], records: u64) -> Option<Column<'a>> {
        let values: u64 = self.counts.iter().sum();
        let verdict = decide::decide(&self.counts);
        let counter = (0..KINDS)
            .filter(|&kind| verdict.counter.has(kind) && self.counts[kind] > 0)
            .min_by_key(|&kind| self.firsts[kind]);
        Some(Column {
            field: str::from_utf8(name).ok()?,
            data_type: verdict.data_type,
            records,
            nulls: self.nulls,
            absent: records - self.nulls - values,
            max_length: (values > 0).then_some(self.max_length),
            reason: verdict.reason,
            counter_example: counter.map(|kind| self.examples[kind].as_slice()),
        })
    }
}

/// How many characters a text has.
fn characters(text: &[u8]) -> u64 {
    text.iter().map(|&b| u64::from(b & 0xC0 != 0x80)).sum()
}

/// Appends a value as JSON. A string that is long is cut; so is any other long value, and shown
/// as a string.
fn show(raw: &[u8], is_string: bool, to: &mut Vec<u8>) -> Result<(), OutOfMemory> {
    let is_cut = raw.len() > LONGEST_EXAMPLE;
    if !is_string && !is_cut {
        return memory::append(to, raw);
    }
    memory::push(to, b'"')?;
    if !is_cut {
        memory::append(to, raw)?;
    } else if is_string {
        memory::append(to, &raw[..cut_of_string(raw)])?;
    } else {
        for &b in &raw[..cut_of_text(raw, LONGEST_EXAMPLE)] {
            match b {
                b'"' | b'\\' => memory::append(to, &[b'\\', b])?,
                0..0x20 => memory::push(to, b' ')?,
                _ => memory::push(to, b)?,
            }
        }
    }
    if is_cut {
        memory::append(to, b"...")?;
    }
    memory::push(to, b'"')
}

/// Where the inside of a long string can be cut: not within a character, an escape, or a pair of
/// surrogates.
fn cut_of_string(raw: &[u8]) -> usize {
    let mut at = 0;
    while at < LONGEST_EXAMPLE {
        let length = match raw[at..] {
            // The first half of a pair is d800 to dbff.
            [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a' | b'b' | b'A' | b'B', ..] => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => 1,
        };
        if at + length > LONGEST_EXAMPLE {
            break;
        }
        at += length;
    }
    cut_of_text(raw, at)
}

/// The same for a text without escapes.
fn cut_of_text(raw: &[u8], mut at: usize) -> usize {
    while at > 0 && raw.get(at).is_some_and(|b| b & 0xC0 == 0x80) {
        at -= 1;
    }
    at
}
