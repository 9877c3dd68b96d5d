//! From a record of delimited text to the cells of its row.

use super::cells::{jsonb, keep, make};
use super::plan::{Columns, Conversion, MatchColumns, MatchError, Unknown};
use super::rescue::{self, RefusedValue, Rescued};
use super::rows::RowEncoder;
use crate::encode::Cell;
use crate::encode::delimited::{Buffers, Delimited};
use crate::encode::json_text::quote;
use crate::encode::jsonb::Encoder;
use crate::encode::values::NativeType;
use crate::memory::{self, OutOfMemory};
use std::sync::Arc;

/// Makes rows of records, one after the other.
#[derive(Debug)]
pub struct DelimitedRows {
    columns: Arc<Columns>,
    delimited: Arc<Delimited>,
    /// The index of the field of each column.
    sources: Vec<Option<usize>>,
    /// The types of those whose datums are passed by value, and whose fields are written as in SQL.
    words: Vec<Option<NativeType>>,
    /// Fields that no column takes and that are kept.
    unknown: Vec<usize>,
    jsonb: Encoder,
    buffers: Buffers,
    /// A text as SQL has it.
    plain: Vec<u8>,
    /// An object of fields that no column takes.
    object: Vec<u8>,
}

impl DelimitedRows {
    /// An encoder of records for these columns. Fields find theirs once and for all.
    pub fn new(columns: Arc<Columns>, delimited: Arc<Delimited>) -> Result<Self, MatchError> {
        let mut sources = memory::filled(columns.columns().len(), None)?;
        let mut unknown = Vec::new();
        let keeps_unknown = matches!(columns.unknown(), Unknown::Rescue(_));
        // Without names there is nothing but the position.
        let by_position = match columns.match_columns() {
            MatchColumns::Position => true,
            MatchColumns::Auto => !delimited.has_header(),
            MatchColumns::Exact => false,
        };
        for (index, name) in delimited.names().iter().enumerate() {
            let slot = match by_position {
                true => columns.find_at(index, name)?,
                false => columns.find(0, name.as_bytes())?,
            };
            if let Some(column) = slot.column {
                sources[column] = Some(index);
            } else if slot.is_unknown && keeps_unknown {
                memory::push(&mut unknown, index)?;
            }
        }
        let mut words = memory::filled(sources.len(), None)?;
        for (column, word) in columns.columns().iter().zip(&mut words) {
            if let Conversion::Native(native) = column.conversion
                && native.is_by_value()
                && delimited.formats().is_plain(native)
            {
                *word = Some(native);
            }
        }
        Ok(DelimitedRows {
            columns,
            delimited,
            sources,
            words,
            unknown,
            jsonb: Encoder::new(),
            buffers: Buffers::default(),
            plain: Vec::new(),
            object: Vec::new(),
        })
    }

    fn rescued_cell(
        &mut self,
        column: usize,
        record: &[u8],
        values: &mut Vec<u8>,
    ) -> Result<Cell, OutOfMemory> {
        if self.unknown.is_empty() {
            return Ok(Cell::Null);
        }
        self.write_object(record, &[], &[])?;
        let made = match self.columns.columns()[column].conversion {
            Conversion::Jsonb => jsonb(&mut self.jsonb, &self.object, values)?,
            _ => None,
        };
        Ok(match made {
            Some(datum) => Cell::Datum(datum),
            None => Cell::Text(keep(&self.object, values)?),
        })
    }

    /// Writes the object of the fields that no column takes, and of the values of `refused` under
    /// their names.
    fn write_object(&mut self, record: &[u8], refused: &[usize], names: &[&str]) -> Result<(), OutOfMemory> {
        let DelimitedRows { delimited, sources, unknown, buffers, object, .. } = self;
        let Buffers { fields, scratch } = buffers;
        object.clear();
        let unknown = unknown.iter().map(|&index| (delimited.names()[index].as_str(), Some(index)));
        let refused = refused.iter().zip(names).map(|(&column, &name)| (name, sources[column]));
        for (name, index) in unknown.chain(refused) {
            let Some(index) = index else { continue };
            memory::push(object, if object.is_empty() { b'{' } else { b',' })?;
            quote(name.as_bytes(), object)?;
            memory::push(object, b':')?;
            match delimited.value(record, index, fields.get(index), scratch)? {
                Some(text) => quote(text, object)?,
                None => memory::append(object, b"null")?,
            }
        }
        if !object.is_empty() {
            memory::push(object, b'}')?;
        }
        Ok(())
    }
}

