//! One record → one jsonb value in the chunk, or a fault. The one place that
//! an encoder of our own would change.

use crate::error::Error;
use crate::pg::chunk::Chunk;
use crate::pg::encoding::Encoding;
use crate::pg::subtransaction;
use loader_core::fault::{Fault, FaultKind};
use loader_core::framing::Record;
use pgrx::PgSqlErrorCode as Code;
use std::ffi::CStr;

/// A buffer longer than this is given back after the record that needed it.
const KEPT: usize = 1024 * 1024;

/// Turns records into jsonb.
pub struct Encoder {
    encoding: Encoding,
    text: Vec<u8>,
}

impl Encoder {
    /// For this database.
    pub fn new() -> Result<Self, Error> {
        let encoding = Encoding::of_database().ok_or(Error::NoConversion)?;
        Ok(Encoder { encoding, text: Vec::new() })
    }

    /// Adds the record to the chunk, or says why it cannot be: the inner error
    /// is the record's, the outer one the load's.
    pub fn encode(&mut self, record: &Record<'_>, chunk: &mut Chunk) -> Result<Result<(), Fault>, Error> {
        let fault = |kind, what| Ok(Err(Fault { kind, at: record.offset, what }));
        if self.text.capacity() > KEPT {
            self.text = Vec::new();
        }
        self.text.clear();
        // In every encoding of a server ASCII is ASCII.
        if !matches!(self.encoding, Encoding::Other { .. }) || record.bytes.is_ascii() {
            self.text
                .try_reserve(record.bytes.len() + 1)
                .map_err(|_| Error::OutOfMemory(record.bytes.len()))?;
            self.text.extend_from_slice(record.bytes);
        } else if !self.encoding.append(record.bytes, &mut self.text).map_err(Error::OutOfMemory)? {
            return fault(
                FaultKind::InvalidUnicode,
                "record has a character that the encoding of the database lacks",
            );
        }
        self.text.try_reserve(1).map_err(|_| Error::OutOfMemory(self.text.len() + 1))?;
        self.text.push(0);
        let Ok(text) = CStr::from_bytes_with_nul(&self.text) else {
            return fault(FaultKind::NulCharacter, "record has a NUL byte");
        };

        chunk.reserve().map_err(Error::OutOfMemory)?;
        // Escapes may name characters that the encoding lacks: only the server knows.
        let ask = record.doubtful
            || (!matches!(self.encoding, Encoding::Utf8)
                && memchr::memmem::find(record.bytes, b"\\u").is_some());
        if !ask {
            chunk.push_text(text);
            return Ok(Ok(()));
        }
        match subtransaction::attempt(|| chunk.push_text(text), verdict) {
            Ok(()) => Ok(Ok(())),
            Err((kind, what)) => fault(kind, what),
        }
    }
}

/// What the server means by refusing a record; `None` where the error is not
/// about the record.
fn verdict(code: Code) -> Option<(FaultKind, &'static str)> {
    match code {
        Code::ERRCODE_STATEMENT_TOO_COMPLEX => {
            Some((FaultKind::TooDeep, "record is nested deeper than max_stack_depth allows"))
        }
        // The server's allocator reports a request over 1 GB as an internal error.
        Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED | Code::ERRCODE_INTERNAL_ERROR => {
            Some((FaultKind::TooLarge, "record exceeds a limit of jsonb"))
        }
        // The last one is what SQL_ASCII says to any escape beyond ASCII.
        Code::ERRCODE_UNTRANSLATABLE_CHARACTER
        | Code::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE
        | Code::ERRCODE_FEATURE_NOT_SUPPORTED => Some((
            FaultKind::InvalidUnicode,
            "record has an escape for a character that the encoding of the database lacks",
        )),
        Code::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE => {
            Some((FaultKind::NumericRange, "record has a number that numeric cannot hold"))
        }
        Code::ERRCODE_INVALID_TEXT_REPRESENTATION => {
            Some((FaultKind::Syntax, "record is not what jsonb takes for JSON"))
        }
        _ => None,
    }
}
