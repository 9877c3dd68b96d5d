//! The options of a load: from the arguments as they are given to values.

use crate::catalog::Kin;
use crate::error::{ColumnError, Error};
use crate::formats::{FormatOptions, RawFormat};
use crate::pg;
use crate::pg::Oid;
use crate::settings;
use crate::sink::{self, ColumnOptions, RawColumnOptions, Records};
use crate::words::word;
use loader_core::encode::columns::MatchColumns;
use loader_core::stream::{self, Compression, Encoding, OnCorrupt};

/// The largest `chunk`. More rows in one INSERT gain nothing, and their positions take memory.
const LARGEST_CHUNK: i32 = 1_000_000;

/// The arguments of `load_json_file`, texts in the database's encoding.
pub struct LoadArguments<'a> {
    pub path: &'a [u8],
    pub table: Oid,
    /// NULL: fields go to columns whatever the table has.
    pub target_column: Option<&'a [u8]>,
    pub options: RawOptions<'a>,
}

/// The arguments that say how to load, as they were given.
pub struct RawOptions<'a> {
    pub chunk: i32,
    pub format: RawFormat<'a>,
    pub input: RawInputOptions<'a>,
    pub on_error: &'a [u8],
    pub reject_limit: Option<i64>,
    pub if_loaded: &'a [u8],
    pub if_emptied: &'a [u8],
    pub validate: bool,
    pub columns: &'a RawColumnOptions,
}

/// The arguments that say how the bytes of a file become UTF-8 text, as they were given.
pub struct RawInputOptions<'a> {
    pub compression: &'a [u8],
    pub encoding: &'a [u8],
    pub on_corrupt: &'a [u8],
}

/// What to do with a bad record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Keep it in `loader.rejects`.
    Reject,
    /// Fail.
    Stop,
    /// Count it.
    Ignore,
}

/// What to do if the content was loaded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfLoaded {
    /// Skip the file.
    Skip,
    /// Load it again.
    Force,
    /// Fail.
    Error,
    /// Skip it too; but if the path had another content, undo what that brought.
    Replace,
    /// Skip it too; but a path may be used again: what is new under it is loaded in addition.
    Add,
}

impl IfLoaded {
    /// Whether what the file was under another name plays a role.
    pub fn kin(self) -> Kin {
        if self == IfLoaded::Add { Kin::LookUp } else { Kin::LeaveOut }
    }
}

/// What still counts as loaded if the table has been emptied since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfEmptied {
    /// Nothing does: files are loaded again.
    Reload,
    /// Everything does: the table is a staging table, which is merged elsewhere and truncated.
    Keep,
}

/// The options of one load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Rows per INSERT.
    pub chunk: usize,
    /// What the files are.
    pub format: FormatOptions,
    /// How the bytes of the file become UTF-8 text.
    pub input: stream::Options,
    /// What to do with a bad record.
    pub on_error: OnError,
    /// The number of bad records with which a load may end well; `None` for any number.
    pub reject_limit: Option<u64>,
    /// What to do if the content was loaded before.
    pub if_loaded: IfLoaded,
    /// What still counts as loaded if the table has been emptied since.
    pub if_emptied: IfEmptied,
    /// Whether this is a validation, of which nothing stays.
    pub validate: bool,
    /// How fields go to columns, and rows to the table.
    pub columns: ColumnOptions,
}

impl LoadOptions {
    /// Reads and checks the options as they were given.
    pub fn of(raw: &RawOptions<'_>) -> Result<Self, Error> {
        if !(1..=LARGEST_CHUNK).contains(&raw.chunk) {
            return Err(Error::ChunkOutOfRange { chunk: raw.chunk, most: LARGEST_CHUNK });
        }
        let reject_limit = match raw.reject_limit {
            None => None,
            Some(limit) => Some(u64::try_from(limit).map_err(|_| Error::NegativeRejectLimit(limit))?),
        };
        let format = raw.format.options()?;
        let mut columns = raw.columns.options()?;
        match &format {
            FormatOptions::Json(_) | FormatOptions::Either(..)
                if columns.match_columns == MatchColumns::Position =>
            {
                return Err(Error::BadOption {
                    name: "match_columns",
                    value: "position".to_string(),
                    allowed: "auto, exact",
                });
            }
            FormatOptions::Json(json) => {
                for (field, _) in &mut columns.column_map {
                    // A field that is kept has its last key as its name.
                    if let Some(index) = raw.columns.keep.iter().position(|path| path == field) {
                        field.clone_from(&json.kept_names[index]);
                    }
                }
            }
            // With a transform, fields are not matched.
            FormatOptions::Csv(_)
                if columns.transform.is_none()
                    && columns.match_columns == MatchColumns::Position
                    && columns.adds_columns() =>
            {
                return Err(ColumnError::PositionAddsColumns.into());
            }
            FormatOptions::Csv(_) if columns.transform.is_none() => sink::require_names(&columns.column_map)?,
            FormatOptions::Csv(_) | FormatOptions::Either(..) => {}
        }
        Ok(LoadOptions {
            chunk: raw.chunk as usize,
            format,
            input: raw.input.options()?,
            on_error: on_error_of(raw.on_error)?,
            reject_limit,
            if_loaded: match word(
                "if_loaded",
                raw.if_loaded,
                "skip, add, replace, force, error",
                &[
                    ("skip", IfLoaded::Skip),
                    ("force", IfLoaded::Force),
                    ("error", IfLoaded::Error),
                    ("replace", IfLoaded::Replace),
                    ("add", IfLoaded::Add),
                ],
            )? {
                // A validation keeps nothing, so it does not matter what was loaded before.
                _ if raw.validate => IfLoaded::Force,
                if_loaded => if_loaded,
            },
            if_emptied: match word(
                "if_emptied",
                raw.if_emptied,
                "reload, keep",
                &[("reload", IfEmptied::Reload), ("keep", IfEmptied::Keep)],
            )? {
                // … nor what became of it.
                _ if raw.validate => IfEmptied::Keep,
                if_emptied => if_emptied,
            },
            validate: raw.validate,
            columns,
        })
    }

