//! Rows of cells: what the threads made of a record, and what the server makes of the rest.

use super::server::Server;
use crate::error::{ColumnError, ColumnMatch, Error, RejectReason};
use crate::pg::executor::chunk::Chunk;
use crate::pg::executor::input_function::{InputFunction, Refused};
use crate::pg::strings::text;
use crate::sink::{ColumnOptions, ColumnRoute, OnRefusal, Route, Target, Upsert};
use loader_core::encode::columns::{Columns, Encoded, MatchError, Rescued, RowEncoder};
use loader_core::encode::field_formats::Misfit;
use loader_core::encode::{Cell, RecordForm, Span};
use pgrx::PgSqlErrorCode;
use std::ffi::CStr;
use std::sync::Arc;

/// Makes rows for a table.
pub struct RowMaker {
    /// The path of the file, for errors.
    path: String,
    columns: Vec<ColumnOfRow>,
    /// The column that takes what no other column does.
    rescued: Option<usize>,
    encoder: Box<dyn RowEncoder>,
    /// How many values were replaced by NULL.
    pub set_null: u64,
    /// A record had a field for a column, …
    any_field: bool,
    /// … or one that no column but `rescued` takes.
    any_unknown: bool,
    /// A column is of a key.
    has_key: bool,
    /// The columns of the row in hand whose values `rescued` takes.
    refused: Vec<usize>,
    /// The row of a record that the threads did not make.
    cells: Vec<Cell>,
    values: Vec<u8>,
}

struct ColumnOfRow {
    name: Vec<u8>,
    input: InputFunction,
    on_refusal: OnRefusal,
    has_default: bool,
    /// It is of a key.
    is_key: bool,
}

/// The cells of a record, and what they lie in.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    pub cells: &'a [Cell],
    /// `None` where that is the buffer which the chunk holds last.
    pub values: Option<&'a [u8]>,
}

/// Why a record has no row.
pub enum NoRow {
    /// The server refuses it, or a value of it.
    Refused(RejectReason),
    /// A value is not what the server makes of it.
    Differs,
}

impl RowMaker {
    /// For a file that goes into a table; `None` where its records are documents.
    pub fn for_target(
        path: &str,
        target: &Target,
        options: &ColumnOptions,
        upsert: Option<&Upsert>,
        form: &RecordForm,
        is_utf8: bool,
    ) -> Result<Option<Self>, Error> {
        let Route::Columns(route) = &target.route else { return Ok(None) };
        let plan = Arc::new(route.plan(&target.shown, options, is_utf8)?);
        let encoder = form.rows(plan).map_err(|error| not_matched(error, path))?;
        Ok(Some(RowMaker::new(path, route, encoder, options, upsert)))
    }

