//! One text → the datum that a type's input function would make of it, for the common types and
//! the plain forms of their values.
//!
//! What is made is what every supported server would make, with any settings of its session but
//! one: see [`NativeType::TimestampTz`].
//! All else is left to the server: forms that it takes otherwise than these, that only some
//! versions take or that a setting decides on, and what it refuses, as it says best why.
//!
//! ```text
//! number   integers, floats, numeric
//! time     dates and timestamps
//! binary   uuid, bytea
//! ```
//!
//! The servers are those of 64-bit machines, where eight bytes are passed by value, and the
//! encoding of the database is UTF-8.

mod binary;
mod number;
#[cfg(test)]
mod tests;
mod time;

pub use number::NumericLimit;

use super::varlena;
use crate::memory::{self, OutOfMemory};

/// A type whose values can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeType {
    /// `boolean` (`boolin`): `true`, `t`, `yes`, `on`, `1` and their opposites.
    Bool,
    /// `smallint` (`int2in`): digits, perhaps behind a minus sign.
    Int2,
    /// `integer` (`int4in`).
    Int4,
    /// `bigint` (`int8in`).
    Int8,
    /// `real` (`float4in`): digits on both sides of a point and an exponent, or some of that,
    /// where it is neither too large nor too small for all digits of precision.
    Float4,
    /// `double precision` (`float8in`).
    Float8,
    /// `numeric` (`numeric_in`), perhaps with a limit: numbers that need not be rounded to it.
    Numeric(Option<NumericLimit>),
    /// `text` (`textin`).
    Text,
    /// `varchar` (`varcharin`), perhaps with a limit, in characters: texts of no more.
    Varchar(Option<u32>),
    /// `date` (`date_in`): `YYYY-MM-DD`.
    Date,
    /// `timestamp` (`timestamp_in`), perhaps with a limit of 0 to 6 digits of a second:
    /// `YYYY-MM-DD HH:MM:SS.F`, where `T` may stand for the space, and what is zero may be left
    /// out from the right.
    Timestamp(Option<u8>),
    /// `timestamptz` (`timestamptz_in`), likewise, and with an offset or `Z` behind it.
    ///
    /// `Z` is taken to be UTC, as it is unless `timezone_abbreviations` names a file without it
    /// or, from PostgreSQL 18 on, `TimeZone` has an abbreviation `Z` of its own, as in `<Z>-5`.
    /// Whether a session is such a one, its `2000-01-01 00:00Z` tells, which is to be 0.
    TimestampTz(Option<u8>),
    /// `uuid` (`uuid_in`): 36 characters.
    Uuid,
    /// `json` (`json_in`). The text must be known to be JSON that the server takes.
    Json,
    /// `bytea` (`byteain`): `\x` and hexadecimal digits.
    Bytea,
}

/// What a text became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// A datum that is passed by value: its bits, those of smaller signed values sign-extended as
    /// `Int32GetDatum` does.
    Word(u64),
    /// What was appended: an uncompressed varlena with a header of four bytes, or the 16 bytes of
    /// a uuid.
    Bytes,
}

/// The longest varlena: `MaxAllocSize` of the server.
const MAX_VARLENA: usize = 0x3FFF_FFFF;

impl NativeType {
    /// Whether datums of the type are [words](Made::Word).
    #[inline]
    pub fn is_by_value(self) -> bool {
        match self {
            NativeType::Bool
            | NativeType::Int2
            | NativeType::Int4
            | NativeType::Int8
            | NativeType::Float4
            | NativeType::Float8
            | NativeType::Date
            | NativeType::Timestamp(_)
            | NativeType::TimestampTz(_) => true,
            NativeType::Numeric(_)
            | NativeType::Text
            | NativeType::Varchar(_)
            | NativeType::Uuid
            | NativeType::Json
            | NativeType::Bytea => false,
        }
    }

    /// Makes a datum that is passed by value of the unescaped text of one, which is known to be UTF-8.
    /// `None`: it is of a type whose datums are not, or the server is to be asked.
    #[inline]
    pub fn word(self, text: &[u8]) -> Option<u64> {
        match self {
            NativeType::Bool => boolean(text),
            NativeType::Int2 => number::integer::<i16>(text),
            NativeType::Int4 => number::integer::<i32>(text),
            NativeType::Int8 => number::integer::<i64>(text),
            NativeType::Float4 => number::float4(text),
            NativeType::Float8 => number::float8(text),
            NativeType::Date => time::date(text),
            NativeType::Timestamp(digits) => time::timestamp(text, digits),
            NativeType::TimestampTz(digits) => time::timestamptz(text, digits),
            NativeType::Numeric(_)
            | NativeType::Text
            | NativeType::Varchar(_)
            | NativeType::Uuid
            | NativeType::Json
            | NativeType::Bytea => None,
        }
    }

    /// Makes a datum of the unescaped text of a value, which is known to be UTF-8. What is not
    /// passed by value is appended to `out`, which the caller has padded to a
    /// multiple of eight bytes.
    ///
    /// `None`: the server is to be asked. `out` is then as it was, as it is in an error.
    #[inline]
    pub fn make(self, text: &[u8], out: &mut Vec<u8>) -> Result<Option<Made>, OutOfMemory> {
        match self {
            NativeType::Numeric(limit) => bytes(number::numeric(text, limit, out)),
            NativeType::Text | NativeType::Json | NativeType::Varchar(None) => bytes(characters(text, out)),
            NativeType::Varchar(Some(limit)) if is_within(text, limit) => bytes(characters(text, out)),
            NativeType::Uuid => bytes(binary::uuid(text, out)),
            NativeType::Bytea => bytes(binary::bytea(text, out)),
            _ => Ok(self.word(text).map(Made::Word)),
        }
    }
}

/// What became of a datum that is appended if it is made.
fn bytes(made: Result<bool, OutOfMemory>) -> Result<Option<Made>, OutOfMemory> {
    Ok(made?.then_some(Made::Bytes))
}

/// The bits of `BoolGetDatum`.
fn boolean(text: &[u8]) -> Option<u64> {
    match text {
        b"true" | b"t" | b"1" | b"yes" | b"on" => Some(1),
        b"false" | b"f" | b"0" | b"no" | b"off" => Some(0),
        _ => None,
    }
}

/// Appends the text as it is.
fn characters(text: &[u8], out: &mut Vec<u8>) -> Result<bool, OutOfMemory> {
    let length = varlena::HEADER + text.len();
    if length > MAX_VARLENA || memchr::memchr(0, text).is_some() {
        return Ok(false);
    }
    memory::reserve(out, length)?;
    memory::append(out, &varlena::header(length).to_ne_bytes())?;
    memory::append(out, text)?;
    Ok(true)
}

/// Whether a text has so many characters at most.
fn is_within(text: &[u8], limit: u32) -> bool {
    let limit = limit as usize;
    let is_first = |b: &&u8| **b & 0xC0 != 0x80;
    text.len() <= limit || (text.len() / 4 <= limit && text.iter().filter(is_first).count() <= limit)
}
