//! Why a record is rejected: for a fault of its own, or because the server does not take it.

use super::code::{code_of, code_text, error_type, sqlstate_text};
use crate::pg::executor::input_function::Refused;
use crate::pg::executor::subtransaction::Contained;
use loader_core::fault::Fault;
use pgrx::PgSqlErrorCode as Code;
use std::borrow::Cow;

/// Bytes of the server's message that are kept: a trigger may raise a longer one, with all of
/// a record in it.
const LONGEST: usize = 1024;

/// Why a record is rejected, as `loader.rejects` shows it.
#[derive(Clone, Debug)]
pub struct RejectReason {
    /// The kind of error.
    pub error_type: &'static str,
    /// The SQLSTATE, five characters.
    pub sqlstate: Cow<'static, str>,
    /// What is wrong. It may hold contents of the record if it is the server's own: raised
    /// errors have [`RejectReason::words`] instead.
    pub message: Cow<'static, str>,
    /// The column that it is about, if it is about one, in the database's encoding.
    pub column_name: Option<Vec<u8>>,
    /// The fault, if the record has one of its own.
    pub fault: Option<Fault>,
}

impl From<Fault> for RejectReason {
    fn from(fault: Fault) -> Self {
        RejectReason {
            error_type: error_type(fault.kind),
            sqlstate: Cow::Borrowed(sqlstate_text(fault.kind)),
            message: Cow::Borrowed(fault.what),
            column_name: None,
            fault: Some(fault),
        }
    }
}

impl RejectReason {
    /// What an error means that the server raises while a row is inserted, if it is about that
    /// row: a constraint or a trigger refuses it, or an expression cannot be computed for it.
    /// `None` for all others, such as missing rights, deadlocks or a full disk.
    pub fn of_row(error: &Contained) -> Option<Self> {
        let is_of_row = code_text(error.code).starts_with("22") || is_constraint(error.code);
        is_of_row.then(|| RejectReason::of_server(error.code, &error.message, error.column_name.clone()))
    }

    /// A value that the type of a column refuses.
    pub fn of_value(refused: Refused, column: &[u8]) -> Self {
        RejectReason::of_server(refused.code, &refused.message, Some(column.to_vec()))
    }

    fn of_server(code: Code, message: &str, column_name: Option<Vec<u8>>) -> Self {
        RejectReason {
            error_type: if is_constraint(code) { "CONSTRAINT" } else { "CAST" },
            sqlstate: Cow::Owned(code_text(code)),
            message: Cow::Owned(message[..message.floor_char_boundary(LONGEST)].to_owned()),
            column_name,
            fault: None,
        }
    }

    /// A record that has no fields, where columns are to take some.
    pub fn not_an_object() -> Self {
        RejectReason {
            error_type: "CAST",
            sqlstate: Cow::Borrowed("22023"),
            message: Cow::Borrowed("record is not a JSON object"),
            column_name: None,
            fault: None,
        }
    }

    /// A record without a value for a column of the key.
    pub fn null_key(column: &[u8]) -> Self {
        RejectReason {
            error_type: "CONSTRAINT",
            sqlstate: Cow::Borrowed("23502"),
            message: Cow::Borrowed("record has no value for a column of the key"),
            column_name: Some(column.to_vec()),
            fault: None,
        }
    }

    /// A value that its column refuses, and for which `_rescued` has no name left.
    pub fn nameless(column: &[u8]) -> Self {
        RejectReason {
            error_type: "CAST",
            sqlstate: Cow::Borrowed("22023"),
            message: Cow::Borrowed(
                "\"_rescued\" has other values under the names of the column and its field",
            ),
            column_name: Some(column.to_vec()),
            fault: None,
        }
    }

    /// Whether what is rejected is a record, and not something that stands between records.
    pub fn is_of_record(&self) -> bool {
        self.fault.is_none_or(|fault| fault.kind.is_of_record())
    }

    /// The SQLSTATE.
    pub fn code(&self) -> Code {
        code_of(&self.sqlstate)
    }

    /// What is wrong, without any contents of the record: of what the server says, only its
    /// words on constraints are known to have none.
    pub fn words(&self) -> Cow<'_, str> {
        if self.fault.is_some() || matches!(&self.sqlstate[..2], "23" | "44") {
            Cow::Borrowed(&self.message)
        } else {
            Cow::Owned(format!("the server refuses it with SQLSTATE {}", self.sqlstate))
        }
    }
}

/// Whether an error says that a constraint, or a trigger that stands for one, refuses something.
/// Class 21 is an upsert that meets a key twice: a part of its rows may do.
fn is_constraint(code: Code) -> bool {
    matches!(&code_text(code)[..2], "21" | "23" | "44") || code == Code::ERRCODE_RAISE_EXCEPTION
}
