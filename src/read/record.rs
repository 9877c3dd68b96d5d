//! One record: from what the threads made of it to a row.

use crate::error::{Error, Place};
use crate::load::Server;
use crate::pg::chunk::Chunk;
use crate::pg::context;
use loader_core::fault::Fault;
use loader_core::pipeline::{Batch, Entry, Form};
use pgrx::AnyElement;
use std::fmt::Write;

/// One record. What it points at is there until the next one is asked for.
pub struct Row {
    pub file: Option<AnyElement>,
    pub place: Place,
    /// `None` for a bad one.
    pub data: Option<AnyElement>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// Where datums are made and kept: those of one batch.
pub struct Values {
    pub server: Server,
    pub chunk: Chunk,
}

/// What a record is.
pub enum Verdict {
    /// Good: its datum is the chunk's last.
    Good,
    /// Bad.
    Bad(Fault),
    /// Bad: the splitter found it good, and the server did not.
    Refused(Fault),
}

impl Values {
    /// Judges a record of `file`. The chunk holds the values of its batch.
    pub fn judge(&mut self, file: &str, batch: &Batch, entry: Entry) -> Result<Verdict, Error> {
        let place = entry.place;
        let Values { server, chunk } = self;
        chunk.reserve().map_err(Error::OutOfMemory)?;
        match entry.form {
            Form::Value(value) => chunk.push_held(value.at, value.length),
            Form::Checked { value, text } => {
                let same = within_record(file, place, || {
                    batch.c_text(text).is_some_and(|text| chunk.agrees(value.at, value.length, text))
                });
                if !same {
                    return Err(Error::Differs { path: file.to_string(), place });
                }
                chunk.push_held(value.at, value.length);
            }
            Form::Text { text, doubtful } => {
                let encoded = within_record(file, place, || server.encode(batch, text, doubtful, chunk));
                if let Err((kind, what)) = encoded? {
                    return Ok(Verdict::Refused(Fault { kind, at: place.offset, what }));
                }
            }
            Form::Reject { fault, .. } => return Ok(Verdict::Bad(fault)),
        }
        Ok(Verdict::Good)
    }
}

/// Runs `body`; an error that the server raises meanwhile names the record.
fn within_record<R>(file: &str, place: Place, body: impl FnOnce() -> R) -> R {
    let describe = |line: &mut dyn Write| write!(line, "reading \"{file}\": {place}");
    context::with_context(&describe, body)
}
