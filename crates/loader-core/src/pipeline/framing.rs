//! What the records of a stream are cut off by, before there is a pipeline.

use crate::encode::RecordForm;
use crate::encode::delimited::{Delimited, ForceList, NullRules};
use crate::encode::field_formats::FieldFormats;
use crate::split::csv::{self, OpenOptions, Opened};
use crate::split::json;
use crate::stream::{Error, Source};
use std::sync::Arc;

/// What the caller decides about delimited text.
#[derive(Clone, Debug)]
pub struct CsvOptions {
    /// How it is split.
    pub open: OpenOptions,
    /// Fields that are this text, without quotes, are NULL.
    pub null: Vec<u8>,
    /// Fields that are NULL with quotes, too.
    pub force_null: ForceList,
    /// Fields that are never NULL without quotes.
    pub force_not_null: ForceList,
    /// How numbers, dates and times are written.
    pub formats: FieldFormats,
}

/// A stream whose format is known.
pub enum Framing<S: Source> {
    /// JSON.
    Json {
        /// The stream, at its start.
        source: S,
        /// How its records are framed.
        options: json::Options,
    },
    /// Delimited text, whose dialect is known.
    Csv {
        /// What splits the stream, at its start.
        splitter: Box<csv::Splitter<S>>,
        /// What its records mean.
        delimited: Arc<Delimited>,
    },
}

impl<S: Source> Framing<S> {
    /// Delimited text whose dialect is yet to be found.
    #[expect(clippy::disallowed_methods, reason = "small types of a constant size")]
    pub fn csv(source: S, options: &CsvOptions) -> Result<Self, Error> {
        let Opened { splitter, names, .. } = csv::open(source, &options.open)?;
        let CsvOptions { null, force_null, force_not_null, .. } = options;
        let nulls = NullRules::of(&names, null, force_null, force_not_null)?;
        let (dialect, strict, formats) = (*splitter.dialect(), options.open.strict, options.formats.clone());
        let delimited = Delimited::new(dialect, strict, names, nulls, formats);
        Ok(Framing::Csv { splitter: Box::new(splitter), delimited: Arc::new(delimited) })
    }

    /// The form of the records.
    pub fn form(&self) -> RecordForm {
        match self {
            Framing::Json { .. } => RecordForm::Json,
            Framing::Csv { delimited, .. } => RecordForm::Delimited(delimited.clone()),
        }
    }
}
