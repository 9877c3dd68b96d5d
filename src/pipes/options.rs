//! The `options` of a pipeline: arguments of `load_json_files` or `load_csv_files`, by name.

use crate::bulk::{BulkArguments, OnFileError};
use crate::catalog::{Definition, PipelineFormat};
use crate::error::{Error, PipelineError};
use crate::formats::RawCsv;
use crate::pg::executor::object::{self, Member, Value};
use crate::pg::strings::text;
use crate::sink::RawColumnOptions;

/// Arguments that a pipeline has itself.
const OWN: [&[u8]; 4] = [b"pattern", b"table", b"workers", b"on_file_error"];

/// The arguments that the files of a pipeline are loaded with. Fails where an option is none, or has
/// a value that it cannot have.
pub fn arguments_of(definition: &Definition) -> Result<BulkArguments, Error> {
    let members = object::values(&definition.options).ok_or(PipelineError::OptionsNoObject)?;
    let mut options = Options(members);
    let is_csv = definition.format == PipelineFormat::Csv;
    let csv = is_csv.then(|| csv(&mut options)).transpose()?;
    let arguments = BulkArguments {
        table: definition.target,
        chunk: options.number("chunk")?.unwrap_or(10_000),
        format: if is_csv { b"auto".to_vec() } else { options.word("format", "auto")? },
        compression: options.word("compression", "auto")?,
        on_error: options.word("on_error", "reject")?,
        reject_limit: options.number("reject_limit")?,
        if_loaded: options.word("if_loaded", "add")?,
        // Its table may be merged elsewhere and emptied at any time.
        if_emptied: options.word("if_emptied", "keep")?,
        target_column: options.text_or_null("target_column", Some("data"))?,
        records_path: if is_csv { None } else { options.text_or_null("records_path", None)? },
        on_file_error: OnFileError::Continue,
        encoding: options.word("encoding", "auto")?,
        on_corrupt: options.word("on_corrupt", "stop")?,
        line_prefix: if is_csv { None } else { options.text_or_null("line_prefix", None)? },
        columns: RawColumnOptions {
            match_columns: options.word("match_columns", "auto")?,
            column_map: options.members("column_map")?.unwrap_or_default(),
            keep: if is_csv { Vec::new() } else { options.list("keep")?.unwrap_or_default() },
            transform: options.text_or_null("transform", None)?,
            schema_evolution: options.word("schema_evolution", "auto")?,
            on_value_error: options.word("on_value_error", "auto")?,
            write_mode: options.word("write_mode", "append")?,
            key: options.list("key")?,
            version_column: options.text_or_null("version_column", None)?,
        },
        csv,
    };
    if let Some((unknown, _)) = options.0.first() {
        let is_own = OWN.contains(&unknown.as_slice());
        let what =
            if is_own { "it is an argument of the pipeline itself" } else { "there is no such option" };
        return Err(bad(unknown, what));
    }
    if arguments.if_loaded.eq_ignore_ascii_case(b"force") {
        return Err(bad(b"if_loaded", "\"force\" would load every file at every run"));
    }
    arguments.options()?;
    Ok(arguments)
}

fn csv(options: &mut Options) -> Result<RawCsv, Error> {
    Ok(RawCsv {
        delimiter: options.word("delimiter", "auto")?,
        quote: options.word("quote", "auto")?,
        escape: options.word("escape", "auto")?,
        new_line: options.word("new_line", "auto")?,
        header: options.any_word("header", "auto")?,
        skip: options.number("skip")?,
        comment: options.text_or_null("comment", None)?,
        null: options.word("null", "")?,
        force_null: options.list("force_null")?.unwrap_or_default(),
        force_not_null: options.list("force_not_null")?.unwrap_or_default(),
        strict_mode: options.boolean("strict_mode", true)?,
        decimal_separator: options.word("decimal_separator", ".")?,
        thousands: options.text_or_null("thousands", None)?,
        date_format: options.text_or_null("date_format", None)?,
        timestamp_format: options.text_or_null("timestamp_format", None)?,
    })
}

fn bad(option: &[u8], what: &str) -> Error {
    PipelineError::BadOption { option: text::show(option), what: what.to_string() }.into()
}

/// The members that nobody has taken yet.
struct Options(Vec<(Vec<u8>, Value)>);

impl Options {
    fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.0.iter().position(|(key, _)| key == name.as_bytes())?;
        Some(self.0.swap_remove(index).1)
    }

    /// A text that is not NULL.
    fn word(&mut self, name: &str, default: &str) -> Result<Vec<u8>, Error> {
        match self.take(name) {
            None => Ok(default.as_bytes().to_vec()),
            Some(Value::Text(text)) => Ok(text),
            Some(_) => Err(bad(name.as_bytes(), "it must be a string")),
        }
    }

    /// The same of an argument of any type.
    fn any_word(&mut self, name: &str, default: &str) -> Result<Vec<u8>, Error> {
        match self.take(name) {
            None => Ok(default.as_bytes().to_vec()),
            Some(Value::Text(text) | Value::Number(text)) => Ok(text),
            Some(Value::Boolean(truth)) => Ok(truth.to_string().into_bytes()),
            Some(_) => Err(bad(name.as_bytes(), "it must be a string, a number or a boolean")),
        }
    }

    fn text_or_null(&mut self, name: &str, default: Option<&str>) -> Result<Option<Vec<u8>>, Error> {
        match self.take(name) {
            None => Ok(default.map(|text| text.as_bytes().to_vec())),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(bad(name.as_bytes(), "it must be a string or null")),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>, Error> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => {
                let number = str::from_utf8(&number).ok().and_then(|number| number.parse().ok());
                number.map(Some).ok_or_else(|| bad(name.as_bytes(), "it must be an integer"))
            }
            Some(_) => Err(bad(name.as_bytes(), "it must be an integer")),
        }
    }

    fn boolean(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Boolean(truth)) => Ok(truth),
            Some(_) => Err(bad(name.as_bytes(), "it must be a boolean")),
        }
    }

    fn list(&mut self, name: &str) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let all = |list: Vec<Option<Vec<u8>>>| list.into_iter().collect::<Option<Vec<_>>>();
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::List(list)) => {
                all(list).map(Some).ok_or_else(|| bad(name.as_bytes(), "its elements must be strings"))
            }
            Some(_) => Err(bad(name.as_bytes(), "it must be an array of strings")),
        }
    }

    fn members(&mut self, name: &str) -> Result<Option<Vec<Member>>, Error> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(bad(name.as_bytes(), "it must be an object")),
        }
    }
}