    /// What the records are.
    pub fn records(&self) -> Records {
        if self.format.is_keyed() { Records::Members } else { Records::Elements }
    }

    /// The values as the history keeps them: a JSON object, in the encoding of the database.
    pub fn to_json(&self) -> Vec<u8> {
        let on_error = match self.on_error {
            OnError::Reject => "reject",
            OnError::Stop => "stop",
            OnError::Ignore => "ignore",
        };
        let if_loaded = match self.if_loaded {
            IfLoaded::Skip => "skip",
            IfLoaded::Force => "force",
            IfLoaded::Error => "error",
            IfLoaded::Replace => "replace",
            IfLoaded::Add => "add",
        };
        let if_emptied = match self.if_emptied {
            IfEmptied::Reload => "reload",
            IfEmptied::Keep => "keep",
        };
        let mut json = format!(
            r#"{{"chunk": {}, "format": "{}", "compression": "{}", "encoding": "{}", "on_corrupt": "{}", "on_error": "{on_error}", "reject_limit": {}, "if_loaded": "{if_loaded}", "if_emptied": "{if_emptied}""#,
            self.chunk,
            self.format.name(),
            self.input.compression.map_or("auto", Compression::name),
            self.input.encoding.map_or("auto", Encoding::name),
            self.input.on_corrupt.name(),
            self.reject_limit.map_or("null".to_string(), |limit| limit.to_string()),
        )
        .into_bytes();
        self.format.add_to(&mut json);
        self.columns.add_to(&mut json);
        json.push(b'}');
        json
    }
}

impl RawInputOptions<'_> {
    /// The options that the arguments stand for.
    pub fn options(&self) -> Result<stream::Options, Error> {
        Ok(stream::Options {
            compression: compression_of(self.compression)?,
            encoding: encoding_of(self.encoding)?,
            on_corrupt: word(
                "on_corrupt",
                self.on_corrupt,
                "stop, salvage",
                &[("stop", OnCorrupt::Stop), ("salvage", OnCorrupt::Salvage)],
            )?,
            zstd_window_max: settings::zstd_window_max(),
        })
    }
}

/// The compression; `None` finds it out.
fn compression_of(value: &[u8]) -> Result<Option<Compression>, Error> {
    word(
        "compression",
        value,
        "auto, none, gzip, zstd, bzip2, xz, lz4",
        &[
            ("auto", None),
            ("none", Some(Compression::None)),
            ("gzip", Some(Compression::Gzip)),
            ("zstd", Some(Compression::Zstd)),
            ("bzip2", Some(Compression::Bzip2)),
            ("xz", Some(Compression::Xz)),
            ("lz4", Some(Compression::Lz4)),
        ],
    )
}

/// The encoding; `None` finds it out.
fn encoding_of(value: &[u8]) -> Result<Option<Encoding>, Error> {
    if value.eq_ignore_ascii_case(b"auto") {
        return Ok(None);
    }
    Encoding::of_label(value).map(Some).ok_or_else(|| Error::BadOption {
        name: "encoding",
        value: pg::strings::text::show(value),
        allowed: "auto, utf-8, utf-16, utf-16le, utf-16be, utf-32, utf-32le, utf-32be, latin1, windows-1252, \
                  and the other names of the Encoding Standard",
    })
}

/// What to do with a bad record.
pub fn on_error_of(value: &[u8]) -> Result<OnError, Error> {
    word(
        "on_error",
        value,
        "reject, stop, ignore",
        &[("reject", OnError::Reject), ("stop", OnError::Stop), ("ignore", OnError::Ignore)],
    )
}
