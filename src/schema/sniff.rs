//! `sniff_csv`: how a file of delimited text would be read.

use super::columns::in_database;
use crate::access;
use crate::error::{Error, arguments_of};
use crate::formats::RawCsv;
use crate::load::{FileSource, RawInputOptions, explain};
use crate::pg::executor::chunk::Chunk;
use crate::pg::memory::allocator;
use crate::pg::memory::lent::Lent;
use crate::pg::strings::{literal, text};
use crate::settings;
use crate::words::{quoted, quoted_list};
use loader_core::fault::DialectGuess;
use loader_core::split::csv::{self, guess_of};
use loader_core::stream::Decoded;

/// The row of `sniff_csv`. Texts are the database's.
pub struct FoundDialect {
    pub encoding: &'static str,
    pub compression: &'static str,
    pub delimiter: Vec<u8>,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub new_line: &'static str,
    /// Lines before the header, and lines of it.
    pub skip: u64,
    pub header: u64,
    /// The names, as a JSON array.
    pub columns: Lent,
    /// From 0 to 1.
    pub confidence: f64,
    /// Other ways to read the file, as a JSON array.
    pub alternatives: Lent,
    /// The call that loads the file so.
    pub call: Vec<u8>,
}

/// Looks at the first `sample_size` bytes of a file, and at samples behind them. The order of the
/// checks is that of a load.
pub fn sniff(
    path: &[u8],
    raw: &RawCsv,
    input: &RawInputOptions<'_>,
    sample_size: i32,
) -> Result<FoundDialect, Error> {
    allocator::refill().map_err(Error::OutOfMemory)?;
    access::require_file_role()?;
    let input = input.options()?;
    let options = raw.options()?.open(&input, settings::max_record_size(), 0);
    let sample_size = match usize::try_from(sample_size) {
        Ok(size) if size > 0 => size,
        _ => {
            let value = sample_size.to_string();
            return Err(Error::BadOption {
                name: "sample_size",
                value,
                allowed: "a number of bytes above 0",
            });
        }
    };
    let opened = access::open(path)?;
    let shown = opened.shown.clone();
    let decoded = Decoded::new(FileSource::new(opened), &input).map_err(|error| explain(error, &shown))?;
    let (encoding, compression) = (decoded.encoding().name(), decoded.compression().name());
    let (guess, others) =
        csv::look_at(decoded, &options, sample_size).map_err(|error| explain(error, &shown))?;
    let dialect = guess.dialect;
    let names: Vec<Vec<u8>> = guess.names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let alternatives: Vec<Vec<u8>> = others.iter().map(|other| alternative(&guess_of(other))).collect();
    let alternatives = [b"[", &*alternatives.join(&b", "[..]), b"]"].concat();
    let mut call = b"load_csv_file(".to_vec();
    call.extend(literal::quote(path));
    call.extend(b", '...', ");
    call.extend(in_database(arguments_of(&guess_of(&guess)).as_bytes())?);
    let byte = |byte: u8| literal::quote(&[byte]);
    let mut add = |name: &str, value: Option<Vec<u8>>| {
        if let Some(value) = value {
            call.extend(format!(", {name} => ").into_bytes());
            call.extend(value);
        }
    };
    add("escape", dialect.escape.filter(|_| dialect.escape != dialect.quote).map(byte));
    add("comment", dialect.comment.map(byte));
    add("encoding", input.encoding.map(|encoding| literal::quote(encoding.name().as_bytes())));
    call.push(b')');
    Ok(FoundDialect {
        encoding,
        compression,
        delimiter: in_database(dialect.delimiter.bytes())?,
        quote: dialect.quote,
        escape: dialect.escape,
        new_line: dialect.new_line.name(),
        skip: dialect.skip,
        header: dialect.header,
        columns: jsonb(&quoted_list(&names))?,
        confidence: guess.confidence,
        alternatives: jsonb(&alternatives)?,
        call,
    })
}

/// Another way to read a file, as a JSON object.
fn alternative(guess: &DialectGuess) -> Vec<u8> {
    let (bytes, length) = guess.delimiter;
    let quote = guess.quote.map_or(b"null".to_vec(), |quote| quoted(&[quote]));
    let mut json = b"{\"delimiter\": ".to_vec();
    json.extend(quoted(&bytes[..length]));
    json.extend(b", \"quote\": ");
    json.extend(quote);
    json.extend(
        format!(
            ", \"skip\": {}, \"header\": {}, \"columns\": {}, \"confidence\": {:.3}}}",
            guess.skip, guess.header, guess.width, guess.confidence
        )
        .into_bytes(),
    );
    json
}

fn jsonb(utf8: &[u8]) -> Result<Lent, Error> {
    let json = text::c_string(&in_database(utf8)?);
    let mut values = Chunk::new();
    values.reserve().map_err(Error::OutOfMemory)?;
    values.push_text(&json);
    values.last().ok_or(Error::NoConversion)
}
