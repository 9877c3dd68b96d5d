//! The verdict on one record: from what the threads made of it to a datum, or to what
//! is wrong with it.

use crate::error::{Error, RecordPosition, RejectReason};
use crate::pg::executor::chunk::Chunk;
use crate::pg::strings::error_context;
use crate::values::{Cells, NoRow, RowMaker, Server};
use loader_core::encode::{JsonText, RecordForm};
use loader_core::fault::Fault;
use loader_core::pipeline::{Batch, Entry, RecordOutcome, Span};
use std::fmt::Write;

/// Where datums are made and kept.
pub struct Values {
    pub server: Server,
    pub chunk: Chunk,
    /// What makes rows of records whose fields go to columns.
    pub rows: Option<RowMaker>,
    /// What the texts of records are, …
    pub form: RecordForm,
    /// … and the JSON that one of them stands for.
    pub json: JsonText,
}

/// What a record is.
pub enum Verdict {
    /// Good: its row is the chunk's last.
    Good,
    /// Bad, with its text in the batch.
    Bad(Fault, Span),
    /// Bad: the splitter found it good, and the server did not.
    Refused(RejectReason, Span),
}

impl Values {
    /// For documents that go nowhere.
    pub fn of_documents() -> Result<Self, Error> {
        let (form, json) = (RecordForm::Json, JsonText::default());
        Ok(Values { server: Server::new()?, chunk: Chunk::new(), rows: None, form, json })
    }

    /// Judges a record of `file`, which is loaded into `table` if there is one. The
    /// chunk holds the values of its batch.
    pub fn judge(
        &mut self,
        file: &str,
        table: Option<&str>,
        batch: &Batch,
        entry: &Entry,
    ) -> Result<Verdict, Error> {
        let place = entry.place;
        if let Some(rows) = &mut self.rows {
            if let RecordOutcome::Row { first, .. } = entry.outcome
                && !self.server.verifies()
                && rows.make_plain(&batch.cells[first..first + rows.width()], &mut self.chunk)?
            {
                return Ok(Verdict::Good);
            }
            let judge = || judge_row(rows, &mut self.server, &mut self.chunk, batch, entry);
            return match within_record(file, table, place, judge)? {
                Some(verdict) => Ok(verdict),
                None => Err(Error::Differs { path: file.to_string(), place }),
            };
        }
        let Values { server, chunk, form, json, .. } = self;
        match entry.outcome {
            RecordOutcome::Reject { fault, raw } => return Ok(Verdict::Bad(fault, raw)),
            RecordOutcome::Value(value) => {
                chunk.reserve().map_err(Error::OutOfMemory)?;
                chunk.push_held(value.at, value.length);
            }
            RecordOutcome::WithText { value, text } => {
                let compare = || -> Result<bool, Error> {
                    let Some(record) = batch.c_text(text) else { return Ok(false) };
                    let text = form.c_json(record, json)?;
                    Ok(text.is_some_and(|text| chunk.agrees(value.at, value.length, text)))
                };
                if server.verifies() && !within_record(file, table, place, compare)? {
                    return Err(Error::Differs { path: file.to_string(), place });
                }
                chunk.reserve().map_err(Error::OutOfMemory)?;
                chunk.push_held(value.at, value.length);
            }
            RecordOutcome::Text { text, undecided } => {
                chunk.reserve().map_err(Error::OutOfMemory)?;
                let encode = || server.encode(form, json, batch.c_text(text), undecided, chunk);
                if let Err((kind, what)) = within_record(file, table, place, encode)? {
                    return Ok(Verdict::Refused(Fault { kind, at: place.offset, what }.into(), text));
                }
            }
            RecordOutcome::Row { .. } | RecordOutcome::NotAnObject { .. } => {
                unreachable!("documents were asked for")
            }
        }
        Ok(Verdict::Good)
    }
}

/// The verdict on a record whose fields go to columns; `None` where a value is not what the server
/// makes of it.
fn judge_row(
    rows: &mut RowMaker,
    server: &mut Server,
    chunk: &mut Chunk,
    batch: &Batch,
    entry: &Entry,
) -> Result<Option<Verdict>, Error> {
    let (made, text) = match entry.outcome {
        RecordOutcome::Reject { fault, raw } => return Ok(Some(Verdict::Bad(fault, raw))),
        RecordOutcome::NotAnObject { text } => {
            return Ok(Some(Verdict::Refused(RejectReason::not_an_object(), text)));
        }
        RecordOutcome::Row { first, text } => {
            let width = rows.width() * if server.verifies() { 2 } else { 1 };
            let cells = &batch.cells[first..first + width];
            (rows.make(server, batch.text(text), Cells { cells, values: None }, chunk)?, text)
        }
        RecordOutcome::Text { text, undecided } => {
            if undecided && let Err((kind, what)) = server.look_at(batch, text, chunk)? {
                let fault = Fault { kind, at: entry.place.offset, what };
                return Ok(Some(Verdict::Refused(fault.into(), text)));
            }
            (rows.make_of_text(server, batch.text(text), chunk)?, text)
        }
        RecordOutcome::Value(_) | RecordOutcome::WithText { .. } => unreachable!("rows were asked for"),
    };
    Ok(match made {
        Ok(()) => Some(Verdict::Good),
        Err(NoRow::Refused(reason)) => Some(Verdict::Refused(reason, text)),
        Err(NoRow::Differs) => None,
    })
}

/// Runs `body`; an error that the server raises meanwhile names the record.
fn within_record<R>(file: &str, table: Option<&str>, place: RecordPosition, body: impl FnOnce() -> R) -> R {
    let describe = |line: &mut dyn Write| match table {
        Some(table) => write!(line, "loading \"{file}\" into table \"{table}\": {place}"),
        None => write!(line, "reading \"{file}\": {place}"),
    };
    error_context::with_context(&describe, body)
}
