//! What the records of a file of delimited text mean: the names of their fields, and which of
//! them are NULL.

use super::field_formats::FieldFormats;
use super::json_text::quote;
use crate::memory::{self, OutOfMemory};
use crate::split::csv::Dialect;
use crate::split::csv::fields::{self, Field};
use crate::stream::Error;

/// Which fields are NULL: as for COPY, those that are this text without quotes around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NullRules {
    /// The text, in UTF-8.
    pub null: Vec<u8>,
    /// For each field, whether it is NULL with quotes around it, too.
    pub force_null: Vec<bool>,
    /// For each field, whether it is never NULL without quotes.
    pub force_not_null: Vec<bool>,
}

/// Some fields of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ForceList {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of these names.
    Names(Vec<String>),
}

impl ForceList {
    /// For each field whether it is among them.
    fn among(&self, names: &[String], argument: &'static str) -> Result<Vec<bool>, Error> {
        let mut list = memory::filled(names.len(), *self == ForceList::All)?;
        if let ForceList::Names(wanted) = self {
            for field in wanted {
                match names.iter().position(|name| name == field) {
                    Some(index) => list[index] = true,
                    None => return Err(Error::NoSuchField { field: memory::copy_str(field)?, argument }),
                }
            }
        }
        Ok(list)
    }
}

impl NullRules {
    /// The rules for a file whose fields have these names. Fails where one of those that are
    /// listed is none of them.
    pub fn of(
        names: &[String],
        null: &[u8],
        force_null: &ForceList,
        force_not_null: &ForceList,
    ) -> Result<Self, Error> {
        let mut text = Vec::new();
        memory::append(&mut text, null)?;
        Ok(NullRules {
            null: text,
            force_null: force_null.among(names, "force_null")?,
            force_not_null: force_not_null.among(names, "force_not_null")?,
        })
    }
}

/// How the records of one file are read. Threads share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimited {
    dialect: Dialect,
    strict: bool,
    names: Vec<String>,
    nulls: NullRules,
    formats: FieldFormats,
}

impl Delimited {
    /// For records of as many fields as there are names, each of which is another.
    pub fn new(
        dialect: Dialect,
        strict: bool,
        names: Vec<String>,
        nulls: NullRules,
        formats: FieldFormats,
    ) -> Self {
        Delimited { dialect, strict, names, nulls, formats }
    }

    /// How numbers, dates and times are written.
    pub fn formats(&self) -> &FieldFormats {
        &self.formats
    }

    /// How fields and records are set apart.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The names of the fields.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the file has a line with the names of its columns.
    pub fn has_header(&self) -> bool {
        self.dialect.header > 0
    }

    /// Lists the fields of a record; `false` where it is none of this file, which only a text from
    /// elsewhere is.
    pub fn fields(&self, record: &[u8], to: &mut Vec<Field>) -> Result<bool, OutOfMemory> {
        to.clear();
        let (dialect, width) = (&self.dialect, self.names.len());
        if self.strict {
            Ok(fields::fields(record, dialect, to)?.is_ok() && to.len() >= width)
        } else {
            Ok(fields::fields_lenient(record, dialect, width, to)?.is_ok())
        }
    }

    /// Whether a text from elsewhere is one record of this file and no more.
    pub fn is_record(&self, text: &[u8]) -> Result<bool, OutOfMemory> {
        let mut fields = Vec::new();
        if !self.fields(text, &mut fields)? {
            return Ok(false);
        }
        let has_line_end = |field: &Field| {
            !field.quoted && text[field.start..field.end].iter().any(|b| matches!(b, b'\n' | b'\r'))
        };
        let surplus = fields.get(self.names.len()..).unwrap_or_default();
        Ok(!fields.iter().any(has_line_end) && surplus.iter().all(|field| field.start == field.end))
    }

    /// Whether a text is the one that stands for NULL.
    #[inline]
    pub fn is_null_text(&self, text: &[u8]) -> bool {
        text == self.nulls.null
    }

    /// The text of a field; `None` where it is NULL.
    #[inline]
    pub fn value<'a>(
        &self,
        record: &'a [u8],
        index: usize,
        field: Option<&Field>,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, OutOfMemory> {
        // A record that is read leniently may have fewer.
        let Some(field) = field else { return Ok(None) };
        let raw = &record[field.start..field.end];
        let text = if field.escaped {
            scratch.clear();
            fields::unescape(raw, &self.dialect, scratch)?;
            scratch.as_slice()
        } else {
            raw
        };
        let may_be_null = match field.quoted {
            true => has(&self.nulls.force_null, index),
            false => !has(&self.nulls.force_not_null, index),
        };
        Ok(if may_be_null && self.is_null_text(text) { None } else { Some(text) })
    }

    /// Appends the JSON object of a record: its fields by their names, as strings and nulls.
    pub fn document(
        &self,
        record: &[u8],
        buffers: &mut Buffers,
        to: &mut Vec<u8>,
    ) -> Result<bool, OutOfMemory> {
        let Buffers { fields, scratch } = buffers;
        if !self.fields(record, fields)? {
            return Ok(false);
        }
        memory::push(to, b'{')?;
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                memory::push(to, b',')?;
            }
            quote(name.as_bytes(), to)?;
            memory::push(to, b':')?;
            match self.value(record, index, fields.get(index), scratch)? {
                Some(text) => quote(text, to)?,
                None => memory::append(to, b"null")?,
            }
        }
        memory::push(to, b'}')?;
        Ok(true)
    }
}

/// What is needed while a record is read.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The fields.
    pub fields: Vec<Field>,
    /// A text without its escapes.
    pub scratch: Vec<u8>,
}

#[inline]
fn has(list: &[bool], index: usize) -> bool {
    list.get(index).copied().unwrap_or_default()
}
