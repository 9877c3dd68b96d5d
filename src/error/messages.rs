//! What is said of each error: SQLSTATE, message, detail and hint. Families of errors have tables of their own.

use super::code::{code_of, file_access_code};
use super::{Error, RecordPosition, RejectReason};
use crate::pg::executor::transaction::Obstacle;
use crate::pg::strings::message::count;
use pgrx::PgSqlErrorCode as Code;
use std::io;

/// What the server is given of one error.
pub(super) struct Message {
    pub code: Code,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Message {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Message { code, message: message.into(), detail: None, hint: None }
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Error {
    /// SQLSTATE, message, detail and hint of the error.
    pub(super) fn message(self) -> Message {
        match self {
            Error::NoFileRole => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                "permission denied to load a server file",
            )
            .detail("Only roles with privileges of the \"pg_read_server_files\" role may load files."),
            Error::NullArgument(name) => {
                Message::new(Code::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" must not be null"))
            }
            Error::BadOption { name, value, allowed } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"{name}\": \"{value}\""),
            )
            .hint(format!("Available values: {allowed}.")),
            Error::ChunkOutOfRange { chunk, most } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"chunk\" must be between 1 and {most}: {chunk}"),
            ),
            Error::NegativeRejectLimit(limit) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"reject_limit\" must not be negative: {limit}"),
            ),
            Error::NegativeMaxRecords(limit) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"max_records\" must not be negative: {limit}"),
            ),
            Error::NoExtension => {
                Message::new(Code::ERRCODE_UNDEFINED_OBJECT, "extension \"loader\" does not exist".to_string())
            }
            Error::NoTable(oid) => {
                Message::new(Code::ERRCODE_UNDEFINED_TABLE, format!("relation with OID {oid} does not exist"))
            }
            Error::NotATable(name) => Message::new(
                Code::ERRCODE_WRONG_OBJECT_TYPE,
                format!("cannot load into relation \"{name}\""),
            )
            .detail("Only tables, partitioned tables, views and foreign tables can be loaded into."),
            Error::NoInsertRight { table, column } => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("permission denied for table {table}"),
            )
            .detail(format!("Loading needs the INSERT privilege on column \"{column}\".")),
            Error::NoColumn { table, column } => Message::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("column \"{column}\" of relation \"{table}\" does not exist"),
            )
            .hint("Name the jsonb column with target_column."),
            Error::NotJsonb { table, column } => Message::new(
                Code::ERRCODE_DATATYPE_MISMATCH,
                format!("column \"{column}\" of relation \"{table}\" is not of type jsonb"),
            )
            .hint("Name a jsonb column with target_column, or create a table with seed_json_table."),
            Error::NotOnCoordinator { table } => Message::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                format!("cannot load into distributed table \"{table}\" from a worker node"),
            )
            .detail("The history of loads is kept on the coordinator.")
            .hint("Connect to the coordinator and load there."),
            Error::ReplaceDistributed { table } => Message::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                format!("cannot replace loads of distributed table \"{table}\" in one transaction"),
            )
            .detail("Rows are to be deleted in a transaction before the one that loads.")
            .hint("CALL load_json_files with if_loaded => 'replace'."),
            Error::GeneratedColumn { table, column } => Message::new(
                Code::ERRCODE_GENERATED_ALWAYS,
                format!("column \"{column}\" of relation \"{table}\" is a generated column"),
            ),
            Error::RelativePath(path) => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("path is not absolute: \"{path}\""),
            )
            .hint("Give the path of a file on the server, from the root directory on."),
            Error::OutsideAllowed(path) => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("file \"{path}\" is not in a directory that files may be loaded from"),
            )
            .hint("A superuser sets the directories with loader.allowed_directories."),
            Error::BadPattern { pattern, what } => {
                Message::new(Code::ERRCODE_INVALID_PARAMETER_VALUE, format!("invalid pattern \"{pattern}\": {what}"))
                    .hint("Write [[], [*] or [?] for a character that is meant as it is.")
            }
            Error::ReadDirectory { path, error } => Message::new(
                file_access_code(&error),
                format!("could not read directory \"{path}\": {}", reason(&error)),
            ),
            Error::BadDirectoryList => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                "invalid list syntax in parameter \"loader.allowed_directories\"",
            ),
            Error::DirectoriesUnknown => Message::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                "could not determine which directories files may be loaded from",
            )
            .detail("The client gave loader.allowed_directories a value at connection start, which hides the configured one.")
            .hint("Connect without setting loader.allowed_directories."),
            Error::NoRealPath => Message::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                "could not determine where an open file is located",
            )
            .detail("loader.allowed_directories needs /proc to be mounted."),
            Error::NoMatch(pattern) => {
                let hint = braces_hint(&pattern).unwrap_or(ON_THE_SERVER_PATTERN);
                Message::new(Code::ERRCODE_UNDEFINED_FILE, format!("no file matches \"{pattern}\"")).hint(hint)
            }
            Error::Open { path, error } => {
                let is_missing = error.kind() == io::ErrorKind::NotFound;
                let hint = if is_missing && path.contains(['*', '?', '[']) {
                    format!("This function loads one file. Use CALL load_json_files('{}', ...), or load_csv_files, to load those that match a pattern.", path.replace('\'', "''"))
                } else {
                    let braces = if is_missing { braces_hint(&path) } else { None };
                    braces.unwrap_or(ON_THE_SERVER).to_string()
                };
                Message::new(
                    file_access_code(&error),
                    format!("could not open file \"{path}\" for reading: {}", reason(&error)),
                )
                .hint(hint)
            }
            Error::NotRegular { path, kind } => {
                let message = Message::new(Code::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{path}\" is not a regular file"))
                    .detail(format!("It is {kind}."));
                if kind != DIRECTORY {
                    return message;
                }
                let inside = format!("{}/*", path.trim_end_matches('/').replace('\'', "''"));
                message.hint(format!("The files in it are named by a pattern: CALL load_json_files('{inside}', ...), or load_csv_files, or '{inside}.json' for some of them. read_json_file and read_csv_file take a pattern too."))
            }
            Error::NoSize(path) => {
                Message::new(Code::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{path}\" is not a regular file"))
                    .detail("Its size is zero, but it has contents.")
            }
            Error::Read { path, error } => Message::new(
                file_access_code(&error),
                format!("could not read file \"{path}\": {}", reason(&error)),
            ),
            Error::Changed(path) => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("file \"{path}\" changed while it was read"),
            )
            .hint("Load the file once nothing writes to it any more."),
            Error::NotTheSame { path, load_id } => {
                let message = Message::new(
                    Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("file \"{path}\" does not continue what was loaded of it"),
                );
                match load_id {
                    Some(id) => message
                        .detail(format!("No record ends any more where load {id} ended; undo_load({id}) takes that back."))
                        .hint(format!("Use SELECT undo_load({id}); and load the file again, or if_loaded => 'force' to load all of it in addition.")),
                    None => message.detail("No record ends any more where the load ended."),
                }
            }
            Error::NoConversion => Message::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                "there is no conversion from UTF8 to the encoding of the database",
            ),
            Error::OutOfMemory(bytes) => Message::new(Code::ERRCODE_OUT_OF_MEMORY, "out of memory")
                .detail(format!("Failed on request of size {bytes} for a record of the file."))
                .hint("Lower loader.max_record_size to pass over very large records."),
            Error::AlreadyLoaded { path, table, load_id } => Message::new(
                Code::ERRCODE_DUPLICATE_OBJECT,
                format!("content of file \"{path}\" is already loaded into table \"{table}\""),
            )
            .detail(format!("Load {load_id} had the same content."))
            .hint("Use if_loaded => 'force' to load it again."),
            Error::ChangedSince { path, load_id, skipped } => Message::new(
                Code::ERRCODE_DUPLICATE_OBJECT,
                format!(
                    "file \"{path}\" has changed since load {load_id}{}",
                    if skipped { ", skipping" } else { "" }
                ),
            )
            .hint("Use if_loaded => 'replace' to load it in place of what it was, or 'add' to load what is new in addition."),
            Error::LoadedConcurrently { path, table } => Message::new(
                Code::ERRCODE_T_R_SERIALIZATION_FAILURE,
                format!("could not serialize access due to a concurrent load of file \"{path}\" into table \"{table}\""),
            )
            .hint("Retry the transaction."),
            Error::Differs { path, place } => Message::new(
                Code::ERRCODE_INTERNAL_ERROR,
                "value differs from what jsonb_in makes of its record",
            )
            .detail(format!("File \"{path}\", {place}. Nothing was loaded. This is a bug in loader.")),
            Error::Unbalanced { path } => Message::new(
                Code::ERRCODE_INTERNAL_ERROR,
                format!("bytes of file \"{path}\" are not all accounted for"),
            )
            .detail("Nothing was loaded. This is a bug in loader."),
            Error::PartlyLoaded { path, table, load_id } => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("file \"{path}\" is loaded in part into table \"{table}\""),
            )
            .detail(format!("Load {load_id} was stopped before its end, or is under way."))
            .hint("CALL load_json_files, or load_csv_files, to load the rest, or undo_load to take back what is loaded."),
            Error::NoTransactions { procedure, obstacle } => {
                let (message, hint) = match obstacle {
                    Obstacle::Block => (
                        format!("{procedure} cannot run inside a transaction block"),
                        "CALL it by itself, with autocommit on (psql: \\set AUTOCOMMIT on; psycopg: connection.autocommit = True), and not together with other statements.",
                    ),
                    Obstacle::Subtransaction => (
                        format!("{procedure} cannot run inside a subtransaction"),
                        "CALL it outside of transaction blocks, functions, and blocks with an EXCEPTION clause.",
                    ),
                    Obstacle::Caller => (
                        format!("{procedure} cannot commit where it was called"),
                        "CALL it by itself, in a DO block or in a procedure in PL/pgSQL: not in a function, not by EXECUTE, and not in a procedure that is SECURITY DEFINER or has a SET clause.",
                    ),
                };
                Message::new(Code::ERRCODE_ACTIVE_SQL_TRANSACTION, message)
                    .detail("It commits what it has loaded.")
                    .hint(hint)
            }
            Error::WorkersOutOfRange { workers, most } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"workers\" must be between 0 and {most}: {workers}"),
            ),
            Error::Worker(failure) => Message::new(code_of(&failure.code), failure.message)
                .hint("What is committed stays. Repeat the CALL to go on."),
            Error::FilesFailed { failed, files, path, first, hint } => {
                let message = format!("{failed} of {} failed", count(files, "file", "files"));
                let message = Message::new(code_of(&first.code), message)
                    .detail(format!("The first of them is \"{path}\": {}", first.message));
                Message { hint, ..message }
            }
            Error::PathEncoding(path) => Message::new(
                Code::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
                format!("path is not valid in the encoding of the database: \"{path}\""),
            ),
            Error::Spi(error) => Message::new(Code::ERRCODE_INTERNAL_ERROR, format!("a statement failed: {error}")),
            Error::OldFunctions => Message::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "extension \"loader\" must be updated",
            )
            .detail("The library is newer than the extension's SQL objects.")
            .hint("Run ALTER EXTENSION loader UPDATE."),
            Error::BadRecordsPath { path, what, meant } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"records_path\": \"{path}\""),
            )
            .detail(format!("{}.", sentence(what)))
            .hint(match meant {
                Some(meant) => format!("Write it as '{}'.", meant.replace('\'', "''")),
                None => "Name the keys that lead to the array of the records, as in '$.data.items'.".to_string(),
            }),
            Error::BadLinePrefix { prefix, what } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"line_prefix\": \"{prefix}\""),
            )
            .detail(format!("{}.", sentence(what))),
            Error::BadKeep { path, what } => Message::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"keep\": \"{path}\""),
            )
            .detail(format!("{}.", sentence(what))),
            Error::FileUnderWay(path) => {
                Message::new(Code::ERRCODE_OBJECT_IN_USE, format!("file \"{path}\" is being loaded by another session"))
                    .detail("That session may have to wait for what this transaction has written.")
                    .hint("Call the function first in its transaction, or when the other session has finished.")
            }
            Error::HeldUp(whom) => {
                Message::new(Code::ERRCODE_LOCK_NOT_AVAILABLE, format!("gave up waiting for {whom}"))
                    .hint("The wait was longer than lock_timeout. The next call looks at the file again.")
            }
            Error::Columns(error) => error.message(),
            Error::Content(error) => error.message(),
            Error::Compression(error) => error.message(),
            Error::Schema(error) => error.message(),
            Error::Amend(error) => error.message(),
            Error::Dialect(error) => error.message(),
            Error::Pipeline(error) => error.message(),
            Error::Hook(error) => error.message(),
        }
    }
}

/// What a directory is called as something that is no regular file.
pub const DIRECTORY: &str = "a directory";

const ON_THE_SERVER: &str = "The file is read by the server, on the server's machine and with the rights of its operating system user.";
const ON_THE_SERVER_PATTERN: &str = "Files are looked for by the server, on the server's machine and with the rights of its operating system user.";

/// What to say of a pattern that matches nothing and looks like one of a shell.
pub fn braces_hint(pattern: &str) -> Option<&'static str> {
    let braces = pattern.find('{').is_some_and(|open| pattern[open..].contains('}'));
    braces.then_some(
        "Braces have no special meaning in a pattern: use one pattern for each of the alternatives.",
    )
}

pub(super) fn detail_of(path: &str, place: RecordPosition, reason: &RejectReason) -> String {
    match reason.fault {
        Some(fault) => format!("File \"{path}\", {place}; the fault is at byte {}.", fault.at),
        None => format!("File \"{path}\", {place}."),
    }
}

/// Words that begin a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The operating system's words without Rust's number behind them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}
