//! From a JSON object to the cells of its row.

use super::cells::{jsonb, keep, make};
use super::plan::{Columns, Conversion, MatchError, Slot, Unknown};
use super::rescue::{self, RefusedValue, Rescued};
use super::rows::RowEncoder;
use crate::encode::Cell;
use crate::encode::json_text::quote;
use crate::encode::jsonb::{Encoder, unescape};
use crate::encode::values::NativeType;
use crate::json::field_table::{FieldTable, NONE};
use crate::json::object;
use crate::memory::{self, OutOfMemory};
use std::sync::Arc;

/// Makes rows of records, one after the other.
#[derive(Debug)]
pub struct JsonRows {
    columns: Arc<Columns>,
    /// For each node of paths the fields that were seen there, and where they go.
    nodes: Vec<Seen>,
    /// The value of each column in the record in hand.
    found: Vec<Option<object::Span>>,
    /// Fields that no column takes: the places of their names and of their values.
    unknown: Vec<(object::Span, object::Span)>,
    jsonb: Encoder,
    /// A text without its escapes, or an object of fields that no column takes.
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Seen {
    table: FieldTable,
    slots: Vec<Slot>,
}

impl JsonRows {
    /// An encoder of records for these columns.
    pub fn new(columns: Arc<Columns>) -> Result<Self, OutOfMemory> {
        let mut nodes = Vec::new();
        for _ in 0..columns.nodes() {
            memory::push(&mut nodes, Seen { table: FieldTable::new(), slots: Vec::new() })?;
        }
        let found = memory::filled(columns.columns().len(), None)?;
        Ok(JsonRows {
            columns,
            nodes,
            found,
            unknown: Vec::new(),
            jsonb: Encoder::new(),
            scratch: Vec::new(),
        })
    }
}

impl RowEncoder for JsonRows {
    fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    fn find_fields(&mut self, text: &[u8]) -> Result<bool, MatchError> {
        self.found.fill(None);
        self.unknown.clear();
        let start = object::skip_space(text, 0);
        if object::byte(text, start) != b'{' {
            return Ok(false);
        }
        self.walk(0, text, start + 1)?;
        Ok(true)
    }

    #[inline]
    fn cell(&mut self, column: usize, text: &[u8], values: &mut Vec<u8>) -> Result<Cell, MatchError> {
        if self.columns.unknown() == Unknown::Rescue(column) {
            let is_made = self.columns.columns()[column].conversion == Conversion::Jsonb;
            return self.rescued_cell(text, is_made, values);
        }
        let Some(value) = self.found[column] else { return Ok(Cell::Absent) };
        let raw = value.of(text);
        if !value.is_string && raw.first() == Some(&b'n') {
            return Ok(Cell::Null);
        }
        match self.columns.columns()[column].conversion {
            Conversion::Native(native) => {
                let plain = plain(value, text, &mut self.scratch)?;
                match make(native, plain, values)? {
                    Some(cell) => Ok(cell),
                    None => Ok(Cell::Text(keep(plain, values)?)),
                }
            }
            Conversion::Jsonb => {
                let json = value.whole(text);
                Ok(match jsonb(&mut self.jsonb, json, values)? {
                    Some(datum) => Cell::Datum(datum),
                    None => Cell::Text(keep(json, values)?),
                })
            }
            // The server keeps a string as it writes it itself.
            Conversion::Json if value.has_escapes => Ok(Cell::Json(keep(value.whole(text), values)?)),
            Conversion::Json => {
                let json = value.whole(text);
                match make(NativeType::Json, json, values)? {
                    Some(cell) => Ok(cell),
                    None => Ok(Cell::Text(keep(json, values)?)),
                }
            }
            Conversion::Input | Conversion::JsonInput | Conversion::Populate => {
                self.source(column, text, values)
            }
        }
    }

    fn source(&mut self, column: usize, text: &[u8], values: &mut Vec<u8>) -> Result<Cell, MatchError> {
        let Some(value) = self.found[column] else { return Ok(Cell::Absent) };
        Ok(match self.columns.columns()[column].conversion {
            Conversion::Native(_) | Conversion::Input => {
                Cell::Text(keep(plain(value, text, &mut self.scratch)?, values)?)
            }
            Conversion::Jsonb | Conversion::JsonInput | Conversion::Json => {
                Cell::Text(keep(value.whole(text), values)?)
            }
            Conversion::Populate => Cell::Json(keep(value.whole(text), values)?),
        })
    }