    fn new(
        path: &str,
        route: &ColumnRoute,
        encoder: Box<dyn RowEncoder>,
        options: &ColumnOptions,
        upsert: Option<&Upsert>,
    ) -> Self {
        let is_key = |index| upsert.is_some_and(|upsert| upsert.key.contains(&index));
        let columns = route.columns.iter().enumerate().map(|(index, column)| ColumnOfRow {
            name: column.name.clone(),
            input: InputFunction::of(column.data_type),
            on_refusal: match is_key(index) {
                true => OnRefusal::Reject,
                false => route.on_value_error(index, options),
            },
            has_default: column.default.is_some(),
            is_key: is_key(index),
        });
        RowMaker {
            path: path.to_string(),
            columns: columns.collect(),
            rescued: route.rescued,
            encoder,
            set_null: 0,
            any_field: false,
            any_unknown: false,
            has_key: upsert.is_some(),
            refused: Vec::new(),
            cells: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Fails unless these fields are the columns, one by one.
    pub fn require_header(&self, fields: &[String]) -> Result<(), Error> {
        let columns = self.columns.iter().enumerate().filter(|(index, _)| self.rescued != Some(*index));
        let expected: Vec<String> = columns.map(|(_, column)| text::show(&column.name)).collect();
        let differs = |&at: &usize| fields.get(at) != expected.get(at);
        match (0..fields.len().max(expected.len())).find(differs) {
            None => Ok(()),
            Some(at) => Err(ColumnError::HeaderMismatch {
                path: self.path.clone(),
                position: at + 1,
                found: fields.get(at).cloned(),
                expected: expected.get(at).cloned(),
            }
            .into()),
        }
    }

    /// How many cells a row has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Whether the records so far have fields, and no column takes one of them.
    pub fn none_fits(&self) -> bool {
        !self.any_field && (self.any_unknown || self.plan().has_ignored())
    }

    /// The plan of the columns.
    pub fn plan(&self) -> &Arc<Columns> {
        self.encoder.columns()
    }

    /// Adds the row of a record to the chunk if all of its cells are made and nothing is to be said of
    /// them; they lie in what the chunk holds last.
    pub fn make_plain(&mut self, cells: &[Cell], chunk: &mut Chunk) -> Result<bool, Error> {
        if !self.any_field || self.has_key || cells.len() != self.columns.len() {
            return Ok(false);
        }
        chunk.reserve().map_err(Error::OutOfMemory)?;
        Ok(chunk.push_row(cells))
    }

    /// Adds the row of a record to the chunk, or says why there is none. With twice as many cells
    /// as columns, those that were made in the threads are checked.
    pub fn make(
        &mut self,
        server: &mut Server,
        record: &[u8],
        row: Cells<'_>,
        chunk: &mut Chunk,
    ) -> Result<Result<(), NoRow>, Error> {
        let rows = chunk.len();
        chunk.reserve().map_err(Error::OutOfMemory)?;
        let made = self.fill(server, record, row, chunk);
        if !matches!(made, Ok(Ok(()))) {
            chunk.take_back(rows);
        }
        made
    }

    /// The same of a record that the threads have not made a row of.
    pub fn make_of_text(
        &mut self,
        server: &mut Server,
        record: &[u8],
        chunk: &mut Chunk,
    ) -> Result<Result<(), NoRow>, Error> {
        let (mut cells, mut values) = (std::mem::take(&mut self.cells), std::mem::take(&mut self.values));
        cells.clear();
        values.clear();
        let encoded = self.encoder.encode(record, false, &mut cells, &mut values);
        let made = match encoded {
            Ok(Encoded::Row) => {
                let row = Cells { cells: &cells, values: Some(&values) };
                self.make(server, record, row, chunk)
            }
            Ok(Encoded::NotAnObject) => Ok(Err(NoRow::Refused(RejectReason::not_an_object()))),
            Err(error) => Err(not_matched(error, &self.path)),
        };
        (self.cells, self.values) = (cells, values);
        made
    }

    fn fill(
        &mut self,
        server: &mut Server,
        record: &[u8],
        row: Cells<'_>,
        chunk: &mut Chunk,
    ) -> Result<Result<(), NoRow>, Error> {
        let rows = chunk.len();
        self.refused.clear();
        let (cells, sources) = row.cells.split_at(self.columns.len());
        if !self.any_field {
            let rescued = self.rescued.and_then(|index| cells.get(index));
            self.any_unknown |= rescued.is_some_and(|cell| *cell != Cell::Null);
            let is_field =
                |(index, cell): (usize, &Cell)| *cell != Cell::Absent && self.rescued != Some(index);
            self.any_field = cells.iter().enumerate().any(is_field);
        }
        for (index, &cell) in cells.iter().enumerate() {
            if let Err(refused) = self.push(server, index, cell, row, chunk)? {
                let column = &mut self.columns[index];
                let null = column.input.takes_null(chunk);
                match (column.on_refusal, null) {
                    (OnRefusal::SetNull, Ok(())) => self.set_null += 1,
                    (OnRefusal::Rescue, Ok(())) => self.refused.push(index),
                    _ => {
                        let reason = RejectReason::of_value(refused, &column.name);
                        return Ok(Err(NoRow::Refused(reason)));
                    }
                }
                chunk.push_null();
            } else if let Some(&source) = sources.get(index)
                && source != Cell::Absent
                && !self.agrees(server, index, source, row, chunk)?
            {
                return Ok(Err(NoRow::Differs));
            }
            let has_default = cell == Cell::Absent && self.columns[index].has_default;
            if self.columns[index].is_key && chunk.last_is_null() && !has_default {
                return Ok(Err(NoRow::Refused(RejectReason::null_key(&self.columns[index].name))));
            }
        }
        if !self.refused.is_empty()
            && let Some(column) = self.rescue(server, record, chunk)?
        {
            let reason = RejectReason::nameless(&self.columns[column].name);
            return Ok(Err(NoRow::Refused(reason)));
        }
        debug_assert_eq!(chunk.len(), rows + 1);
        Ok(Ok(()))
    }

    /// Adds a cell to the row in hand, or says why the server refuses its value.
    fn push(
        &mut self,
        server: &mut Server,
        column: usize,
        cell: Cell,
        row: Cells<'_>,
        chunk: &mut Chunk,
    ) -> Result<Result<(), Refused>, Error> {
        match cell {
            Cell::Absent if self.columns[column].has_default => chunk.push_absent(),
            Cell::Absent | Cell::Null => {
                if let Err(refused) = self.columns[column].input.takes_null(chunk) {
                    return Ok(Err(refused));
                }
                if cell == Cell::Absent { chunk.push_absent() } else { chunk.push_null() }
            }
            Cell::Misfit(misfit) => return Ok(Err(refused_format(misfit))),
            Cell::Word(word) => chunk.push_word(word),
            Cell::Datum(span) => match row.values {
                Some(values) => chunk.push_copied(&values[span.at..span.at + span.length]),
                None => chunk.push_held(span.at, span.length),
            },
            Cell::Text(span) | Cell::Json(span) => {
                let held = chunk.held();
                let values = row.values.or(held.as_deref().map(Vec::as_slice)).unwrap_or_default();
                let Some(text) = c_text(values, span) else { return Ok(Err(Refused::nul())) };
                let input = &mut self.columns[column].input;
                return Ok(match server.in_database(text)? {
                    None => Err(Refused::lacking()),
                    Some(text) if matches!(cell, Cell::Text(_)) => input.text(text, chunk, column),
                    Some(json) => input.json(json, chunk, column),
                });
            }
        }
        Ok(Ok(()))
    }

    /// Whether the cell that was added last is what the server makes of its text.
    fn agrees(
        &mut self,
        server: &mut Server,
        column: usize,
        source: Cell,
        row: Cells<'_>,
        chunk: &mut Chunk,
    ) -> Result<bool, Error> {
        let pushed = self.push(server, column, source, row, chunk)?;
        Ok(pushed.is_ok() && chunk.last_agrees(column))
    }

    /// Puts the values that were refused where they are not lost. Returns a column whose value finds no
    /// place there.
    fn rescue(
        &mut self,
        server: &mut Server,
        record: &[u8],
        chunk: &mut Chunk,
    ) -> Result<Option<usize>, Error> {
        let Some(column) = self.rescued else { return Ok(None) };
        let refused = std::mem::take(&mut self.refused);
        let rescued =
            self.encoder.rescued(record, &refused).map_err(|error| not_matched(error, &self.path))?;
        self.refused = refused;
        let rescued = match rescued {
            Rescued::Nothing => return Ok(None),
            Rescued::NameTaken(column) => return Ok(Some(column)),
            Rescued::Object(object) => object,
        };
        let size = rescued.len() + 1;
        self.values.clear();
        self.values.try_reserve(size).map_err(|_| Error::OutOfMemory(size))?;
        self.values.extend_from_slice(rescued);
        self.values.push(0);
        let text = CStr::from_bytes_with_nul(&self.values).ok();
        let text = match text {
            Some(text) => server.in_database(text)?,
            None => None,
        };
        // It consists of JSON that the server takes; only a database with another encoding may
        // lack a character of it.
        let kept = text.is_some_and(|text| self.columns[column].input.text(text, chunk, column).is_ok());
        if !kept {
            chunk.push_null();
        }
        chunk.replace(column);
        Ok(None)
    }
}

/// Why a field that is not what the caller says of its kind is refused.
fn refused_format(misfit: Misfit) -> Refused {
    let (code, message) = match misfit {
        Misfit::Number => (
            PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
            "value is no number with this decimal_separator and thousands",
        ),
        Misfit::Date => {
            (PgSqlErrorCode::ERRCODE_INVALID_DATETIME_FORMAT, "value does not have the date_format")
        }
        Misfit::Timestamp => {
            (PgSqlErrorCode::ERRCODE_INVALID_DATETIME_FORMAT, "value does not have the timestamp_format")
        }
    };
    Refused { code, message: message.to_string() }
}

/// A text of cells with its NUL.
fn c_text(values: &[u8], span: Span) -> Option<&CStr> {
    CStr::from_bytes_with_nul(&values[span.at..=span.at + span.length]).ok()
}

fn not_matched(error: MatchError, path: &str) -> Error {
    ColumnMatch { path: path.to_string(), error }.into()
}
