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
    /// Delimited text: a quote is opened and not closed before records of the file go on.
    UnterminatedQuote,
    /// Delimited text: a quote that neither opens nor closes a field.
    StrayQuote,
    /// Delimited text: a record of fewer fields than the file has columns.
    MissingColumns,
    /// Delimited text: a record of more fields than the file has columns.
    TooManyColumns,
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

/// How a file of delimited text could be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DialectGuess {
    /// What would stand between two fields: so many of these bytes.
    pub delimiter: ([u8; 4], usize),
    /// What would enclose a field.
    pub quote: Option<u8>,
    /// So many lines would be the header.
    pub header: u64,
    /// So many lines would stand before it.
    pub skip: u64,
    /// Its records would have so many fields.
    pub width: usize,
    /// How well that fits, from 0 to 1.
    pub confidence: f64,
}
