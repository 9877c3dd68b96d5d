//! The cells of values.

use crate::encode::jsonb::Encoder;
use crate::encode::values::{Made, NativeType};
use crate::encode::{Cell, Span, pad};
use crate::memory::{self, OutOfMemory};

/// The cell of a text that has a plain form.
#[inline]
pub(super) fn make(
    native: NativeType,
    text: &[u8],
    values: &mut Vec<u8>,
) -> Result<Option<Cell>, OutOfMemory> {
    let before = values.len();
    let at = if native.is_by_value() { before } else { pad(values)? };
    Ok(match native.make(text, values)? {
        Some(Made::Bytes) => Some(Cell::Datum(Span { at, length: values.len() - at })),
        Some(Made::Word(word)) => Some(Cell::Word(word)),
        None => {
            values.truncate(before);
            None
        }
    })
}

/// Keeps a text with a NUL behind it.
pub(super) fn keep(text: &[u8], values: &mut Vec<u8>) -> Result<Span, OutOfMemory> {
    let at = values.len();
    memory::append(values, text)?;
    memory::push(values, 0)?;
    Ok(Span { at, length: text.len() })
}

/// The datum of a JSON value; `None` where it is not to be decided here.
pub(super) fn jsonb(
    encoder: &mut Encoder,
    json: &[u8],
    values: &mut Vec<u8>,
) -> Result<Option<Span>, OutOfMemory> {
    let before = values.len();
    let at = pad(values)?;
    if encoder.encode(json, 0, true, values)? == Some(json.len()) {
        return Ok(Some(Span { at, length: values.len() - at }));
    }
    values.truncate(before);
    Ok(None)
}
