//! Records that are read although a quote of theirs is neither an opening nor a closing one.
//!
//! As they stand, if that gives the right number of fields. Otherwise with quotes as letters
//! that stand within fields without quotes. Otherwise with just one quote as a letter, if
//! there is exactly one such reading of the right number of fields.

use super::Dialect;
use super::field::{Field, has_width};
use super::list::{Broken, list};
use super::walk::Reading;
use crate::memory::{self, OutOfMemory};

/// A record with more quotes is not looked at.
const MOST_QUOTES: usize = 64;

/// A longer record is not looked at. Bytes.
const LONGEST: usize = 64 * 1024;

/// As [`fields`](super::fields::fields), for a record of `width` fields that may have a stray
/// quote. It may have fewer fields, or empty ones behind them. What was listed stays where it
/// cannot be read so.
pub fn fields_lenient(
    record: &[u8],
    dialect: &Dialect,
    width: usize,
    to: &mut Vec<Field>,
) -> Result<Result<(), Broken>, OutOfMemory> {
    let before = to.len();
    let strict = list(record, dialect, Reading::default(), to)?;
    let Err(broken) = strict else { return Ok(strict) };
    let reading = match lenient_reading(record, dialect, width, to)? {
        Some(reading) => reading,
        None => return Ok(Err(broken)),
    };
    to.truncate(before);
    list(record, dialect, reading, to)
}

/// The reading of a record that has a stray quote which gives the right number of fields.
/// `scratch` is as long afterwards as before.
fn lenient_reading(
    record: &[u8],
    dialect: &Dialect,
    width: usize,
    scratch: &mut Vec<Field>,
) -> Result<Option<Reading>, OutOfMemory> {
    let Some(quote) = dialect.quote.filter(|_| record.len() <= LONGEST) else { return Ok(None) };
    let before = scratch.len();
    let mut fits = |reading: Reading| -> Result<bool, OutOfMemory> {
        scratch.truncate(before);
        let read = list(record, dialect, reading, scratch)?;
        let is_right = read.is_ok() && has_width(&scratch[before..], width, usize::MAX);
        scratch.truncate(before);
        Ok(is_right)
    };
    let bare = Reading { bare_allowed: true, letter: None };
    if fits(bare)? {
        return Ok(Some(bare));
    }
    let mut quotes = [0; MOST_QUOTES];
    let mut count = 0;
    for at in memchr::memchr_iter(quote, record) {
        let Some(place) = quotes.get_mut(count) else { return Ok(None) };
        *place = at;
        count += 1;
    }
    let mut found = None;
    for &at in &quotes[..count] {
        let reading = Reading { bare_allowed: false, letter: Some(at) };
        if fits(reading)? {
            if found.is_some() {
                return Ok(None);
            }
            found = Some(reading);
        }
    }
    Ok(found)
}

/// Whether a record with a stray quote can be read.
pub(super) fn is_readable(
    record: &[u8],
    dialect: &Dialect,
    width: usize,
    scratch: &mut Vec<Field>,
) -> Result<bool, OutOfMemory> {
    scratch.clear();
    memory::reserve(scratch, width)?;
    Ok(lenient_reading(record, dialect, width, scratch)?.is_some())
}
