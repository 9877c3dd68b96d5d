//! The verdict on one record: from what the threads made of it to a datum, or to what
//! is wrong with it.

use super::server::Server;
use crate::error::{Error, RecordPosition};
use crate::pg::executor::chunk::Chunk;
use crate::pg::strings::error_context;
use loader_core::fault::Fault;
use loader_core::pipeline::{Batch, Entry, RecordOutcome, Span};
use std::fmt::Write;

/// Where datums are made and kept.
pub struct Values {
    pub server: Server,
    pub chunk: Chunk,
}

/// What a record is.
pub enum Verdict {
    /// Good: its datum is the chunk's last.
    Good,
    /// Bad, with its text in the batch.
    Bad(Fault, Span),
    /// Bad: the splitter found it good, and the server did not.
    Refused(Fault, Span),
}

impl Values {
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
        let Values { server, chunk } = self;
        match entry.outcome {
            RecordOutcome::Reject { fault, raw } => return Ok(Verdict::Bad(fault, raw)),
            RecordOutcome::Value(value) => {
                chunk.reserve().map_err(Error::OutOfMemory)?;
                chunk.push_held(value.at, value.length);
            }
            RecordOutcome::Checked { value, text } => {
                let same = within_record(file, table, place, || {
                    batch.c_text(text).is_some_and(|text| chunk.agrees(value.at, value.length, text))
                });
                if !same {
                    return Err(Error::Differs { path: file.to_string(), place });
                }
                chunk.reserve().map_err(Error::OutOfMemory)?;
                chunk.push_held(value.at, value.length);
            }
            RecordOutcome::Text { text, undecided } => {
                chunk.reserve().map_err(Error::OutOfMemory)?;
                let encode = || server.encode(batch, text, undecided, chunk);
                if let Err((kind, what)) = within_record(file, table, place, encode)? {
                    return Ok(Verdict::Refused(Fault { kind, at: place.offset, what }, text));
                }
            }
        }
        Ok(Verdict::Good)
    }
}

/// Runs `body`; an error that the server raises meanwhile names the record.
fn within_record<R>(file: &str, table: Option<&str>, place: RecordPosition, body: impl FnOnce() -> R) -> R {
    let describe = |line: &mut dyn Write| match table {
        Some(table) => write!(line, "loading \"{file}\" into table \"{table}\": {place}"),
        None => write!(line, "reading \"{file}\": {place}"),
    };
    error_context::with_context(&describe, body)
}
