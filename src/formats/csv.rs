//! Files of delimited text.

use crate::error::{DialectError, Error};
use crate::pg::strings::text;
use crate::words::{quoted, quoted_list, word};
use loader_core::encode::delimited::ForceList;
use loader_core::encode::field_formats::{FieldFormats, TimePattern};
use loader_core::pipeline::CsvOptions;
use loader_core::split::csv::{Delimiter, Dialect, NewLine, OpenOptions, Overrides};
use loader_core::stream;

/// What the caller says of delimited text, as it was given. Texts are in the database's encoding.
#[derive(Clone, Debug)]
pub struct RawCsv {
    pub delimiter: Vec<u8>,
    pub quote: Vec<u8>,
    pub escape: Vec<u8>,
    pub new_line: Vec<u8>,
    pub header: Vec<u8>,
    /// NULL: it is found out.
    pub skip: Option<i64>,
    pub comment: Option<Vec<u8>>,
    pub null: Vec<u8>,
    pub force_null: Vec<Vec<u8>>,
    pub force_not_null: Vec<Vec<u8>>,
    pub strict_mode: bool,
    pub decimal_separator: Vec<u8>,
    pub thousands: Option<Vec<u8>>,
    pub date_format: Option<Vec<u8>>,
    pub timestamp_format: Option<Vec<u8>>,
}

/// How delimited text is read.
#[derive(Clone, Debug)]
pub struct CsvFormat {
    overrides: Overrides,
    strict: bool,
    null: Vec<u8>,
    force_null: ForceList,
    force_not_null: ForceList,
    formats: FieldFormats,
    /// The header has to name the columns of the table.
    pub(super) matches_header: bool,
    /// What was given.
    raw: RawCsv,
}

impl Default for RawCsv {
    fn default() -> Self {
        let auto = || b"auto".to_vec();
        RawCsv {
            delimiter: auto(),
            quote: auto(),
            escape: auto(),
            new_line: auto(),
            header: auto(),
            skip: None,
            comment: None,
            null: Vec::new(),
            force_null: Vec::new(),
            force_not_null: Vec::new(),
            strict_mode: true,
            decimal_separator: b".".to_vec(),
            thousands: None,
            date_format: None,
            timestamp_format: None,
        }
    }
}

impl RawCsv {
    /// The options that the arguments stand for.
    pub fn options(&self) -> Result<CsvFormat, Error> {
        let (header, matches_header) = header_of(&self.header)?;
        let overrides = Overrides {
            delimiter: delimiter_of(&self.delimiter)?,
            quote: match &self.quote[..] {
                b"" => Some(None),
                quote => unless_auto(quote).map(|quote| byte_of("quote", quote)).transpose()?.map(Some),
            },
            escape: unless_auto(&self.escape).map(|escape| byte_of("escape", escape)).transpose()?,
            new_line: word(
                "new_line",
                &self.new_line,
                "auto, lf, crlf, cr",
                &[
                    ("auto", None),
                    ("lf", Some(NewLine::Lf)),
                    ("crlf", Some(NewLine::CrLf)),
                    ("cr", Some(NewLine::Cr)),
                ],
            )?,
            comment: self.comment.as_deref().map(|comment| byte_of("comment", comment)).transpose()?,
            skip: match self.skip {
                None => None,
                Some(lines) => Some(u64::try_from(lines).map_err(|_| DialectError::NegativeSkip(lines))?),
            },
            header,
        };
        check_for_clashes(&overrides)?;
        Ok(CsvFormat {
            overrides,
            strict: self.strict_mode,
            null: utf8_of("null", &self.null)?.into_bytes(),
            force_null: force_list("force_null", &self.force_null)?,
            force_not_null: force_list("force_not_null", &self.force_not_null)?,
            formats: self.formats()?,
            matches_header,
            raw: self.clone(),
        })
    }
}

