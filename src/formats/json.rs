//! Files of JSON.

use crate::error::Error;
use crate::pg;
use crate::words::{quoted, quoted_list, word};
use loader_core::split::json::{self, Format, Keep, KeepPath, RecordsPath};
use std::sync::Arc;

/// The longest `line_prefix`, in bytes. It is looked for in each line.
const LONGEST_PREFIX: usize = 1000;

/// What the caller says of JSON, as it was given. Texts are in the database's encoding.
#[derive(Clone, Copy, Debug)]
pub struct RawJson<'a> {
    pub format: &'a [u8],
    pub records_path: Option<&'a [u8]>,
    pub keep: &'a [Vec<u8>],
    pub line_prefix: Option<&'a [u8]>,
}

/// How the records of a file of JSON are framed.
#[derive(Clone, Debug)]
pub struct JsonFormat {
    /// The framing; `None` finds it out.
    format: Option<Format>,
    /// Where in the file the array lies that holds the records.
    pub(super) records_path: Option<RecordsPath>,
    pub(super) shown_path: Option<String>,
    /// The fields of each document that are given to its records, …
    pub(super) keep: Keep,
    /// … as they were given, in the encoding of the database, …
    shown_keep: Vec<Vec<u8>>,
    /// … and the names that they have in the records.
    pub kept_names: Vec<Vec<u8>>,
    /// The text behind which the record of each line starts, in UTF-8, …
    line_prefix: Option<Arc<[u8]>>,
    /// … and in the encoding of the database.
    shown_prefix: Option<Vec<u8>>,
}

impl RawJson<'_> {
    /// The options that the arguments stand for.
    pub(super) fn options(&self) -> Result<JsonFormat, Error> {
        let format = format_of(self.format)?;
        let records_path = self.records_path.map(|path| records_path_of(path, format)).transpose()?;
        let (keep, kept_names) = keep_of(self.keep, records_path.as_ref())?;
        Ok(JsonFormat {
            format,
            shown_path: records_path.as_ref().map(RecordsPath::to_string),
            keep,
            shown_keep: self.keep.to_vec(),
            kept_names,
            line_prefix: line_prefix_of(self.line_prefix, format, records_path.is_some())?,
            shown_prefix: self.line_prefix.map(<[u8]>::to_vec),
            records_path,
        })
    }
}

impl JsonFormat {
    /// The framing, as the history names it before a file is read.
    pub(super) fn name(&self) -> &'static str {
        self.format.map_or("auto", Format::name)
    }

    /// What the splitter is told.
    pub(super) fn framing(&self, max_record_size: usize, raw_limit: usize) -> json::Options {
        json::Options {
            format: self.format,
            records_path: self.records_path.clone(),
            keep: self.keep.clone(),
            line_prefix: self.line_prefix.clone(),
            max_record_size,
            raw_limit,
        }
    }

    /// Adds those that are not what they are by default to the members of a JSON object.
    pub(super) fn add_to(&self, json: &mut Vec<u8>) {
        if let Some(prefix) = &self.shown_prefix {
            json.extend(b", \"line_prefix\": ");
            json.extend(quoted(prefix));
        }
        if !self.shown_keep.is_empty() {
            json.extend(b", \"keep\": ");
            json.extend(quoted_list(&self.shown_keep));
        }
    }
}

/// What the record of each line starts behind, in UTF-8. Records that lie elsewhere than in
/// lines of their own have none.
fn line_prefix_of(
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
fn keep_of(paths: &[Vec<u8>], records_path: Option<&RecordsPath>) -> Result<(Keep, Vec<Vec<u8>>), Error> {
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
fn format_of(value: &[u8]) -> Result<Option<Format>, Error> {
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
