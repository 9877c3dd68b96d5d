//! The server's own verdict on a text that it may refuse, in our words.

use crate::pg::executor::chunk::Chunk;
use crate::pg::executor::subtransaction;
use loader_core::fault::FaultKind;
use pgrx::PgSqlErrorCode as Code;
use std::ffi::CStr;

/// What is wrong with a record that the server refuses.
pub type Refusal = (FaultKind, &'static str);

/// Adds what `jsonb_in` makes of `text`, which is in the database's encoding, to
/// the chunk, or says why it refuses. The chunk has room for one more.
pub fn ask(text: &CStr, chunk: &mut Chunk) -> Result<(), Refusal> {
    subtransaction::attempt(|| chunk.push_text(text), meaning)
}

/// The same, but nothing is added.
pub fn look_at(text: &CStr, chunk: &mut Chunk) -> Result<(), Refusal> {
    subtransaction::attempt(|| chunk.look_at_text(text), meaning)
}

/// What the server means by refusing a record; `None` where the error is not
/// about the record.
fn meaning(code: Code) -> Option<Refusal> {
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
