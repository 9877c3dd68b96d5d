//! What there is in a file, or is not, that keeps it from being loaded.

use super::messages::{Message, detail_of};
use super::{Error, RecordPosition, RejectReason};
use crate::pg::strings::message::count;
use loader_core::looks::Looks;
use pgrx::PgSqlErrorCode as Code;

/// What it is. Paths and names are ready to be shown.
#[derive(Debug)]
pub enum ContentError {
    /// Nothing in the file could be JSON.
    NoJson { path: String, looks: Looks },
    /// So many records from the first on, and not one good among them.
    NotJson { path: String, records: u64, place: RecordPosition, reason: Box<RejectReason> },
    /// The same, and the server has refused the last one, which is JSON.
    NoneInserted { path: String, records: u64, place: RecordPosition, reason: Box<RejectReason> },
    /// `on_error => 'stop'` met a bad record.
    BadRecord { path: String, place: RecordPosition, reason: Box<RejectReason> },
    /// More bad records than `reject_limit`.
    TooManyRejects { path: String, limit: u64, place: RecordPosition, reason: Box<RejectReason> },
    /// The same, where no one record was the one too many.
    TooManyInFile { path: String, limit: u64 },
    /// There is no array at `records_path`; some that there are, and the path through those
    /// that lie on its way.
    NoRecords { path: String, records_path: String, others: Vec<String>, between: Option<String> },
    /// A field of `keep` stands behind the records that it is to be given to.
    KeptBehind { path: String, field: String },
    /// With this one, the fields of `keep` are too long.
    KeptTooLong { path: String, field: String, most: usize },
}

impl From<ContentError> for Error {
    fn from(error: ContentError) -> Self {
        Error::Content(error)
    }
}

impl ContentError {
    pub(super) fn message(self) -> Message {
        match self {
            ContentError::NoJson { path, looks } => {
                let (what, hint) = match looks {
                    Looks::Delimited => ("delimiter-separated values (CSV)", Some("Use load_csv_file for a file of delimiter-separated values.")),
                    Looks::Xml => ("XML", None),
                    Looks::Html => ("an HTML page", Some("A server may have answered with an error page.")),
                    Looks::NulBytes => ("NUL bytes only", Some("Its program may have crashed before it wrote what it had made room for.")),
                    Looks::Binary => ("binary data", None),
                    Looks::Text => ("text", None),
                };
                let message = Message::new(Code::ERRCODE_BAD_COPY_FILE_FORMAT, format!("file \"{path}\" is not JSON"))
                    .detail(format!("It looks like {what}."));
                match hint {
                    Some(hint) => message.hint(hint),
                    None => message,
                }
            }
            ContentError::NotJson { path, records, place, reason } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" does not look like JSON"),
            )
            .detail(format!(
                "The first {records} records are all invalid. Last one: {}. {}",
                reason.words(),
                detail_of(&path, place, &reason)
            ))
            .hint("Set reject_limit to load the file nevertheless."),
            ContentError::NoneInserted { path, records, place, reason } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("no record of file \"{path}\" could be inserted"),
            )
            .detail(format!(
                "The first {records} records are all rejected. Last one, refused with SQLSTATE {}: {}. {}",
                reason.sqlstate,
                reason.words(),
                detail_of(&path, place, &reason)
            ))
            .hint("Look at the types, constraints and triggers of the table. Set reject_limit to load the file nevertheless."),
            ContentError::BadRecord { path, place, reason } => Message::new(reason.code(), format!("invalid record: {}", reason.words()))
                .detail(detail_of(&path, place, &reason))
                .hint("Use on_error => 'reject' to load the valid records and keep the invalid ones in loader.rejects."),
            ContentError::TooManyRejects { path, limit, place, reason } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" has more than {}", count(limit, "invalid record", "invalid records")),
            )
            .detail(format!("Last one: {}. {}", reason.words(), detail_of(&path, place, &reason)))
            .hint("Raise reject_limit to load the file nevertheless."),
            ContentError::TooManyInFile { path, limit } => Message::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" has more than {}", count(limit, "invalid record", "invalid records")),
            )
            .hint("Raise reject_limit to load the file nevertheless."),
            ContentError::NoRecords { path, records_path, others, between } => {
                // Where the records are the values of an object, that is what is missing.
                let what = if records_path.ends_with(".*") { "object" } else { "array" };
                let message = Message::new(
                    Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                    format!("file \"{path}\" has no {what} at records_path \"{records_path}\""),
                );
                if let Some(between) = between {
                    return message.hint(format!("An array lies between: write \"{between}\"."));
                }
                let others: Vec<String> = others.into_iter().filter(|path| is_name(path)).collect();
                message.hint(match &others[..] {
                    [] => "records_path names the keys from the root of the document to the array of the records; \"[*]\" stands for the elements of an array on the way.".to_string(),
                    others => format!("Its first document has {} at {}.", if others.len() == 1 { "an array" } else { "arrays" }, list(others)),
                })
            }
            ContentError::KeptBehind { path, field } => Message::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                format!("field \"{field}\" of keep stands behind the records of file \"{path}\""),
            )
            .detail("Records are loaded while the file is read: what comes behind them is not known then.")
            .hint("Leave the field out of keep, or load the records without it and add it afterwards."),
            ContentError::KeptTooLong { path, field, most } => Message::new(
                Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("field \"{field}\" of keep is too long in file \"{path}\""),
            )
            .detail(format!("The fields of keep may have {most} bytes in all, since each record gets them."))
            .hint("Name shorter fields in keep."),
        }
    }
}

/// Words in a row: "a, b and c".
fn list(words: &[String]) -> String {
    match words {
        [words @ .., last] if !words.is_empty() => format!("{} and {last}", words.join(", ")),
        message => message.concat(),
    }
}

/// Whether the keys of a path look like names of fields. A document may be keyed by data,
/// addresses or numbers of people, say, which no message has.
fn is_name(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_alphanumeric() || b"$._- \"".contains(&b))
        && !path.as_bytes().windows(4).any(|bytes| bytes.iter().all(u8::is_ascii_digit))
}
