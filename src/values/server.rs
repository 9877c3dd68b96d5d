//! What only the server can decide: records of databases that are not UTF8,
//! very deep and very large ones, and whether our values are its own.

use super::verdict::{self, Refusal};
use crate::error::Error;
use crate::pg::executor::chunk::Chunk;
use crate::pg::strings::encoding::Encoding;
use crate::settings;
use loader_core::encode::{JsonText, RecordForm};
use loader_core::fault::FaultKind;
use loader_core::pipeline::{Batch, Span, Target, ToastPolicy};
use std::ffi::CStr;

/// A buffer longer than this is given back after the record that needed it.
const KEPT: usize = 1024 * 1024;

const NUL: Refusal = (FaultKind::NulCharacter, "record has a NUL byte");
const LACKING: Refusal =
    (FaultKind::InvalidUnicode, "record has a character that the encoding of the database lacks");

/// Turns records into jsonb by the server's own means.
pub struct Server {
    encoding: Encoding,
    converted: Vec<u8>,
    verifies: bool,
}

impl Server {
    /// The server of this database.
    pub fn new() -> Result<Self, Error> {
        let encoding = Encoding::of_database().ok_or(Error::NoConversion)?;
        Ok(Server { encoding, converted: Vec::new(), verifies: settings::verify() })
    }

    /// Whether the database is in UTF-8, so that it takes the text of a file as it is and holds
    /// every character. Only then may values be made outside of the server.
    pub fn is_utf8(&self) -> bool {
        matches!(self.encoding, Encoding::Utf8)
    }

    /// Whether each value that was made outside of the server is compared with the server's own.
    pub fn verifies(&self) -> bool {
        self.verifies
    }

    /// What a pipeline makes of records for this database. Long values are compressed by `toast`;
    /// with `keep_texts`, the batches have the text of every record.
    pub fn pipeline_target(&self, toast: Option<ToastPolicy>, keep_texts: bool) -> Target {
        if self.is_utf8() {
            Target::Jsonb { keep_texts: keep_texts || self.verifies, toast }
        } else {
            Target::Text
        }
    }

    /// Adds what the server makes of a record to the chunk, or says why it
    /// refuses: the inner error is the record's, the outer one the load's.
    /// `undecided` says that it may. The chunk has room for one more.
    pub fn encode(
        &mut self,
        form: &RecordForm,
        json: &mut JsonText,
        record: Option<&CStr>,
        undecided: bool,
        chunk: &mut Chunk,
    ) -> Result<Result<(), Refusal>, Error> {
        let Some(record) = record else { return Ok(Err(NUL)) };
        let Some(text) = form.c_json(record, json)? else { return Ok(Err(NUL)) };
        // Escapes may name characters that the encoding lacks: only the server knows.
        let ask = undecided || (!self.is_utf8() && memchr::memmem::find(text.to_bytes(), b"\\u").is_some());
        let Some(converted) = self.in_database(text)? else { return Ok(Err(LACKING)) };
        if !ask {
            chunk.push_text(converted);
            return Ok(Ok(()));
        }
        Ok(verdict::ask(converted, chunk))
    }

    /// Text in the database's encoding; `None` where that lacks a character of it.
    pub fn in_database<'a>(&'a mut self, text: &'a CStr) -> Result<Option<&'a CStr>, Error> {
        let bytes = text.to_bytes();
        if !matches!(self.encoding, Encoding::Other(_)) || bytes.is_ascii() {
            return Ok(Some(text));
        }
        Ok(match self.convert(bytes)? {
            true => CStr::from_bytes_with_nul(&self.converted).ok(),
            false => None,
        })
    }

    /// Asks the server whether it takes a record of JSON that it may refuse, of which nothing is
    /// kept. The inner error is the record's, the outer one the load's.
    pub fn look_at(
        &mut self,
        batch: &Batch,
        text: Span,
        chunk: &mut Chunk,
    ) -> Result<Result<(), Refusal>, Error> {
        let Some(record) = batch.c_text(text) else { return Ok(Err(NUL)) };
        Ok(match self.in_database(record)? {
            Some(record) => verdict::look_at(record, chunk),
            None => Err(LACKING),
        })
    }

    /// Converts a record to the database's encoding, with a NUL behind it.
    /// `Ok(false)` where it has a character that the encoding lacks.
    fn convert(&mut self, record: &[u8]) -> Result<bool, Error> {
        if self.converted.capacity() > KEPT {
            self.converted = Vec::new();
        }
        self.converted.clear();
        if !self.encoding.append(record, &mut self.converted).map_err(Error::OutOfMemory)? {
            return Ok(false);
        }
        let length = self.converted.len() + 1;
        self.converted.try_reserve(1).map_err(|_| Error::OutOfMemory(length))?;
        self.converted.push(0);
        Ok(true)
    }
}
