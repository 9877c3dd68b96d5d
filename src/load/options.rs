//! The options of a load: from the arguments as they are given to values.

use crate::error::Error;
use crate::pg;
use crate::pg::Oid;
use crate::settings;
use crate::sink::{ColumnOptions, RawColumnOptions, Records};
use crate::words::{quoted, quoted_list, word};
use loader_core::split::json::{Format, Keep, KeepPath, RecordsPath};
use loader_core::stream::{self, Compression, Encoding, OnCorrupt};
use std::sync::Arc;

/// The largest `chunk`. More rows in one INSERT gain nothing, and their positions take memory.
const LARGEST_CHUNK: i32 = 1_000_000;

/// The longest `line_prefix`, in bytes. It is looked for in each line.
const LONGEST_PREFIX: usize = 1000;

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
    pub format: &'a [u8],
    pub input: RawInputOptions<'a>,
    pub on_error: &'a [u8],
    pub reject_limit: Option<i64>,
    pub if_loaded: &'a [u8],
    pub if_emptied: &'a [u8],
    pub records_path: Option<&'a [u8]>,
    pub validate: bool,
    pub line_prefix: Option<&'a [u8]>,
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
    /// The framing; `None` finds it out.
    pub format: Option<Format>,
    /// Where in the file the array lies that holds the records.
    pub records_path: Option<RecordsPath>,
    shown_path: Option<String>,
    /// The fields of each document that are given to its records, …
    pub keep: Keep,
    /// … as they were given, in the encoding of the database.
    shown_keep: Vec<Vec<u8>>,
    /// The text behind which the record of each line starts, in UTF-8, …
    pub line_prefix: Option<Arc<[u8]>>,
    /// … and in the encoding of the database.
    shown_prefix: Option<Vec<u8>>,
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
        let format = format_of(raw.format)?;
        let records_path = raw.records_path.map(|path| records_path_of(path, format)).transpose()?;
        let (keep, names) = keep_of(&raw.columns.keep, records_path.as_ref())?;
        let mut columns = raw.columns.options()?;
        for (field, _) in &mut columns.column_map {
            // A field that is kept has its last key as its name.
            if let Some(index) = raw.columns.keep.iter().position(|path| path == field) {
                field.clone_from(&names[index]);
            }
        }
        Ok(LoadOptions {
            keep,
            shown_keep: raw.columns.keep.clone(),
            chunk: raw.chunk as usize,
            shown_path: records_path.as_ref().map(RecordsPath::to_string),
            line_prefix: line_prefix_of(raw.line_prefix, format, records_path.is_some())?,
            shown_prefix: raw.line_prefix.map(<[u8]>::to_vec),
            records_path,
            format,
            input: raw.input.options()?,
            on_error: on_error_of(raw.on_error)?,
            reject_limit,
            if_loaded: match word(
                "if_loaded",
                raw.if_loaded,
                "skip, force, error, replace",
                &[
                    ("skip", IfLoaded::Skip),
                    ("force", IfLoaded::Force),
                    ("error", IfLoaded::Error),
                    ("replace", IfLoaded::Replace),
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

    /// Path of the array that holds the records, in the form that the history keeps.
    pub fn records_path(&self) -> Option<&str> {
        self.shown_path.as_deref()
    }

    /// What the records are.
    pub fn records(&self) -> Records {
        match &self.records_path {
            Some(path) if path.is_keyed() => Records::Members,
            _ => Records::Elements,
        }
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
        };
        let if_emptied = match self.if_emptied {
            IfEmptied::Reload => "reload",
            IfEmptied::Keep => "keep",
        };
        let mut json = format!(
            r#"{{"chunk": {}, "format": "{}", "compression": "{}", "encoding": "{}", "on_corrupt": "{}", "on_error": "{on_error}", "reject_limit": {}, "if_loaded": "{if_loaded}", "if_emptied": "{if_emptied}""#,
            self.chunk,
            self.format.map_or("auto", Format::name),
            self.input.compression.map_or("auto", Compression::name),
            self.input.encoding.map_or("auto", Encoding::name),
            self.input.on_corrupt.name(),
            self.reject_limit.map_or("null".to_string(), |limit| limit.to_string()),
        )
        .into_bytes();
        if let Some(prefix) = &self.shown_prefix {
            json.extend(b", \"line_prefix\": ");
            json.extend(quoted(prefix));
        }
        if !self.shown_keep.is_empty() {
            json.extend(b", \"keep\": ");
            json.extend(quoted_list(&self.shown_keep));
        }
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

/// What the record of each line starts behind, in UTF-8. Records that lie elsewhere than in
/// lines of their own have none.
pub fn line_prefix_of(
    value: Option<&[u8]>,
    format: Option<Format>,
    has_records_path: bool,
) -> Result<Option<Arc<[u8]>>, Error> {
    let Some(value) = value else { return Ok(None) };
    let bad = |what| Error::BadLinePrefix { prefix: pg::strings::text::show(value), what };
    if value.is_empty() {
        return Err(bad("it must not be empty"));
    }
    if value.len() > LONGEST_PREFIX {
        return Err(bad("it must not be longer than 1000 bytes"));
    }
    if !matches!(format, None | Some(Format::NewlineDelimited)) {
        return Err(bad("it can only be used where \"format\" is auto or newline_delimited"));
    }
    if has_records_path {
        return Err(bad("it cannot be used together with \"records_path\""));
    }
    if value.contains(&b'\n') {
        return Err(bad("it must not contain a line break"));
    }
    let utf8 = pg::strings::text::to_utf8(value).map_err(Error::OutOfMemory)?;
    utf8.map(|utf8| Some(Arc::from(utf8))).ok_or_else(|| bad("it cannot be converted to UTF-8"))
}

/// The path to the array of the records, which is an array whatever else.
pub fn records_path_of(value: &[u8], format: Option<Format>) -> Result<RecordsPath, Error> {
    let bad = |what| Error::BadRecordsPath { path: pg::strings::text::show(value), what, meant: None };
    if !matches!(format, None | Some(Format::Array)) {
        return Err(bad("it can only be used where \"format\" is auto or array"));
    }
    let text = std::str::from_utf8(value).map_err(|_| bad("a path must be valid UTF-8"))?;
    RecordsPath::parse(text).map_err(|error| {
        // A list of keys without its root.
        let meant = format!("$.{}", text.trim().trim_start_matches('.'));
        let meant =
            (!text.trim_start().starts_with('$') && RecordsPath::parse(&meant).is_ok()).then_some(meant);
        Error::BadRecordsPath { path: pg::strings::text::show(value), what: error.what, meant }
    })
}

/// The fields of a document that are given to its records, and the names that they have there.
pub fn keep_of(paths: &[Vec<u8>], records_path: Option<&RecordsPath>) -> Result<(Keep, Vec<Vec<u8>>), Error> {
    let bad = |path: &[u8], what| Error::BadKeep { path: pg::strings::text::show(path), what };
    let Some(first) = paths.first() else { return Ok((Keep::NONE, Vec::new())) };
    let Some(records_path) = records_path else {
        return Err(bad(first, "it can only be used together with \"records_path\""));
    };
    let (mut parsed, mut names) = (Vec::new(), Vec::new());
    for path in paths {
        let utf8 = pg::strings::text::to_utf8(path).map_err(Error::OutOfMemory)?;
        let utf8 = utf8.and_then(|utf8| String::from_utf8(utf8).ok());
        let Some(utf8) = utf8 else { return Err(bad(path, "a path must be valid UTF-8")) };
        let keep = KeepPath::parse(&utf8).map_err(|error| bad(path, error.what))?;
        let name = pg::strings::text::from_utf8(keep.name().as_bytes(), false).map_err(Error::OutOfMemory)?;
        names.push(name.unwrap_or_default());
        parsed.push(keep);
    }
    let keep = Keep::new(records_path, &parsed).map_err(|error| bad(&paths[error.path], error.what))?;
    Ok((keep, names))
}

/// The framing; `None` finds it out.
pub fn format_of(value: &[u8]) -> Result<Option<Format>, Error> {
    word(
        "format",
        value,
        "auto, newline_delimited, array, unstructured, ndjson, jsonl",
        &[
            ("auto", None),
            ("newline_delimited", Some(Format::NewlineDelimited)),
            ("ndjson", Some(Format::NewlineDelimited)),
            ("jsonl", Some(Format::NewlineDelimited)),
            ("array", Some(Format::Array)),
            ("unstructured", Some(Format::Unstructured)),
        ],
    )
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
