//! Every error that a user can see. Nothing here carries contents of a file.

mod amend;
mod code;
mod columns;
mod compression;
mod content;
mod dialect;
mod failure;
mod messages;
mod pipeline;
mod reason;
mod schema;

pub use amend::AmendError;
pub use code::error_type;
pub use columns::{ColumnError, ColumnMatch};
pub use compression::CompressionError;
pub use content::ContentError;
pub use dialect::{DialectError, arguments_of};
pub use failure::Failure;
pub use loader_core::pipeline::RecordPosition;
pub use messages::{DIRECTORY, braces_hint};
pub use pipeline::{HookError, PipelineError};
pub use reason::RejectReason;
pub use schema::SchemaError;

use crate::pg::executor::transaction::Obstacle;
use crate::pg::strings::text;
use pgrx::PgLogLevel;
use pgrx::pg_sys::panic::ErrorReport;
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
    /// The extension is not there any more.
    NoExtension,
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
    /// The target is a distributed table, and this is not the node that loads into those.
    NotOnCoordinator { table: String },
    /// `if_loaded => 'replace'` in one transaction, into a distributed table.
    ReplaceDistributed { table: String },
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
    /// No record ends where a load of its front ended: that load, once it is known.
    NotTheSame { path: String, load_id: Option<i64> },
    /// `keep` cannot be used as it is; why.
    BadKeep { path: String, what: &'static str },
    /// The database has an encoding that UTF-8 cannot be converted to.
    NoConversion,
    /// Memory for a buffer was not to be had.
    OutOfMemory(usize),
    /// `if_loaded => 'error'` and the content was loaded before.
    AlreadyLoaded { path: String, table: String, load_id: i64 },
    /// `if_loaded => 'error'`, and the file was loaded when it was something else.
    ChangedSince {
        path: String,
        load_id: i64,
        /// That is a warning, and the file is passed over.
        skipped: bool,
    },
    /// Another transaction loaded the content, and this one cannot see it.
    LoadedConcurrently { path: String, table: String },
    /// `loader.verify`: a value is not what `jsonb_in` makes of its record.
    Differs { path: String, place: RecordPosition },
    /// The ledger does not balance.
    Unbalanced { path: String },
    /// A file is loaded in part, by `load_json_files`.
    PartlyLoaded { path: String, table: String, load_id: i64 },
    /// A procedure was called where it cannot commit.
    NoTransactions { procedure: &'static str, obstacle: Obstacle },
    /// `workers` is out of range.
    WorkersOutOfRange { workers: i32, most: i32 },
    /// What ended a call of `load_json_files`, in this session or in a worker.
    Worker(Failure),
    /// `on_file_error => 'raise'`: so many files failed, and this is the first.
    FilesFailed { failed: u64, files: u64, path: String, first: Failure, hint: Option<String> },
    /// The path is not text of the database.
    PathEncoding(String),
    /// The server's query interface refused a statement of ours.
    Spi(pgrx::spi::SpiError),
    /// A function of an older version of the extension was called.
    OldFunctions,
    /// `records_path` is not a path, or not to be had; why.
    BadRecordsPath {
        path: String,
        what: &'static str,
        /// What may have been meant.
        meant: Option<String>,
    },
    /// `line_prefix` cannot be used as it is; why.
    BadLinePrefix { prefix: String, what: &'static str },
    /// A call of `load_json_files` loads the file, and may wait for this transaction.
    FileUnderWay(String),
    /// The wait for another session was longer than `lock_timeout`: which process it is, and
    /// which file it holds.
    HeldUp(String),
    /// The fields of records cannot go to columns.
    Columns(ColumnError),
    /// What there is in a file, or is not, keeps it from being loaded.
    Content(ContentError),
    /// A compressed file, or one of a foreign format, cannot be read.
    Compression(CompressionError),
    /// No columns or table can be made of the fields of files.
    Schema(SchemaError),
    /// A load that is over cannot be amended.
    Amend(AmendError),
    /// Delimited text cannot be read.
    Dialect(DialectError),
    /// A pipeline cannot be defined or run.
    Pipeline(PipelineError),
    /// A hook of a pipeline has failed.
    Hook(HookError),
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

impl From<loader_core::memory::OutOfMemory> for Error {
    fn from(wanted: loader_core::memory::OutOfMemory) -> Self {
        Error::OutOfMemory(wanted.0)
    }
}

impl From<pgrx::spi::SpiError> for Error {
    fn from(error: pgrx::spi::SpiError) -> Self {
        Error::Spi(error)
    }
}

impl Error {
    /// Says which load a file does not continue, if that is the error.
    pub fn of_load(self, id: i64) -> Self {
        match self {
            Error::NotTheSame { path, load_id: None } => Error::NotTheSame { path, load_id: Some(id) },
            error => error,
        }
    }

    /// Raises the error in the server.
    pub fn raise(self) -> ! {
        self.report(PgLogLevel::ERROR);
        unreachable!("reporting an error does not return")
    }

    /// Tells the client of it: the call goes on.
    pub fn warn(self) {
        self.report(PgLogLevel::WARNING);
    }

    fn report(self, level: PgLogLevel) {
        let message = self.message();
        let mut report = ErrorReport::new(message.code, text::keep(&message.message), "loader");
        if let Some(detail) = message.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = message.hint {
            report = report.set_hint(hint);
        }
        report.report(level);
    }
}
