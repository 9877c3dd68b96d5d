//! Rows as programs write them.

use super::content::Value;
use super::dialect::Dialect;
use crate::rng::Rng;
use std::ops::Range;

/// A row without its line end.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where its fields lie, quotes included.
    pub fields: Vec<Range<usize>>,
}

impl Row {
    /// Whether a field is quoted.
    pub fn is_quoted(&self, field: usize, dialect: &Dialect) -> bool {
        let field = &self.fields[field];
        dialect.quoting && !field.is_empty() && self.bytes[field.start] == dialect.quote
    }

    /// The fields that are quoted, or that are not.
    pub fn which(&self, quoted: bool, dialect: &Dialect) -> Vec<usize> {
        (0..self.fields.len()).filter(|&field| self.is_quoted(field, dialect) == quoted).collect()
    }
}

/// Writes a row.
pub fn row(values: &[Value], dialect: &Dialect, rng: &mut Rng) -> Row {
    let mut row = Row::default();
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            row.bytes.extend_from_slice(dialect.delimiter.as_bytes());
        }
        let start = row.bytes.len();
        field(value, dialect, rng, &mut row.bytes);
        row.fields.push(start..row.bytes.len());
    }
    row
}

fn field(value: &Value, dialect: &Dialect, rng: &mut Rng, to: &mut Vec<u8>) {
    if !dialect.quoting {
        return to.extend_from_slice(bare(&value.text, dialect).as_bytes());
    }
    let text = with_line_ends(&value.text, dialect, rng);
    if !(value.quoted || dialect.all_quoted || needs_quotes(&text, dialect)) {
        return to.extend_from_slice(text.as_bytes());
    }
    to.push(dialect.quote);
    for byte in text.bytes() {
        if byte == dialect.quote || byte == dialect.escape {
            to.push(dialect.escape);
        }
        to.push(byte);
    }
    to.push(dialect.quote);
}

/// Text that stands for itself: without delimiters and newlines, and without a quote that opens it.
fn bare(text: &str, dialect: &Dialect) -> String {
    let text = text.replace('\n', " ").replace(dialect.delimiter, " ");
    if text.starts_with('"') { format!("= {text}") } else { text }
}

/// Newlines within fields are those of the file: a bare LF would make another of a file whose
/// rows end with CR.
fn with_line_ends(text: &str, dialect: &Dialect, rng: &mut Rng) -> String {
    match dialect.line_end {
        "\r" => text.replace('\n', "\r"),
        "\r\n" if rng.one_in(2) => text.replace('\n', "\r\n"),
        _ => text.to_owned(),
    }
}

fn needs_quotes(text: &str, dialect: &Dialect) -> bool {
    let special = |byte: u8| {
        byte == dialect.quote
            || byte == dialect.escape
            || byte == dialect.delimiter.as_bytes()[0]
            || byte < b' '
    };
    text.bytes().any(special) || text.starts_with(' ') || text.ends_with(' ')
}
