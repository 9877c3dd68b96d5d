//! The words of options: what they mean, and how options are written down as JSON.

use crate::error::Error;
use crate::pg::strings::text;

/// The meaning of an option's word.
pub fn word<T: Copy>(
    name: &'static str,
    value: &[u8],
    allowed: &'static str,
    words: &[(&str, T)],
) -> Result<T, Error> {
    words
        .iter()
        .find(|(word, _)| value.eq_ignore_ascii_case(word.as_bytes()))
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| Error::BadOption { name, value: text::show(value), allowed })
}

/// The word for a value, if it is one of the list.
pub fn name_of<T: PartialEq>(words: &[(&'static str, T)], value: T) -> Option<&'static str> {
    words.iter().find(|(_, meaning)| *meaning == value).map(|(word, _)| *word)
}

/// Texts of the database as a JSON array of strings.
pub fn quoted_list(texts: &[Vec<u8>]) -> Vec<u8> {
    let texts: Vec<Vec<u8>> = texts.iter().map(|text| quoted(text)).collect();
    [b"[", &*texts.join(&b", "[..]), b"]"].concat()
}

/// Text of the database as a JSON string. No encoding of a database has a byte below 128 in a
/// character of several bytes.
pub fn quoted(text: &[u8]) -> Vec<u8> {
    let mut json = vec![b'"'];
    for &byte in text {
        match byte {
            b'"' | b'\\' => json.extend([b'\\', byte]),
            0..0x20 => json.extend(format!("\\u{byte:04x}").into_bytes()),
            _ => json.push(byte),
        }
    }
    json.push(b'"');
    json
}