    fn rescued(&mut self, text: &[u8], refused: &[usize]) -> Result<Rescued<'_>, MatchError> {
        if !self.find_fields(text)? {
            return Ok(Rescued::Nothing);
        }
        self.write_unknown(text)?;
        let columns = self.columns.clone();
        let value_of = |&column: &usize| RefusedValue {
            column: &columns.columns()[column].name,
            field: columns.mapped_field(column),
        };
        let values = memory::collect(refused.iter().map(value_of))?;
        let names = match rescue::names(&values, |name| self.is_unknown(name, text))? {
            Ok(names) => names,
            Err(index) => return Ok(Rescued::NameTaken(refused[index])),
        };
        for (&column, name) in refused.iter().zip(names) {
            let Some(value) = self.found.get(column).copied().flatten() else { continue };
            let separator = if self.scratch.is_empty() { b'{' } else { b',' };
            memory::push(&mut self.scratch, separator)?;
            quote(name.as_bytes(), &mut self.scratch)?;
            memory::push(&mut self.scratch, b':')?;
            memory::append(&mut self.scratch, value.whole(text))?;
        }
        Ok(if self.close_unknown()? { Rescued::Object(&self.scratch) } else { Rescued::Nothing })
    }
}

impl JsonRows {
    /// Goes through the fields of an object at a node of paths; its first key is looked for at
    /// `at`. The depth is that of the paths.
    fn walk(&mut self, node: usize, text: &[u8], mut at: usize) -> Result<(), MatchError> {
        let mut before = NONE;
        loop {
            at = object::skip_space(text, at);
            if object::byte(text, at) != b'"' {
                return Ok(());
            }
            let start = at + 1;
            let Seen { table, slots } = &mut self.nodes[node];
            let (field, end) = table.at(text, start, before)?;
            before = field;
            let slot = match slots.get(field as usize) {
                Some(slot) => *slot,
                None if field == NONE => self.match_name(node, text, start)?,
                None => {
                    let slot = self.columns.find(node, table.name(field))?;
                    memory::push(slots, slot)?;
                    slot
                }
            };
            // Behind the closing quote and the colon.
            at = object::skip_space(text, object::skip_space(text, end + 1) + 1);
            let (value, behind) = object::value(text, at);
            // The last one of a key counts.
            if let Some(column) = slot.column {
                self.found[column] = Some(value);
            }
            if let Some(inner) = slot.inner {
                let Self { columns, found, .. } = self;
                columns.columns_within(inner, &mut |column| found[column] = None);
                if object::byte(text, at) == b'{' {
                    self.walk(inner, text, at + 1)?;
                }
            }
            if slot.is_unknown && matches!(self.columns.unknown(), Unknown::Rescue(_)) {
                memory::push(&mut self.unknown, (object::string(text, start), value))?;
            }
            at = object::skip_space(text, behind);
            if object::byte(text, at) != b',' {
                return Ok(());
            }
            at += 1;
        }
    }

    /// Where a field goes that the table has no room for.
    #[cold]
    fn match_name(&mut self, node: usize, text: &[u8], start: usize) -> Result<Slot, MatchError> {
        let name = object::string(text, start);
        self.scratch.clear();
        unescape(name.of(text), &mut self.scratch)?;
        self.columns.find(node, &self.scratch)
    }

    fn rescued_cell(&mut self, text: &[u8], is_made: bool, values: &mut Vec<u8>) -> Result<Cell, MatchError> {
        self.write_unknown(text)?;
        if !self.close_unknown()? {
            return Ok(Cell::Null);
        }
        let json = std::mem::take(&mut self.scratch);
        let datum = if is_made { jsonb(&mut self.jsonb, &json, values)? } else { None };
        let cell = match datum {
            Some(datum) => Cell::Datum(datum),
            None => Cell::Text(keep(&json, values)?),
        };
        self.scratch = json;
        Ok(cell)
    }

    /// Whether a field of the record in hand has this name that no column takes.
    fn is_unknown(&self, name: &str, text: &[u8]) -> Result<bool, OutOfMemory> {
        let mut decoded = Vec::new();
        for (field, _) in &self.unknown {
            if plain(*field, text, &mut decoded)? == name.as_bytes() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins an object in the scratch buffer with the fields that no column takes, as they stand
    /// in the record.
    fn write_unknown(&mut self, text: &[u8]) -> Result<(), OutOfMemory> {
        self.scratch.clear();
        for (name, value) in &self.unknown {
            let separator = if self.scratch.is_empty() { b'{' } else { b',' };
            memory::push(&mut self.scratch, separator)?;
            memory::append(&mut self.scratch, name.whole(text))?;
            memory::push(&mut self.scratch, b':')?;
            memory::append(&mut self.scratch, value.whole(text))?;
        }
        Ok(())
    }

    /// Ends that object; `false` where there is nothing in it.
    fn close_unknown(&mut self) -> Result<bool, OutOfMemory> {
        if self.scratch.is_empty() {
            return Ok(false);
        }
        memory::push(&mut self.scratch, b'}')?;
        Ok(true)
    }
}

/// The text of a value: a string without its quotes and escapes, anything else as it stands.
#[inline]
fn plain<'a>(value: object::Span, text: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], OutOfMemory> {
    if !value.has_escapes {
        return Ok(value.of(text));
    }
    scratch.clear();
    unescape(value.of(text), scratch)?;
    Ok(scratch)
}