impl RowEncoder for DelimitedRows {
    fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    fn find_fields(&mut self, text: &[u8]) -> Result<bool, MatchError> {
        Ok(self.delimited.fields(text, &mut self.buffers.fields)?)
    }

    #[inline]
    fn word(&self, column: usize, record: &[u8]) -> Option<u64> {
        let native = self.words[column]?;
        let field = self.buffers.fields.get(self.sources[column]?)?;
        let text = &record[field.start..field.end];
        // What may be NULL, or stand for another text, is looked at more closely.
        if field.escaped || self.delimited.is_null_text(text) { None } else { native.word(text) }
    }

    fn cell(&mut self, column: usize, record: &[u8], values: &mut Vec<u8>) -> Result<Cell, MatchError> {
        if self.columns.unknown() == Unknown::Rescue(column) {
            return Ok(self.rescued_cell(column, record, values)?);
        }
        let Some(source) = self.sources[column] else { return Ok(Cell::Absent) };
        let Buffers { fields, scratch } = &mut self.buffers;
        let Some(text) = self.delimited.value(record, source, fields.get(source), scratch)? else {
            return Ok(Cell::Null);
        };
        let made = match self.columns.columns()[column].conversion {
            Conversion::Native(native) => {
                let text = match self.delimited.formats().plain(native, text, &mut self.plain)? {
                    None => text,
                    Some(Ok(())) => &self.plain,
                    Some(Err(misfit)) => return Ok(Cell::Misfit(misfit)),
                };
                match make(native, text, values)? {
                    None => Some(Cell::Text(keep(text, values)?)),
                    made => made,
                }
            }
            Conversion::Jsonb => jsonb(&mut self.jsonb, text, values)?.map(Cell::Datum),
            // As for COPY, the input function takes the text.
            Conversion::Json | Conversion::Input | Conversion::JsonInput | Conversion::Populate => None,
        };
        match made {
            Some(cell) => Ok(cell),
            None => Ok(Cell::Text(keep(text, values)?)),
        }
    }

    fn source(&mut self, column: usize, record: &[u8], values: &mut Vec<u8>) -> Result<Cell, MatchError> {
        let Some(source) = self.sources[column] else { return Ok(Cell::Absent) };
        let Buffers { fields, scratch } = &mut self.buffers;
        let Some(text) = self.delimited.value(record, source, fields.get(source), scratch)? else {
            return Ok(Cell::Absent);
        };
        let made = match self.columns.columns()[column].conversion {
            Conversion::Native(native) => self.delimited.formats().plain(native, text, &mut self.plain)?,
            _ => None,
        };
        let text = if made.is_some() { &self.plain } else { text };
        Ok(Cell::Text(keep(text, values)?))
    }

    fn rescued(&mut self, text: &[u8], refused: &[usize]) -> Result<Rescued<'_>, MatchError> {
        if !self.find_fields(text)? {
            return Ok(Rescued::Nothing);
        }
        let (columns, delimited) = (self.columns.clone(), self.delimited.clone());
        let value_of = |&column: &usize| RefusedValue {
            column: &columns.columns()[column].name,
            field: self.sources[column].map(|index| delimited.names()[index].as_str()),
        };
        let values = memory::collect(refused.iter().map(value_of))?;
        let is_unknown = |name: &str| Ok(self.unknown.iter().any(|&index| delimited.names()[index] == name));
        let names = match rescue::names(&values, is_unknown)? {
            Ok(names) => names,
            Err(index) => return Ok(Rescued::NameTaken(refused[index])),
        };
        self.write_object(text, refused, &names)?;
        Ok(if self.object.is_empty() { Rescued::Nothing } else { Rescued::Object(&self.object) })
    }
}
