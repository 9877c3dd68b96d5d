//! Why delimited text cannot be read as it is to be.

use super::messages::{Message, detail_of};
use super::{Error, RecordPosition, RejectReason};
use crate::pg::strings::message::count;
use loader_core::fault::DialectGuess;
use pgrx::PgSqlErrorCode as Code;

/// Why it cannot. Names and paths are ready to be shown.
#[derive(Debug)]
pub enum DialectError {
    /// `skip` is below 0.
    NegativeSkip(i64),
    /// Two arguments name the same byte.
    Clash { first: &'static str, second: &'static str },
    /// A format of dates or timestamps is none; why.
    BadTimePattern { name: &'static str, pattern: String, what: &'static str },
    /// The file is JSON.
    IsJson(String),
    /// The file is not UTF-8; what it is likely to be.
    NotUtf8 { path: String, likely: &'static str },
    /// The file can be read in several ways.
    Undecided { path: String, guesses: Vec<DialectGuess> },
    /// The file has no field of a name that an argument gives.
    NoSuchField { path: String, field: String, argument: &'static str },
    /// So many records from the first on, and not one good among them.
    NoneRead { path: String, records: u64, place: RecordPosition, reason: Box<RejectReason> },
}

impl From<DialectError> for Error {
    fn from(error: DialectError) -> Self {
        Error::Dialect(error)
    }
}

impl DialectError {
    pub(super) fn message(self) -> Message {
        match self {
            DialectError::NegativeSkip(lines) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"skip\" must not be negative: {lines}"),
            ),
            DialectError::Clash { first, second } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("arguments \"{first}\" and \"{second}\" must not have the same character"),
            ),
            DialectError::IsJson(path) => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" is not delimited text"),
            )
            .detail("It looks like JSON.")
            .hint("Use load_json_file for a file of JSON, or say what the delimiter is."),
            DialectError::NoneRead { path, records, place, reason } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" does not look like delimited text of the dialect"),
            )
            .detail(format!(
                "The first {records} records are all invalid. Last one: {}. {}",
                reason.words(),
                detail_of(&path, place, &reason)
            ))
            .hint("See how it is read with sniff_csv. Set reject_limit to load the file nevertheless."),
            DialectError::NotUtf8 { path, likely } => Message::new(
                Code::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
                format!("file \"{path}\" is not encoded in UTF-8"),
            )
            .detail(format!("Its encoding is likely to be {likely}; no file is converted unasked."))
            .hint(format!(
                "Use encoding => '{likely}', or encoding => 'utf-8' to reject the records that are not UTF-8."
            )),
            DialectError::BadTimePattern { name, pattern, what } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"{name}\": \"{pattern}\""),
            )
            .detail(format!("The format cannot be used: {what}."))
            .hint("For example: DD.MM.YYYY, or DD.MM.YYYY HH24:MI:SS.FF for timestamps."),
            DialectError::NoSuchField { path, field, argument } => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("file \"{path}\" has no field \"{field}\""),
            )
            .hint(format!("Argument \"{argument}\" names fields as the header of the file does.")),
            DialectError::Undecided { path, guesses } => undecided(&path, &guesses),
        }
    }
}

/// Delimited text that can be read in several ways.
fn undecided(path: &str, guesses: &[DialectGuess]) -> Message {
    let message = Message::new(
        Code::ERRCODE_BAD_COPY_FILE_FORMAT,
        format!("could not determine the dialect of file \"{path}\""),
    );
    let shown: Vec<String> = guesses.iter().take(3).map(shown_guess).collect();
    let Some(likeliest) = guesses.first() else {
        return message.hint("Say how it is to be read with delimiter, quote, header and skip.");
    };
    message
        .detail(format!("It can be read in these ways, the likeliest first: {}.", shown.join("; ")))
        .hint(format!("To read it in the first way, call with {}.", arguments_of(likeliest)))
}

/// What a file would be, read in a way.
fn shown_guess(guess: &DialectGuess) -> String {
    let (bytes, length) = guess.delimiter;
    let delimiter = match &bytes[..length] {
        b"\t" => "tab".into(),
        bytes => String::from_utf8_lossy(bytes),
    };
    let fields = count(guess.width as u64, "field", "fields");
    match guess.quote {
        Some(quote) => format!("{fields} with delimiter \"{delimiter}\" and quote {}", char::from(quote)),
        None => format!("{fields} with delimiter \"{delimiter}\" without quotes"),
    }
}

/// The arguments that ask for a way to read a file, as SQL has them.
pub fn arguments_of(guess: &DialectGuess) -> String {
    let (bytes, length) = guess.delimiter;
    let delimiter = match &bytes[..length] {
        b"\t" => "tab".to_string(),
        bytes => String::from_utf8_lossy(bytes).replace('\'', "''"),
    };
    let quote = match guess.quote {
        None => String::new(),
        Some(b'\'') => "''".to_string(),
        Some(quote) => char::from(quote).to_string(),
    };
    let (skip, header) = (guess.skip, guess.header);
    format!("delimiter => '{delimiter}', quote => '{quote}', skip => {skip}, header => {header}")
}
