//! The formats that files have: what the caller says of each, and what that comes to. The only
//! place of the extension that knows which formats there are.

mod csv;
mod json;

pub use csv::{CsvFormat, RawCsv, force_list};
pub use json::{JsonFormat, RawJson, records_path_of};

use crate::error::Error;
use crate::settings;
use loader_core::looks;
use loader_core::pipeline::Framing;
use loader_core::split::csv::Dialect;
use loader_core::stream::{self, Source};

/// So many first bytes of a text tell JSON from delimited text.
pub const TELLING: usize = 64 * 1024;

/// What the caller says of the format of files, as it was given.
#[derive(Clone, Copy, Debug)]
pub enum RawFormat<'a> {
    /// JSON.
    Json(RawJson<'a>),
    /// Delimited text.
    Csv(&'a RawCsv),
    /// Whichever of both a file is.
    Either(RawJson<'a>, &'a RawCsv),
}

/// The same as values.
#[derive(Clone, Debug)]
pub enum FormatOptions {
    Json(JsonFormat),
    Csv(CsvFormat),
    Either(JsonFormat, CsvFormat),
}

impl RawFormat<'_> {
    /// The options that the arguments stand for.
    pub fn options(&self) -> Result<FormatOptions, Error> {
        Ok(match self {
            RawFormat::Json(json) => FormatOptions::Json(json.options()?),
            RawFormat::Csv(csv) => FormatOptions::Csv(csv.options()?),
            RawFormat::Either(json, csv) => FormatOptions::Either(json.options()?, csv.options()?),
        })
    }
}

impl FormatOptions {
    /// Whether a look at a file has to tell which format it has.
    pub fn is_open(&self) -> bool {
        matches!(self, FormatOptions::Either(..))
    }

    /// The options for a file that begins so.
    pub fn of_file(&self, head: &[u8]) -> FormatOptions {
        match self {
            FormatOptions::Either(json, _) if looks::is_json(head) => FormatOptions::Json(json.clone()),
            FormatOptions::Either(_, csv) => FormatOptions::Csv(csv.clone()),
            decided => decided.clone(),
        }
    }

    /// The format, as the history names it before a file is read.
    pub fn name(&self) -> &'static str {
        match self {
            FormatOptions::Json(json) => json.name(),
            FormatOptions::Csv(_) => "csv",
            FormatOptions::Either(..) => "auto",
        }
    }

    /// Path of the array that holds the records, in the form that the history keeps.
    pub fn records_path(&self) -> Option<&str> {
        match self {
            FormatOptions::Json(json) => json.shown_path.as_deref(),
            FormatOptions::Csv(_) | FormatOptions::Either(..) => None,
        }
    }

    /// Whether the records are the values of an object.
    pub fn is_keyed(&self) -> bool {
        match self {
            FormatOptions::Json(json) => json.records_path.as_ref().is_some_and(|path| path.is_keyed()),
            FormatOptions::Csv(_) | FormatOptions::Either(..) => false,
        }
    }

    /// Whether the bytes of a record in the file are all that it was made of.
    pub fn is_record_whole(&self) -> bool {
        match self {
            FormatOptions::Json(json) => json.keep.is_empty(),
            FormatOptions::Csv(_) | FormatOptions::Either(..) => true,
        }
    }

    /// Whether the header of a file has to name the columns of the table.
    pub fn matches_header(&self) -> bool {
        matches!(self, FormatOptions::Csv(csv) if csv.matches_header)
    }

    /// Whether files have a dialect, which has to be found out.
    pub fn has_dialect(&self) -> bool {
        matches!(self, FormatOptions::Csv(_))
    }

    /// The options for a file whose dialect was found out earlier, if it was.
    pub fn with_dialect(&self, dialect: Option<&Dialect>) -> FormatOptions {
        match (self, dialect) {
            (FormatOptions::Csv(csv), Some(dialect)) => FormatOptions::Csv(csv.clone().with_dialect(dialect)),
            _ => self.clone(),
        }
    }

    /// What cuts off the records of a stream that was opened with these options; so many bytes of
    /// a reject are kept.
    pub fn framing<S: Source>(
        &self,
        source: S,
        input: &stream::Options,
        raw_limit: usize,
    ) -> Result<Framing<S>, stream::Error> {
        let max_record_size = settings::max_record_size();
        match self {
            FormatOptions::Json(json) | FormatOptions::Either(json, _) => {
                Ok(Framing::Json { source, options: json.framing(max_record_size, raw_limit) })
            }
            FormatOptions::Csv(csv) => Framing::csv(source, &csv.framing(input, max_record_size, raw_limit)),
        }
    }

    /// Adds those that are not what they are by default to the members of a JSON object.
    pub fn add_to(&self, json: &mut Vec<u8>) {
        match self {
            FormatOptions::Json(options) => options.add_to(json),
            FormatOptions::Csv(options) => options.add_to(json),
            FormatOptions::Either(..) => {}
        }
    }
}
