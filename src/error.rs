//! Every error that a user can see: SQLSTATE, message, detail and hint, in one
//! table. Nothing here carries contents of a file.

use crate::pg::subtransaction::Contained;
use loader_core::fault::{Fault, FaultKind};
use loader_core::input::Compression;
pub use loader_core::pipeline::Place;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode as Code};
use std::io;

/// Why a call fails. Paths and names are ready to be shown.
#[derive(Debug)]
pub enum Error {
    /// The role may not read files of the server.
    NoFileRole,
    /// An argument that must have a value is NULL.
    NullArgument(&'static str),
    /// An option has a value that it cannot have.
    BadOption { name: &'static str, value: String, allowed: &'static str },
    /// `chunk` is out of range.
    ChunkOutOfRange { chunk: i32, most: i32 },
    /// `reject_limit` is below 0.
    NegativeRejectLimit(i64),
    /// The OID of the target names no table.
    NoTable(u32),
    /// The target is something that rows cannot be inserted into.
    NotATable(String),
    /// No INSERT right on the column.
    NoInsertRight { table: String, column: String },
    /// The target has no such column.
    NoColumn { table: String, column: String },
    /// The column is not jsonb.
    NotJsonb { table: String, column: String },
    /// The column is generated.
    GeneratedColumn { table: String, column: String },
    /// `max_records` is below 0.
    NegativeMaxRecords(i64),
    /// The path is not absolute.
    RelativePath(String),
    /// The file lies outside `loader.allowed_directories`.
    OutsideAllowed(String),
    /// A pattern for files cannot be read; why.
    BadPattern { pattern: String, what: &'static str },
    /// A directory in which files are looked for cannot be read.
    ReadDirectory { path: String, error: io::Error },
    /// `loader.allowed_directories` cannot be read as a list.
    BadDirectoryList,
    /// What `loader.allowed_directories` was set to cannot be told.
    DirectoriesUnknown,
    /// The system does not tell where an open file lies.
    NoRealPath,
    /// No file matches the pattern.
    NoMatch(String),
    /// The file cannot be opened.
    Open { path: String, error: io::Error },
    /// Not a regular file; what it is instead.
    NotRegular { path: String, kind: &'static str },
    /// A file of size 0 that yields bytes.
    NoSize(String),
    /// The file cannot be read on.
    Read { path: String, error: io::Error },
    /// The file is not what it was when the load began.
    Changed(String),
    /// No record ends where a load of its front ended.
    NotTheSame(String),
    /// The compressed stream is damaged.
    Corrupt { path: String, compression: Compression },
    /// The compressed stream ends too early.
    CutOff { path: String, compression: Compression },
    /// The compressed stream grows beyond all measure.
    Bomb { path: String, compression: Compression },
    /// A byte order mark says that the file is not UTF-8.
    ForeignEncoding { path: String, encoding: &'static str },
    /// There is no array at `records_path`.
    NoRecords { path: String },
    /// The database has an encoding that UTF-8 cannot be converted to.
    NoConversion,
    /// Memory for a buffer was not to be had.
    OutOfMemory(usize),
    /// `on_error => 'stop'` met a bad record.
    BadRecord { path: String, place: Place, fault: Fault },
    /// More bad records than `reject_limit`.
    TooManyRejects { path: String, limit: u64, place: Place, fault: Fault },
    /// The same, where no one record was the one too many.
    TooManyInFile { path: String, limit: u64 },
    /// So many records from the first on, and not one good among them.
    NotJson { path: String, records: u64, place: Place, fault: Fault },
    /// `if_loaded => 'error'` and the content was loaded before.
    AlreadyLoaded { path: String, table: String, load_id: i64 },
    /// Another transaction loaded the content, and this one cannot see it.
    LoadedConcurrently { path: String, table: String },
    /// `loader.verify`: a value is not what `jsonb_in` makes of its record.
    Differs { path: String, place: Place },
    /// The ledger does not balance.
    Unbalanced { path: String },
    /// A file is loaded in part, by `load_json_files`.
    PartlyLoaded { path: String, table: String, load_id: i64 },
    /// `load_json_files` was called where it cannot commit.
    NoTransactions,
    /// `workers` is out of range.
    WorkersOutOfRange { workers: i32, most: i32 },
    /// What a worker failed with.
    Worker { code: String, message: String },
    /// The path is not text of the database.
    PathEncoding(String),
    /// The server's query interface refused a statement of ours.
    Spi(pgrx::spi::SpiError),
    /// `seed_json_table` found a relation of that name without a fitting column.
    SeededOtherwise { table: String, column: &'static str, misfit: Misfit },
    /// A function of an older version of the extension was called.
    OldFunctions,
    /// `records_path` is not a path, or not to be had; why.
    BadRecordsPath { path: String, what: &'static str },
    /// No load of that number, or none that is the caller's to amend.
    NoLoad(i64),
    /// Another session is at work on the load.
    LoadUnderWay(i64),
    /// The load was undone.
    Undone(i64),
    /// The load is a retry, whose rejects are those of the original.
    IsRetry { load_id: i64, original: i64 },
    /// The table that the load went into is gone.
    TargetGone { table: String, load_id: i64 },
    /// It cannot be told which table that was.
    TargetUnclear { table: String, load_id: i64 },
    /// The table does not say which load brought a row.
    NoLineage { table: String },
    /// The load has no such reject.
    NoReject { load_id: i64, byte_offset: i64 },
    /// The reject was loaded by a retry.
    Resolved { load_id: i64, byte_offset: i64, retry: i64 },
}

/// Why a column is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// There is none of that name.
    Missing,
    /// It has another type than this.
    NotOfType(&'static str),
    /// The server computes its values.
    Computed,
}

impl From<pgrx::spi::SpiError> for Error {
    fn from(error: pgrx::spi::SpiError) -> Self {
        Error::Spi(error)
    }
}

/// The SQLSTATE that the server gives to a record with such a fault.
pub fn sqlstate(kind: FaultKind) -> Code {
    match kind {
        FaultKind::Syntax | FaultKind::Truncated => Code::ERRCODE_INVALID_TEXT_REPRESENTATION,
        FaultKind::InvalidUnicode | FaultKind::NulCharacter => Code::ERRCODE_UNTRANSLATABLE_CHARACTER,
        FaultKind::TooDeep => Code::ERRCODE_STATEMENT_TOO_COMPLEX,
        FaultKind::TooLarge => Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        FaultKind::NumericRange => Code::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
    }
}

/// The five characters of [`sqlstate`], as `loader.rejects` shows them.
pub fn sqlstate_text(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Syntax | FaultKind::Truncated => "22P02",
        FaultKind::InvalidUnicode | FaultKind::NulCharacter => "22P05",
        FaultKind::TooDeep => "54001",
        FaultKind::TooLarge => "54000",
        FaultKind::NumericRange => "22003",
    }
}

/// The name of a kind of fault in `loader.rejects`.
pub fn error_type(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Syntax => "SYNTAX",
        FaultKind::Truncated => "TRUNCATED",
        FaultKind::InvalidUnicode => "INVALID_UNICODE",
        FaultKind::NulCharacter => "NUL_CHARACTER",
        FaultKind::TooDeep => "TOO_DEEP",
        FaultKind::TooLarge => "TOO_LARGE",
        FaultKind::NumericRange => "NUMERIC_RANGE",
    }
}

/// An error that did not end the call: of one file of many. What the history
/// keeps of it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its SQLSTATE.
    pub code: String,
    /// Its message. Never with the server's DETAIL, which may hold contents of rows.
    pub message: String,
}

impl Failure {
    /// Whether it was a conflict with other transactions: a deadlock, say.
    pub fn is_conflict(&self) -> bool {
        self.code.starts_with("40")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let words = error.words();
        let message = match words.detail {
            Some(detail) => format!("{}: {detail}", words.message),
            None => words.message,
        };
        Failure { code: code_text(words.code), message }
    }
}

impl From<Contained> for Failure {
    fn from(error: Contained) -> Self {
        Failure { code: code_text(error.code), message: error.message }
    }
}

/// The SQLSTATE of five characters.
fn code_of(text: &str) -> Code {
    let bits = text.bytes().rev().fold(0, |code, b| code << 6 | i32::from(b.wrapping_sub(b'0') & 0x3F));
    Code::from(bits)
}

/// The five characters of an SQLSTATE: six bits each.
fn code_text(code: Code) -> String {
    let code = code as i32;
    (0..5).map(|index| char::from(((code >> (6 * index)) & 0x3F) as u8 + b'0')).collect()
}

/// The words for one error.
struct Words {
    code: Code,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl Words {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Words { code, message: message.into(), detail: None, hint: None }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Error {
    /// Raises the error in the server.
    pub fn raise(self) -> ! {
        let words = self.words();
        let mut report = ErrorReport::new(words.code, words.message, "loader");
        if let Some(detail) = words.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = words.hint {
            report = report.set_hint(hint);
        }
        report.report(PgLogLevel::ERROR);
        unreachable!("reporting an error does not return")
    }

    fn words(self) -> Words {
        match self {
            Error::NoFileRole => Words::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                "permission denied to load a file of the server",
            )
            .detail("Only roles with privileges of the role \"pg_read_server_files\" may load files."),
            Error::NullArgument(name) => {
                Words::new(Code::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" must not be null"))
            }
            Error::BadOption { name, value, allowed } => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"{name}\": \"{value}\""),
            )
            .hint(format!("Available values: {allowed}.")),
            Error::ChunkOutOfRange { chunk, most } => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"chunk\" is out of range: {chunk}"),
            )
            .hint(format!("A chunk is 1 to {most} rows.")),
            Error::NegativeRejectLimit(limit) => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"reject_limit\" must not be negative: {limit}"),
            ),
            Error::NegativeMaxRecords(limit) => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"max_records\" must not be negative: {limit}"),
            ),
            Error::NoTable(oid) => {
                Words::new(Code::ERRCODE_UNDEFINED_TABLE, format!("relation with OID {oid} does not exist"))
            }
            Error::NotATable(name) => Words::new(
                Code::ERRCODE_WRONG_OBJECT_TYPE,
                format!("cannot load into relation \"{name}\""),
            )
            .detail("Only tables, partitioned tables, views and foreign tables can be loaded into."),
            Error::NoInsertRight { table, column } => Words::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("permission denied for table {table}"),
            )
            .detail(format!("Loading needs the INSERT privilege on column \"{column}\".")),
            Error::NoColumn { table, column } => Words::new(
                Code::ERRCODE_UNDEFINED_COLUMN,
                format!("column \"{column}\" of relation \"{table}\" does not exist"),
            )
            .hint("Name the jsonb column with target_column."),
            Error::NotJsonb { table, column } => Words::new(
                Code::ERRCODE_DATATYPE_MISMATCH,
                format!("column \"{column}\" of relation \"{table}\" is not of type jsonb"),
            )
            .hint("Name a jsonb column with target_column, or create a table with seed_json_table."),
            Error::GeneratedColumn { table, column } => Words::new(
                Code::ERRCODE_GENERATED_ALWAYS,
                format!("column \"{column}\" of relation \"{table}\" is a generated column"),
            ),
            Error::RelativePath(path) => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("path is not absolute: \"{path}\""),
            )
            .hint("Give the path of a file on the server, from the root directory on."),
            Error::OutsideAllowed(path) => Words::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("file \"{path}\" is not in a directory that files may be loaded from"),
            )
            .hint("A superuser sets the directories with loader.allowed_directories."),
            Error::BadPattern { pattern, what } => {
                Words::new(Code::ERRCODE_INVALID_PARAMETER_VALUE, format!("invalid pattern \"{pattern}\": {what}"))
                    .hint("Write [[], [*] or [?] for a character that is meant as it is.")
            }
            Error::ReadDirectory { path, error } => Words::new(
                file_access_code(&error),
                format!("could not read directory \"{path}\": {}", reason(&error)),
            ),
            Error::BadDirectoryList => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                "invalid list syntax in parameter \"loader.allowed_directories\"",
            ),
            Error::DirectoriesUnknown => Words::new(
                Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
                "cannot tell which directories files may be loaded from",
            )
            .detail("The client gave loader.allowed_directories a value when it connected, which hides the one in force.")
            .hint("Connect without setting loader.allowed_directories."),
            Error::NoRealPath => Words::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                "cannot tell where an open file lies",
            )
            .detail("loader.allowed_directories needs /proc to be mounted."),
            Error::NoMatch(pattern) => {
                Words::new(Code::ERRCODE_UNDEFINED_FILE, format!("no file matches \"{pattern}\""))
                    .hint("Files are looked for by the server, on the server's machine and with the rights of its operating system user.")
            }
            Error::Open { path, error } => Words::new(
                file_access_code(&error),
                format!("could not open file \"{path}\" for reading: {}", reason(&error)),
            )
            .hint("The file is read by the server, on the server's machine and with the rights of its operating system user."),
            Error::NotRegular { path, kind } => {
                Words::new(Code::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{path}\" is not a regular file"))
                    .detail(format!("It is {kind}."))
            }
            Error::NoSize(path) => {
                Words::new(Code::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{path}\" is not a regular file"))
                    .detail("It has no size but yields bytes.")
            }
            Error::Read { path, error } => Words::new(
                file_access_code(&error),
                format!("could not read file \"{path}\": {}", reason(&error)),
            ),
            Error::Changed(path) => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("file \"{path}\" changed while it was read"),
            )
            .hint("Load the file once nothing writes to it any more."),
            Error::NotTheSame(path) => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("file \"{path}\" does not go on where it was loaded up to"),
            )
            .detail("No record ends there any more.")
            .hint("Use undo_load, or if_loaded => 'force' to load all of it beside what is loaded."),
            Error::Corrupt { path, compression } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("{} stream of file \"{path}\" is corrupt", compression.name()),
            ),
            Error::CutOff { path, compression } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("{} stream of file \"{path}\" is truncated", compression.name()),
            ),
            Error::Bomb { path, compression } => Words::new(
                Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("{} stream of file \"{path}\" grows too much", compression.name()),
            )
            .detail("The stream is more than 2,000 times as long as the file.")
            .hint("Decompress the file before it is loaded, if it is what it should be."),
            Error::ForeignEncoding { path, encoding } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" is encoded in {encoding}"),
            )
            .hint("Convert the file to UTF-8."),
            Error::NoRecords { path } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" has no array at records_path"),
            )
            .hint("records_path names the keys from the root of the document to the array of the records."),
            Error::NoConversion => Words::new(
                Code::ERRCODE_FEATURE_NOT_SUPPORTED,
                "there is no conversion from UTF8 to the encoding of the database",
            ),
            Error::OutOfMemory(bytes) => Words::new(Code::ERRCODE_OUT_OF_MEMORY, "out of memory")
                .detail(format!("Failed on request of size {bytes} for a record of the file."))
                .hint("Lower loader.max_record_size to pass over very large records."),
            Error::BadRecord { path, place, fault } => Words::new(sqlstate(fault.kind), format!("bad record: {}", fault.what))
                .detail(detail_of(&path, place, fault))
                .hint("Use on_error => 'reject' to load the good records and keep the bad ones in loader.rejects."),
            Error::TooManyRejects { path, limit, place, fault } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("more than {limit} records of file \"{path}\" are bad"),
            )
            .detail(format!("Last bad record: {}. {}", fault.what, detail_of(&path, place, fault)))
            .hint("Raise reject_limit to load the file nevertheless."),
            Error::TooManyInFile { path, limit } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("more than {limit} records of file \"{path}\" are bad"),
            )
            .hint("Raise reject_limit to load the file nevertheless."),
            Error::NotJson { path, records, place, fault } => Words::new(
                Code::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!("file \"{path}\" does not look like JSON"),
            )
            .detail(format!(
                "The first {records} records are all bad. Last bad record: {}. {}",
                fault.what,
                detail_of(&path, place, fault)
            ))
            .hint("Set reject_limit to load the file nevertheless."),
            Error::AlreadyLoaded { path, table, load_id } => Words::new(
                Code::ERRCODE_DUPLICATE_OBJECT,
                format!("content of file \"{path}\" is already loaded into table \"{table}\""),
            )
            .detail(format!("Load {load_id} had the same content."))
            .hint("Use if_loaded => 'force' to load it again."),
            Error::LoadedConcurrently { path, table } => Words::new(
                Code::ERRCODE_T_R_SERIALIZATION_FAILURE,
                format!("could not serialize access due to a concurrent load of file \"{path}\" into table \"{table}\""),
            )
            .hint("Retry the transaction."),
            Error::Differs { path, place } => Words::new(
                Code::ERRCODE_INTERNAL_ERROR,
                "value differs from what jsonb_in makes of its record",
            )
            .detail(format!("File \"{path}\", {place}. Nothing was loaded. This is a bug in loader.")),
            Error::Unbalanced { path } => Words::new(
                Code::ERRCODE_INTERNAL_ERROR,
                format!("bytes of file \"{path}\" are not all accounted for"),
            )
            .detail("Nothing was loaded. This is a bug in loader."),
            Error::PartlyLoaded { path, table, load_id } => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("file \"{path}\" is loaded in part into table \"{table}\""),
            )
            .detail(format!("Load {load_id} was stopped before its end, or is under way."))
            .hint("CALL load_json_files to load the rest, or undo_load to take back what is loaded."),
            Error::NoTransactions => Words::new(
                Code::ERRCODE_ACTIVE_SQL_TRANSACTION,
                "load_json_files cannot run inside a transaction block",
            )
            .detail("It commits what it has loaded.")
            .hint("CALL it by itself, not in a transaction block, a function or a DO block within one."),
            Error::WorkersOutOfRange { workers, most } => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"workers\" must be between 0 and {most}: {workers}"),
            ),
            Error::Worker { code, message } => Words::new(code_of(&code), message)
                .hint("What is committed stays. CALL load_json_files again to go on."),
            Error::PathEncoding(path) => Words::new(
                Code::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
                format!("path is not valid in the encoding of the database: \"{path}\""),
            ),
            Error::Spi(error) => Words::new(Code::ERRCODE_INTERNAL_ERROR, format!("a statement failed: {error}")),
            Error::SeededOtherwise { table, column, misfit } => {
                let (code, what) = match misfit {
                    Misfit::Missing => (Code::ERRCODE_UNDEFINED_COLUMN, format!("has no column \"{column}\"")),
                    Misfit::NotOfType(name) => (
                        Code::ERRCODE_DATATYPE_MISMATCH,
                        format!("its column \"{column}\" is not of type {name}"),
                    ),
                    Misfit::Computed => (
                        Code::ERRCODE_GENERATED_ALWAYS,
                        format!("its column \"{column}\" is a generated or identity column"),
                    ),
                };
                Words::new(code, format!("relation \"{table}\" already exists, and {what}"))
            }
            Error::OldFunctions => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "extension \"loader\" must be updated",
            )
            .detail("The library is newer than the extension's SQL objects.")
            .hint("Run ALTER EXTENSION loader UPDATE."),
            Error::BadRecordsPath { path, what } => Words::new(
                Code::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("invalid value for argument \"records_path\": \"{path}\""),
            )
            .detail(format!("{}.", sentence(what)))
            .hint("Name the keys that lead to the array of the records, as in '$.data.items'."),
            Error::NoLoad(load_id) => {
                Words::new(Code::ERRCODE_UNDEFINED_OBJECT, format!("load {load_id} does not exist"))
                    .detail("Only loads of roles that the current role is a member of are looked at.")
            }
            Error::LoadUnderWay(load_id) => {
                Words::new(Code::ERRCODE_OBJECT_IN_USE, format!("load {load_id} is under way in another session"))
                    .hint("Wait for its end, or cancel it.")
            }
            Error::Undone(load_id) => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("load {load_id} was undone"),
            ),
            Error::IsRetry { load_id, original } => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("load {load_id} is a retry of load {original}"),
            )
            .detail("A retry has no rejects of its own.")
            .hint(format!("Use SELECT * FROM retry_rejects({original});")),
            Error::TargetGone { table, load_id } => Words::new(
                Code::ERRCODE_UNDEFINED_TABLE,
                format!("table {table} of load {load_id} does not exist"),
            ),
            Error::TargetUnclear { table, load_id } => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("cannot tell which table load {load_id} went into"),
            )
            .detail(format!("It was called {table}, as a table is now that has another OID, while its OID is another table's."))
            .hint("Where that has only changed its name, give it back for the time of the call."),
            Error::NoLineage { table } => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("table \"{table}\" does not tell which load brought a row"),
            )
            .detail("It has no column \"_load_id\" of type bigint that loads fill.")
            .hint("Create tables with seed_json_table(..., lineage => true) for loads that can be undone."),
            Error::NoReject { load_id, byte_offset } => Words::new(
                Code::ERRCODE_UNDEFINED_OBJECT,
                format!("load {load_id} has no reject at byte {byte_offset}"),
            )
            .hint(format!("See SELECT * FROM loader.rejects WHERE load_id = {load_id};")),
            Error::Resolved { load_id, byte_offset, retry } => Words::new(
                Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("reject of load {load_id} at byte {byte_offset} is already loaded"),
            )
            .detail(format!("Load {retry} loaded what it was mended to."))
            .hint(format!("Use SELECT undo_load({retry}); to take that back.")),
        }
    }
}

fn detail_of(path: &str, place: Place, fault: Fault) -> String {
    format!("File \"{path}\", {place}; the fault is at byte {}.", fault.at)
}

/// Words that begin a sentence.
fn sentence(words: &str) -> String {
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

/// The same choice as the server's `errcode_for_file_access`.
fn file_access_code(error: &io::Error) -> Code {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::EROFS) => Code::ERRCODE_INSUFFICIENT_PRIVILEGE,
        Some(libc::ENOENT) => Code::ERRCODE_UNDEFINED_FILE,
        Some(libc::ENOTDIR | libc::EISDIR | libc::ELOOP | libc::ENXIO) => Code::ERRCODE_WRONG_OBJECT_TYPE,
        Some(libc::EMFILE | libc::ENFILE) => Code::ERRCODE_INSUFFICIENT_RESOURCES,
        Some(libc::ENOMEM) => Code::ERRCODE_OUT_OF_MEMORY,
        Some(libc::ENAMETOOLONG) => Code::ERRCODE_NAME_TOO_LONG,
        Some(libc::EIO) => Code::ERRCODE_IO_ERROR,
        _ => Code::ERRCODE_SYSTEM_ERROR,
    }
}