impl RawCsv {
    /// How numbers, dates and times are written.
    pub fn formats(&self) -> Result<FieldFormats, Error> {
        let decimal_separator = byte_of("decimal_separator", &self.decimal_separator)?;
        let thousands = self.thousands.as_deref().map(|byte| byte_of("thousands", byte)).transpose()?;
        if thousands == Some(decimal_separator) {
            return Err(DialectError::Clash { first: "thousands", second: "decimal_separator" }.into());
        }
        let separators = [("decimal_separator", Some(decimal_separator)), ("thousands", thousands)];
        for (name, byte) in separators {
            if byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+')) {
                let value = byte.map(char::from).map(String::from).unwrap_or_default();
                return Err(Error::BadOption {
                    name,
                    value,
                    allowed: "any character that is no part of a number",
                });
            }
        }
        Ok(FieldFormats {
            decimal_separator,
            thousands,
            date: pattern_of("date_format", self.date_format.as_deref())?,
            timestamp: pattern_of("timestamp_format", self.timestamp_format.as_deref())?,
        })
    }
}

/// How dates or timestamps are written, if that is said.
fn pattern_of(name: &'static str, value: Option<&[u8]>) -> Result<Option<TimePattern>, Error> {
    let Some(value) = value else { return Ok(None) };
    let pattern = TimePattern::parse(&utf8_of(name, value)?, name == "date_format")?;
    pattern
        .map(Some)
        .map_err(|what| DialectError::BadTimePattern { name, pattern: text::show(value), what }.into())
}

impl CsvFormat {
    /// The same, but what an earlier look at the file has found is taken for given.
    pub fn with_dialect(mut self, dialect: &Dialect) -> Self {
        self.overrides = Overrides {
            delimiter: Some(dialect.delimiter),
            quote: Some(dialect.quote),
            escape: dialect.escape,
            new_line: Some(dialect.new_line),
            comment: dialect.comment,
            skip: Some(dialect.skip),
            header: Some(dialect.header),
        };
        self
    }

    /// What the splitter and the encoders are told.
    pub(super) fn framing(
        &self,
        input: &stream::Options,
        max_record_size: usize,
        raw_limit: usize,
    ) -> CsvOptions {
        CsvOptions {
            open: self.open(input, max_record_size, raw_limit),
            null: self.null.clone(),
            force_null: self.force_null.clone(),
            force_not_null: self.force_not_null.clone(),
            formats: self.formats.clone(),
        }
    }

    /// What is told to whoever looks for the dialect.
    pub fn open(&self, input: &stream::Options, max_record_size: usize, raw_limit: usize) -> OpenOptions {
        OpenOptions {
            overrides: self.overrides,
            is_encoding_assumed: input.encoding.is_none(),
            strict: self.strict,
            max_record_size,
            raw_limit,
        }
    }

    /// Adds those that are not what they are by default to the members of a JSON object.
    pub(super) fn add_to(&self, json: &mut Vec<u8>) {
        let default = RawCsv::default();
        let mut add = |name: &str, value: Vec<u8>| {
            json.extend(format!(", \"{name}\": ").into_bytes());
            json.extend(value);
        };
        let texts = [
            ("delimiter", &self.raw.delimiter, &default.delimiter),
            ("quote", &self.raw.quote, &default.quote),
            ("escape", &self.raw.escape, &default.escape),
            ("new_line", &self.raw.new_line, &default.new_line),
            ("header", &self.raw.header, &default.header),
            ("null", &self.raw.null, &default.null),
            ("decimal_separator", &self.raw.decimal_separator, &default.decimal_separator),
        ];
        for (name, value, _) in texts.into_iter().filter(|(_, value, default)| value != default) {
            add(name, quoted(value));
        }
        if let Some(skip) = self.raw.skip {
            add("skip", skip.to_string().into_bytes());
        }
        let optional = [
            ("comment", &self.raw.comment),
            ("thousands", &self.raw.thousands),
            ("date_format", &self.raw.date_format),
            ("timestamp_format", &self.raw.timestamp_format),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                add(name, quoted(value));
            }
        }
        let lists = [("force_null", &self.raw.force_null), ("force_not_null", &self.raw.force_not_null)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            add(name, quoted_list(list));
        }
        if !self.strict {
            add("strict_mode", b"false".to_vec());
        }
    }
}

