//! What can be wrong with a record, and where. Kinds and offsets only: the
//! words for users are made at the edge of the extension.

/// The class of a fault, as `loader.rejects.error_type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The bytes are not JSON.
    Syntax,
    /// The record ends before its value does.
    Truncated,
    /// Not UTF-8, a surrogate without its other half, or a character that the
    /// database's encoding does not have.
    InvalidUnicode,
    /// `\u0000` or a NUL byte inside the record.
    NulCharacter,
    /// Nested deeper than the server's stack allows.
    TooDeep,
    /// Longer than `loader.max_record_size`, or over a limit of jsonb.
    TooLarge,
    /// A number that `numeric` cannot hold.
    NumericRange,
    /// No record at all: text that stands between records.
    Text,
    /// No record at all: a run of NUL bytes between records.
    NulBytes,
}

impl FaultKind {
    /// Whether what has the fault is a record.
    pub fn is_of_record(self) -> bool {
        !matches!(self, FaultKind::Text | FaultKind::NulBytes)
    }
}

/// A fault at a byte of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The class.
    pub kind: FaultKind,
    /// Offset from the start of the decompressed stream, in bytes.
    pub at: u64,
    /// What was expected or found there, in PostgreSQL's message style, without
    /// any of the file's contents.
    pub what: &'static str,
}

/// Why a field is no column's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Two columns have names that it fits.
    TwoColumns {
        /// The field.
        field: String,
        /// The columns.
        columns: [String; 2],
    },
    /// Another field was given to the column before.
    TwoFields {
        /// The column.
        column: String,
        /// Both fields.
        fields: [String; 2],
    },
    /// No column takes it, and that is not allowed.
    NoColumn {
        /// The field.
        field: String,
    },
}