/// A value that is not left to be found out.
fn unless_auto(value: &[u8]) -> Option<&[u8]> {
    (!value.eq_ignore_ascii_case(b"auto")).then_some(value)
}

fn utf8_of(name: &'static str, value: &[u8]) -> Result<String, Error> {
    let utf8 = text::to_utf8(value).map_err(Error::OutOfMemory)?;
    utf8.and_then(|utf8| String::from_utf8(utf8).ok()).ok_or_else(|| Error::BadOption {
        name,
        value: text::show(value),
        allowed: "text that can be converted to UTF-8",
    })
}

/// The delimiter; `None` finds it out.
fn delimiter_of(value: &[u8]) -> Result<Option<Delimiter>, Error> {
    let Some(value) = unless_auto(value) else { return Ok(None) };
    let utf8 = utf8_of("delimiter", value)?;
    let bytes = match utf8.as_bytes() {
        b"\\t" | b"tab" | b"TAB" => b"\t",
        bytes => bytes,
    };
    Delimiter::new(bytes).map(Some).ok_or_else(|| Error::BadOption {
        name: "delimiter",
        value: text::show(value),
        allowed: "auto, tab, and any text of one to four bytes without line ends",
    })
}

/// A value of one byte.
fn byte_of(name: &'static str, value: &[u8]) -> Result<u8, Error> {
    match value {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(Error::BadOption {
            name,
            value: text::show(value),
            allowed: match name {
                "quote" => "auto, an empty text for none, and any character of one byte",
                "escape" => "auto, and any character of one byte",
                _ => "any character of one byte",
            },
        }),
    }
}

/// How many lines the header has, `None` finds it out; and whether it has to name the columns of
/// the table.
fn header_of(value: &[u8]) -> Result<(Option<u64>, bool), Error> {
    let lines = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<u16>().ok());
    if let Some(lines) = lines {
        return Ok((Some(lines.into()), false));
    }
    word(
        "header",
        value,
        "auto, true, false, match, and a number of lines",
        &[
            ("auto", (None, false)),
            ("true", (Some(1), false)),
            ("t", (Some(1), false)),
            ("on", (Some(1), false)),
            ("yes", (Some(1), false)),
            ("false", (Some(0), false)),
            ("f", (Some(0), false)),
            ("off", (Some(0), false)),
            ("no", (Some(0), false)),
            ("match", (Some(1), true)),
        ],
    )
}

/// The names of fields, or `*` for all.
pub fn force_list(name: &'static str, list: &[Vec<u8>]) -> Result<ForceList, Error> {
    match list {
        [] => Ok(ForceList::None),
        [all] if all == b"*" => Ok(ForceList::All),
        names => Ok(ForceList::Names(
            names.iter().map(|field| utf8_of(name, field)).collect::<Result<_, Error>>()?,
        )),
    }
}

/// No two of them may be the same byte.
fn check_for_clashes(overrides: &Overrides) -> Result<(), Error> {
    let delimiter = overrides.delimiter.as_ref().map(|delimiter| delimiter.bytes());
    let is_in_delimiter =
        |byte: Option<u8>| byte.is_some_and(|byte| delimiter.is_some_and(|text| text.contains(&byte)));
    let quote = overrides.quote.flatten();
    let clash = |first, second| Err(DialectError::Clash { first, second }.into());
    if is_in_delimiter(quote) {
        return clash("quote", "delimiter");
    }
    if is_in_delimiter(overrides.escape) {
        return clash("escape", "delimiter");
    }
    if is_in_delimiter(overrides.comment) {
        return clash("comment", "delimiter");
    }
    if overrides.comment.is_some() && overrides.comment == quote {
        return clash("comment", "quote");
    }
    Ok(())
}
